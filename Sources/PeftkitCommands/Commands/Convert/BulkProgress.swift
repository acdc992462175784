// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Files
internal import Tensors

/// The progress of a bulk conversion.
struct BulkProgress {
  /// The number of finished units.
  var done = 0
  /// The number of units in the tree, once they are counted.
  var total: Int?
  /// The bytes of the converted sources.
  var byteCount = 0
  private let stopwatch = Stopwatch()

  /// `1,234/10,000  12%  345 MB/s  ETA 1:23`, without the parts that are unknown.
  var line: String {
    line(after: stopwatch.seconds)
  }

  /// The line after a number of seconds.
  func line(after seconds: Double) -> String {
    var parts: [String] = []
    if let total {
      parts.append("\(Sizes.count(done))/\(Sizes.count(total))")
      // Trees grow while they are converted.
      parts.append("\(min(100, done * 100 / max(1, total)))%")
    } else {
      parts.append(Sizes.count(done))
    }
    if let rate = Self.rate(byteCount, seconds) { parts.append(rate) }
    if let total, done > 0, total > done {
      parts.append("ETA \(Sizes.duration(seconds / Double(done) * Double(total - done)))")
    }
    return parts.joined(separator: "  ")
  }

  /// A rate in bytes per second; nil if no bytes or no time are measured.
  static func rate(_ byteCount: Int, _ seconds: Double) -> String? {
    guard byteCount > 0, seconds > 0 else { return nil }
    return Sizes.bytes(Int(exactly: (Double(byteCount) / seconds).rounded()) ?? byteCount) + "/s"
  }
}
