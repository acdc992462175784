#pragma once
#include <zlib.h>

/* inflateInit2 is a macro. Negative window bits = raw DEFLATE, as in ZIP. */
static inline int czlib_inflate_init_raw(z_stream *_Nonnull stream) {
  return inflateInit2(stream, -MAX_WBITS);
}
