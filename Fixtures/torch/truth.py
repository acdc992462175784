# SPDX-License-Identifier: Apache-2.0
"""What torch says is in a state dict, as a safetensors file written without any library.

The metadata of that file holds, as JSON: `order`, the names in the order of the dict; `skipped`, what is no
tensor or has no dtype in safetensors, as [name, type, is tensor]; `aliases`, names of tensors that are the very
same view as an earlier one.
"""

import ctypes
import json
from collections import Counter, OrderedDict
from pathlib import Path

import torch

DTYPES = {
    "float64": ("F64", 8), "float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2),
    "int64": ("I64", 8), "int32": ("I32", 4), "int16": ("I16", 2), "int8": ("I8", 1), "uint8": ("U8", 1),
    "bool": ("BOOL", 1), "complex64": ("C64", 8), "uint64": ("U64", 8), "uint32": ("U32", 4), "uint16": ("U16", 2),
    "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1), "float8_e4m3fnuz": ("F8_E4M3FNUZ", 1),
    "float8_e5m2fnuz": ("F8_E5M2FNUZ", 1), "float8_e8m0fnu": ("F8_E8M0", 1), "float4_e2m1fn_x2": ("F4", 1),
}
DTYPES = {getattr(torch, name): value for name, value in DTYPES.items() if hasattr(torch, name)}


def data(tensor):
    """The elements in row-major order, as torch itself gives them."""
    tensor = tensor.detach()
    for lazy in ("resolve_conj", "resolve_neg"):
        if hasattr(tensor, lazy):
            tensor = getattr(tensor, lazy)()
    if tensor.numel() == 0:
        return b""
    flat = tensor.contiguous().clone()
    return ctypes.string_at(flat.data_ptr(), flat.numel() * DTYPES[tensor.dtype][1])


SCALARS = {bool: "bool", int: "int", float: "float", str: "string", bytes: "bytes object"}


def is_plain(value):
    """Whether a list or tuple contains values without parts only, so that it is a single item."""
    if not isinstance(value, (list, tuple)) or isinstance(value, torch.Size) or not value:
        return False
    return all(item is None or type(item) in SCALARS or isinstance(item, torch.dtype) for item in value)


def type_name(value):
    if is_plain(value):
        types = {type(item) for item in value}
        noun = SCALARS.get(types.pop(), "value") if len(types) == 1 else "value"
        return f"{type(value).__name__} of {len(value)} {noun}{'s' * (len(value) != 1)}"
    if isinstance(value, torch.Tensor):
        name = str(value.dtype).replace("torch.", "")
        if value.layout != torch.strided:
            return str(value.layout).replace("torch.", "") + " tensor"
        if value.is_quantized:
            return f"quantized {name} tensor"
        if value.device.type == "meta":
            return f"{name} meta tensor (no data in the file)"
        return f"{name} tensor"
    if isinstance(value, (dict, list, tuple)) and not isinstance(value, (torch.Size, Counter)):
        return "empty " + type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, torch.Size):
        return "torch.Size"
    if isinstance(value, torch.dtype):
        return "torch.dtype"
    if isinstance(value, torch.device):
        return "torch.device"
    if isinstance(value, torch.layout):
        return "torch.layout"
    return type(value).__name__


def flatten(value, path=()):
    """Names joined with dots, and what stands there, depth first."""
    is_container = isinstance(value, (dict, list, tuple)) and not isinstance(value, (torch.Size, Counter))
    if is_container and len(value) and not is_plain(value):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from flatten(item, path + (str(key),))
    else:
        yield ".".join(path) if path else "tensor", value


def identity(tensor):
    storage = tensor.storage() if not hasattr(tensor, "untyped_storage") else tensor.untyped_storage()
    strides = tensor.stride() if not tensor.is_contiguous() else None
    lazy = (getattr(tensor, "is_conj", bool)(), getattr(tensor, "is_neg", bool)())
    return storage.data_ptr(), tensor.storage_offset(), tuple(tensor.shape), strides, tensor.dtype, lazy


def write(path, state):
    """Write the truth about a state dict."""
    header, chunks, position = OrderedDict(), [], 0
    order, skipped, aliases, seen = [], [], [], {}
    for name, value in flatten(state):
        is_tensor = isinstance(value, torch.Tensor)
        plain = is_tensor and value.layout == torch.strided and not value.is_quantized and value.device.type == "cpu"
        if not plain or value.dtype not in DTYPES:
            skipped.append([name, type_name(value), is_tensor])
            continue
        order.append(name)
        content = data(value)
        code, size = DTYPES[value.dtype]
        shape = list(value.shape)
        if code == "F4":
            shape[-1] *= 2
        if value.numel():
            key = identity(value)
            if key in seen:
                aliases.append(name)
            seen[key] = name
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [position, position + len(content)]}
        chunks.append(content)
        position += len(content)
    notes = {"order": order, "skipped": skipped, "aliases": aliases, "torch": torch.__version__}
    metadata = {key: json.dumps(note) for key, note in notes.items()}
    text = json.dumps(OrderedDict([("__metadata__", metadata), *header.items()])).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(len(text).to_bytes(8, "little") + text + b"".join(chunks))
