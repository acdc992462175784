public import Files

/// What a conversion is asked to do besides converting.
public struct ConversionOptions: Sendable {
  /// The format of checkpoints that are written.
  public var format: CheckpointFormat
  /// Whether existing outputs are replaced, and whether outputs are flushed.
  public var policy: OutputPolicy

  /// Asks for a format.
  public init(format: CheckpointFormat, policy: OutputPolicy = OutputPolicy()) {
    self.format = format
    self.policy = policy
  }
}
