// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// The main part of the CRC-32 of zip archives, by carry-less multiplication, faster than memory.
///
/// It leaves 16 bytes that zlib reduces. On a CPU without the instruction zlib does everything.
public enum ChecksumFolding {
  /// Whether this CPU has the instruction.
  public static let isAvailable = ck_crc32_is_available() != 0

  /// The smallest number of bytes that can be folded.
  public static let smallestByteCount = 64
  /// The number of bytes must be a multiple of this.
  public static let blockByteCount = 16

  /// Folds bytes into 16 bytes with the same remainder.
  ///
  /// - Parameters:
  ///   - state: the register of the checksum, which is the complement of its value.
  ///   - bytes: `smallestByteCount` or more, in whole blocks. Another number traps, as
  ///     does a CPU without the instruction.
  /// - Returns: bytes that take a register of zero to the same value as `bytes` take it from `state`.
  /// - Complexity: O(bytes).
  public static func fold(_ state: UInt32, _ bytes: RawSpan) -> [UInt8] {
    precondition(isAvailable, "folding needs carry-less multiplication")
    precondition(bytes.byteCount >= smallestByteCount, "too few bytes to fold")
    precondition(bytes.byteCount.isMultiple(of: blockByteCount), "bytes are folded in blocks")
    var remainder = [UInt8](repeating: 0, count: blockByteCount)
    // SAFETY: the kernel reads the counted bytes and writes 16, before the closures return.
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe remainder.withUnsafeMutableBytes { remainder in
        guard let start = buffer.baseAddress, let target = remainder.baseAddress else { return }
        unsafe ck_crc32_fold(state, start, buffer.count, target)
      }
    }
    return remainder
  }
}
