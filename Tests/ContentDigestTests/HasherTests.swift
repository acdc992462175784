// SPDX-License-Identifier: Apache-2.0
import ContentDigest
import Tensors
import TestSupport
import Testing

@Suite("Digests from pieces")
struct HasherTests {
  static let data = (0..<96).map { UInt8(truncatingIfNeeded: $0 &* 37) }

  static func digest(
    _ name: TensorName = "x", _ dtype: DType = .float32, _ shape: Shape = [2, 12],
    _ data: [UInt8] = data
  ) throws -> TensorDigest {
    var hasher = TensorHasher(try TensorInfo(name: name, dtype: dtype, shape: shape))
    hasher.update(data.span.bytes)
    return hasher.finish()
  }

  @Test(
    "pieces of any size give the digest of the whole (D2)", arguments: [0, 1, 2, 3] as [UInt64])
  func pieces(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let whole = try Self.digest()
    for _ in 0..<50 {
      var hasher = TensorHasher(try TensorInfo(name: "x", dtype: .float32, shape: [2, 12]))
      var rest = Self.data[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(Int.random(in: 0...20, using: &random)))
        hasher.update(piece.span.bytes)
        rest = rest.dropFirst(piece.count)
      }
      #expect(hasher.finish() == whole, "seed \(seed)")
    }
  }

  @Test("name, dtype, shape and every bit count, and do not run into one another (D2, D3)")
  func everyPart() throws {
    var zero = Self.data
    zero.replaceSubrange(0..<4, with: [0, 0, 0, 0])
    var negativeZero = zero
    negativeZero[3] = 0x80
    let digests = try [
      Self.digest(), Self.digest("y"), Self.digest("é"), Self.digest("e\u{301}"), Self.digest(""),
      Self.digest("x", .int32), Self.digest("x", .uint32), Self.digest("x", .float32, [12, 2]),
      Self.digest("x", .float32, [24]), Self.digest("x", .float32, [2, 12, 1]),
      Self.digest("x", .float32, [1, 2, 12]), Self.digest("x", .float64, [12]),
      Self.digest("x", .bfloat16, [48]), Self.digest("x", .float16, [48]),
      Self.digest("x", .float32, [2, 12], zero), Self.digest("x", .float32, [2, 12], negativeZero),
      Self.digest("x", .float32, [0], []), Self.digest("x", .float32, [0, 1], []),
      Self.digest("xF", .float32, [0], []), Self.digest("x", .float32, [1], [0, 0, 0, 0]),
      Self.digest("x", .float32, [], [0, 0, 0, 0]),
    ]
    #expect(Set(digests).count == digests.count)
  }

  @Test("a checkpoint's digest depends on the set of its tensors alone (D4)")
  func sets() throws {
    let names: [TensorName] = ["b", "a", "é", "e\u{301}", "", "\u{FFFF}", "\u{10000}"]
    let tensors = try names.map { (name: $0, digest: try Self.digest($0)) }
    let whole = CheckpointDigest(tensors)
    var random = SeededGenerator(seed: 1)
    for _ in 0..<20 {
      #expect(CheckpointDigest(tensors.shuffled(using: &random)) == whole)
    }
    #expect(CheckpointDigest(tensors.dropLast()) != whole)
    #expect(whole.description == "sha256:" + whole.hexadecimal)
  }

  @Test("more data than the tensor has is a caller's bug")
  func tooMuch() async {
    await #expect(processExitsWith: .failure) {
      var hasher = TensorHasher(try TensorInfo(name: "x", dtype: .uint8, shape: [1]))
      hasher.update(([1, 2] as [UInt8]).span.bytes)
    }
  }

  @Test("missing data is a caller's bug")
  func tooLittle() async {
    await #expect(processExitsWith: .failure) {
      var hasher = TensorHasher(try TensorInfo(name: "x", dtype: .uint8, shape: [2]))
      hasher.update(([1] as [UInt8]).span.bytes)
      _ = hasher.finish()
    }
  }

  @Test("a name that comes twice is a caller's bug")
  func twice() async {
    await #expect(processExitsWith: .failure) {
      let digest = TensorHasher(try TensorInfo(name: "x", dtype: .uint8, shape: [0])).finish()
      let name: TensorName = "x"
      _ = CheckpointDigest([(name: name, digest: digest), (name: name, digest: digest)])
    }
  }
}
