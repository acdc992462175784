internal import SystemPackage
internal import Synchronization

/// Names for what is being written, beside what it will become.
///
/// The name holds host and process, so that a later run can tell whether its writer still lives:
/// `.NAME.HOST.PID.N.peftkit-tmp`. Containers may share the host's name and count processes of their
/// own; there the host is `HOST-NAMESPACE`, as another container cannot see who lives.
enum TemporaryName {
  private static let counter = Atomic<Int>(0)
  private static let identity = {
    var identity = SystemCalls.processIdentity()
    if let namespace = SystemCalls.processNamespace() { identity.host += "-\(namespace)" }
    return identity
  }()

  /// What such a name ends in.
  enum Suffix: String, CaseIterable {
    /// An output that is being written.
    case output = "peftkit-tmp"
    /// The container of a directory that is being replaced; see `SetAside`.
    case replaced = "peftkit-old"
  }

  /// The longest name that common file systems hold, in bytes.
  private static let longestName = 255

  /// A name beside `path` that no other part of this process uses.
  static func name(for path: FilePath, _ suffix: Suffix) -> String {
    let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
    let ending = ".\(identity.host).\(identity.process).\(number).\(suffix.rawValue)"
    let room = longestName - ending.utf8.count - 1
    var name = path.lastComponent?.string ?? ""
    // A long name is cut: the temporary one has to be unique, not complete.
    while name.utf8.count > max(0, room) { name.unicodeScalars.removeLast() }
    return "." + name + ending
  }

  /// Whether a name is that of something that is being written or replaced, by whomever.
  static func isTemporary(_ name: ArraySlice<UInt8>) -> Bool {
    guard name.first == UInt8(ascii: ".") else { return false }
    return Suffix.allCases.contains { suffix in
      let ending = "." + suffix.rawValue
      return name.suffix(ending.utf8.count).elementsEqual(ending.utf8)
    }
  }

  /// The process on this host that made this name, and what for; nil for all other names.
  static func origin(of name: FilePath.Component) -> (process: Int, suffix: Suffix)? {
    let parts = name.string.split(separator: ".", omittingEmptySubsequences: false)
    // The name itself and the host may have dots too.
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
