# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors beside this script with Python's own json: run it with Python 3.11 or newer.

floats.txt   bits of a double in hexadecimal, and its repr
numbers.txt  a number as a document, and json.dumps(json.loads(it))
"""

import json
import math
import pathlib
import random
import struct

HERE = pathlib.Path(__file__).parent
draw = random.Random(20240607)


def double(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


values = [0.0, -0.0, 1.0, -1.0, 0.1, 0.2, 0.3, 100.0, 1e15, 1e16, 1e17, 1e21, 1e22, 1e23, 1e100]
values += [0.001, 0.0001, 0.00001, 0.00012345, 0.000012345, 9999999999999998.0, 12345678901234567.0]
values += [5e-324, 1e-323, 2.225073858507201e-308, 2.2250738585072014e-308, 1.7976931348623157e308]
values += [2.0**53 - 1, 2.0**53, 2.0**53 + 2, 2.0**54, 2.0**63, 2.0**64, math.pi, math.e]
values += [2.0**exponent for exponent in range(-1074, 1024, 23)]
values += [float(f"1e{exponent}") for exponent in range(-308, 309, 11)]
while len(values) < 400:
    value = double(draw.getrandbits(64))
    if math.isfinite(value):
        values.append(value)
while len(values) < 500:
    values.append(draw.randint(-(10**6), 10**6) / 10 ** draw.randint(0, 10))
(HERE / "floats.txt").write_text("".join(f"{bits(v):016x} {v!r}\n" for v in values))

numbers = ["0", "-0", "-0.0", "0.0", "0e0", "-0e5", "1e5", "1E5", "1e+5", "1E-5", "1.50", "1.0e00"]
numbers += ["1E400", "-1E400", "1e99999999999999999999", "1e-400", "-1e-400", "1e-99999999999999999999"]
numbers += ["4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623158e308"]
numbers += ["1.7976931348623159e308", "9007199254740993.0", "0." + "0" * 400 + "1", "1" * 400 + ".0"]
numbers += ["0.1000000000000000055511151231257827021181583404541015625", "8.5e-1", "123456789012345678.0"]
edges = [10**18 - 1, 10**18, 10**18 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64, 10**19, 10**40]
numbers += [str(sign * edge) for edge in edges for sign in (1, -1)]
while len(numbers) < 200:
    digits = str(draw.randint(0, 10 ** draw.randint(1, 30)))
    fraction = "." + str(draw.randint(0, 10 ** draw.randint(1, 30))) if draw.random() < 0.7 else ""
    exponent = f"e{draw.randint(-340, 320)}" if draw.random() < 0.7 else ""
    numbers.append(draw.choice(["", "-"]) + digits + fraction + exponent)
(HERE / "numbers.txt").write_text("".join(f"{n} {json.dumps(json.loads(n))}\n" for n in numbers))
