# SPDX-License-Identifier: Apache-2.0
"""The rules by which an output agrees with PEFT's, computed independently of peftkit.

Rank 1: every value equal. Above: the order of summation is the library's own, so each element must
be within a bound that holds for every order. See Numerics in the project's documentation.
"""

from fractions import Fraction

import torch

SMALLEST_NORMAL_BF16 = 2.0**-126
# Unit roundoff and smallest subnormal.
UNIT = {
    torch.float32: 2.0**-24,
    torch.float64: 2.0**-53,
    torch.float16: 2.0**-11,
    torch.bfloat16: 2.0**-8,
}
TINY = {
    torch.float32: 2.0**-149,
    torch.float64: 2.0**-1074,
    torch.float16: 2.0**-24,
    torch.bfloat16: 2.0**-133,
}


def same_values(ours, theirs):
    """Where two outputs hold the same value: -0 is 0, NaN is NaN."""
    return (ours == theirs) | (ours.isnan() & theirs.isnan())


def exact_products(columns, rows):
    """p = sum of c*r and a = sum of |c||r| for every task, token and dimension, as fractions.

    The third is the part of a that BF16 kernels of some CPUs may take for zero.
    """
    products, magnitudes, small = [], [], []
    for task_columns, task_rows in zip(columns.tolist(), rows.tolist(), strict=True):
        columns_exact = [[Fraction(value) for value in line] for line in task_columns]
        rows_exact = [[Fraction(value) for value in line] for line in zip(*task_rows, strict=True)]
        terms = [
            [[c * r for c, r in zip(column, row, strict=True)] for row in rows_exact]
            for column in columns_exact
        ]
        products.append([[sum(cell) for cell in line] for line in terms])
        magnitudes.append([[sum(map(abs, cell)) for cell in line] for line in terms])
        small.append(
            [
                [small_terms(column, row, cell) for row, cell in zip(rows_exact, line, strict=True)]
                for column, line in zip(columns_exact, terms, strict=True)
            ]
        )
    return products, magnitudes, small


def small_terms(column, row, terms):
    """The magnitudes of the terms that are subnormal or have a subnormal factor, summed."""
    return sum(
        abs(term)
        for c, r, term in zip(column, row, terms, strict=True)
        if min(abs(c), abs(r), abs(term)) < SMALLEST_NORMAL_BF16
    )


def error_bound(e, p, a, rank, dtype):
    """How far an element may be from e*p, all given as fractions."""
    accumulator = torch.float64 if dtype == torch.float64 else torch.float32
    unit, tiny = Fraction(UNIT[dtype]), Fraction(TINY[dtype])
    g = rank * Fraction(UNIT[accumulator])
    delta = g * a + rank * Fraction(TINY[accumulator]) / 2
    if dtype in (torch.float16, torch.bfloat16):
        delta += unit * (abs(p) + g * a) + tiny / 2
    return abs(e) * delta + unit * abs(e) * (abs(p) + delta) + tiny / 2


def elements(embedding, case):
    """Index of each output element with its factors' indices: task, embedding row, prompt row."""
    rows = case.rows(embedding.embedding.num_embeddings)
    batch, length = rows.shape
    tokens = embedding.embedding.num_embeddings
    for b in range(batch):
        task = case.task_ids[b if len(case.task_ids) > 1 else 0]
        for position in range(length):
            prompt_row = position if tokens > 1 else 0
            yield (b, position), task, int(rows[b, position]), prompt_row


def bounds(embedding, case):
    """The exact value and the bound of every element, by (b, l, d), and the bound of PEFT's.

    They are one, save in BF16, where PEFT's output may lack small terms.
    """
    dtype = embedding.embedding.weight.dtype
    products, magnitudes, small = exact_products(
        embedding.prefix_task_cols, embedding.prefix_task_rows
    )
    words = [[Fraction(value) for value in line] for line in embedding.embedding.weight.tolist()]
    result = {}
    for (b, position), task, word, prompt_row in elements(embedding, case):
        line = zip(
            words[word],
            products[task][prompt_row],
            magnitudes[task][prompt_row],
            small[task][prompt_row],
            strict=True,
        )
        for d, (e, p, a, missing) in enumerate(line):
            bound = error_bound(e, p, a, embedding.num_ranks, dtype)
            loose = bound
            if dtype == torch.bfloat16 and missing:
                largest = error_bound(e, abs(p) + missing, a, embedding.num_ranks, dtype)
                loose = largest + abs(e) * missing
            result[b, position, d] = (e * p, bound, loose)
    return result


def may_be_flushed(embedding, case):
    """Where BF16 kernels of some CPUs give zero: a factor or a product is subnormal there."""

    def subnormal(value):
        return (value != 0) & (value.abs() < SMALLEST_NORMAL_BF16)

    rows = case.rows(embedding.embedding.num_embeddings)
    task_ids = torch.tensor(case.task_ids)
    words = embedding.embedding.weight.detach().double()[rows]
    columns = embedding.prefix_task_cols.detach().double()[task_ids]
    task_rows = embedding.prefix_task_rows.detach().double()[task_ids]
    product = columns @ task_rows
    in_columns = subnormal(columns).any(-1, keepdim=True)
    in_rows = subnormal(task_rows).any(-2, keepdim=True)
    return in_columns | in_rows | subnormal(words) | subnormal(product) | subnormal(words * product)


def disagreement(embedding, case, ours, theirs):
    """Why `ours` does not agree with PEFT's output `theirs`, or None."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return f"{ours.dtype} {list(ours.shape)} is not {theirs.dtype} {list(theirs.shape)}"
    good = same_values(ours, theirs)
    if theirs.dtype == torch.bfloat16:
        good |= may_be_flushed(embedding, case) & ((ours == 0) | (theirs == 0))
    if embedding.num_ranks > 1 and not good.all():
        exact = bounds(embedding, case)
        for index in (~good).nonzero().tolist():
            value, bound, loose = exact[tuple(index)]
            good[tuple(index)] = all(
                output.isfinite() and abs(Fraction(output.item()) - value) <= limit
                for output, limit in ((ours[tuple(index)], bound), (theirs[tuple(index)], loose))
            )
    if good.all():
        return None
    index = tuple((~good).nonzero()[0].tolist())
    count = f"{int((~good).sum())} of {good.numel()} differ"
    return f"{count}, first {index}: {ours[index]} {theirs[index]}"
