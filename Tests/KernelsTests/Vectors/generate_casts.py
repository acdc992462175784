# SPDX-License-Identifier: Apache-2.0
"""Writes casts.txt and casts.bin: what torch's Tensor.to computes. See README.md."""

import struct
import zlib
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
torch.set_num_threads(1)

# Under the names of safetensors, in the order of DType.
DTYPES = {
    "U64": torch.uint64, "I64": torch.int64, "F64": torch.float64, "C64": torch.complex64,
    "F32": torch.float32, "U32": torch.uint32, "I32": torch.int32, "BF16": torch.bfloat16,
    "F16": torch.float16, "U16": torch.uint16, "I16": torch.int16,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz, "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E8M0": torch.float8_e8m0fnu, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}
NANS = {"F64": 0x7FF8 << 48, "F32": 0x7FC0 << 16, "BF16": 0x7FC0, "F16": 0x7E00, "C64": 0x7FC0 << 16,
        "F8_E5M2FNUZ": 0x80, "F8_E4M3FNUZ": 0x80, "F8_E8M0": 0xFF, "F8_E4M3": 0x7F, "F8_E5M2": 0x7F}
INTEGERS = ("U64", "I64", "U32", "I32", "U16", "I16", "I8", "U8")
WORDS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
RANDOM_COUNT = 16384


def tensor(bits, dtype):
    """The elements with these bits."""
    return torch.from_numpy(np.ascontiguousarray(bits).view(np.uint8)).view(dtype)


def bits(values):
    """The bits of the elements, one unsigned integer each."""
    return values.view(torch.uint8).numpy().view(WORDS[values.element_size()])


def wide(values):
    """As F64, or as integers of Python, exactly."""
    if values.dtype.is_floating_point:
        return values.to(torch.float64).numpy()
    if values.dtype == torch.bool:
        return (bits(values) != 0).astype(object)
    return bits(values).view(str(values.dtype).removeprefix("torch.")).astype(object)


def accepted(values, target):
    """Which elements an integer dtype holds once their fraction is cut off; all, for others."""
    if target not in INTEGERS:
        return np.ones(len(values), dtype=bool)
    limits = torch.iinfo(DTYPES[target])
    numbers = wide(values)
    if values.dtype.is_floating_point:
        numbers = [int(x) if np.isfinite(x) else None for x in numbers]
    return np.array([x is not None and limits.min <= x <= limits.max for x in numbers])


def canonical(result, target):
    """The bits of a result, every NaN the same; of C64 the real and the imaginary parts."""
    if target == "C64":
        result = torch.view_as_real(result).flatten()
    words = bits(result).copy()
    if result.dtype.is_floating_point:
        words[np.isnan(wide(result))] = NANS[target]
    return words


def counts(values, result, target):
    """Saturated, infinite, infinite from finite, NaN, NaN from a number, sign lost (K16)."""
    if target in INTEGERS or target == "BOOL":
        return [0] * 6
    before, after = wide(values), wide(result.real if target == "C64" else result)
    before = before.astype(np.float64)
    single = values.to(torch.float32).numpy()
    saturated = np.abs(single) > 464 if target == "F8_E4M3" else np.zeros(len(single), dtype=bool)
    assert (np.abs(after[saturated]) == 448).all()
    lost = (single < 0) & (after > 0)
    assert target == "F8_E8M0" or not lost.any()
    return [int(x.sum()) for x in (
        saturated, np.isinf(after), np.isinf(after) & np.isfinite(before),
        np.isnan(after), np.isnan(after) & ~np.isnan(before), lost)]


class SplitMix:
    """The numbers of SeededGenerator in Swift."""

    def __init__(self, seed):
        self.state = seed

    def next(self, count):
        with np.errstate(over="ignore"):
            steps = np.arange(1, count + 1, dtype=np.uint64)
            word = np.uint64(self.state) + steps * np.uint64(0x9E3779B97F4A7C15)
            self.state = int(word[-1])
            word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return word ^ (word >> np.uint64(31))


def draw(name):
    """Random elements of a wide dtype. CastVectors.swift draws the same from the same seed."""
    words = SplitMix(list(DTYPES).index(name)).next(RANDOM_COUNT)
    u = np.uint64
    low = words & u(0xFFFFFFFF)
    if name in ("F32", "F64"):
        # Sign and significand with trailing zeros, so that some are halfway; exponents from -40 to 23,
        # and those of all sizes in each fourth.
        dropped = u(3) + (low & u(15))
        single = (words >> u(32) & u(0x807FFFFF)) >> dropped << dropped
        single |= (u(87) + (low >> u(4) & u(63))) << u(23)
        every_fourth = np.arange(RANDOM_COUNT) % 4 == 0
        single[every_fourth] = words[every_fourth] >> u(32)
        single = single.astype(np.uint32)
        if name == "F32":
            return single
        # One unit of F64 to either side of some.
        numbers = single.view(np.float32)
        with np.errstate(invalid="ignore"):
            double = numbers.astype(np.float64).view(np.uint64)
        double[np.isnan(numbers)] = 0x7FF8 << 48
        return double + (low >> u(10) & u(1)) - (low >> u(11) & u(1))
    width = {"U64": 64, "I64": 64, "U32": 32, "I32": 32}[name]
    word = {64: np.uint64, 32: np.uint32}[width]
    signed = {64: np.int64, 32: np.int32}[width]
    shift = (words & u(width - 1)).astype(word)
    value = (words >> u(64 - width)).astype(word)
    if name[0] == "U":
        return value >> shift
    return (value.view(signed) >> shift.view(signed)).view(word)


def edges():
    """F32 on and around what the formats round at, with the numbers around which integers end."""
    found = []
    for name, step in [("F8_E4M3", 1), ("F8_E5M2", 1), ("F8_E4M3FNUZ", 16), ("F8_E5M2FNUZ", 16),
                       ("F8_E8M0", 12), ("F16", 971), ("BF16", 1013)]:
        dtype = DTYPES[name]
        top = 1 << 8 * dtype.itemsize - (name != "F8_E8M0")
        codes = np.arange(0, top, step).astype(WORDS[dtype.itemsize])
        numbers = np.unique(tensor(codes, dtype).to(torch.float32).numpy())
        numbers = numbers[np.isfinite(numbers)]
        # The next one below each of them, in the format.
        finer = tensor(codes[1:] - 1, dtype).to(torch.float32).numpy().astype(np.float64)
        upper = tensor(codes[1:], dtype).to(torch.float32).numpy().astype(np.float64)
        middle = ((finer + upper) / 2)[np.isfinite(upper)].astype(np.float32)
        around = [middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))]
        found += [numbers[::7], *around]
    values = np.unique(np.concatenate(found))
    values[::2] *= -1
    integers = [s * (2.0**p + d) for p in (7, 8, 15, 16, 31, 32, 63, 64) for s in (1, -1)
                for d in (-1, -0.5, 0, 0.5, 1)]
    special = [0.0, -0.0, 0.5, -0.5, -0.999, -1.0, 464.0, 464.00003, 465.0, 1e6, 247.99, 248.0, 61439.0,
               61440.0, -61440.0, 65519.0, 65520.0, 3.3895e38, 3.3961e38, 3.4028235e38, 2.56e38, 1e-45,
               2**-127, 2**-126, 1.5 * 2**-127, np.inf, -np.inf]
    values = np.concatenate([values, np.array(integers + special, dtype=np.float32)])
    nans = np.array([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF], dtype=np.uint32)
    return np.concatenate([values.view(np.uint32), nans])


def explicit(name):
    if name == "F32":
        return edges()
    if name == "F64":
        single = edges().view(np.float32)[::8].astype(np.float64)
        # Rounded twice: what is just off the middle falls onto it on the way to F32.
        close = [single, single * (1 + 2**-40), single * (1 - 2**-40)]
        special = [1e300, -1e300, 1e-320, 1e-46, 3.4028235677973366e38, 2.0**63 - 1024, 2.0**63,
                   -2.0**63, -2.0**63 - 2048, 2.0**64 - 2048, 2.0**64, 2147483647.5, -2147483648.5,
                   4294967295.5, 255.99999999999997, -0.9999999999999999]
        return np.concatenate([*close, np.array(special)]).view(np.uint64)
    limits = torch.iinfo(DTYPES[name])
    powers = [s * (1 << p) + d for p in range(0, 65, 1) for s in (1, -1) for d in (-1, 0, 1)]
    ties = [(1 << p) + (1 << (p - q)) + d for p in (26, 30, 40, 62, 63) for q in (3, 4, 8, 9, 11, 12, 24, 25)
            for d in (-1, 0, 1)]
    numbers = sorted(n for n in set(powers + ties) if limits.min <= n <= limits.max)[::2 if "64" in name else 1]
    numbers += [limits.min, limits.max]
    word = WORDS[DTYPES[name].itemsize]
    return np.array([n % (1 << 8 * DTYPES[name].itemsize) for n in numbers], dtype=word)


def casts(name, words):
    """For each target but the source itself: which are accepted, their results, the counts."""
    values = tensor(words, DTYPES[name])
    for target, dtype in DTYPES.items():
        if target == name:
            continue
        mask = accepted(values, target)
        part = tensor(words[mask], DTYPES[name])
        # A copy in one piece: torch's results are those of its vector code.
        result = part.to(dtype)
        yield target, mask, canonical(result, target), counts(part, result, target)


with open(HERE / "casts.txt", "w") as file:
    for name, dtype in DTYPES.items():
        if name == "C64":
            continue
        size = dtype.itemsize
        words = np.arange(1 << 8 * size).astype(WORDS[size]) if size <= 2 else draw(name)
        for target, mask, result, numbers in casts(name, words):
            print(name, target, int(mask.sum()), f"{zlib.crc32(result.tobytes()):08x}", *numbers, file=file)

with open(HERE / "casts.bin", "wb") as file:
    for name in ("F32", "F64", "U32", "I32", "U64", "I64"):
        words = explicit(name)
        file.write(struct.pack("<I", len(words)))
        file.write(words.tobytes())
        for target, mask, result, _ in casts(name, words):
            file.write(mask.astype(np.uint8).tobytes())
            file.write(result.tobytes())
