// SPDX-License-Identifier: Apache-2.0
/* A survey of values in one read. Included by kernels_body.h. */

/* One element type: `any` over a block, vectorized, and a closer look at the blocks that need one. */
#define CK_SURVEY(bits)                                                                            \
  static void CK_NAME(survey_##bits)(const ck_file_u##bits *restrict from, size_t count,           \
                                     ck_value_survey *survey) {                                    \
    const uint##bits##_t mask = (uint##bits##_t)survey->special_mask;                              \
    const uint##bits##_t special = (uint##bits##_t)survey->special_bits;                           \
    const uint##bits##_t value_mask = (uint##bits##_t)survey->value_mask;                          \
    const uint##bits##_t one = (uint##bits##_t)survey->one;                                        \
    enum { block = 4096 / sizeof(uint##bits##_t) };                                                \
    for (size_t start = 0; start < count; start += block) {                                        \
      size_t length = count - start < block ? count - start : block;                               \
      const ck_file_u##bits *values = from + start;                                                \
      uint##bits##_t any_bits = 0, any_special = 0, any_other = 0;                                 \
      for (size_t i = 0; i < length; i++) {                                                        \
        uint##bits##_t value = values[i];                                                          \
        any_bits |= value;                                                                         \
        any_other |= value ^ one;                                                                  \
        any_special |= (uint##bits##_t)((value & mask) == special ? ~(uint##bits##_t)0 : 0);       \
      }                                                                                            \
      if (any_bits & value_mask) {                                                                 \
        size_t last = length;                                                                      \
        while ((values[last - 1] & value_mask) == 0) last--;                                       \
        survey->nonzero_end = survey->count + start + last;                                        \
      }                                                                                            \
      survey->other_count += any_other != 0;                                                       \
      if (any_special) {                                                                           \
        size_t found = 0;                                                                          \
        for (size_t i = 0; i < length; i++) found += (values[i] & mask) == special;                \
        if (survey->special_count == 0) {                                                          \
          size_t first = 0;                                                                        \
          while ((values[first] & mask) != special) first++;                                       \
          survey->first_special = survey->count + start + first;                                   \
        }                                                                                          \
        survey->special_count += found;                                                            \
      }                                                                                            \
    }                                                                                              \
    survey->count += count;                                                                        \
  }

CK_SURVEY(8)
CK_SURVEY(16)
CK_SURVEY(32)
CK_SURVEY(64)

#undef CK_SURVEY

void CK_NAME(survey_values)(const void *values, int element_size, size_t count, ck_value_survey *survey) {
  switch (element_size) {
  case 1: CK_NAME(survey_8)(values, count, survey); break;
  case 2: CK_NAME(survey_16)(values, count, survey); break;
  case 4: CK_NAME(survey_32)(values, count, survey); break;
  default: CK_NAME(survey_64)(values, count, survey);
  }
}
