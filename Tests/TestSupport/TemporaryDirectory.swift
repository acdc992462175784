// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A directory of a test's own, removed with the value.
public final class TemporaryDirectory {
  /// Its path.
  public let path: String

  /// Makes a fresh one, in the system's place for such unless another is given.
  public init(in parent: String? = nil) throws {
    let parent = parent.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
    let url = parent.appendingPathComponent("peftkit-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of something inside.
  public func path(_ name: String) -> String { path + "/" + name }

  /// Writes a file inside and gives its path.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }

  /// The names inside, sorted.
  public var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// The bytes of a file.
public func bytes(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// The regular files below a directory, as paths relative to it, sorted.
public func files(below root: String) throws -> [String] {
  let names = try FileManager.default.subpathsOfDirectory(atPath: root)
  return names.filter {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: root + "/" + $0, isDirectory: &isDirectory)
      && !isDirectory.boolValue
  }.sorted()
}
