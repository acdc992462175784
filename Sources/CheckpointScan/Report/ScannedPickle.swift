// SPDX-License-Identifier: Apache-2.0
internal import Pickle

/// What one pickle would have Python do.
public struct ScannedPickle: Sendable, Hashable {
  /// What offsets in a pickle are counted from.
  public enum OffsetBase: String, Sendable, Hashable {
    /// The start of the file.
    case file
    /// The start of the record, which is compressed in the file.
    case record
    /// The start of the string or bytes that contain the pickle.
    case string
  }

  /// The place: a record's name, a part of a legacy file, or a string of another pickle.
  public let place: String
  /// What `offset` and the offsets of names and calls are counted from.
  public let offsetBase: OffsetBase
  /// The first byte.
  public let offset: Int
  /// The size in bytes, up to the end of STOP or as far as it could be followed.
  public internal(set) var byteCount = 0
  /// The number of opcodes.
  public internal(set) var opcodeCount = 0
  /// The protocol that it declares, nil when it declares none.
  public internal(set) var protocolVersion: Int?
  /// Whether it ends with STOP.
  public internal(set) var isComplete = false
  /// The names that it imports, in order, and their calls; at most `ScanLimits.names`.
  public internal(set) var names: [ScannedName] = []
  /// The number of names, listed or not.
  public internal(set) var nameCount = 0
  /// Calls of something other than an imported name, such as the result of another call.
  public internal(set) var otherCalls: [ScannedCall] = []

  init(place: String, offsetBase: OffsetBase, offset: Int) {
    self.place = place
    self.offsetBase = offsetBase
    self.offset = offset
  }

  /// Whether some name in it is not on the allowlist.
  public var importsUnknownNames: Bool { names.contains { !$0.isAllowed } }
}

/// A name that a pickle imports.
public struct ScannedName: Sendable, Hashable {
  /// The module, nil when the pickle computes it.
  public let module: String?
  /// The name in the module, nil when the pickle computes it.
  public let name: String?
  /// The byte of the opcode that imports it.
  public let offset: Int
  /// The opcode as `pickletools` names it.
  public let opcode: String
  /// Whether the allowlist has it; its use may still be a finding.
  public let isAllowed: Bool
  /// The opcodes that call it or build on it.
  public internal(set) var calls: [ScannedCall] = []

  /// Module and name with a dot between them, as Python spells it.
  public var qualifiedName: String { (module ?? "?") + "." + (name ?? "?") }
}

/// Calls of one thing by one opcode.
public struct ScannedCall: Sendable, Hashable {
  /// The opcode as `pickletools` names it.
  public let opcode: String
  /// The byte of the first such call.
  public let offset: Int
  /// How many there are.
  public internal(set) var count = 1
}

extension [ScannedCall] {
  /// Counts one more call.
  mutating func record(_ opcode: Opcode, at offset: Int) {
    if let index = firstIndex(where: { $0.opcode == opcode.name }) {
      self[index].count += 1
    } else {
      append(ScannedCall(opcode: opcode.name, offset: offset))
    }
  }
}
