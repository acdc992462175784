// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// The files that `Vectors/generate.py` writes with PEFT and torch; see the README beside them.
enum Vectors {
  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return try readFile(folder.joined(separator: "/") + "/Vectors/" + name)
  }

  /// One forward that PEFT computed.
  struct Forward: CustomStringConvertible {
    var problem: Problem
    var output: [UInt8]
    var isFresh: Bool

    var description: String { "\(isFresh ? "fresh" : "special") \(problem)" }
  }

  static func forwards() throws -> [Forward] {
    try forwards(try bytes("forward.bin"))
  }

  static func forwards(_ bytes: [UInt8]) throws -> [Forward] {
    var reader = ByteReader(bytes.span.bytes)
    var cases: [Forward] = []
    while reader.remaining > 0 {
      var header: [Int] = []
      for _ in 0..<12 { header.append(Int(try reader.readLittleEndian(UInt32.self))) }
      let formats = header[0..<4].compactMap { FloatFormat(rawValue: UInt8($0)) }
      let (K, V, R, D) = (header[4], header[5], header[6], header[7])
      let (B, L, T) = (header[8], header[9], header[10])
      var problem = Problem(
        tasks: K, positions: V, rank: R, width: D, batch: B, length: L, format: formats[3])
      problem.columnsFormat = formats[0]
      problem.rowsFormat = formats[1]
      problem.embeddingsFormat = formats[2]
      problem.columns = try reader.readArray(K * V * R * formats[0].byteCount)
      problem.rows = try reader.readArray(K * R * D * formats[1].byteCount)
      problem.embeddings = try reader.readArray(V * D * formats[2].byteCount)
      problem.taskIDs = []
      problem.indices = []
      for _ in 0..<T { problem.taskIDs.append(Int(try reader.readLittleEndian(Int64.self))) }
      for _ in 0..<B * L { problem.indices.append(Int(try reader.readLittleEndian(Int64.self))) }
      let output = try reader.readArray(B * L * D * formats[3].byteCount)
      cases.append(Forward(problem: problem, output: output, isFresh: header[11] == 1))
    }
    return cases
  }

  /// A run of numbers and what torch converts it to, in the order of the formats.
  struct Conversion {
    var source: FloatFormat
    var values: [UInt8]
    var targets: [(FloatFormat, [UInt8])]
  }

  static func conversions() throws -> [Conversion] {
    let bytes = try bytes("conversions.bin")
    var reader = ByteReader(bytes.span.bytes)
    var cases: [Conversion] = []
    for source in [FloatFormat.float32, .float64] {
      let count = Int(try reader.readLittleEndian(UInt32.self))
      let values = try reader.readArray(count * source.byteCount)
      var targets: [(FloatFormat, [UInt8])] = []
      for target in FloatFormat.allCases {
        targets.append((target, try reader.readArray(count * target.byteCount)))
      }
      cases.append(Conversion(source: source, values: values, targets: targets))
    }
    return cases
  }
}

extension ByteReader {
  mutating func readArray(_ count: Int) throws(CheckpointError) -> [UInt8] {
    [UInt8](try readBytes(count))
  }
}

extension [UInt8] {
  init(_ span: RawSpan) {
    self = span.withUnsafeBytes { [UInt8]($0) }
  }
}
