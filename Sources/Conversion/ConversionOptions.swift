public import Files
public import TorchCheckpoint

/// What a conversion is asked to do.
public struct ConversionOptions: Sendable {
  /// The format of checkpoints that are written.
  public var format: CheckpointFormat
  /// The generation of torch whose layout torch checkpoints get.
  public var torchLayout: TorchLayout = .newest
  /// Whether a tensor that is the very same view as an earlier one is left out; `__metadata__` then
  /// maps its name to that of the other, as the reference converter does.
  public var dropsAliases = false
  /// Whether tensors that the format cannot hold are left out; otherwise they are refused.
  public var skipsUnsupported = false
  /// Whether existing outputs are replaced, and whether outputs are flushed.
  public var policy: OutputPolicy

  /// Asks for a format, with the defaults for all else.
  public init(format: CheckpointFormat, policy: OutputPolicy = OutputPolicy()) {
    self.format = format
    self.policy = policy
  }
}
