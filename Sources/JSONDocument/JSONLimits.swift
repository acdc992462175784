/// What a document may ask for. Beyond it, parsing refuses instead of taking the machine's memory.
///
/// A shard index of 100,000 tensors stays below a tenth of each.
public enum JSONLimits {
  /// Arrays and objects inside one another.
  public static let depth = 512
  /// Digits of one integer, as in Python.
  public static let integerDigits = 4300
  /// Bytes of a document.
  public static let byteCount = 128 << 20
  /// Values of a document, the containers among them.
  public static let valueCount = 4 << 20
  /// Objects of a document, which cost more than other values.
  public static let objectCount = 512 << 10
}
