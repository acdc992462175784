internal import Pickle

extension ScanMachine {
  /// What calling an allowed name gives; nil when no checkpoint calls it so.
  mutating func made(
    by role: AllowedGlobal.Role, _ arguments: [ScanValue], in bytes: RawSpan
  ) -> ScanValue? {
    switch role {
    case .orderedDict, .defaultDict, .counter:
      return dictionary(role, arguments)
    case .set, .frozenSet:
      guard arguments.count <= 1, arguments.allSatisfy({ isList($0) }) else { return nil }
      return role == .set ? .set : .data
    case .bytes:
      return arguments.isEmpty ? .data : nil
    case .byteArray:
      return isByteArray(arguments, in: bytes) ? .data : nil
    case .encode:
      guard arguments.count == 2, case .text(let text) = arguments[0],
        let codec = string(arguments[1], in: bytes), codec == "latin1" || codec == "latin-1"
      else { return nil }
      return .bytes(text)
    case .complex:
      return arguments.count == 2 && arguments.allSatisfy { isNumber($0) } ? .data : nil
    case .range, .slice:
      guard (1...3).contains(arguments.count) else { return nil }
      return arguments.allSatisfy { $0 == .none || isInteger($0) } ? .data : nil
    case .size:
      return arguments.count == 1 && areIntegers(arguments[0]) ? .size : nil
    case .device:
      guard (1...2).contains(arguments.count), case .text = arguments[0] else { return nil }
      return arguments.dropFirst().allSatisfy { isInteger($0) } ? .data : nil
    case .layout:
      guard arguments.count == 1, case .text = arguments[0] else { return nil }
      return .data
    case .scriptList, .scriptTag:
      return arguments.allSatisfy { isPlain($0) } ? .data : nil
    case .rebuildFromTypeV2:
      return isSubclass(arguments) ? .tensor : nil
    case .parameterClass, .tensorClass, .storageClass, .untypedStorage, .dtype,
      .quantizationScheme, .builtinType, .scriptClass:
      return nil
    default:
      return isRebuilt(by: role, arguments) ? .tensor : nil
    }
  }

  private mutating func dictionary(
    _ role: AllowedGlobal.Role, _ arguments: [ScanValue]
  ) -> ScanValue? {
    switch (role, arguments.count) {
    case (.orderedDict, 0): return .orderedDictionary(makeContainer())
    // As Python 2 writes it: a list of pairs.
    case (.orderedDict, 1) where isList(arguments[0]): return .orderedDictionary(makeContainer())
    case (.counter, 0): return .dictionary(makeContainer())
    case (.counter, 1):
      guard case .dictionary = arguments[0] else { return nil }
      return .dictionary(makeContainer())
    case (.defaultDict, 0): return .dictionary(makeContainer())
    case (.defaultDict, 1):
      guard arguments[0] == .none || self.role(of: arguments[0]) == .builtinType else { return nil }
      return .dictionary(makeContainer())
    default: return nil
    }
  }

  /// `bytearray(b"…")`, or of text with latin-1; never of a size.
  private func isByteArray(_ arguments: [ScanValue], in bytes: RawSpan) -> Bool {
    switch (arguments.first, arguments.count) {
    case (nil, _), (.bytes, 1): true
    case (.text, 2): ["latin-1", "latin1"].contains(string(arguments[1], in: bytes))
    default: false
    }
  }

  /// Whether a function that makes a tensor takes these arguments.
  private func isRebuilt(by role: AllowedGlobal.Role, _ arguments: [ScanValue]) -> Bool {
    let count = arguments.count
    guard count > 0, arguments.allSatisfy({ isPlain($0) }) else { return false }
    switch role {
    case .rebuildTensor:
      return count == 4 && isView(arguments)
    case .rebuildTensorV2:
      guard count == 6 || count == 7, isView(arguments), isGradient(arguments[4...5]) else {
        return false
      }
      return count == 6 || isMetadata(arguments[6])
    case .rebuildTensorV3:
      guard count == 7 || count == 8, isView(arguments), isGradient(arguments[4...5]) else {
        return false
      }
      return self.role(of: arguments[6]) == .dtype && (count == 7 || isMetadata(arguments[7]))
    case .rebuildParameter:
      return count == 3 && arguments[0] == .tensor && isGradient(arguments[1...2])
    case .rebuildParameterWithState:
      guard count == 4, arguments[0] == .tensor else { return false }
      return isGradient(arguments[1...2]) && isState(arguments[3])
    case .rebuildSparse:
      return count == 2 && arguments[0] == .data && items(of: arguments[1]) != nil
    case .rebuildQuantized:
      guard count == 7, isView(arguments), isGradient(arguments[5...6]) else { return false }
      return items(of: arguments[4]) != nil
    case .rebuildMeta:
      guard count == 4, self.role(of: arguments[0]) == .dtype else { return false }
      return areIntegers(arguments[1]) && areIntegers(arguments[2]) && arguments[3] == .boolean
    case .rebuildNested:
      return arguments.allSatisfy { $0 == .tensor }
    default:
      return false
    }
  }

  /// `_rebuild_from_type_v2`: a function, the class, the function's arguments, attributes.
  private func isSubclass(_ arguments: [ScanValue]) -> Bool {
    guard arguments.count == 4, let function = role(of: arguments[0]),
      function != .rebuildFromTypeV2, let type = role(of: arguments[1]),
      type == .tensorClass || type == .parameterClass, let inner = items(of: arguments[2])
    else { return false }
    return isRebuilt(by: function, Array(inner)) && isState(arguments[3])
  }

  // MARK: Shapes of arguments

  /// Storage, offset, size, stride: the start of most rebuild functions' arguments.
  private func isView(_ arguments: [ScanValue]) -> Bool {
    guard case .storage = arguments[0] else { return false }
    return isInteger(arguments[1]) && areIntegers(arguments[2]) && areIntegers(arguments[3])
  }

  /// Whether a gradient is wanted, and the hooks of which no checkpoint has any.
  private func isGradient(_ arguments: ArraySlice<ScanValue>) -> Bool {
    guard arguments.first == .boolean, let hooks = arguments.last else { return false }
    switch hooks {
    case .none: return true
    case .orderedDictionary(let index), .dictionary(let index):
      return containers.indices.contains(Int(index)) && containers[Int(index)].count == 0
    default: return false
    }
  }

  private func isMetadata(_ value: ScanValue) -> Bool {
    value == .none || hasPlainKeys(value)
  }

  /// Attributes of a tensor: a dict, or a dict and one for slots.
  private func isState(_ value: ScanValue) -> Bool {
    guard let items = items(of: value) else { return isMetadata(value) }
    return items.count == 2 && items.allSatisfy { isMetadata($0) }
  }

  private func role(of value: ScanValue) -> AllowedGlobal.Role? {
    guard case .name(let index) = value else { return nil }
    return roles[Int(index)]?.role
  }

  private func string(_ value: ScanValue, in bytes: RawSpan) -> String? {
    guard case .text(let text) = value else { return nil }
    return text.string(in: bytes)
  }

  private func isList(_ value: ScanValue) -> Bool {
    if case .list = value { true } else { false }
  }

  private func isInteger(_ value: ScanValue) -> Bool {
    if case .integer = value { true } else { false }
  }

  private func isNumber(_ value: ScanValue) -> Bool {
    value == .double || isInteger(value)
  }

  private func areIntegers(_ value: ScanValue) -> Bool {
    value == .size || items(of: value)?.allSatisfy { isInteger($0) } ?? false
  }
}
