// SPDX-License-Identifier: Apache-2.0
public import Kernels

/// The result of a conversion.
public struct ConversionOutcome: Sendable {
  /// What the conversion left out and changed.
  public let report: ConversionReport
  /// The tensors that were cast, and the effects on their values.
  public let casts: [CastRecord.Entry]
  /// The number of files written.
  public let fileCount: Int
  /// The size of these files in bytes.
  public let byteCount: Int
}
