// SPDX-License-Identifier: Apache-2.0
internal import Pickle

extension ScanMachine {
  /// Follows an opcode that creates or fills a list, dict or set.
  mutating func collect(_ opcode: Opcode, at offset: Int, in bytes: RawSpan) {
    switch opcode {
    case .emptyList: push(.list(makeContainer()))
    case .emptyDict: push(.dictionary(makeContainer()))
    case .emptySet: push(.set)
    case .list:
      let items = popToMark(at: offset)
      let index = makeContainer()
      append(items, to: .list(index), at: offset)
      push(.list(index))
    case .dict:
      let items = popToMark(at: offset)
      let index = makeContainer()
      set(items, in: .dictionary(index), at: offset, bytes)
      push(.dictionary(index))
    case .frozenSet:
      for item in popToMark(at: offset) { requireData(item, at: offset) }
      push(.other(.data))
    case .append:
      let item = pop(at: offset)
      append([item], to: top(at: offset), at: offset)
    case .appends:
      let items = popToMark(at: offset)
      append(items, to: top(at: offset), at: offset)
    case .addItems:
      let items = popToMark(at: offset)
      let target = top(at: offset)
      if target != .set, !takesItems(target) { refuseTarget(target, "ADDITEMS", at: offset) }
      for item in items { requireData(item, at: offset) }
    case .setItem:
      let value = pop(at: offset)
      let key = pop(at: offset)
      set([key, value], in: top(at: offset), at: offset, bytes)
    default:
      let items = popToMark(at: offset)
      set(items, in: top(at: offset), at: offset, bytes)
    }
  }

  /// Adds a finding for a name in a place for data.
  mutating func requireData(_ value: ScanValue, at offset: Int) {
    guard !isPlain(value) else { return }
    var name = "an imported name"
    if case .name(let index) = value { name = pickle.names[Int(index)].qualifiedName }
    find(.role, "uses \(name) as a value", at: offset)
  }

  private mutating func append(_ items: [ScanValue], to target: ScanValue, at offset: Int) {
    for item in items { requireData(item, at: offset) }
    if takesItems(target) { return }
    guard case .list(let index) = target, containers.indices.contains(Int(index)) else {
      return refuseTarget(target, "APPEND", at: offset)
    }
    containers[Int(index)].count += UInt32(items.count)
    if containers[Int(index)].holdsPairs {
      containers[Int(index)].holdsPairs = items.allSatisfy { isPair($0) }
    }
    guard surroundings.keepsResult else { return }
    containers[Int(index)].elements += items
    keptCount += items.count
  }

  /// Whether a value is an object that has items or entries of its own.
  private func takesItems(_ value: ScanValue) -> Bool {
    guard case .instance(let index) = value, containers.indices.contains(Int(index)) else {
      return false
    }
    return containers[Int(index)].global?.role == .namespaceClass
  }

  /// Whether a value is a tuple or list of two.
  private func isPair(_ value: ScanValue) -> Bool {
    switch value {
    case .tuple: items(of: value)?.count == 2
    case .list(let index): containers[Int(index)].count == 2
    default: false
    }
  }

  /// Sets keys and values, which alternate, in a dict.
  private mutating func set(
    _ items: [ScanValue], in target: ScanValue, at offset: Int, _ bytes: RawSpan
  ) {
    for item in items { requireData(item, at: offset) }
    if !items.count.isMultiple(of: 2) {
      find(.malformed, "sets a key without a value", at: offset)
    }
    let index: Int
    switch target {
    case .dictionary(let place), .orderedDictionary(let place): index = Int(place)
    case .instance(let place) where takesItems(target): index = Int(place)
    default: return refuseTarget(target, "SETITEM", at: offset)
    }
    guard containers.indices.contains(index) else { return }
    if containers[index].isFinal {
      find(.call, "changes the fields of a NumPy dtype", at: offset)
    }
    keepFields(items, in: index)
    containers[index].count += UInt32(items.count / 2)
    for place in stride(from: 0, to: items.count, by: 2) {
      switch items[place] {
      case .list, .dictionary, .orderedDictionary, .set, .byteArray, .other(.mutableData):
        find(.malformed, "uses a key that Python does not accept", at: offset)
        containers[index].hasPlainKeys = false
      case .text(let text):
        if text.string(in: bytes).utf8.starts(with: "__".utf8) {
          containers[index].hasPlainKeys = false
        }
      default: containers[index].hasPlainKeys = false
      }
    }
  }

  /// Keeps the values of a dict as long as all of them may be the fields of a NumPy dtype.
  private mutating func keepFields(_ items: [ScanValue], in index: Int) {
    guard containers[index].elements.count == containers[index].count,
      containers[index].elements.count + items.count / 2 <= NumPyDType.largestFieldCount
    else { return }
    for place in stride(from: 1, to: items.count, by: 2) {
      guard case .instance(let dtype)? = self.items(of: items[place])?.first,
        containers[Int(dtype)].global?.role == .arrayDType
      else { return }
      containers[index].elements.append(items[place])
      keptCount += 1
    }
  }

  private mutating func refuseTarget(_ target: ScanValue, _ opcode: String, at offset: Int) {
    switch target {
    case .unknown: break
    case .object, .name, .instance, .other(.tensor):
      find(.call, "\(opcode) on something that is neither list nor dict", at: offset)
    default: find(.malformed, "\(opcode) on a value that cannot take it", at: offset)
    }
  }
}
