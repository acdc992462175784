// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import ZipArchive

/// The use of a record in a torch zip archive, by its name.
enum ScanRecord: Equatable {
  /// A pickle, and the folder of the storages that it names.
  case pickle(storages: String)
  /// The bytes of a storage.
  case storage(group: String, key: String)
  /// A few characters of text.
  case text(Text)
  /// Bytes of the caller's of `torch.jit.save`.
  case extra
  /// The source of a TorchScript program.
  case program
  /// The entry of a folder.
  case folder

  /// The rule for the text of a record.
  enum Text: Equatable {
    case version, byteOrder, digits, serializationID

    /// Whether the contents of a record obey the rule.
    func holds(for bytes: [UInt8]) -> Bool {
      var bytes = bytes[...]
      switch self {
      case .byteOrder:
        return bytes.elementsEqual("little".utf8) || bytes.elementsEqual("big".utf8)
      case .version:
        if bytes.last == 0x0A { bytes.removeLast() }
        guard Self.areDigits(bytes, atMost: 2) else { return false }
        return (1...10).contains(Int(String(decoding: bytes, as: UTF8.self)) ?? 0)
      case .digits:
        return Self.areDigits(bytes, atMost: 6)
      case .serializationID:
        return bytes.count == 40 && Self.areDigits(bytes, atMost: 40)
      }
    }

    private static func areDigits(_ bytes: ArraySlice<UInt8>, atMost limit: Int) -> Bool {
      (1...limit).contains(bytes.count) && bytes.allSatisfy { (0x30...0x39).contains($0) }
    }
  }

  /// Looks up a name; nil for a name that no checkpoint has.
  ///
  /// - Parameter storages: the folder of the storages of `data.pkl`.
  init?(_ name: String, in folder: String, storages: String, isTorchScript: Bool) {
    let parts = name.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard parts.count > 1, parts[0].utf8.elementsEqual(folder.utf8) else { return nil }
    switch (parts.count, parts[1]) {
    case (2, ""): self = .folder
    case (3, storages) where parts[2].isEmpty: self = .folder
    case (2, "data.pkl"): self = .pickle(storages: "data")
    case (3, storages): self = .storage(group: "data", key: parts[2])
    case (2, "version"): self = .text(.version)
    case (2, "byteorder"): self = .text(.byteOrder)
    case (2, ".format_version"), (2, ".storage_alignment"): self = .text(.digits)
    case (3, ".data") where parts[2] == "version": self = .text(.version)
    case (3, ".data") where parts[2] == "serialization_id": self = .text(.serializationID)
    case (2, "constants.pkl") where isTorchScript: self = .pickle(storages: "constants")
    case (2, "traced_inputs.pkl") where isTorchScript: self = .pickle(storages: "traced_inputs")
    case (2, "bytecode.pkl"), (2, "mobile_debug_handles.pkl"):
      guard isTorchScript else { return nil }
      self = .pickle(storages: String(parts[1].dropLast(4)))
    case (3..., "extra") where isTorchScript: self = .extra
    case (3, "constants"), (3, "traced_inputs"), (3, "bytecode"):
      guard isTorchScript else { return nil }
      self = .storage(group: parts[1], key: parts[2])
    // torch ignores case, and compiles every file of code.
    case (_, let part) where isTorchScript && ZipName.folded(part) == "code":
      self = name.hasSuffix(".debug_pkl") ? .pickle(storages: "data") : .program
    default: return nil
    }
  }
}
