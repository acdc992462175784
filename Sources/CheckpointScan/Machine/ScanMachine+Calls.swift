// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors
internal import ZipArchive

extension ScanMachine {
  /// Follows an opcode that makes a call.
  mutating func call(_ opcode: Opcode, at offset: Int, in bytes: RawSpan) {
    guard !isBlind else {
      // The callee is unknown here. Names and opcodes that no checkpoint has are findings themselves.
      if opcode == .obj || opcode == .newObjEx {
        _ = refuseCall(of: .unknown, with: .unknown, by: opcode, at: offset, in: bytes)
      }
      return
    }
    switch opcode {
    case .reduce:
      let arguments = pop(at: offset)
      let callee = pop(at: offset)
      push(reduce(callee, arguments, at: offset, in: bytes))
    case .newObj:
      let arguments = pop(at: offset)
      let callee = pop(at: offset)
      if case .name(let index) = callee, let global = globals[Int(index)],
        mayInstantiate(global, arguments, in: bytes)
      {
        record(opcode, of: callee, at: offset)
        push(.instance(makeObject(of: global)))
      } else {
        push(refuseCall(of: callee, with: arguments, by: opcode, at: offset, in: bytes))
      }
    case .newObjEx:
      let keywords = pop(at: offset)
      let arguments = pop(at: offset)
      let callee = pop(at: offset)
      if keywords != .unknown { gatherNested(keywords, in: bytes) }
      push(refuseCall(of: callee, with: arguments, by: opcode, at: offset, in: bytes))
    case .obj:
      let items = popToMark(at: offset)
      let arguments = makeTuple(Array(items.dropFirst()))
      push(
        refuseCall(of: items.first ?? .unknown, with: arguments, by: opcode, at: offset, in: bytes))
    default:
      build(at: offset, in: bytes)
    }
  }

  /// Whether NEWOBJ may make an instance of a class.
  private func mayInstantiate(
    _ global: AllowedGlobal, _ arguments: ScanValue, in bytes: RawSpan
  ) -> Bool {
    switch global.role {
    case .scriptClass: items(of: arguments)?.isEmpty == true
    case .valueClass, .namespaceClass:
      global.call?.mismatch(of: arguments, in: ScanInspector(self, bytes)) == nil
    default: false
    }
  }

  private mutating func makeObject(of global: AllowedGlobal) -> UInt32 {
    let index = makeContainer()
    if containers.indices.contains(Int(index)) { containers[Int(index)].global = global }
    return index
  }

  private mutating func reduce(
    _ callee: ScanValue, _ arguments: ScanValue, at offset: Int, in bytes: RawSpan
  ) -> ScanValue {
    guard case .name(let index) = callee, let global = globals[Int(index)] else {
      return refuseCall(of: callee, with: arguments, by: .reduce, at: offset, in: bytes)
    }
    record(.reduce, of: callee, at: offset)
    let inspector = ScanInspector(self, bytes)
    let mismatch = global.call?.mismatch(of: arguments, in: inspector)
    if let rule = global.call, mismatch == nil {
      checkView(of: global.role, arguments, at: offset, in: bytes)
      return result(of: rule, global, arguments)
    }
    guard !isFlawed(arguments) else { return .object(index) }
    let called = pickle.names[Int(index)].qualifiedName
    var message = "calls \(called) with arguments that no checkpoint has"
    if let rule = global.call, let mismatch {
      message += " (\(rule.explanation(of: mismatch, calling: global)))"
    }
    find(.call, message, at: offset)
    return .object(index)
  }

  /// The result of a call that the table allows.
  private mutating func result(
    of rule: CallRule, _ global: AllowedGlobal, _ arguments: ScanValue
  ) -> ScanValue {
    let items = items(of: arguments) ?? []
    switch rule.result {
    case .argument(let index): return items[items.startIndex + index]
    case .value(.dictionary): return .dictionary(makeContainer())
    case .value(.list): return .list(makeContainer())
    case .value(.object) where global.role == .reconstructor:
      guard case .name(let index)? = items.first, let type = globals[Int(index)] else {
        return .unknown
      }
      return .instance(makeObject(of: type))
    case .value(.object), .value(.array): return .instance(makeObject(of: global))
    case .value(.arrayDType):
      let dtype = makeObject(of: global)
      containers[Int(dtype)].elements = Array(items.prefix(1))
      return .instance(dtype)
    case .value(.orderedDictionary):
      let dictionary = makeContainer()
      if case .list(let list)? = items.first {
        containers[Int(dictionary)].count = containers[Int(list)].count
        containers[Int(dictionary)].hasPlainKeys = false
      }
      return .orderedDictionary(dictionary)
    case .value(.size):
      guard case .tuple(let index)? = items.first else { return .unknown }
      return .size(index)
    case .value(.bytes):
      guard case .text(let text)? = items.first else { return .bytes(ScanText(0..<0, .latin1)) }
      return .bytes(text)
    case .value(let type): return .other(type)
    }
  }

  /// Adds a finding for a call that no checkpoint makes.
  mutating func refuseCall(
    of callee: ScanValue, with arguments: ScanValue, by opcode: Opcode, at offset: Int,
    in bytes: RawSpan
  ) -> ScanValue {
    record(opcode, of: callee, at: offset)
    gatherNested(arguments, in: bytes)
    let called = described(callee)
    find(.call, "asks Python to call \(called) (\(opcode.name))", at: offset)
    if case .name(let index) = callee { return .object(index) }
    return .object(nil)
  }

  private func described(_ value: ScanValue) -> String {
    switch value {
    case .name(let index): pickle.names[Int(index)].qualifiedName
    case .object(let index?): "what \(pickle.names[Int(index)].qualifiedName) gives"
    case .object, .unknown: "something that cannot be told"
    case .other(.tensor): "a tensor"
    case .orderedDictionary: "an OrderedDict"
    default: "a value"
    }
  }

  private mutating func record(_ opcode: Opcode, of callee: ScanValue, at offset: Int) {
    if case .name(let index) = callee {
      pickle.names[Int(index)].calls.record(opcode, at: offset)
    } else {
      pickle.otherCalls.record(opcode, at: offset)
    }
  }

  /// Follows BUILD, which sets the attributes of a value or calls its `__setstate__`.
  private mutating func build(at offset: Int, in bytes: RawSpan) {
    let state = pop(at: offset)
    let target = top(at: offset)
    requireData(state, at: offset)
    record(.build, of: target, at: offset)
    switch target {
    case .orderedDictionary where hasPlainKeys(state): return
    case .instance(let index) where accepts(state, at: Int(index), in: bytes):
      containers[Int(index)].stateCount += 1
      if containers[Int(index)].stateCount > 1 {
        find(.malformed, "sets the state of an object twice", at: offset)
      }
      if containers[Int(index)].global?.role == .arrayDType { setState(state, of: Int(index)) }
      return
    case .other(.tensor)
    where AllowedGlobal(.parameterClass).state?
      .accepts(state, in: ScanInspector(self, bytes)) == true:
      return
    default: break
    }
    guard target != .unknown else { return }
    gatherNested(state, in: bytes)
    if case .instance(let index) = target, containers[Int(index)].global?.state != nil,
      let type = containers[Int(index)].global
    {
      find(.call, "gives \(type) a state that no library writes (BUILD)", at: offset)
    } else if case .orderedDictionary = target {
      find(.call, "sets special attributes of an OrderedDict (BUILD)", at: offset)
    } else {
      let changed = described(target)
      find(.call, "asks Python to set the state of \(changed) (BUILD)", at: offset)
    }
  }

  /// Keeps the state of a NumPy dtype. NumPy takes its dict of fields as it is, so it must not change.
  private mutating func setState(_ state: ScanValue, of dtype: Int) {
    containers[dtype].elements.append(state)
    for case .dictionary(let fields) in items(of: state) ?? [] {
      containers[Int(fields)].isFinal = true
    }
  }

  /// Whether the table allows a state for an object.
  private func accepts(_ state: ScanValue, at index: Int, in bytes: RawSpan) -> Bool {
    guard containers.indices.contains(index), let global = containers[index].global else {
      return false
    }
    let inspector = ScanInspector(self, bytes)
    return global.accepts(state, of: .instance(UInt32(index)), in: inspector)
  }

  /// Whether a value is a dict of ordinary attributes.
  func hasPlainKeys(_ value: ScanValue) -> Bool {
    guard case .dictionary(let index) = value else { return false }
    return containers.indices.contains(Int(index)) && containers[Int(index)].hasPlainKeys
  }

  /// Collects the strings among a call's arguments that are pickles or archives.
  private mutating func gatherNested(_ arguments: ScanValue, in bytes: RawSpan) {
    for value in items(of: arguments) ?? [arguments] {
      let text: ScanText
      switch value {
      case .text(let place), .bytes(let place), .byteArray(let place): text = place
      default: continue
      }
      guard let contents = text.latin1Bytes(in: bytes), Self.mayBeNested(contents),
        nested.reduce(0, { $0 + $1.bytes.count }) + contents.count <= ScanLimits.unpackedBytes
      else { continue }
      nested.append((contents, pickle.offset + text.range.lowerBound))
    }
  }

  /// Whether bytes start as a pickle or zip archive does, or are a pickle of protocol 0 or 1 that
  /// imports something.
  private static func mayBeNested(_ bytes: [UInt8]) -> Bool {
    let span = bytes.span.rawBytes
    if span.has(ZipFormat.fileSignature, at: 0) { return true }
    if bytes.count >= 2, bytes[0] == 0x80, bytes[1] <= PickleDecoder.highestProtocol { return true }
    var decoder = PickleDecoder(span)
    var acts = false
    while let instruction = try? decoder.next() {
      switch instruction.opcode {
      case .global, .inst, .stackGlobal: acts = true
      case .stop: return acts
      default: break
      }
    }
    return acts
  }
}
