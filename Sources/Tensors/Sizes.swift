// SPDX-License-Identifier: Apache-2.0

/// Numbers formatted for people.
package enum Sizes {
  /// A count of bytes: exact below 1 kB, else three digits and a decimal unit.
  package static func bytes(_ count: Int) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
    guard count >= 1000 else { return "\(count) B" }
    var value = Double(count) / 1000
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
    return "\(fixed(value, decimals)) \(units[unit])"
  }

  /// A count with groups of three digits: 1,234,567.
  package static func count(_ count: Int) -> String {
    var text = ""
    let digits = String(count)
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }

  /// A count with its noun, in the plural unless it is one.
  package static func count(_ count: Int, _ noun: String) -> String {
    "\(self.count(count)) \(noun)\(count == 1 ? "" : "s")"
  }

  /// A number with three significant digits: 0.0123, 4.56, 1.23e-07.
  package static func scientific(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : String(value) }
    var (digits, exponent) = (value.magnitude, 0)
    while digits < 9.995e-1 || digits >= 9.995 {
      let step = digits < 9.995e-1 ? 1 : -1
      digits = step > 0 ? digits * 10 : digits / 10
      exponent -= step
    }
    let sign = value < 0 ? "-" : ""
    guard (-4..<6).contains(exponent) else {
      let padding = exponent.magnitude < 10 ? "0" : ""
      return "\(sign)\(fixed(digits, 2))e\(exponent < 0 ? "-" : "+")\(padding)\(exponent.magnitude)"
    }
    return sign + fixed(value.magnitude, max(0, 2 - exponent))
  }

  /// A nonnegative number with a number of decimals.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int((value * scale).rounded())
    guard decimals > 0 else { return String(scaled) }
    let digits =
      String(repeating: "0", count: max(0, decimals + 1 - String(scaled).count))
      + String(scaled)
    return digits.dropLast(decimals) + "." + digits.suffix(decimals)
  }

  /// A time in minutes and seconds, from one hour up with hours: 1:23, 1:02:03.
  package static func duration(_ seconds: Double) -> String {
    // More than a century is not distinguished.
    let total = Int(min(max(0, seconds), 4e9).rounded())
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let rest = "\(total / 60 % 60):\(padded(total % 60))"
    guard total >= 3600 else { return rest }
    return "\(total / 3600):\(padded(total / 60 % 60)):\(padded(total % 60))"
  }
}
