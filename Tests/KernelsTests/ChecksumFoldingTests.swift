// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors
import Testing

@Suite(
  "CRC-32 by folding",
  .enabled(if: ChecksumFolding.isAvailable, "this CPU has no carry-less multiplication"))
struct ChecksumFoldingTests {
  /// The register after some bytes, a bit at a time, as the polynomial's definition has it.
  private func register(_ start: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
    var value = start
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
    return value
  }

  @Test("what remains leads to the same register", arguments: [0, 1, 0xFFFF_FFFF, 0xDEAD_BEEF])
  func remainder(state: UInt32) {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<3000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    for start in [0, 1, 13] {
      for count in stride(from: ChecksumFolding.smallestByteCount, through: 2900, by: 16) {
        let part = bytes[start..<start + count]
        let folded = ChecksumFolding.fold(state, part.span.rawBytes)
        let isSame = register(0, folded) == register(state, part)
        #expect(isSame, "\(count) bytes from \(start)")
      }
    }
  }
}
