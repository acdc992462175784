// SPDX-License-Identifier: Apache-2.0
/* Conversions between the formats, in blocks that stay in the first-level cache. Included by
 * kernels_body.h. */

enum { CK_NAME(block) = 256 };

enum { CK_NAME(lanes) = CK_VECTOR_BYTES / sizeof(float) };

/* F16 -> F32. Where the CPU has no instruction for it, the compiler vectorises the last loop. */
static void CK_NAME(widen_f16)(ck_file_f32 *restrict target, const ck_file_u16 *restrict source,
                               size_t count) {
  size_t i = 0;
#ifdef CK_HAS_F16
  for (; i + CK_NAME(lanes) <= count; i += CK_NAME(lanes)) {
    CK_NAME(u16) halves;
    memcpy(&halves, source + i, sizeof halves);
    CK_NAME(v32) values = CK_NAME(widen)(halves);
    memcpy(target + i, &values, sizeof values);
  }
#endif
  for (; i < count; i++) target[i] = ck_f32_from_f16(source[i]);
}

/* F32 -> F16. */
static void CK_NAME(narrow_f16)(ck_file_u16 *restrict target, const ck_file_f32 *restrict source,
                                size_t count) {
  size_t i = 0;
#ifdef CK_HAS_F16
  for (; i + CK_NAME(lanes) <= count; i += CK_NAME(lanes)) {
    CK_NAME(v32) values;
    memcpy(&values, source + i, sizeof values);
    CK_NAME(u16) halves = CK_NAME(narrow)(values);
    memcpy(target + i, &halves, sizeof halves);
  }
#endif
  for (; i < count; i++) target[i] = ck_f16_from_f32(source[i]);
}

/* At most a block of any format -> F32, rounded to nearest. */
static void CK_NAME(load_f32)(ck_file_f32 *restrict target, const void *restrict source, int format,
                              size_t count) {
  switch (format) {
  case ck_f64:
    for (size_t i = 0; i < count; i++) target[i] = (float)((const ck_file_f64 *)source)[i];
    break;
  case ck_f32: memcpy(target, source, count * sizeof(float)); break;
  case ck_bf16:
    for (size_t i = 0; i < count; i++) {
      target[i] = ck_f32_from_bf16(((const ck_file_u16 *)source)[i]);
    }
    break;
  default: CK_NAME(widen_f16)(target, source, count);
  }
}

/* At most a block of any format -> F64, exactly. */
static void CK_NAME(load_f64)(double *restrict target, const void *restrict source, int format,
                              size_t count) {
  if (format == ck_f64) {
    memcpy(target, source, count * sizeof(double));
    return;
  }
  float values[CK_BLOCK];
  CK_NAME(load_f32)(values, source, format, count);
  for (size_t i = 0; i < count; i++) target[i] = (double)values[i];
}

static void CK_NAME(store_f32)(void *restrict target, int format,
                               const ck_file_f32 *restrict source, size_t count) {
  switch (format) {
  case ck_f32: memcpy(target, source, count * sizeof(float)); break;
  case ck_bf16:
    for (size_t i = 0; i < count; i++) ((ck_file_u16 *)target)[i] = ck_bf16_from_f32(source[i]);
    break;
  default: CK_NAME(narrow_f16)(target, source, count);
  }
}

void CK_NAME(convert)(void *target, int target_format, const void *source, int source_format,
                      size_t count) {
  size_t target_size = ck_size(target_format), source_size = ck_size(source_format);
  if (target_format == source_format) {
    memcpy(target, source, count * target_size);
    return;
  }
  for (size_t start = 0; start < count; start += CK_BLOCK) {
    size_t part = count - start < CK_BLOCK ? count - start : CK_BLOCK;
    char *to = (char *)target + start * target_size;
    const char *from = (const char *)source + start * source_size;
    if (target_format == ck_f64) {
      double values[CK_BLOCK];
      CK_NAME(load_f64)(values, from, source_format, part);
      memcpy(to, values, part * sizeof(double));
    } else {
      float values[CK_BLOCK];
      CK_NAME(load_f32)(values, from, source_format, part);
      CK_NAME(store_f32)(to, target_format, values, part);
    }
  }
}
