#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# numpy 2.4.6 with ml_dtypes 0.6.0: .npy and .npz files do not say which of the small types an array has, and one type
# cannot be loaded again.
#
# A good guess is that np.load returns what np.save was given, as both know the types of ml_dtypes. Most are saved as raw
# bytes of their size: bfloat16 as |V2; the other types of one byte, of which int4 is one, as |V1. The file does not tell
# them apart. float8_e5m2 is saved as <f1, which np.load refuses.
#
# Seen:
#     bfloat16: |V2
#     float8_e4m3fn: |V1
#     float8_e8m0fnu: |V1
#     int4: |V1
#     float4_e2m1fn: |V1
#     float8_e5m2: refused
#
# In peftkit: |V2 is read as BF16 and <f1 as F8_E5M2; |V1 is refused (spec/numpy.md, the table of descr).
set -eu
. "$(dirname "$0")/common.sh"

run_python numpy==2.4.6 ml_dtypes==0.6.0 <<'PYTHON'
import io

import ml_dtypes
import numpy

seen = {}
for name in ("bfloat16", "float8_e4m3fn", "float8_e8m0fnu", "int4", "float4_e2m1fn", "float8_e5m2"):
    file = io.BytesIO()
    numpy.save(file, numpy.array([1, 2], getattr(ml_dtypes, name)))
    file.seek(0)
    try:
        seen[name] = numpy.load(file).dtype.str
    except ValueError:
        seen[name] = "refused"
    print(f"{name}: {seen[name]}")
assert seen.pop("bfloat16") == "|V2" and seen.pop("float8_e5m2") == "refused" and set(seen.values()) == {"|V1"}
PYTHON
