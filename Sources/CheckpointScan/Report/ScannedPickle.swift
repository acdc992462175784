// SPDX-License-Identifier: Apache-2.0
internal import Pickle

/// The names that a pickle asks Python to import, and their calls.
public struct ScannedPickle: Sendable, Hashable {
  /// The start from which the offsets in a pickle count.
  public enum OffsetBase: String, Sendable, Hashable {
    /// The start of the file.
    case file
    /// The start of the record, which is compressed in the file.
    case record
    /// The start of the string or bytes that contain the pickle.
    case string
  }

  /// The place: a record's name, a part of a legacy file, or a string of another pickle.
  public private(set) var place: String
  /// The start from which `offset` and the offsets of names and calls count.
  public let offsetBase: OffsetBase
  /// The offset of the first byte.
  public private(set) var offset: Int
  /// The size in bytes, including STOP; for a damaged pickle, up to where it could be followed.
  public internal(set) var byteCount = 0
  /// The number of opcodes.
  public internal(set) var opcodeCount = 0
  /// The protocol that the pickle declares; nil if it declares none.
  public internal(set) var protocolVersion: Int?
  /// Whether a search found it in bytes that no reader of the format reads as a pickle.
  public internal(set) var isFoundBySearch = false
  /// Whether the pickle ends with STOP.
  public internal(set) var isComplete = false
  /// The imported names, in order, with their calls; at most `ScanLimits.names`.
  public internal(set) var names: [ScannedName] = []
  /// The number of names, listed or not.
  public internal(set) var nameCount = 0
  /// The calls of other values than imported names, such as results of calls.
  public internal(set) var otherCalls: [ScannedCall] = []

  init(place: String, offsetBase: OffsetBase, offset: Int) {
    self.place = place
    self.offsetBase = offsetBase
    self.offset = offset
  }

  /// The same pickle of a part of a file, with its place in the file.
  ///
  /// - Parameter distance: what is added to all offsets, in bytes.
  func moved(to place: String, by distance: Int) -> Self {
    var pickle = self
    pickle.place = place
    pickle.offset += distance
    pickle.names = names.map { $0.moved(by: distance) }
    pickle.otherCalls = otherCalls.map { $0.moved(by: distance) }
    return pickle
  }

  /// Whether a name is not in the table of allowed names.
  public var importsUnknownNames: Bool { names.contains { !$0.isAllowed } }
}

/// A name that a pickle imports.
public struct ScannedName: Sendable, Hashable {
  /// The module; nil when the pickle computes it.
  public let module: String?
  /// The name in the module; nil when the pickle computes it.
  public let name: String?
  /// The offset of the opcode that imports it.
  public private(set) var offset: Int
  /// The opcode as `pickletools` names it.
  public let opcode: String
  /// Whether the table of allowed names has it; its use may still be a finding.
  public let isAllowed: Bool
  /// The opcodes that call it or set its state.
  public internal(set) var calls: [ScannedCall] = []

  /// Module and name, separated by a dot, as in Python.
  public var qualifiedName: String { (module ?? "?") + "." + (name ?? "?") }

  fileprivate func moved(by distance: Int) -> Self {
    var name = self
    name.offset += distance
    name.calls = calls.map { $0.moved(by: distance) }
    return name
  }
}

/// The calls of a value by one opcode.
public struct ScannedCall: Sendable, Hashable {
  /// The opcode as `pickletools` names it.
  public let opcode: String
  /// The offset of the first such call.
  public private(set) var offset: Int
  /// The number of such calls.
  public internal(set) var count = 1

  fileprivate func moved(by distance: Int) -> Self {
    var call = self
    call.offset += distance
    return call
  }
}

extension [ScannedCall] {
  /// Counts a call.
  mutating func record(_ opcode: Opcode, at offset: Int) {
    if let index = firstIndex(where: { $0.opcode == opcode.name }) {
      self[index].count += 1
    } else {
      append(ScannedCall(opcode: opcode.name, offset: offset))
    }
  }
}
