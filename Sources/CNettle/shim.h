// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nettle/sha2.h>
#include <nettle/version.h>

/* Nettle 4 dropped the length. */
static inline void cnettle_sha256_digest(struct sha256_ctx *_Nonnull state, uint8_t *_Nonnull digest) {
#if NETTLE_VERSION_MAJOR >= 4
  nettle_sha256_digest(state, digest);
#else
  nettle_sha256_digest(state, SHA256_DIGEST_SIZE, digest);
#endif
}
