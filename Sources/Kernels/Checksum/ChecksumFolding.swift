internal import CKernels

/// CRC-32 as zip archives have it, by carry-less multiplication: the bulk of it, faster than memory.
///
/// What is left, 16 bytes, is for a library to reduce; so is everything on a CPU without the
/// instruction.
public enum ChecksumFolding {
  /// Whether this CPU can do it.
  public static let isAvailable = ck_crc32_is_available() != 0

  /// The smallest count of bytes that can be folded.
  public static let smallestByteCount = 64
  /// Counts must be multiples of this.
  public static let blockByteCount = 16

  /// Folds bytes into 16 with the same remainder.
  ///
  /// - Parameters:
  ///   - state: the register of the checksum, which is the complement of its value.
  ///   - bytes: `smallestByteCount` or more, in whole blocks. Another count is a caller's bug and
  ///     traps, as does a CPU that cannot do it.
  /// - Returns: bytes that lead from a register of zero to the same register as all of `bytes` lead
  ///   to from `state`.
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
