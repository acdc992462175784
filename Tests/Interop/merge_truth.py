# SPDX-License-Identifier: Apache-2.0
"""What PEFT merges, what it would be without rounding, and how far from it a computation in F32 may be.

An element of a merged weight is held to an interval: the roundings of the least and the largest exact value that the
bound of the computation allows (Numerics in the project's documentation). Both peftkit's and PEFT's must be in it, so
that they may differ only where the exact value is that close to a rounding edge.
"""

import copy

import torch
from peft.tuners.lora.layer import Embedding, ParamWrapper
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

UNIT = 2.0**-24
TINY = 2.0**-149


def layers(model):
    """The adapted layers by the names of their parameters, each with the parameter's owner and name."""
    found = {}
    for path, layer in model.get_base_model().named_modules():
        if not isinstance(layer, BaseTunerLayer) or not hasattr(layer, "get_delta_weight"):
            continue
        name = ".".join(part for part in path.split(".") if part != "base_layer")
        parameter = layer.parameter_name if isinstance(layer, ParamWrapper) else "weight"
        found[f"{name}.{parameter}"] = layer
    return found


def is_rounded_twice(layer, safe):
    """Whether PEFT rounds the delta to the weight's dtype before it adds it."""
    kind = type(layer).__module__
    if not kind.startswith("peft.tuners.lora"):
        return False
    if any(getattr(layer, "use_dora", {}).values()):
        return False
    is_mica = any("MiCA" in type(variant).__name__ or "MiCA" in getattr(variant, "__name__", "") for variant in layer.lora_variant.values())
    return safe or is_mica or isinstance(layer, (Embedding, ParamWrapper))


def exact(attach, dtype):
    """The merged weights in F64, with the weight before, the delta, and the bound of each element.

    `attach` gives the model with the adapter attached, in F32; its weights are first rounded to the dtype that they are
    merged in, as PEFT rounds those that an adapter brings with it.
    """

    attached = attach()
    for layer in layers(attached).values():
        weight = parameter(layer)
        weight.data = weight.data.to(dtype).float()
    model = copy.deepcopy(attached).double()
    found = layers(model)
    terms = {name: rounding_terms(layer) for name, layer in found.items()}
    weights = {name: parameter(layer).detach().clone() for name, layer in found.items()}
    magnitudes = absolute_deltas(attached.double())
    merged = copy.deepcopy(model).merge_and_unload().state_dict()
    result = {}
    for name, value in merged.items():
        value = value.detach()
        if name not in found or not value.is_floating_point():
            continue
        weight, largest = weights[name], magnitudes[name]
        delta = value - weight
        gain = torch.ones_like(value)
        if any(getattr(found[name], "use_dora", {}).values()):
            # m / norm multiplies the errors of the sum, and has some of its own.
            total = weight + scaled_delta(found[name], weight)
            gain = (value / total).nan_to_num(1.0).abs()
            terms[name] += max(weight.shape) * 2 + 16
        count = terms[name]
        bound = gain * (count * UNIT / (1 - count * UNIT) * (largest + weight.abs()) + count * TINY)
        result[name] = (value, weight, delta, bound)
    return result


def scaled_delta(layer, weight):
    delta = layer.get_delta_weight(layer.active_adapters[0])
    return delta.reshape(weight.shape).detach()


def parameter(layer):
    if isinstance(layer, ParamWrapper):
        return layer.get_param()
    return layer.get_base_layer().weight


def rounding_terms(layer):
    """The number of roundings behind an element of a delta, generously."""
    sizes = []
    for name in layer.adapter_layer_names:
        values = getattr(layer, name)
        for value in getattr(values, "values", lambda: [])():
            sizes += [value.weight.shape] if isinstance(value, nn.Module) and hasattr(value, "weight") else [getattr(value, "shape", ())]
    smallest = max([min(shape) for shape in sizes if len(shape) > 1] or [1])
    return 2 * smallest + 8


def absolute_deltas(model):
    """Σ|b||a| of every delta: that of the absolute values of all factors. Changes the model."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(value.abs())
        for name, value in model.named_buffers():
            if value.is_floating_point():
                value.copy_(value.abs())
    found = {}
    for name, layer in layers(model).items():
        weight = parameter(layer).detach()
        if any(getattr(layer, "use_dora", {}).values()):
            found[name] = scaled_delta(layer, weight).abs()
            continue
        before = weight.clone()
        layer.merge()
        found[name] = (parameter(layer).detach() - before).abs() + 1e-300
    return found


def rounded(value, dtype):
    """The nearest value of a dtype, of F64: torch rounds by way of F32, which may round twice."""
    if dtype in (torch.float32, torch.float64):
        return value.to(dtype)
    single = value.to(torch.float32)
    # Round to odd, so that the second rounding is the only one.
    bits = single.view(torch.int32)
    inexact = single.double() != value
    toward = torch.where(single.double().abs() > value.abs(), bits - 1, bits)
    odd = torch.where(inexact, toward | 1, bits)
    return odd.view(torch.float32).to(dtype)


def interval(value, weight, delta, bound, dtype, twice):
    """The least and the largest element that the bound allows."""
    if twice and dtype != torch.float32:
        low = rounded(delta - bound, dtype).double() + weight
        high = rounded(delta + bound, dtype).double() + weight
    else:
        low, high = value - bound, value + bound
    # The sum of W and Δ is computed in F32.
    slack = 2 * UNIT * torch.maximum(low.abs(), high.abs())
    return rounded(low - slack, dtype), rounded(high + slack, dtype)


def ordinal(tensor):
    """Numbers that neighbouring values of a dtype have next to each other."""
    if tensor.dtype == torch.float32:
        bits = tensor.view(torch.int32).long()
        low = -(2**31)
    else:
        bits = tensor.view(torch.int16).long()
        low = -(2**15)
    return torch.where(bits < 0, low - bits, bits)
