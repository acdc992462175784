// SPDX-License-Identifier: Apache-2.0

/// The values that modules have for one thing, for a summary.
struct ValueTally {
  private var counts: [Double: Int] = [:]

  mutating func add(_ value: Double) {
    // NaN is not equal to itself, and would be counted every time.
    if !value.isNaN { counts[value, default: 0] += 1 }
  }

  /// Whether every value is this one.
  func isConstant(_ value: Int?) -> Bool {
    value.map { value in counts.keys.allSatisfy { $0 == Double(value) } } ?? false
  }

  /// `8`, or `4 to 16, mostly 8`; nil without values.
  var description: String? {
    guard let least = counts.keys.min(), let most = counts.keys.max() else { return nil }
    guard least != most else { return Self.text(least) }
    let range = "\(Self.text(least)) to \(Self.text(most))"
    // Of values that are equally frequent, none is the usual one.
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted[0].value == sorted[1].value
      ? range : "\(range), mostly \(Self.text(sorted[0].key))"
  }

  /// A number with at most four significant digits, or all of an integer.
  static func text(_ value: Double) -> String {
    if let integer = Int(exactly: value) { return String(integer) }
    guard value.isFinite, value.isNormal else { return String(value) }
    var (scale, digits) = (1.0, value.magnitude)
    while digits < 1000, scale < 1e300 { (digits, scale) = (digits * 10, scale * 10) }
    return String((value * scale).rounded() / scale)
  }
}
