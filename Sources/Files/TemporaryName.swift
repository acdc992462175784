internal import SystemPackage
internal import Synchronization

/// Names for what is being written, beside what it will become.
///
/// The name holds host and process, so that a later run can tell whether its writer still lives:
/// `.NAME.HOST.PID.N.peftkit-tmp`.
enum TemporaryName {
  private static let counter = Atomic<Int>(0)

  /// The longest name that common file systems hold, in bytes.
  private static let longestName = 255

  /// A sibling of `path` that no living process uses.
  static func sibling(of path: FilePath) -> FilePath {
    let identity = SystemCalls.processIdentity()
    let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
    let ending = ".\(identity.host).\(identity.process).\(number).peftkit-tmp"
    let room = longestName - ending.utf8.count - 1
    // A long name is cut: the temporary one has to be unique, not complete.
    let name = (path.lastComponent?.string ?? "").utf8.prefix(max(0, room))
    let base = String(decoding: name, as: UTF8.self).unicodeScalars.filter { $0 != "\u{FFFD}" }
    var sibling = path
    sibling.removeLastComponent()
    sibling.append("." + String(String.UnicodeScalarView(base)) + ending)
    return sibling
  }
}
