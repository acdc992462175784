// SPDX-License-Identifier: Apache-2.0
#if canImport(CryptoKit)
  internal import CryptoKit
#else
  internal import CNettle
#endif

/// A SHA-256 in progress, computed by CryptoKit on Apple platforms and by nettle elsewhere.
struct SHA256Hash: Sendable {
  #if canImport(CryptoKit)
    private var state = SHA256()
  #else
    private var state = sha256_ctx()
  #endif

  /// The hash of no bytes yet.
  init() {
    #if !canImport(CryptoKit)
      unsafe nettle_sha256_init(&state)
    #endif
  }

  /// Adds bytes.
  ///
  /// - Complexity: O(bytes), no allocation.
  mutating func update(_ bytes: RawSpan) {
    // SAFETY: the buffer is read before the closure returns.
    unsafe bytes.withUnsafeBytes { buffer in
      #if canImport(CryptoKit)
        unsafe state.update(bufferPointer: buffer)
      #else
        guard let start = unsafe buffer.assumingMemoryBound(to: UInt8.self).baseAddress else {
          return
        }
        unsafe nettle_sha256_update(&state, buffer.count, start)
      #endif
    }
  }

  /// The 32 bytes of the digest.
  consuming func finish() -> [UInt8] {
    #if canImport(CryptoKit)
      // SAFETY: the buffer is copied before the closure returns.
      return unsafe state.finalize().withUnsafeBytes { unsafe [UInt8]($0) }
    #else
      return unsafe [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_SIZE)) { buffer, count in
        // SAFETY: nettle writes SHA256_DIGEST_SIZE bytes, the capacity of the buffer.
        guard let start = buffer.baseAddress else { return }
        unsafe cnettle_sha256_digest(&state, start)
        count = buffer.count
      }
    #endif
  }
}
