# SPDX-License-Identifier: Apache-2.0
"""The random numbers of `peftkit mpt init`, written a second time, from spec/mpt-operations.md, O1 to O5."""

import math

WORD = 2**64 - 1


def rotated(word, by):
    return (word << by | word >> (64 - by)) & WORD


def words(seed, stream):
    """xoshiro256**, its state four words of SplitMix64."""
    gamma = 0x9E3779B97F4A7C15
    state = []
    for number in range(4 * stream + 1, 4 * stream + 5):
        word = (seed + number * gamma) & WORD
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & WORD
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB & WORD
        state.append(word ^ (word >> 31))
    while True:
        yield rotated(state[1] * 5 & WORD, 7) * 9 & WORD
        shifted = state[1] << 17 & WORD
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = rotated(state[3], 45)


def logarithm(value):
    fraction, exponent = math.frexp(value)
    fraction, exponent = fraction * 2, exponent - 1
    if fraction > 1.4142135623730951:
        fraction, exponent = fraction / 2, exponent + 1
    t = (fraction - 1) / (fraction + 1)
    square = t * t
    total = 1 / 23
    for divisor in range(21, 0, -2):
        total = total * square + 1 / divisor
    return exponent * 0.6931471805599453 + 2 * t * total


def normals(seed, stream):
    source = words(seed, stream)
    while True:
        x = (next(source) >> 11) * 2.0**-52 - 1
        y = (next(source) >> 11) * 2.0**-52 - 1
        square = x * x + y * y
        if 0 < square < 1:
            factor = math.sqrt(-2 * logarithm(square) / square)
            yield x * factor
            yield y * factor
