/// What a conversion has done.
public struct ConversionOutcome: Sendable {
  /// What was left out and changed.
  public let report: ConversionReport
  /// The tensors that were cast, and what became of their values.
  public let casts: [CastRecord.Entry]
  /// The number of files written.
  public let fileCount: Int
  /// The bytes of these files.
  public let byteCount: Int
}
