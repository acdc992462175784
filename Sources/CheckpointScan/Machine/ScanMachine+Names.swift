// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

extension ScanMachine {
  /// Follows an opcode that imports a name.
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
      find(.extension, "imports the name that is registered as extension \(code)", at: offset)
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
    var allowed: AllowedGlobal?
    if let module, let name, surroundings.dialect.hasGlobals {
      allowed = AllowedGlobal.named(module: module, name: name)
      if allowed == nil, surroundings.dialect == .torchScript,
        AllowedGlobal.isScriptModule(module)
      {
        allowed = AllowedGlobal(.scriptClass)
      }
    }
    pickle.nameCount += 1
    let imported = ScannedName(
      module: module, name: name, offset: offset, opcode: opcode.name, isAllowed: allowed != nil)
    if allowed == nil {
      let what = module == nil || name == nil ? "a name that it computes" : imported.qualifiedName
      find(.import, "asks Python to import \(what)", at: offset)
    }
    // The list has a limit, beyond which only the first name of either kind is added.
    guard pickle.names.count < ScanLimits.names else {
      find(.limit, "imports more than \(ScanLimits.names) names", at: offset)
      return .unknown
    }
    pickle.names.append(imported)
    globals.append(allowed)
    return .name(UInt32(pickle.names.count - 1))
  }

  /// Follows BINPERSID, which names a storage of the file, or a tensor of a tar archive.
  mutating func persistentID(at offset: Int, in bytes: RawSpan) {
    let id = pop(at: offset)
    guard !isBlind, !isFlawed(id) else { return push(.storage(nil)) }
    if surroundings.dialect == .torchTar {
      if case .text = id {
      } else {
        find(.malformed, "has a persistent id that is not text", at: offset)
      }
      return push(.tensor)
    }
    guard let fieldCounts = surroundings.dialect.storageFieldCounts else {
      find(.malformed, "has a persistent id where none belongs", at: offset)
      return push(.storage(nil))
    }
    do throws(CheckpointError) {
      let id = try StorageID(id, fieldCounts: fieldCounts, in: ScanInspector(self, bytes))
      push(.storage(UInt32(storages.count)))
      storages.append(
        ScanStorage(key: id.key, dtype: id.dtype, byteCount: id.byteCount, offset: offset))
    } catch {
      // Only the code of a module is unsupported.
      find(error.code == .unsupported ? .call : .malformed, error.message, at: offset)
      push(.storage(nil))
    }
  }
}
