/* CRC-32 of zip and gzip by carry-less multiplication.
 *
 * Bits are polynomials over GF(2), the CRC is the remainder modulo P. A block 512 bits in front of the
 * end weighs its value times x^512 mod P, so that whole blocks are multiplied by constants and added to
 * those that follow ("folded") until 128 bits are left that have the same remainder as everything. */

#include "include/CKernels.h"

#if defined(__x86_64__)
#include <wmmintrin.h>

int ck_crc32_is_available(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("pclmul");
}

/* `value` moved to the front by the distance that `factors` stand for, plus what stands there. */
__attribute__((target("pclmul"), always_inline)) static inline __m128i fold(
    __m128i value, __m128i factors, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(value, factors, 0x00);
  __m128i high = _mm_clmulepi64_si128(value, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul"))) void ck_crc32_fold(uint32_t state, const void *bytes,
                                                     size_t count, void *remainder) {
  /* x^(512+32), x^(512-32) and x^(128+32), x^(128-32) modulo P, bits reflected. */
  const __m128i by_64_bytes = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i by_16_bytes = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  const __m128i *block = bytes, *end = block + count / 16;
  __m128i sum[4];
  for (int lane = 0; lane < 4; lane++) sum[lane] = _mm_loadu_si128(block++);
  sum[0] = _mm_xor_si128(sum[0], _mm_cvtsi32_si128((int)state));
  while (end - block >= 4)
    for (int lane = 0; lane < 4; lane++)
      sum[lane] = fold(sum[lane], by_64_bytes, _mm_loadu_si128(block++));
  __m128i all = sum[0];
  for (int lane = 1; lane < 4; lane++) all = fold(all, by_16_bytes, sum[lane]);
  while (block < end) all = fold(all, by_16_bytes, _mm_loadu_si128(block++));
  _mm_storeu_si128(remainder, all);
}

#else

int ck_crc32_is_available(void) { return 0; }

void ck_crc32_fold(uint32_t state, const void *bytes, size_t count, void *remainder) {
  (void)state, (void)bytes, (void)count, (void)remainder;
  __builtin_trap();
}

#endif
