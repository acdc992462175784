// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A copy of an adapter directory of the fixtures, for a test to damage.
public final class AdapterCopy {
  /// Holds the copy.
  public let directory: TemporaryDirectory
  /// The copy.
  public let path: String

  /// Copies `Fixtures/adapters/NAME`.
  public init(of name: String) throws {
    directory = try TemporaryDirectory()
    path = directory.path("adapter")
    try FileManager.default.copyItem(atPath: Fixtures.adapter(name), toPath: path)
  }

  /// The config's path.
  public var configPath: String { path + "/adapter_config.json" }
  /// The weights' path.
  public var weightsPath: String { path + "/adapter_model.safetensors" }

  /// Replaces text in the config; text that is not there is an error.
  public func replaceInConfig(_ old: String, _ new: String) throws {
    let text = try String(contentsOfFile: configPath, encoding: .utf8)
    guard text.contains(old) else { throw CocoaError(.fileReadCorruptFile) }
    try text.replacingOccurrences(of: old, with: new)
      .write(toFile: configPath, atomically: true, encoding: .utf8)
  }

  /// Changes the weights.
  public func changeWeights(
    misalignment: Int = 0, _ change: (inout RawSafeTensors) throws -> Void
  ) throws {
    var weights = try RawSafeTensors(path: weightsPath)
    try change(&weights)
    try Data(weights.encoded(misalignment: misalignment))
      .write(to: URL(fileURLWithPath: weightsPath))
  }
}
