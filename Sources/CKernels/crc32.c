// SPDX-License-Identifier: Apache-2.0
/* CRC-32 of zip and gzip by carry-less multiplication.
 *
 * Bits are polynomials over GF(2), the CRC is the remainder modulo P. A block 512 bits in front of the
 * end weighs its value times x^512 mod P, so that whole blocks are multiplied by constants and added to
 * those that follow ("folded") until 128 bits are left that have the same remainder as everything. */

#include "include/CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

int ck_crc32_is_available(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("pclmul");
}

/* `value` moved to the front by the distance of `factors`, plus the value there. */
__attribute__((target("pclmul"), always_inline)) static inline __m128i fold(
    __m128i value, __m128i factors, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(value, factors, 0x00);
  __m128i high = _mm_clmulepi64_si128(value, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* The result of folding the blocks up to `end`, after those in front of `block` were folded into `all`. */
__attribute__((target("pclmul"), always_inline)) static inline __m128i fold_rest(
    __m128i all, const __m128i *block, const __m128i *end) {
  /* x^(128+32) and x^(128-32) modulo P, bits reflected. */
  const __m128i by_16_bytes = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  while (block < end) all = fold(all, by_16_bytes, _mm_loadu_si128(block++));
  return all;
}

__attribute__((target("pclmul"))) static void fold_by_128_bits(
    uint32_t state, const __m128i *block, const __m128i *end, __m128i *remainder) {
  /* x^(512+32) and x^(512-32). */
  const __m128i by_64_bytes = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  __m128i sum[4];
  for (int lane = 0; lane < 4; lane++) sum[lane] = _mm_loadu_si128(block++);
  sum[0] = _mm_xor_si128(sum[0], _mm_cvtsi32_si128((int)state));
  while (end - block >= 4)
    for (int lane = 0; lane < 4; lane++)
      sum[lane] = fold(sum[lane], by_64_bytes, _mm_loadu_si128(block++));
  _mm_storeu_si128(remainder, fold_rest(fold_rest(sum[0], sum + 1, sum + 4), block, end));
}

/* The same, 2,048 bits at a time. */
__attribute__((target("pclmul,vpclmulqdq,avx512f"))) static void fold_by_512_bits(
    uint32_t state, const __m128i *block, const __m128i *end, __m128i *remainder) {
  /* x^(2048+32) and x^(2048-32). */
  const __m512i by_256_bytes =
      _mm512_broadcast_i32x4(_mm_set_epi64x(0x1322d1430, 0x11542778a));
  __m512i sum[4];
  for (int lane = 0; lane < 4; lane++, block += 4) sum[lane] = _mm512_loadu_si512(block);
  sum[0] = _mm512_xor_si512(sum[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state)));
  while (end - block >= 16)
    for (int lane = 0; lane < 4; lane++, block += 4) {
      __m512i low = _mm512_clmulepi64_epi128(sum[lane], by_256_bytes, 0x00);
      __m512i high = _mm512_clmulepi64_epi128(sum[lane], by_256_bytes, 0x11);
      /* The exclusive or of three. */
      sum[lane] = _mm512_ternarylogic_epi64(low, high, _mm512_loadu_si512(block), 0x96);
    }
  __m128i blocks[16];
  for (int lane = 0; lane < 4; lane++) _mm512_storeu_si512(blocks + 4 * lane, sum[lane]);
  _mm_storeu_si128(
      remainder, fold_rest(fold_rest(blocks[0], blocks + 1, blocks + 16), block, end));
}

void ck_crc32_fold(uint32_t state, const void *bytes, size_t count, void *remainder) {
  const __m128i *block = bytes, *end = block + count / 16;
  __builtin_cpu_init();
  if (count >= 256 && __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f"))
    fold_by_512_bits(state, block, end, remainder);
  else
    fold_by_128_bits(state, block, end, remainder);
}

#else

int ck_crc32_is_available(void) { return 0; }

void ck_crc32_fold(uint32_t state, const void *bytes, size_t count, void *remainder) {
  (void)state, (void)bytes, (void)count, (void)remainder;
  __builtin_trap();
}

#endif
