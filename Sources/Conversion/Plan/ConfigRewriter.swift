internal import Files
internal import JSONDocument
internal import PEFT
internal import Synchronization
internal import Tensors

/// Turns configs into the bytes that PEFT writes for them.
///
/// The adapters of a training run mostly have one config: what came last is remembered.
final class ConfigRewriter: Sendable {
  private let last = Mutex<(source: [UInt8], config: [UInt8])?>(nil)

  /// The bytes of the config that a file holds.
  ///
  /// - Throws: as `AdapterConfig.init(path:)`.
  func rewrite(path: String) throws(CheckpointError) -> [UInt8] {
    let source = try InputFile(path: path).readAll(limit: JSONLimits.byteCount)
    if let last = last.withLock({ $0 }), last.source == source { return last.config }
    let config: [UInt8]
    do throws(CheckpointError) {
      config = try AdapterConfig(parsing: source).encoded()
    } catch {
      throw error.inFile(path)
    }
    last.withLock { $0 = (source, config) }
    return config
  }
}
