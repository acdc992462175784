// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
@testable internal import PEFT
internal import SafeTensors
internal import Tensors

extension FuzzTarget {
  /// Adapters: a config, a line `---`, and a line with name, dtype and sizes for each tensor.
  static let adapters: [FuzzTarget] = [
    FuzzTarget(name: "adapter") { bytes in
      guard let text = String(validating: bytes, as: UTF8.self),
        let separator = text.firstRange(of: "\n---\n"),
        let config = try? AdapterConfig(parsing: Array(text[..<separator.lowerBound].utf8))
      else { return }
      let weights = weights(text[separator.upperBound...])
      guard let archive = try? SafeTensorsFile(FuzzFile.open(weights)) else { return }
      for finding in config.findings(about: archive, FindingOptions()) {
        require(!finding.message.isEmpty, "a finding says nothing")
      }
      _ = config.adaptedModules(in: archive)
    }
  ]

  /// A safetensors file with the tensors of the lines; equal names are one.
  private static func weights(_ lines: Substring) -> [UInt8] {
    var names: Set<TensorName> = []
    var header = "{"
    var end = 0
    for line in lines.split(separator: "\n").prefix(64) {
      let fields = line.split(separator: " ", omittingEmptySubsequences: false)
      let sizes = fields.dropFirst().prefix(6).compactMap { UInt16($0) }.map(Int.init)
      let count = sizes.reduce(2) { $0 &* $1 }
      guard let field = fields.first, (0...1 << 16).contains(count),
        names.insert(TensorName(String(field))).inserted
      else { continue }
      let name = field.unicodeScalars.map { scalar in
        scalar == "\"" || scalar == "\\"
          ? "\\\(scalar)" : scalar.value < 0x20 ? "_" : String(scalar)
      }.joined()
      header += end == 0 && header.count == 1 ? "" : ","
      header +=
        "\"\(name)\":{\"dtype\":\"F16\",\"shape\":\(sizes),\"data_offsets\":[\(end),\(end + count)]}"
      end += count
    }
    header += "}"
    let length = header.utf8.count
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
      + [UInt8](repeating: 1, count: end)
  }
}
