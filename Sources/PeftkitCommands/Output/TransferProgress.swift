// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Tensors

/// The progress of a long transfer.
enum TransferProgress {
  /// Carries out `body`, showing a count on its way to `total`.
  ///
  /// - Throws: what `body` throws.
  static func showing<R>(
    _ counter: ByteCounter, of total: Int, _ body: () throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try ProgressLine.showing({ line(counter.value, of: total, after: $0) }, while: body)
  }

  private static func line(_ count: Int, of total: Int, after seconds: Double) -> String {
    let rate = Double(count) / seconds
    let share = total > 0 ? min(100, Int(100 * Double(count) / Double(total))) : 100
    let left = rate > 0 ? Double(max(0, total - count)) / rate : 0
    return "  \(share) %  \(Sizes.bytes(count)) of \(Sizes.bytes(total))  "
      + "\(Sizes.bytes(Int(rate)))/s  \(Sizes.duration(left)) left"
  }
}
