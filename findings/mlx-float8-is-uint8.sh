#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# mlx 0.32.4: a safetensors tensor of 8-bit floats is loaded as unsigned integers, without a word.
#
# A good guess is that mx.load gives the numbers of the file or refuses a dtype that MLX does not have. Of F8_E4M3 it
# takes the bits as uint8: 1.0, 2.0, -0.5 and 448.0 become 56, 64, 176 and 126. F8_E5M2 is refused.
#
# Seen:
#     F8_E4M3 [1.0, 2.0, -0.5, 448.0] is [56, 64, 176, 126] mlx.core.uint8
#     F8_E5M2 is refused
#
# In peftkit: `convert --dtype BF16` writes the numbers in a dtype that MLX has.
set -eu
. "$(dirname "$0")/common.sh"

run_python "mlx[cpu]==0.32.4" ml_dtypes==0.6.0 numpy==2.4.6 <<'PYTHON'
import json
import os
import struct
import tempfile

import ml_dtypes
import mlx.core
import numpy

path = os.path.join(tempfile.mkdtemp(), "model.safetensors")


def load(dtype, array):
    data = array.tobytes()
    header = json.dumps({"x": {"dtype": dtype, "shape": [array.size], "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + data)
    return mlx.core.load(path)["x"]


numbers = [1.0, 2.0, -0.5, 448.0]
loaded = load("F8_E4M3", numpy.array(numbers, ml_dtypes.float8_e4m3fn))
print(f"F8_E4M3 {numbers} is {loaded.tolist()} {loaded.dtype}")
assert loaded.tolist() == [56, 64, 176, 126] and loaded.dtype == mlx.core.uint8
try:
    refusal = load("F8_E5M2", numpy.array(numbers, ml_dtypes.float8_e5m2)) is None
except RuntimeError:
    refusal = True
print("F8_E5M2 is", "refused" if refusal else "loaded")
assert refusal
PYTHON
