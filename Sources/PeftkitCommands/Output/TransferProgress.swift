// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Tensors

/// The progress of a long transfer.
enum TransferProgress {
  /// The fewest bytes that are worth a mention: less is read of every file.
  private static let leastByteCount = 1 << 20

  /// Carries out `body`, showing a count on its way to `total`.
  ///
  /// - Throws: what `body` throws.
  static func showing<R>(
    _ counter: ByteCounter, of total: Int, _ body: () throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try ProgressLine.showing({ line(counter.value, of: total, after: $0) }, while: body)
  }

  /// `34 %  345 MB of 1.01 GB  230 MB/s  0:03 left`, without the parts that are unknown.
  static func line(_ count: Int, of total: Int?, after seconds: Double) -> String {
    let rate = seconds > 0 ? Double(count) / seconds : 0
    let speed = Int(exactly: rate.rounded()).map { "\(Sizes.bytes($0))/s" } ?? ""
    guard let total, total > 0, count <= total else {
      let time = Sizes.duration(seconds)
      return count < leastByteCount ? time : "\(Sizes.bytes(count))  \(speed)  \(time)"
    }
    let share = Int(100 * Double(count) / Double(total))
    let left = rate > 0 ? "  \(Sizes.duration(Double(total - count) / rate)) left" : ""
    return "\(share) %  \(Sizes.bytes(count)) of \(Sizes.bytes(total))  \(speed)\(left)"
  }
}
