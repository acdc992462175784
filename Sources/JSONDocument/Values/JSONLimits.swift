// SPDX-License-Identifier: Apache-2.0

/// Limits on a document, so that parsing cannot exhaust memory.
///
/// A shard index of 100,000 tensors stays below a tenth of each.
public enum JSONLimits {
  /// The largest number of nested arrays and objects.
  public static let depth = 512
  /// The largest number of digits of an integer, as in Python.
  public static let integerDigits = 4300
  /// The largest size of a document, in bytes.
  public static let byteCount = 128 << 20
  /// The largest number of values in a document, containers included.
  public static let valueCount = 4 << 20
  /// The largest number of objects in a document, which cost more than other values.
  public static let objectCount = 512 << 10
}
