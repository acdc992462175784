// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "include/CKernels.h"

/* The most rows whose sums are taken in the accumulators before they are added up in f64: a multiple of
 * every set's rows of a tile. */
enum { ck_update_run = 480 };
