// SPDX-License-Identifier: Apache-2.0
/* The products of BF16 by an instruction that takes two ranks at a time: included by forward_body.h in
 * place of its own where CK_HAS_BF16.
 *
 * The instruction adds the product of the upper halves to a sum, then that of the lower halves, each by a
 * fused multiply-add that treats subnormal operands as zero and rounds subnormal sums to zero. The product
 * of two BF16 numbers has 16 significant bits. Where the exponents keep it, and with it every sum, away
 * from the subnormal numbers and from overflow, it is exact and fusing changes nothing: the bits are those
 * of a multiplication and an addition. Elsewhere those two are done.
 *
 * An absent rank is -0 * 0, and sums start at -0: to add to either changes no bit. Without any rank the sum
 * is 0. */

typedef struct {
  uint16_t below; /* the smallest magnitude that is not zero, less one; 0xFFFF where all are zero */
  uint16_t largest;
} CK_NAME(range);

/* Facts about the rows of the panel are stored after the columns, which need half their space. */
CK_INLINE CK_NAME(range) *CK_NAME(range_of_rows)(void *scratch) {
  return (CK_NAME(range) *)((uint32_t *)scratch + ck_columns_count / 2);
}

/* The same, while it is gathered. */
typedef struct {
  CK_NAME(u16x2) below, largest;
} CK_NAME(ranges);

CK_INLINE CK_NAME(ranges) CK_NAME(no_ranges)(void) {
  CK_NAME(u16x2) zero = {0};
  return (CK_NAME(ranges)){.below = ~zero, .largest = zero};
}

CK_INLINE void CK_NAME(extend)(CK_NAME(ranges) *ranges, __m512i halves) {
  CK_NAME(u16x2) magnitudes = (CK_NAME(u16x2))halves & 0x7FFF;
  ranges->below = __builtin_elementwise_min(ranges->below, magnitudes - 1);
  ranges->largest = __builtin_elementwise_max(ranges->largest, magnitudes);
}

CK_INLINE CK_NAME(range) CK_NAME(reduce)(const CK_NAME(ranges) *ranges) {
  return (CK_NAME(range)){.below = __builtin_reduce_min(ranges->below),
                          .largest = __builtin_reduce_max(ranges->largest)};
}

/* Whether every product of two factors is a normal number and a multiple of 2^-126, so that sums are too,
 * and at most 2^64 products do not overflow. */
static int CK_NAME(is_exact)(CK_NAME(range) columns, CK_NAME(range) rows) {
  const unsigned infinity = 0x7F80, smallest_normal = 0x80;
  if (columns.largest >= infinity || rows.largest >= infinity) return 0;
  unsigned column = columns.below + 1u, row = rows.below + 1u;
  if (column < smallest_normal || row < smallest_normal) return 0;
  /* With exponents E and F, biased, a product is a multiple of 2^(E-134) * 2^(F-134) and below
   * 2^(E-126) * 2^(F-126). */
  return (column >> 7) + (row >> 7) >= 268 - 126 &&
         (columns.largest >> 7) + (rows.largest >> 7) <= 252 + 127 - 64;
}

/* The rows of a task in tiles: panel[tile][pair][CK_WIDTH], the earlier rank in the upper half. */
static void CK_NAME(pack_pairs)(uint32_t *restrict panel, const char *restrict rows, size_t width,
                                size_t rank, size_t count, CK_NAME(range) *range) {
  CK_NAME(ranges) ranges = CK_NAME(no_ranges)();
  for (size_t start = 0; start < count; start += CK_LANES) {
    size_t part = count - start < CK_LANES ? count - start : CK_LANES;
    __mmask16 mask = (__mmask16)((1u << part) - 1);
    uint32_t *tile = panel + start / CK_WIDTH * CK_WIDTH * ((rank + 1) / 2) + start % CK_WIDTH;
    for (size_t r = 0; r < rank; r += 2, tile += CK_WIDTH) {
      const char *from = rows + (r * width + start) * CK_SIZE;
      __m512i pair = _mm512_slli_epi32(
          _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from)), 16);
      if (r + 1 < rank) {
        from += width * CK_SIZE;
        pair = _mm512_or_si512(
            pair, _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from)));
      }
      CK_NAME(extend)(&ranges, pair);
      _mm512_storeu_si512(tile, pair);
    }
    /* The rest of the tile is computed with, but not used. */
  }
  *range = CK_NAME(reduce)(&ranges);
}

/* The columns of a position, the earlier rank in the upper half: whole registers of them. */
static void CK_NAME(load_pairs)(uint32_t *restrict pairs, const char *restrict columns, size_t rank,
                                CK_NAME(ranges) *ranges) {
  for (size_t r = 0; r < rank; r += CK_ELEMENTS) {
    size_t part = rank - r < CK_ELEMENTS ? rank - r : CK_ELEMENTS;
    __mmask32 mask = (__mmask32)((1ull << part) - 1);
    __m512i absent = _mm512_set1_epi16((short)0x8000);
    __m512i pair = _mm512_mask_loadu_epi16(absent, mask, columns + r * CK_SIZE);
    CK_NAME(extend)(ranges, pair);
    _mm512_storeu_si512(pairs + r / 2, _mm512_rol_epi32(pair, 16));
  }
}

CK_INLINE CK_VECTOR CK_NAME(upper)(__m512i pairs) {
  return (CK_VECTOR)_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xFFFF0000));
}

CK_INLINE CK_VECTOR CK_NAME(lower)(__m512i pairs) {
  return (CK_VECTOR)_mm512_slli_epi32(pairs, 16);
}

/* One tile: sums[m][...] (+)= columns[m][r] * panel[r][...] over r ascending. */
CK_INLINE void CK_NAME(multiply_pairs_as)(float *restrict sums, size_t stride,
                                          const uint32_t *restrict columns,
                                          const uint32_t *restrict panel, size_t pairs, int first,
                                          int last, int exact) {
  const CK_VECTOR none = (CK_VECTOR)_mm512_set1_ps(pairs > 0 ? -0.0f : 0.0f);
  CK_VECTOR sum[CK_TILE_ROWS][CK_TILE_VECTORS];
#pragma clang loop unroll(full)
  for (int m = 0; m < CK_TILE_ROWS; m++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < CK_TILE_VECTORS; v++) {
      sum[m][v] = first ? none : CK_F(sums_at)(sums + m * stride + v * CK_LANES);
    }
  }
  for (size_t q = 0; q < pairs; q++) {
#pragma clang loop unroll(full)
    for (int m = 0; m < CK_TILE_ROWS; m++) {
      __m512i column = _mm512_set1_epi32((int)columns[m * ck_panel_rank / 2 + q]);
#pragma clang loop unroll(full)
      for (int v = 0; v < CK_TILE_VECTORS; v++) {
        __m512i row = _mm512_loadu_si512(panel + q * CK_WIDTH + v * CK_LANES);
        if (exact) {
          sum[m][v] =
              (CK_VECTOR)_mm512_dpbf16_ps((__m512)sum[m][v], (__m512bh)column, (__m512bh)row);
        } else {
          sum[m][v] = sum[m][v] + CK_NAME(upper)(column) * CK_NAME(upper)(row);
          sum[m][v] = sum[m][v] + CK_NAME(lower)(column) * CK_NAME(lower)(row);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int m = 0; m < CK_TILE_ROWS; m++) {
#pragma clang loop unroll(full)
    for (size_t v = 0; last && v < CK_TILE_VECTORS; v += CK_VECTORS) CK_F(round)(&sum[m][v]);
#pragma clang loop unroll(full)
    for (int v = 0; v < CK_TILE_VECTORS; v++) {
      memcpy(sums + m * stride + v * CK_LANES, &sum[m][v], sizeof sum[m][v]);
    }
  }
}

static void CK_NAME(multiply_pairs)(float *sums, size_t stride, const uint32_t *columns,
                                    const uint32_t *panel, size_t pairs, int first, int last,
                                    int exact) {
  if (exact) {
    CK_NAME(multiply_pairs_as)(sums, stride, columns, panel, pairs, first, last, 1);
  } else {
    CK_NAME(multiply_pairs_as)(sums, stride, columns, panel, pairs, first, last, 0);
  }
}

/* The products of up to CK_TILE_ROWS positions, into scratch->sums. */
static void CK_F(multiply_rows)(const ck_forward_job *job, const ck_forward_item *item,
                                size_t position, size_t positions, float *scratch) {
  uint32_t *columns = (uint32_t *)scratch;
  float *sums = scratch + ck_columns_count;
  uint32_t *panel = (uint32_t *)(sums + ck_tile_rows * ck_stride(job));
  CK_NAME(range) *range = CK_NAME(range_of_rows)(scratch);
  const char *from = (const char *)job->columns + item->task_run->columns * CK_SIZE;
  const char *rows = (const char *)job->rows + item->task_run->rows * CK_SIZE;
  int exact = 1;
  size_t start = 0;
  do {
    size_t rank = job->rank - start < ck_panel_rank ? job->rank - start : ck_panel_rank;
    size_t pairs = (rank + 1) / 2;
    if (rank < job->rank || !item->has_panel) {
      CK_NAME(pack_pairs)(panel, rows + (start * job->width + item->column) * CK_SIZE, job->width,
                          rank, item->width, range);
    }
    CK_NAME(ranges) ranges = CK_NAME(no_ranges)();
    for (size_t m = 0; m < CK_TILE_ROWS; m++) {
      uint32_t *row = columns + m * ck_panel_rank / 2;
      if (m < positions) {
        CK_NAME(load_pairs)(row, from + ((position + m) * job->rank + start) * CK_SIZE, rank,
                            &ranges);
      } else {
        memset(row, 0, pairs * sizeof *row);
      }
    }
    /* Sums that were not computed so may be subnormal. */
    exact = exact && CK_NAME(is_exact)(CK_NAME(reduce)(&ranges), *range);
    for (size_t i = 0; i < item->width; i += CK_WIDTH) {
      CK_NAME(multiply_pairs)(sums + i, ck_stride(job), columns, panel + i * pairs, pairs,
                              start == 0, start + rank == job->rank, exact);
    }
    start += rank;
  } while (start < job->rank);
}
