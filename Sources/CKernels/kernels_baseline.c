/* What every CPU of the architecture has: SSE2 on x86-64, NEON on arm64. */

#include "formats.h"

#define CK_NAME(name) ck_baseline_##name

#if defined(__aarch64__)
#include <arm_neon.h>
#define CK_HAS_FMA
#define CK_F16_LANES 4

CK_INLINE void ck_baseline_widen_lanes(float *target, const ck_file_u16 *source) {
  uint16x4_t halves;
  memcpy(&halves, source, sizeof halves);
  vst1q_f32(target, vcvt_f32_f16(vreinterpret_f16_u16(halves)));
}

CK_INLINE void ck_baseline_narrow_lanes(ck_file_u16 *target, const float *source) {
  uint16x4_t halves = vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(source)));
  memcpy(target, &halves, sizeof halves);
}
#endif

#include "kernels_body.h"
