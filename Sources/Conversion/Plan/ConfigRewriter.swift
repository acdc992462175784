// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

/// Turns configs into the bytes that a conversion writes for them (spec/adapter_config.md, C3).
///
/// Recent results are cached, since the adapters of a training run usually have the same config.
final class ConfigRewriter: Sendable {
  /// The largest config, in bytes, that is cached.
  private static let largestByteCount = 1 << 16
  private let recent = RecentValues<[UInt8], [UInt8]>(capacity: 8)

  /// The bytes to write for the config in a file.
  ///
  /// - Parameter changes: changes of its keys; the same in all calls.
  /// - Throws: as `AdapterConfig.init(path:)`.
  func rewrite(
    path: String, changes: [ConfigChange] = []
  ) throws(CheckpointError) -> [UInt8] {
    let source = try InputFile(path: path).readAll(limit: JSONLimits.byteCount)
    if let config = recent[source] { return config }
    let config: [UInt8]
    do throws(CheckpointError) {
      var parsed = try AdapterConfig(parsing: source)
      for change in changes { change.apply(to: &parsed) }
      config = parsed.encodedKeepingPatternOrder()
    } catch {
      throw error.inFile(path)
    }
    if source.count <= Self.largestByteCount { recent.keep(config, of: source) }
    return config
  }
}
