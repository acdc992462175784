// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// The values of a scan, for the rules of calls.
struct ScanInspector: PickleInspector, ~Escapable {
  private let elements: [ScanValue]
  private let tuples: [ScanTuple]
  private let containers: [ScanContainer]
  private let globals: [AllowedGlobal?]
  private let bytes: RawSpan

  /// - Parameter bytes: the pickle.
  @_lifetime(copy bytes)
  init(_ machine: ScanMachine, _ bytes: RawSpan) {
    elements = machine.elements
    tuples = machine.tuples
    containers = machine.containers
    globals = machine.globals
    self.bytes = bytes
  }

  func type(of value: ScanValue) -> PickleType {
    switch value {
    case .unknown, .object, .storage(nil): .unknown
    case .none: .none
    case .boolean: .boolean
    case .double: .float
    case .integer, .bigInteger: .integer
    case .text: .text
    case .bytes: .bytes
    case .name(let index): globals[Int(index)] == nil ? .unknown : .global
    case .tuple: .tuple
    case .list: .list
    case .dictionary: .dictionary
    case .orderedDictionary: .orderedDictionary
    case .set, .byteArray: .mutableData
    case .storage: .storage
    case .size: .size
    case .instance(let index): containers[Int(index)].global?.objectType ?? .object
    case .other(let type): type
    }
  }

  func global(of value: ScanValue) -> AllowedGlobal? {
    guard case .name(let index) = value else { return nil }
    return globals[Int(index)]
  }

  func elementCount(of tuple: ScanValue) -> Int {
    guard case .tuple(let index) = tuple else { return 0 }
    return Int(tuples[Int(index)].count)
  }

  func element(_ index: Int, of tuple: ScanValue) -> ScanValue {
    guard case .tuple(let place) = tuple else { return .unknown }
    return elements[tuples[Int(place)].range.lowerBound + index]
  }

  func tuple(ofSize size: ScanValue) -> ScanValue {
    guard case .size(let index) = size else { return .unknown }
    return .tuple(index)
  }

  func isPlain(_ value: ScanValue) -> Bool {
    switch value {
    case .name(let index): globals[Int(index)]?.isValue ?? true
    case .tuple(let index): tuples[Int(index)].isPlain
    default: true
    }
  }

  func isEmpty(dictionary: ScanValue) -> Bool {
    container(dictionary)?.count == 0
  }

  func hasPlainKeys(dictionary: ScanValue) -> Bool {
    container(dictionary)?.hasPlainKeys ?? false
  }

  func arePairs(list: ScanValue) -> Bool {
    container(list)?.holdsPairs ?? false
  }

  func integer(_ value: ScanValue) -> Int? {
    guard case .integer(let integer) = value else { return nil }
    return integer
  }

  func string(_ value: ScanValue) -> String? {
    guard case .text(let text) = value else { return nil }
    return text.string(in: bytes)
  }

  func dtype(_ value: ScanValue) -> (code: ScanValue, state: ScanValue?)? {
    guard type(of: value) == .arrayDType, case .instance(let index) = value,
      let code = containers[Int(index)].elements.first
    else { return nil }
    return (code, containers[Int(index)].elements.dropFirst().first)
  }

  func fields(_ dictionary: ScanValue) -> [ScanValue]? {
    guard case .dictionary = dictionary, let container = container(dictionary),
      container.elements.count == container.count
    else { return nil }
    return container.elements
  }

  private func container(_ value: ScanValue) -> ScanContainer? {
    switch value {
    case .list(let index), .dictionary(let index), .orderedDictionary(let index):
      containers[Int(index)]
    default: nil
    }
  }
}
