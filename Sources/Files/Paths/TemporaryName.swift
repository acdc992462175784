// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Synchronization
internal import Tensors

/// Names of temporaries, next to the outputs that they become.
///
/// A name contains host and process, so that a later run can tell whether the writer is still running:
/// `.NAME.HOST.PID.N.peftkit-tmp`. Containers may share the host's name but number their own
/// processes; there the host is `HOST-NAMESPACE`, since other containers cannot see whether the process
/// runs.
enum TemporaryName {
  private static let counter = Atomic<Int>(0)
  private static let identity = {
    var identity = SystemCalls.processIdentity()
    if let namespace = SystemCalls.processNamespace() { identity.host += "-\(namespace)" }
    return identity
  }()

  /// The last component of a temporary's name.
  enum Suffix: String, CaseIterable {
    /// An output that is being written.
    case output = "peftkit-tmp"
    /// The container of a directory that is being replaced; see `BackupDirectory`.
    case replaced = "peftkit-old"
  }

  /// The longest file name that common file systems allow, in bytes.
  private static let longestName = 255

  /// A name for a temporary next to `path`, unique in this process.
  static func name(for path: FilePath, _ suffix: Suffix) -> String {
    let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
    let ending = ".\(identity.host).\(identity.process).\(number).\(suffix.rawValue)"
    let room = longestName - ending.utf8.count - 1
    var name = path.lastComponent?.string ?? ""
    // A long name is cut: the temporary's name must be unique, not complete.
    while name.utf8.count > max(0, room) { name.unicodeScalars.removeLast() }
    return "." + name + ending
  }

  /// Whether a name is that of a temporary or a backup, of any process.
  static func isTemporary(_ name: ArraySlice<UInt8>) -> Bool {
    guard name.first == UInt8(ascii: ".") else { return false }
    return Suffix.allCases.contains { suffix in
      let ending = "." + suffix.rawValue
      return name.suffix(ending.utf8.count).elementsEqual(ending.utf8)
    }
  }

  /// The process on this host that chose this name, and the name's suffix; nil for all other names.
  static func origin(of name: FilePath.Component) -> (process: Int, suffix: Suffix)? {
    let parts = name.string.components
    // The output's name and the host may contain dots too.
    guard parts.count >= 5, parts[0].isEmpty,
      let suffix = Suffix(rawValue: String(parts[parts.count - 1]))
    else { return nil }
    guard Int(parts[parts.count - 2]) != nil, let process = Int(parts[parts.count - 3]) else {
      return nil
    }
    let front = parts[1..<parts.count - 3].joined(separator: ".")
    return front.hasSuffix("." + identity.host) ? (process, suffix) : nil
  }
}
