# SPDX-License-Identifier: Apache-2.0
"""Measures where PEFT rounds when it merges: the table of spec/merging.md (MG2).

Each case is one layer with random weights, an adapter that PEFT saved and loads again, and
`merge_and_unload`. The bits of the merged weight are compared with candidates: formulas of the
file's tensors in F32 or F64 with roundings in different places. Of the candidates that differ, one
agrees with (nearly) every element; sums of matrix products may differ in the last bit of F32, which
crosses a rounding edge of BF16 about once in ten thousand elements.

    python3 measure_merges.py [--loading HOW] [--adapters COUNT] [WORD ...]
"""

import argparse
import dataclasses
import pathlib
import sys
import tempfile
import warnings
from collections.abc import Callable

import torch
from peft import (
    AdaLoraConfig,
    IA3Config,
    LoHaConfig,
    LoKrConfig,
    LoraConfig,
    MissConfig,
    PeftModel,
    TrainableTokensConfig,
    VeraConfig,
    get_peft_model,
)
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.pytorch_utils import Conv1D

warnings.filterwarnings("ignore")

NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}
RANK = 6
ALPHA = 4


class Holder(nn.Module):
    """A model of one layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)


class Experts(nn.Module):
    """A layer whose weight is a parameter, as expert stacks are in transformers 5."""

    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(*shape))


class TransposedExperts(Experts):
    """One whose module says that it is [experts, in, out]."""

    is_transposed = True


class TwoLayers(nn.Module):
    """The layer that is adapted, and one that is saved whole."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(48, 64)
        self.head = nn.Linear(64, 10)


@dataclasses.dataclass
class Case:
    """A layer, an adapter of it, and the exact formula.

    `change` takes the tensors of the file by the last parts of their names, the weight, and a function
    `step`, through which each intermediate result goes that PEFT may round. It returns the delta of an
    addition or, with `whole`, the new weight. `again` is the formula of a second adapter where it is
    another one.
    """

    name: str
    layer: Callable[[], nn.Module]
    config: Callable
    change: Callable
    weight: str = "layer.weight"
    whole: bool = False
    cls: str = "Linear"
    model: type = Holder
    again: Callable | None = None


def lora_scale(rslora=False):
    return ALPHA / RANK**0.5 if rslora else ALPHA / RANK


def lora(**settings):
    return lambda: LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        init_lora_weights=False,
        **({"target_modules": ["layer"]} | settings),
    )


def product(t, _, step, scale=lora_scale(), transposed=False):
    delta = t["lora_B.weight"] @ t["lora_A.weight"]
    return step((delta.T if transposed else delta) * scale)


def embedding_product(t, _, step):
    return step((t["lora_embedding_B"] @ t["lora_embedding_A"]).T * lora_scale())


def convolution_product(t, weight, step):
    a, b = t["lora_A.weight"], t["lora_B.weight"]
    return step((b.flatten(1) @ a.flatten(1)).reshape(weight.shape) * lora_scale())


def experts_product(t, weight, step, transposed=False):
    count = weight.shape[0]
    a, b = t["lora_A.weight"], t["lora_B.weight"]
    a = a.reshape(count, -1, a.shape[-1])
    b = b.reshape(b.shape[0], -1, count)
    rule = "ore,eri->eio" if transposed else "ore,eri->eoi"
    return step(torch.einsum(rule, b, a) * lora_scale())


def dora(delta_of, axis):
    """m · (W + Δ) / ‖W + Δ‖ with one magnitude for each index of an axis."""

    def change(t, weight, step):
        delta = delta_of(t, weight, step)
        total = step(weight + delta)
        over = [k for k in range(weight.dim()) if k != axis]
        norm = step(torch.linalg.vector_norm(total, dim=over))
        key = next(k for k in t if "magnitude" in k)
        factor = step(t[key].flatten() / norm)
        shape = [1] * weight.dim()
        shape[axis] = -1
        return step(factor.reshape(shape) * total)

    return change


def second_dora(delta_of, axis):
    """What PEFT does with a second DoRA adapter: the first is taken out and merged again.

    The norms of the second are those of the weight without the first, as far as rounding gives it back.
    """
    merge = dora(delta_of, axis)

    def again(first, second, weight, merged):
        dtype = weight.dtype

        def factor(tensors, weight):
            delta = delta_of(tensors, weight, lambda x: x)
            total = weight.float() + delta
            over = [k for k in range(weight.dim()) if k != axis]
            norm = torch.linalg.vector_norm(total, dim=over)
            shape = [1] * weight.dim()
            shape[axis] = -1
            magnitude = next(v for k, v in tensors.items() if "magnitude" in k)
            return (magnitude.flatten() / norm).reshape(shape), delta

        quotient, delta = factor(first, weight)
        unmerged = (merged.float() / quotient - delta).to(dtype)
        rebuilt = merge(first, unmerged.float(), lambda x: x).to(dtype)
        quotient, delta = factor(second, unmerged)
        return (quotient * (rebuilt.float() + delta)).to(dtype)

    return again


def dora_case(layer, delta_of, axis, cls, **more):
    return lora_case(
        "LORA, use_dora",
        layer,
        dora(delta_of, axis),
        cls,
        whole=True,
        again=second_dora(delta_of, axis),
        use_dora=True,
        **more,
    )


def loha(t, weight, step):
    w1 = step(t["hada_w1_a"] @ t["hada_w1_b"])
    w2 = step(t["hada_w2_a"] @ t["hada_w2_b"])
    scale = torch.tensor(lora_scale(), dtype=torch.float32).to(weight.dtype)
    return step(step(w1 * w2) * scale).reshape(weight.shape)


def lokr(t, weight, step):
    w1 = t["lokr_w1"] if "lokr_w1" in t else step(t["lokr_w1_a"] @ t["lokr_w1_b"])
    w2 = t["lokr_w2"] if "lokr_w2" in t else step(t["lokr_w2_a"] @ t["lokr_w2_b"])
    return step(step(torch.kron(w1, w2)) * lora_scale()).reshape(weight.shape)


def adalora(t, weight, step, transposed=False):
    delta = step(t["lora_B"] @ step(t["lora_A"] * t["lora_E"]))
    delta = delta.T if transposed else delta
    # The runtime divides by a tensor in the dtype of the adapter.
    return step(step(delta * ALPHA) / (RANK + 1e-5)).reshape(weight.shape)


def vera(t, weight, step, transposed=False):
    rows, columns = weight.shape[::-1] if transposed else weight.shape
    a, b = t["vera_A"][:, :columns], t["vera_B"][:rows]
    delta = (t["vera_lambda_b"][:, None] * b) @ (t["vera_lambda_d"][:, None] * a)
    return step(delta.T if transposed else delta)


def miss(t, weight, step):
    block = t["miss_block"]
    if block.shape[1] != weight.shape[0]:
        block = block.repeat(1, weight.shape[0] // block.shape[1])
    repeats = -(-weight.shape[1] // block.shape[0])
    return step(block.T.repeat(1, repeats)[:, : weight.shape[1]])


def bat(t, weight, step):
    blocks = t["miss_block"]
    r = blocks.shape[-1]
    parts = weight.reshape(weight.shape[0] // r, r, weight.shape[1] // r, r).permute(2, 0, 1, 3)
    change = step(parts @ blocks + blocks)
    return change.permute(1, 2, 0, 3).reshape(weight.shape)


def ia3(axis):
    def change(t, weight, step):
        shape = [1] * weight.dim()
        shape[axis] = -1
        return step(weight * t["ia3_l"].reshape(shape))

    return change


def bias_addition(t, _, step):
    return step(t["lora_B.bias"] * lora_scale())


def tokens(t, weight, step):
    key = next(k for k in t if "trainable_tokens" in k)
    changed = weight.clone()
    changed[[1, 5, 9]] = t[key]
    return changed


def linear(bias=False):
    return lambda: nn.Linear(48, 64, bias=bias)


def mha():
    return nn.MultiheadAttention(48, 4, batch_first=True)


def lora_case(name, layer, change, cls, **more):
    settings = {k: more.pop(k) for k in list(more) if k in ("weight", "whole", "again")}
    return Case(name, layer, lora(**more), change, cls=cls, **settings)


def transposed(function):
    return lambda t, w, step: function(t, w, step, transposed=True)


def simple(make, **settings):
    return lambda: make(target_modules=["layer"], **settings)


CASES = [
    lora_case("LORA", linear(), product, "Linear"),
    lora_case(
        "LORA, use_rslora",
        linear(),
        lambda t, w, step: product(t, w, step, lora_scale(True)),
        "Linear",
        use_rslora=True,
    ),
    lora_case(
        "LORA", lambda: Conv1D(64, 48), transposed(product), "Conv1D", fan_in_fan_out=True
    ),
    lora_case("LORA", lambda: nn.Embedding(60, 48), embedding_product, "Embedding"),
    lora_case("LORA", lambda: nn.Conv1d(16, 24, 3), convolution_product, "Conv1d"),
    lora_case("LORA", lambda: nn.Conv2d(12, 16, 3), convolution_product, "Conv2d"),
    lora_case("LORA", lambda: nn.Conv2d(48, 64, 1), convolution_product, "Conv2d 1×1"),
    lora_case("LORA", lambda: nn.Conv3d(8, 12, 2), convolution_product, "Conv3d"),
    lora_case(
        "LORA, lora_bias",
        linear(True),
        bias_addition,
        "Linear (bias)",
        weight="layer.bias",
        lora_bias=True,
    ),
    lora_case(
        "LORA, target_parameters",
        lambda: Experts(4, 32, 24),
        experts_product,
        "parameter [E, out, in]",
        target_modules=[],
        target_parameters=["layer.weight"],
    ),
    lora_case(
        "LORA, target_parameters",
        lambda: TransposedExperts(4, 24, 32),
        transposed(experts_product),
        "parameter [E, in, out]",
        target_modules=[],
        target_parameters=["layer.weight"],
    ),
    lora_case(
        "LORA, target_parameters",
        lambda: Experts(64, 48),
        product,
        "parameter [out, in]",
        target_modules=[],
        target_parameters=["layer.weight"],
    ),
    lora_case(
        "LORA", mha, product, "MultiheadAttention (in_proj)", weight="layer.in_proj_weight"
    ),
    lora_case(
        "LORA",
        mha,
        lambda t, w, step: product(
            {k.removeprefix("out_proj."): v for k, v in t.items() if "out_proj" in k}, w, step
        ),
        "MultiheadAttention (out_proj)",
        weight="layer.out_proj.weight",
    ),
    dora_case(linear(), product, 0, "Linear"),
    dora_case(lambda: Conv1D(64, 48), transposed(product), 1, "Conv1D", fan_in_fan_out=True),
    dora_case(lambda: nn.Embedding(60, 48), embedding_product, 1, "Embedding"),
    dora_case(lambda: nn.Conv2d(12, 16, 3), convolution_product, 0, "Conv2d"),
    Case("LOHA", linear(), simple(LoHaConfig, r=RANK, alpha=ALPHA, init_weights=False), loha),
    Case(
        "LOHA",
        lambda: nn.Conv2d(12, 16, 3),
        simple(LoHaConfig, r=RANK, alpha=ALPHA, init_weights=False),
        loha,
        cls="Conv2d",
    ),
    Case("LOKR", linear(), simple(LoKrConfig, r=RANK, alpha=ALPHA, init_weights=False), lokr),
    Case(
        "ADALORA",
        linear(),
        lambda: AdaLoraConfig(
            init_r=RANK, lora_alpha=ALPHA, target_modules=["layer"], total_step=10, tinit=0, tfinal=1
        ),
        adalora,
    ),
    Case(
        "ADALORA",
        lambda: Conv1D(64, 48),
        lambda: AdaLoraConfig(
            init_r=RANK,
            lora_alpha=ALPHA,
            target_modules=["layer"],
            total_step=10,
            tinit=0,
            tfinal=1,
            fan_in_fan_out=True,
        ),
        transposed(adalora),
        cls="Conv1D",
    ),
    Case("VERA", linear(), simple(VeraConfig, r=RANK, save_projection=True), vera),
    Case(
        "VERA",
        lambda: Conv1D(64, 48),
        simple(VeraConfig, r=RANK, save_projection=True, fan_in_fan_out=True),
        transposed(vera),
        cls="Conv1D",
    ),
    Case("MISS", linear(), simple(MissConfig, r=8, init_weights=False), miss),
    Case("MISS, r does not divide in", linear(), simple(MissConfig, r=7, init_weights=False), miss),
    Case(
        "MISS, mini",
        linear(),
        simple(MissConfig, r=8, mini_r=4, init_weights="mini"),
        miss,
    ),
    Case("MISS, bat", linear(), simple(MissConfig, r=8, init_weights="bat"), bat),
    Case("IA3", linear(), simple(IA3Config, feedforward_modules=[]), ia3(0), whole=True),
    Case(
        "IA3, feedforward",
        linear(),
        simple(IA3Config, feedforward_modules=["layer"]),
        ia3(1),
        whole=True,
    ),
    Case(
        "IA3",
        linear(True),
        simple(IA3Config, feedforward_modules=[]),
        ia3(0),
        whole=True,
        cls="Linear (bias)",
        weight="layer.bias",
    ),
    Case(
        "IA3",
        lambda: Conv1D(64, 48),
        simple(IA3Config, feedforward_modules=[], fan_in_fan_out=True),
        ia3(1),
        whole=True,
        cls="Conv1D",
    ),
    Case(
        "IA3",
        lambda: nn.Conv2d(12, 16, 3),
        simple(IA3Config, feedforward_modules=[]),
        ia3(0),
        whole=True,
        cls="Conv2d",
    ),
    Case(
        "TRAINABLE_TOKENS",
        lambda: nn.Embedding(60, 48),
        lambda: TrainableTokensConfig(target_modules=["layer"], token_indices=[1, 5, 9]),
        tokens,
        whole=True,
        cls="Embedding",
    ),
    Case(
        "modules_to_save",
        None,
        lora(modules_to_save=["head"]),
        lambda t, _, step: step(t["head.weight"]),
        whole=True,
        cls="any",
        weight="head.weight",
        model=TwoLayers,
    ),
    Case(
        "bias (trained)",
        None,
        lora(bias="all"),
        lambda t, _, step: step(t["head.bias"]),
        whole=True,
        cls="any",
        weight="head.bias",
        model=TwoLayers,
    ),
]


def base_model(case, dtype, seed=7):
    torch.manual_seed(seed)
    model = case.model() if case.layer is None else case.model(case.layer())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.05)
    return model.to(dtype)


def make_adapter(case, directory, dtype, seed):
    """Saves an adapter whose tensors are random, in a dtype."""
    model = get_peft_model(base_model(case, torch.float32), case.config())
    model.save_pretrained(directory)
    path = pathlib.Path(directory) / "adapter_model.safetensors"
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, tensor in load_file(path).items():
        values = torch.randn(tensor.shape, generator=generator) * 0.1
        if name.startswith(("base_model.vera_A", "base_model.vera_B")):
            # All adapters of a model share one pair of projections.
            values = torch.full(tensor.shape, 1 / 7) + torch.arange(tensor.numel()).view(tensor.shape) / 999
        if "ia3" in name or "magnitude" in name:
            values = values + 1
        if tensor.dtype.is_floating_point and "ranknum" not in name:
            tensors[name] = values.to(dtype)
        else:
            tensors[name] = tensor
    save_file(tensors, path, metadata={"format": "pt"})
    return {short_name(name): tensor for name, tensor in tensors.items()}


def short_name(name):
    """A tensor's name without that of the model and of the layer."""
    for prefix in ("base_model.model.", "base_model.", "layer.", "base_layer."):
        name = name.removeprefix(prefix)
    return name.replace("base_layer.", "").replace("token_adapter.", "")


def merged_weight(case, base_dtype, directories, safe, **loading):
    """The weight after PEFT loaded the adapters and merged them, one after the other."""
    base = base_model(case, base_dtype)
    model = PeftModel.from_pretrained(base, directories[0], adapter_name="a0", **loading)
    names = ["a0"]
    for index, directory in enumerate(directories[1:], 1):
        names.append(f"a{index}")
        model.load_adapter(directory, adapter_name=names[-1], **loading)
    merged = model.merge_and_unload(safe_merge=safe, adapter_names=names if names[1:] else None)
    return dict(merged.named_parameters())[case.weight].detach()


FACTORS = ("the file's factors", "factors rounded to the base's dtype")
ROUNDINGS = ("one rounding", "two roundings", "every step rounded", "two roundings, added twice")


def candidate(case, weight, adapters, factors, roundings):
    """The merged weight by one hypothesis about where PEFT rounds; None where it makes no sense."""
    base_dtype = weight.dtype
    arithmetic = torch.float64 if base_dtype == torch.float64 else torch.float32
    every = roundings == "every step rounded"
    step = (lambda x: x.to(base_dtype).to(arithmetic)) if every else (lambda x: x)
    result = weight
    for index, tensors in enumerate(adapters):
        exact = factors == FACTORS[0]
        cast = {
            name: (tensor if exact else tensor.to(base_dtype)).to(arithmetic)
            for name, tensor in tensors.items()
        }
        if index == 1 and case.again and not every:
            before = {name: tensor.to(arithmetic) for name, tensor in adapters[0].items()}
            return case.again(before, cast, weight, result)
        value = case.change(cast, result.to(arithmetic), step)
        if case.whole:
            if roundings.startswith("two"):
                return None
            result = value.to(base_dtype)
        elif roundings == "one rounding":
            result = (result.to(arithmetic) + value).to(base_dtype)
        else:
            result = result + value.to(base_dtype)
            if roundings.endswith("twice"):
                result = (result.to(arithmetic) + value).to(base_dtype)
    return result


def bits(tensor):
    kinds = {8: torch.int64, 4: torch.int32, 2: torch.int16}
    return tensor.contiguous().view(kinds[tensor.element_size()])


def agreement(left, right):
    """The share of the elements that have the same bits."""
    return (bits(left) == bits(right)).double().mean().item() if left.shape == right.shape else 0.0


def shares(case, base_dtype, adapter_dtype, safe, count, **loading):
    """The share of equal elements for each candidate, of the weight after `count` adapters."""
    with tempfile.TemporaryDirectory() as root:
        directories = [f"{root}/{index}" for index in range(count)]
        files = [
            make_adapter(case, directory, adapter_dtype, seed=11 + index)
            for index, directory in enumerate(directories)
        ]
        truth = merged_weight(case, base_dtype, directories, safe, **loading)
    if truth.dtype != base_dtype:
        raise TypeError(f"a weight in {NAMES[base_dtype]} became {NAMES[truth.dtype]}")
    weight = dict(base_model(case, base_dtype).named_parameters())[case.weight].detach()
    values = {
        (factors, roundings): candidate(case, weight, files, factors, roundings)
        for factors in FACTORS
        for roundings in ROUNDINGS
    }
    return {k: agreement(truth, v) for k, v in values.items() if v is not None}


LOADINGS = {
    "default": {},
    "autocast_adapter_dtype=False": {"autocast_adapter_dtype": False},
    "low_cpu_mem_usage=True": {"low_cpu_mem_usage": True},
}
GRID = [
    (base, adapter)
    for base in (torch.bfloat16, torch.float16, torch.float32)
    for adapter in (torch.float32, torch.bfloat16)
]


def verdict(case, safe, count, loading):
    """The candidate that agrees at every pair of dtypes, its worst share, and the others' best."""
    worst = {}
    try:
        for base_dtype, adapter_dtype in GRID:
            for key, share in shares(
                case, base_dtype, adapter_dtype, safe, count, **LOADINGS[loading]
            ).items():
                worst[key] = min(share, worst.get(key, 1.0))
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:60]}", False
    best = max(worst.values())
    # Where candidates are the same formula the first is named.
    name = next(key for key, share in worst.items() if share >= best - 0.0005)
    rest = max([share for share in worst.values() if share < best - 0.0005], default=None)
    text = f"{name[0]}, {name[1]}: {best:.4%}"
    return text + (f" (others: {rest:.1%} at most)" if rest is not None else ""), best > 0.999


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loading", choices=LOADINGS, default="default", help="how PEFT loads")
    parser.add_argument("--adapters", type=int, default=1, help="adapters merged in one call")
    parser.add_argument("word", nargs="*", help="words that a case's name or layer must hold")
    options = parser.parse_args()
    unexplained = 0
    for case in CASES:
        label = f"{case.name} on {case.cls}"
        if any(word not in label for word in options.word):
            continue
        print(label)
        for mode in ("plain", "safe"):
            text, explained = verdict(case, mode == "safe", options.adapters, options.loading)
            unexplained += not explained
            print(f"    {mode}: {text}", flush=True)
    print(f"{unexplained} not explained by any candidate")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
