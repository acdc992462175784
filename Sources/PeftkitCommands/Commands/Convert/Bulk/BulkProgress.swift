internal import Concurrency
internal import Files

/// How far a bulk conversion is.
struct BulkProgress {
  /// The units that are done.
  var done = 0
  /// The units that there are, once they are counted.
  var total: Int?
  /// The bytes of what was converted.
  var byteCount = 0
  private let stopwatch = Stopwatch()

  /// `  1,234/10,000  12%  345 MB/s  ETA 1:23`, as far as it is known.
  var line: String {
    line(after: stopwatch.seconds)
  }

  /// The line as it is after so many seconds.
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
    return "  " + parts.joined(separator: "  ")
  }

  /// Bytes per second, nil as long as there is nothing to divide.
  static func rate(_ byteCount: Int, _ seconds: Double) -> String? {
    guard byteCount > 0, seconds > 0 else { return nil }
    return Sizes.bytes(Int(exactly: (Double(byteCount) / seconds).rounded()) ?? byteCount) + "/s"
  }
}
