# SPDX-License-Identifier: Apache-2.0
"""Pairs of tensors that differ, and how they do by numpy, torch and integers."""

import json
import math
import random
import struct
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
SEED = 20
FLOATS = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
INTEGERS = ["int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"]
SMALL_FLOATS = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
COUNT = 1500


def from_bits(bits, dtype, size):
    data = b"".join(value.to_bytes(size, "little") for value in bits)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(getattr(torch, dtype))


def bits_of(tensor):
    size = tensor.element_size()
    data = bytes(tensor.view(torch.uint8).numpy())
    return [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]


def special_bits(dtype, size):
    """Zeros, subnormals, one, the largest number, infinities and NaNs of several payloads."""
    numbers = torch.tensor([0.0, 1.0, float("inf"), float("nan")], dtype=getattr(torch, dtype))
    zero, one, infinity, nan = bits_of(numbers)
    positive = [zero, 1, 2, one - 1, one, one + 1, infinity - 1, infinity, infinity + 1]
    positive += [nan, nan + 1]
    return positive + [value | 1 << (8 * size - 1) for value in positive]


def changed_places(rng, count):
    """Single ones far apart, and a run."""
    places = set(rng.sample(range(count), 12)) | {0, count - 1}
    start = rng.randrange(count - 60)
    return sorted(places | set(range(start, start + 60)))


def float_pair(rng, dtype, size, has_special):
    special = special_bits(dtype, size)
    ordinary = from_bits([0] * COUNT, dtype, size)
    ordinary.copy_(torch.tensor([rng.gauss(0, 1) for _ in range(COUNT)], dtype=torch.float64))
    left = bits_of(ordinary)
    if has_special:
        for place in rng.sample(range(COUNT), 60):
            left[place] = rng.choice(special)
    right = list(left)
    for place in changed_places(rng, COUNT):
        kind = rng.randrange(0 if has_special else 2, 4)
        if kind == 0:
            left[place], right[place] = rng.choice(special), rng.choice(special)
        elif kind == 1:
            right[place] = rng.getrandbits(8 * size)
        elif kind == 2:
            right[place] ^= 1 << (8 * size - 1)
        else:
            right[place] ^= rng.randrange(1, 8)
    return from_bits(left, dtype, size), from_bits(right, dtype, size)


def bits_pair(rng, size, mask=-1):
    left = [rng.getrandbits(8 * size) & mask for _ in range(COUNT)]
    right = list(left)
    for place in changed_places(rng, COUNT):
        right[place] = rng.getrandbits(8 * size) & mask
    return left, right


def ordinal(bits, size):
    sign = 1 << (8 * size - 1)
    return bits if bits < sign else sign - bits


def places_of(dtype):
    """For each pattern of 8 bits the place of its number among all of the dtype."""
    numbers = from_bits(range(256), dtype, 1).double().tolist()
    ascending = sorted({number for number in numbers if number == number})
    return [ascending.index(number) if number == number else None for number in numbers]


def check_by_numpy(left, right, distances):
    """numpy's own count of steps, where it has one: not for bfloat16, and rounded to the dtype."""
    if left.dtype == torch.bfloat16:
        return
    exact = 2 / torch.finfo(left.dtype).eps
    places = [place for place, distance in distances.items() if distance < exact]
    assert len(places) > 10
    numbers = [tensor[places].numpy() for tensor in (left, right)]
    steps = numpy.testing.assert_array_max_ulp(*numbers, maxulp=exact)
    assert [int(step) for step in steps.flat] == [distances[place] for place in places]


def largest(values):
    """The largest of a dict and the first place that has it."""
    if not values:
        return None
    best = max(values.values())
    return best, next(place for place, value in values.items() if value == best)


def bits_of_double(found):
    return found and [str(struct.unpack("<Q", struct.pack("<d", found[0]))[0]), found[1]]


def expectation_of_floats(left, right, places=None):
    """By torch's conversion to F64, numpy's arithmetic there, and integers."""
    same_dtype = left.dtype == right.dtype
    size = left.element_size()
    a, b = left.double().numpy(), right.double().numpy()
    nan_a, nan_b = numpy.isnan(a), numpy.isnan(b)
    unequal = ~((a == b) | (nan_a & nan_b))
    distances, absolute, relative = {}, {}, {}
    left_bits, right_bits = bits_of(left), bits_of(right)
    for place in numpy.flatnonzero(unequal & ~nan_a & ~nan_b).tolist():
        with numpy.errstate(all="ignore"):
            absolute[place] = float(numpy.abs(a[place] - b[place]))
            share = float(numpy.float64(absolute[place]) / numpy.abs(a[place]))
        if a[place] != 0 and share == share:
            relative[place] = share
        if same_dtype:
            pair = left_bits[place], right_bits[place]
            first, second = (places[bits] if places else ordinal(bits, size) for bits in pair)
            distances[place] = abs(first - second)
    if len(distances) > 1 and not places:
        check_by_numpy(left, right, distances)
    ulp = largest(distances)
    return {
        "different": sum(l != r for l, r in zip(left_bits, right_bits)) if same_dtype else None,
        "unequal": int(unequal.sum()),
        "nan": int((nan_a ^ nan_b).sum()),
        "ulp": ulp and [str(ulp[0]), ulp[1]],
        "absolute": bits_of_double(largest(absolute)),
        "relative": bits_of_double(largest(relative)),
        "integer": None,
    }


def expectation_of_complex(left, right):
    """Part by part; differences as distances in the plane."""
    bits = [[(value & 0xFFFFFFFF, value >> 32) for value in bits_of(tensor)] for tensor in (left, right)]
    numbers = [[tuple(map(float, pair)) for pair in torch.view_as_real(tensor).double().tolist()] for tensor in (left, right)]
    unequal, nan, distances, absolute, relative = 0, 0, {}, {}, {}
    for place, (a, b, a_bits, b_bits) in enumerate(zip(*numbers, *bits)):
        same = [l == r or (l != l and r != r) for l, r in zip(a, b)]
        if all(same):
            continue
        unequal += 1
        if any((l != l) != (r != r) for l, r in zip(a, b)):
            nan += 1
            continue
        distances[place] = max(
            0 if equal else abs(ordinal(l, 4) - ordinal(r, 4)) for equal, l, r in zip(same, a_bits, b_bits))
        absolute[place] = plane(*(0.0 if equal else l - r for equal, l, r in zip(same, a, b)))
        length = plane(*a)
        share = absolute[place] / length if length != 0 else math.nan
        if share == share:
            relative[place] = share
    ulp = largest(distances)
    return {
        "different": sum(l != r for l, r in zip(*bits)), "unequal": unequal, "nan": nan,
        "ulp": ulp and [str(ulp[0]), ulp[1]], "absolute": bits_of_double(largest(absolute)),
        "relative": bits_of_double(largest(relative)), "integer": None,
    }


def plane(real, imaginary):
    if math.isinf(real) or math.isinf(imaginary):
        return math.inf
    return math.sqrt(real * real + imaginary * imaginary)


def expectation_of_bits(left, right, values):
    """`values` gives the numbers, or is None where only bits are compared."""
    expected = dict.fromkeys(("ulp", "absolute", "relative", "integer", "unequal"))
    expected |= {"different": sum(l != r for l, r in zip(bits_of(left), bits_of(right))), "nan": 0}
    if values:
        pairs = enumerate(zip(values(left), values(right)))
        differences = {place: abs(int(l) - int(r)) for place, (l, r) in pairs if l != r}
        found = largest(differences)
        expected |= {"unequal": len(differences), "integer": found and [str(found[0]), found[1]]}
    return expected


def main():
    rng = random.Random(SEED)
    cases = {}
    for dtype, size in FLOATS.items():
        for name, has_special in ((dtype, True), (f"{dtype}-finite", False)):
            left, right = float_pair(rng, dtype, size, has_special)
            cases[name] = (left, right, expectation_of_floats(left, right))
    bits = [[0, 1 << 31, 0x7FC00000], [1 << 31, 0, 0x7FC00001]]
    zeros = [from_bits(side, "float32", 4) for side in bits]
    cases["float32-bits-alone"] = (*zeros, expectation_of_floats(*zeros))
    for dtype in INTEGERS:
        size = getattr(torch, dtype).itemsize
        left, right = (from_bits(bits, dtype, size) for bits in bits_pair(rng, size))
        cases[dtype] = (left, right, expectation_of_bits(left, right, torch.Tensor.tolist))
    left, right = (from_bits(bits, "uint8", 1) for bits in bits_pair(rng, 1, mask=3))
    truth = [[bool(value) for value in tensor.tolist()] for tensor in (left, right)]
    expected = expectation_of_bits(left, right, lambda t: truth[0] if t is left else truth[1])
    cases["bool"] = (left.view(torch.bool), right.view(torch.bool), expected)
    left, right = (from_bits(bits, "complex64", 8) for bits in bits_pair(rng, 8))
    cases["complex64"] = (left, right, expectation_of_complex(left, right))
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -2.0]
    numbers = [[complex(rng.choice(special), rng.choice(special)) for _ in range(COUNT)] for _ in range(2)]
    left, right = (torch.tensor(side, dtype=torch.complex64) for side in numbers)
    cases["complex64-special"] = (left, right, expectation_of_complex(left, right))
    for dtype in SMALL_FLOATS:
        left, right = (from_bits(bits, dtype, 1) for bits in bits_pair(rng, 1))
        cases[dtype] = (left, right, expectation_of_floats(left, right, places_of(dtype)))
    dtype = "float4_e2m1fn_x2"
    left, right = (from_bits(bits, dtype, 1) for bits in bits_pair(rng, 1))
    expected = expectation_of_bits(left, right, None)
    pairs = list(zip(bits_of(left), bits_of(right)))  # two elements in a byte, the lower bits first
    expected["different"] = sum((l ^ r) & 15 > 0 for l, r in pairs)
    expected["different"] += sum((l ^ r) >> 4 > 0 for l, r in pairs)
    cases[dtype] = (left, right, expected)
    for source, target in [
        ("float32", "bfloat16"), ("bfloat16", "float16"), ("float64", "float32"),
    ]:
        left = cases[f"{source}-finite"][0].clone()
        right = left.to(getattr(torch, target))
        cases[f"{source}-{target}"] = (left, right, expectation_of_floats(left, right))
    for source, target in [("float16", "float32"), ("bfloat16", "float64"), ("float32", "float16")]:
        left = cases[source][0].clone()
        right = left.to(getattr(torch, target))
        cases[f"{source}-{target}"] = (left, right, expectation_of_floats(left, right))
    for source, target in [("float32", "float8_e4m3fn"), ("float8_e5m2", "bfloat16"), ("float8_e5m2fnuz", "float8_e4m3fnuz")]:
        left = cases[source][0].clone()
        right = left.float().to(getattr(torch, target))
        cases[f"{source}-{target}"] = (left, right, expectation_of_floats(left, right))
    for index, side in enumerate(("left", "right")):
        save_file({name: case[index] for name, case in cases.items()}, HERE / f"{side}.safetensors")
    expected = {name: case[2] for name, case in cases.items()}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
