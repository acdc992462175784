internal import Pickle
internal import Tensors

extension ScanMachine {
  /// Follows the opcodes that import a name.
  mutating func importName(
    _ opcode: Opcode, _ argument: ScanArgument, at offset: Int, in bytes: RawSpan
  ) {
    switch (opcode, argument) {
    case (.global, .names(let module, let name)):
      push(
        addName(
          String(decoding: bytes.array(module), as: UTF8.self),
          String(decoding: bytes.array(name), as: UTF8.self), opcode, at: offset))
    case (.inst, .names(let module, let name)):
      let arguments = popToMark(at: offset)
      let callee = addName(
        String(decoding: bytes.array(module), as: UTF8.self),
        String(decoding: bytes.array(name), as: UTF8.self), opcode, at: offset)
      let tuple = makeTuple(arguments)
      push(refuseCall(of: callee, with: tuple, by: opcode, at: offset, in: bytes))
    case (.stackGlobal, _):
      let name = pop(at: offset)
      let module = pop(at: offset)
      push(addName(text(of: module, in: bytes), text(of: name, in: bytes), opcode, at: offset))
    case (_, .integer(let code)):
      find(.extension, "imports whatever the extension code \(code) stands for", at: offset)
      push(.object(nil))
    default: push(.unknown)
    }
  }

  private func text(of value: ScanValue, in bytes: RawSpan) -> String? {
    guard case .text(let text) = value else { return nil }
    return text.string(in: bytes)
  }

  private mutating func addName(
    _ module: String?, _ name: String?, _ opcode: Opcode, at offset: Int
  ) -> ScanValue {
    var role: AllowedGlobal?
    if let module, let name {
      role = AllowedGlobal.named(module: module, name: name)
      if role == nil, surroundings.isTorchScript, AllowedGlobal.isScriptModule(module) {
        role = AllowedGlobal(.scriptClass)
      }
    }
    pickle.nameCount += 1
    let imported = ScannedName(
      module: module, name: name, offset: offset, opcode: opcode.name, isAllowed: role != nil)
    if role == nil {
      let what = module == nil || name == nil ? "a name that it computes" : imported.qualifiedName
      find(.import, "asks Python to import \(what)", at: offset)
    }
    // The list is cut short, but for the first names of either kind.
    guard pickle.names.count < ScanLimits.names else {
      find(.limit, "imports more than \(ScanLimits.names) names", at: offset)
      return .unknown
    }
    pickle.names.append(imported)
    roles.append(role)
    return .name(UInt32(pickle.names.count - 1))
  }

  /// Follows BINPERSID, which asks the file for a storage.
  mutating func persistentID(at offset: Int, in bytes: RawSpan) {
    let id = pop(at: offset)
    if surroundings.persistentIDs == .tarTensors, case .text = id {
      push(.tensor)
      return
    }
    guard !isFlawed(id) else { return push(.storage(nil)) }
    guard let storage = storage(id, at: offset, in: bytes) else {
      find(.malformed, "has a persistent id that names no storage", at: offset)
      return push(.storage(nil))
    }
    push(.storage(UInt32(storages.count)))
    storages.append(storage)
  }

  private func storage(_ id: ScanValue, at offset: Int, in bytes: RawSpan) -> ScanStorage? {
    let isLegacy = surroundings.persistentIDs == .legacyStorages
    guard surroundings.persistentIDs == .storages || isLegacy else { return nil }
    guard let items = items(of: id).map({ Array($0) }), items.count == (isLegacy ? 6 : 5),
      text(of: items[0], in: bytes) == "storage", case .name(let index) = items[1],
      let type = roles[Int(index)], let key = text(of: items[2], in: bytes),
      case .text = items[3], case .integer(let count) = items[4], count >= 0
    else { return nil }
    if isLegacy, items[5] != .none {
      guard let view = self.items(of: items[5]).map({ Array($0) }), view.count == 3,
        case .text = view[0], case .integer = view[1], case .integer = view[2]
      else { return nil }
    }
    switch type.role {
    case .untypedStorage:
      return ScanStorage(key: key, itemSize: 1, count: count, offset: offset)
    case .storageClass:
      let itemSize = type.dtype?.byteCount ?? 1
      return ScanStorage(key: key, itemSize: itemSize, count: count, offset: offset)
    default: return nil
    }
  }
}
