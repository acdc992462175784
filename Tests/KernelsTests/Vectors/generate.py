# SPDX-License-Identifier: Apache-2.0
"""Writes forward.bin and conversions.bin: what real PEFT and torch compute. See README.md."""

import struct
from pathlib import Path

import torch
from peft import MultitaskPromptTuningConfig
from peft.tuners.multitask_prompt_tuning.model import MultitaskPromptEmbedding

HERE = Path(__file__).parent
FORMATS = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
torch.set_num_threads(1)


def raw(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def specials(shape, dtype, generator):
    """Numbers of all sizes, among them zeros of both signs, subnormals, infinities and NaN."""
    info = torch.finfo(dtype)
    tiny = info.smallest_normal
    values = [0.0, -0.0, 1.0, -1.0, 1.5, tiny, -tiny / 4, tiny * info.eps, info.max, -info.max,
              tiny**0.5, info.max**0.5, 3.0, -0.1, float("inf"), float("-inf"), float("nan")]
    table = torch.tensor(values, dtype=torch.float64).to(dtype)
    return table[torch.randint(0, len(values), shape, generator=generator)]


def case(file, stored, compute, K, V, R, D, B, L, T, draw, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(K, V, R), (K, R, D), (V, D)]
    if draw == "fresh":
        scales = [0.02, 0.02, 1.0]
        factors = [(torch.randn(s, generator=generator, dtype=torch.float64) * x).to(d)
                   for s, x, d in zip(shapes, scales, stored)]
    else:
        factors = [specials(s, d, generator) for s, d in zip(shapes, stored)]
    config = MultitaskPromptTuningConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=V, num_transformer_submodules=1, num_ranks=R,
        num_tasks=K, token_dim=D, num_layers=1, num_attention_heads=1)
    module = MultitaskPromptEmbedding(config, None)
    module.prefix_task_cols = torch.nn.Parameter(factors[0].clone())
    module.prefix_task_rows = torch.nn.Parameter(factors[1].clone())
    module.embedding.weight = torch.nn.Parameter(factors[2].clone())
    module = module.to(compute)
    tasks = torch.randint(0, K, (T,), generator=generator)
    indices = torch.randint(0, V, (B, L), generator=generator)
    with torch.no_grad():
        output = module(indices, tasks)
    assert output.shape == (B, L, D) and output.dtype == compute
    codes = [FORMATS.index(d) for d in (*stored, compute)]
    file.write(struct.pack("<12I", *codes, K, V, R, D, B, L, T, draw == "fresh"))
    for tensor in (*factors, tasks, indices, output):
        file.write(raw(tensor))


def forwards(file):
    seed = 1
    for compute in FORMATS:
        for draw in ("fresh", "special"):
            for K, V, R, D, B, L, T in [(1, 4, 1, 33, 1, 4, 1), (3, 5, 1, 70, 2, 5, 2),
                                        (2, 1, 1, 65, 2, 3, 1), (2, 4, 2, 33, 2, 4, 2),
                                        (2, 3, 8, 130, 1, 3, 1)]:
                case(file, (compute,) * 3, compute, K, V, R, D, B, L, T, draw, seed)
                seed += 1
        for stored in [(torch.bfloat16,) * 3, (torch.float16,) * 3, (torch.float64,) * 3,
                       (torch.float32, torch.bfloat16, torch.float16)]:
            case(file, stored, compute, 2, 3, 1, 17, 2, 3, 2, "fresh", seed)
            seed += 1


def conversions(file):
    """F32 numbers on and around every boundary between two F16 numbers, some BF16 ones, and F64."""
    halves = torch.arange(0, 0x7C00, 173, dtype=torch.int32).to(torch.int16)
    low = halves.view(torch.float16).float()
    high = (halves + 1).view(torch.float16).float()
    middle = (low + high) / 2
    around = torch.cat([low, middle, middle.nextafter(low), middle.nextafter(high)])
    random = torch.randint(-2**31, 2**31, (400,), generator=torch.Generator().manual_seed(1))
    random = random.to(torch.int32).view(torch.float32)
    ties = (random.view(torch.int32) & -65536 | 32768).view(torch.float32)
    singles = torch.cat([around, -around, random, ties,
                         torch.tensor([65504., 65519.996, 65520., 3.4e38, 2**-25, 2**-24 * 1.5,
                                       float("inf"), float("-inf"), float("nan"), -0.0])])
    doubles = torch.cat([singles.double() * (1 + 2**-40), singles.double() * (1 - 2**-40),
                         torch.tensor([1e-320, 1e308, 3.4028235677973366e38, -1e-46])])
    for values in (singles, doubles):
        file.write(struct.pack("<I", len(values)))
        file.write(raw(values))
        for target in FORMATS:
            file.write(raw(values.to(target)))


with open(HERE / "forward.bin", "wb") as file:
    forwards(file)
with open(HERE / "conversions.bin", "wb") as file:
    conversions(file)
