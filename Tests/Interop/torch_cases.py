# SPDX-License-Identifier: Apache-2.0
"""Random objects for torch.save, what they hold to the last bit, and the bytes of checkpoints."""

import ctypes
import io
import warnings
from collections import OrderedDict

import numpy
import torch

# Every dtype that both torch and safetensors have, as the latter spells it.
PLAIN = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64",
}  # fmt: skip
SINCE_2_1 = {
    torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
}  # fmt: skip
SINCE_2_7 = {torch.float8_e8m0fnu: "F8_E8M0", torch.float4_e2m1fn_x2: "F4"}
DTYPES = {**PLAIN, **SINCE_2_1, **SINCE_2_7}
OF_LAYOUT = {"1.13": PLAIN, "2.1": {**PLAIN, **SINCE_2_1}, "2.7": DTYPES}

EXTENTS = [0, 1, 1, 2, 3, 5, 8]
NAME_PIECES = [
    "a", "b", "Z", "0", "10", "2", ".", "_", " ", "é", "e\u0301", "\uffee", "\U0001f600", '"', "\\",
    "/", "\n", "\x01", "\x7f", "\0", "weight", "h.10.", "h.2.", "cpu", "storage",
]  # fmt: skip


def data_of(tensor):
    """The elements in order, as bytes, lazy conjugation and negation done."""
    own = tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    flat = torch.as_strided(own, (own.numel(),), (1,)).view(torch.uint8)
    return ctypes.string_at(flat.data_ptr(), flat.numel()) if flat.numel() else b""


def facts_of(tensor):
    """What safetensors has to say: dtype, shape, bytes."""
    shape = list(tensor.shape)
    if tensor.dtype == torch.float4_e2m1fn_x2:
        shape[-1] *= 2  # torch counts pairs
    return DTYPES[tensor.dtype], shape, data_of(tensor)


def from_bytes(data, dtype, shape):
    tensor = torch.empty(shape, dtype=dtype)
    assert len(data) == tensor.numel() * tensor.itemsize
    if data:
        ctypes.memmove(tensor.data_ptr(), data, len(data))
    return tensor


def plain_tensor(rng, dtypes, shape=None):
    """A tensor with a storage of its own, of random bits: NaNs of every kind among them."""
    dtype = rng.choice(list(dtypes))
    if shape is None:
        shape = [rng.choice(EXTENTS) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))]
    if dtype == torch.float4_e2m1fn_x2 and not shape:
        shape = [1]  # safetensors has no half of a pair
    count = torch.Size(shape).numel()
    if dtype == torch.bool:
        data = bytes(rng.randrange(2) for _ in range(count))
    else:
        data = rng.randbytes(count * dtype.itemsize)
    return from_bytes(data, dtype, shape)


def slice_of(tensor, rng):
    parts = []
    for extent in tensor.shape:
        first = rng.randrange(extent + 1)
        parts.append(slice(first, rng.randrange(first, extent + 1), rng.choice([1, 1, 2, 3])))
    return tensor[tuple(parts)]


def permutation_of(tensor, rng):
    return tensor.permute(rng.sample(range(tensor.dim()), tensor.dim()))


def expansion_of(tensor, rng):
    return tensor.reshape(-1)[:1].expand(rng.randrange(4), rng.randrange(1, 5), -1)


def overlap_of(tensor, rng):
    """Any view that stays within the storage, elements read many times."""
    room = tensor.untyped_storage().nbytes() // tensor.itemsize - 1
    if room < 0:
        return tensor
    offset = rng.randrange(room + 1)
    room -= offset
    shape, strides = [], []
    for _ in range(rng.randrange(4)):
        extent = rng.choice([1, 2, 3, 4])
        stride = rng.randrange(room // (extent - 1) + 1) if extent > 1 else rng.randrange(9)
        room -= (extent - 1) * stride
        shape.append(extent)
        strides.append(stride)
    return torch.as_strided(tensor, shape, strides, offset)


def lazy_of(tensor, rng):
    """Conjugated or negated by a bit alone."""
    if tensor.dtype == torch.complex64:
        conjugate = tensor.conj()
        return rng.choice([conjugate, conjugate.imag, conjugate.real, torch._neg_view(conjugate)])
    if tensor.dtype in (torch.float32, torch.float64, torch.int16, torch.int64):
        return torch._neg_view(tensor)
    return tensor


VIEWS = [slice_of, permutation_of, expansion_of, overlap_of, lazy_of]


def with_attributes(tensor):
    """Python attributes make torch save a tensor in a wrapping of its own."""
    tensor.note = "kept by torch"
    tensor.numbers = [1, 2]
    return tensor


class Objects:
    """A source of random objects that torch.save takes."""

    def __init__(self, rng, dtypes):
        self.rng = rng
        self.dtypes = dtypes
        self.seen = []

    def tensor(self):
        rng = self.rng
        if self.seen and rng.random() < 0.3:
            tensor = rng.choice(self.seen)
            if rng.random() < 0.4:
                return tensor
        else:
            tensor = plain_tensor(rng, self.dtypes)
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
            view = rng.choice(VIEWS)
            if tensor.dtype == torch.float4_e2m1fn_x2 and view is not slice_of:
                continue  # its shape must keep a last dimension
            tensor = view(tensor, rng)
        kind = rng.randrange(10)
        if kind == 0:
            with_grad = tensor.dtype.is_floating_point or tensor.dtype.is_complex
            tensor = torch.nn.Parameter(tensor.detach(), requires_grad=with_grad)
            if rng.random() < 0.3:
                with_attributes(tensor)
        elif kind == 1 and not tensor.is_conj() and not tensor.is_neg():
            tensor = with_attributes(tensor.detach())
        self.seen.append(tensor)
        return tensor

    def leaf(self):
        """No tensor, nor a container."""
        rng = self.rng
        return rng.choice(
            [0, 1, -1, 255, 256, 65536, 2**31, -(2**40), 2**80, 0.5, float("nan"), "", "text é",
             "x" * 300, None, True, False, b"bytes", b"", 1 + 2j, {1, 2}, bytearray(b"ab"),
             torch.Size([2, 3]), torch.float32, torch.device("cpu"), torch.device("cuda", 1),
             range(3)]
        )  # fmt: skip

    def value(self, depth):
        rng = self.rng
        choice = rng.random()
        if depth and choice < 0.15:
            return self.mapping(depth - 1)
        if depth and choice < 0.25:
            values = [self.value(depth - 1) for _ in range(rng.randrange(4))]
            return tuple(values) if rng.random() < 0.3 else values
        if choice < 0.4:
            return self.leaf() if rng.random() < 0.7 else [rng.randrange(-9, 300) for _ in range(4)]
        return self.tensor()

    def key(self):
        rng = self.rng
        if rng.random() < 0.1:
            return rng.choice([0, 1, 7, 300, -5])
        return "".join(rng.choice(NAME_PIECES) for _ in range(rng.randrange(1, 5)))

    def mapping(self, depth, count=None):
        rng = self.rng
        if count is None:
            count = rng.choice([0, 1, 1, 2, 3, 6])
        result = OrderedDict() if rng.random() < 0.4 else {}
        for _ in range(count):
            result[self.key()] = self.value(depth)
        return result

    def module(self):
        rng = self.rng
        parts = [
            torch.nn.Linear(rng.randrange(1, 9), rng.randrange(1, 9)),
            torch.nn.BatchNorm1d(rng.randrange(1, 5)),
            torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.LSTM(2, 3)),
        ]
        module = torch.nn.Sequential(*rng.sample(parts, rng.randrange(1, 4)))
        return module.to(rng.choice([torch.float32, torch.float64, torch.bfloat16]))

    def document(self):
        """A whole file's object."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.12:
            return self.module().state_dict()
        if kind < 0.2:
            return {
                "state_dict": self.module().state_dict(),
                "optimizer": {"state": {0: self.mapping(1)}, "param_groups": [{"lr": 0.1}]},
                "epoch": 3,
            }
        if kind < 0.26:
            return rng.choice([self.tensor(), [self.tensor(), {"a": self.tensor()}]])
        return self.mapping(3, rng.choice([0, 1, 2, 3, 8, 20]))


def is_plain(value):
    """Whether a list or tuple contains values without parts only: it is told of as one item."""
    plain = (bool, int, float, str, bytes, torch.dtype)
    return isinstance(value, (list, tuple)) and all(item is None or isinstance(item, plain) for item in value)


def flattened(value):
    """Names and leaves of an object, in order; empty containers are leaves."""
    items = []

    def visit(value, path):
        if isinstance(value, (dict, list, tuple)) and not isinstance(value, torch.Size) and value and not is_plain(value):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            for key, part in pairs:
                visit(part, [*path, str(key)])
        else:
            items.append((".".join(path), value))

    visit(value, [])
    if len(items) == 1 and not items[0][0] and isinstance(value, torch.Tensor):
        return [("tensor", value)]
    return items


def names_are_unique(value):
    names = [name for name, _ in flattened(value)]
    return len(set(names)) == len(names)


def can_be_saved(document):
    """A storage that two dtypes share cannot."""
    try:
        torch.save(document, io.BytesIO())
    except RuntimeError as error:
        assert "view the same data as different types" in str(error), error
        return False
    return True


def tensors_of(value):
    return {name: leaf for name, leaf in flattened(value) if isinstance(leaf, torch.Tensor)}


def random_document(rng, dtypes=DTYPES):
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = Objects(rng, dtypes).document()
            if names_are_unique(document) and can_be_saved(document):
                return document


def random_plain_dict(rng, dtypes, count=None):
    """Names and tensors with storages of their own, in the order in which safetensors has them."""
    if count is None:
        count = rng.choice([0, 1, 2, 3, 12, 40])
    tensors = {}
    for number in range(count):
        name = "".join(rng.choice(NAME_PIECES) for _ in range(rng.randrange(4))) + str(number)
        tensors[name] = plain_tensor(rng, dtypes)
    return tensors


def safetensors_bytes(tensors):
    from safetensors_reference import Tensor, write

    return write({name: Tensor(*facts_of(tensor)) for name, tensor in tensors.items()})


def facts_in_safetensors(content):
    """Dtype, shape and bytes of each tensor, as the reference library reads a file."""
    from safetensors import deserialize

    return {
        name: (entry["dtype"], list(entry["shape"]), bytes(entry["data"]))
        for name, entry in deserialize(content)
    }


def same_values(dtype, found, expected):
    """The same bytes; but the bits of a NaN that torch itself negates depend on the CPU, and any byte of a
    boolean that is not 0 may be read as 1."""
    if found == expected:
        return True
    if len(found) != len(expected):
        return False
    if dtype == "BOOL":
        return [byte != 0 for byte in found] == [byte != 0 for byte in expected]
    words = {"C64": "<u4", "F32": "<u4", "F64": "<u8", "F16": "<u2", "BF16": "<u2"}.get(dtype)
    if words is None:
        return False
    infinity = {"F64": 0x7FF << 52, "F16": 0x7C00, "BF16": 0x7F80}.get(dtype, 0x7F800000)
    left, right = (numpy.frombuffer(data, words) for data in (found, expected))
    magnitude = (1 << (left.dtype.itemsize * 8 - 1)) - 1
    are_nan = ((left & magnitude) > infinity) & ((right & magnitude) > infinity)
    return bool(((left == right) | are_nan).all())


def difference(found, expected):
    """The first difference between two {name: facts}, or None."""
    if found.keys() != expected.keys():
        return f"names differ: {sorted(found.keys() ^ expected.keys())[:5]!r}"
    for name, (dtype, shape, data) in expected.items():
        if found[name][:2] != (dtype, shape):
            return f"{name!r} is {found[name][:2]}, not {(dtype, shape)}"
        if not same_values(dtype, found[name][2], data):
            return f"{name!r} ({dtype} {shape}) is {found[name][2][:32]!r}, not {data[:32]!r}"
    return None
