// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <zlib.h>

/* inflateInit2 is a macro. Negative window bits = raw DEFLATE, as in ZIP. */
static inline int czlib_inflate_init_raw(z_stream *_Nonnull stream) {
  return inflateInit2(stream, -MAX_WBITS);
}

/* deflateInit2 is a macro. 8 is DEF_MEM_LEVEL, which zlib.h does not export. */
static inline int czlib_deflate_init_raw(z_stream *_Nonnull stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
}
