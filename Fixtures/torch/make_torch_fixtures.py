#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the torch checkpoints of `written/` with the torch that runs this script.

    python make_torch_fixtures.py            # NAME-VERSION.bin and its truth, NAME-VERSION.safetensors

Run it with each torch that is to be covered; a case that a version cannot write is left out. Only the newest
makes the files that are put together by hand (`handmade-*`).
"""

import argparse
import io
import pickle
import random
import struct
import sys
import tarfile
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import torch

import truth

HERE = Path(__file__).resolve().parent
VERSION = torch.__version__.split("+")[0]
PLAIN = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
LATER = [
    "complex64", "uint64", "uint32", "uint16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
    "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2",
]


def known(names):
    return [getattr(torch, name) for name in names if hasattr(torch, name)]


def noise(dtype, *shape, seed=0):
    """Random bytes as a tensor: every bit pattern may come."""
    count = 1
    for size in shape:
        count *= size
    if dtype == torch.bool:
        return torch.tensor([bool(b & 1) for b in random.Random(seed).choices(range(256), k=count)]).reshape(shape)
    size = torch.empty(0, dtype=dtype).element_size()
    raw = bytes(random.Random(seed).choices(range(256), k=max(1, count * size)))
    tensor = torch.frombuffer(bytearray(raw), dtype=torch.uint8) if hasattr(torch, "frombuffer") else None
    if tensor is None:
        import ctypes

        tensor = torch.empty(count, dtype=dtype)
        ctypes.memmove(tensor.data_ptr(), raw, count * size)
        return tensor.reshape(shape)
    return tensor[: count * size].clone().view(dtype).reshape(shape)


def can_save(tensor):
    """Whether this torch can write the tensor."""
    try:
        torch.save(tensor, io.BytesIO())
        return True
    except Exception:
        return False


def savable(state):
    return {name: value for name, value in state.items() if not torch.is_tensor(value) or can_save(value)}


def dtypes(names):
    return savable(all_dtypes(names))


def all_dtypes(names):
    return {str(d).replace("torch.", ""): noise(d, 2, 3, seed=i) for i, d in enumerate(known(names))}


def views():
    base = torch.arange(240, dtype=torch.float32)
    matrix = base[:200].reshape(10, 20)
    state = {
        "whole": base, "again": base, "same": base.view(240), "slice": base[7:19], "slice-again": base[7:19],
        "transposed": matrix.t(), "columns": matrix[:, 3:9], "every-third": base[::3],
        "expanded": base[:6].reshape(6, 1).expand(6, 5), "expanded-front": base[:6].expand(4, 6),
        "scalar-expanded": base[3].expand(3, 4), "scalar": base[5], "overlapping": base.as_strided((10, 8), (3, 1)),
        "permuted": base[:120].reshape(2, 3, 4, 5).permute(3, 1, 0, 2), "diagonal": matrix.diagonal(),
        "empty": base[4:4], "empty-2d": torch.empty(0, 5), "ones": base[:3].reshape(1, 3, 1).transpose(0, 2),
        "bytes": torch.arange(64, dtype=torch.uint8).reshape(8, 8).t(),
        "half": torch.arange(36.0).half().reshape(6, 6).t(),
        "double": torch.arange(36, dtype=torch.float64).reshape(6, 6).t()[1:4],
    }
    return state


def lazy():
    values = torch.complex(torch.arange(12.0), -torch.arange(12.0) - 1).reshape(3, 4)
    imaginary = torch.complex(torch.arange(12.0), -torch.arange(12.0) - 1).reshape(3, 4).conj().imag
    return {
        "plain": values, "conj": values.conj(), "conj-t": values.t().conj(), "neg": imaginary,
        "neg-t": imaginary.t(), "neg-neg": torch._neg_view(torch.arange(5.0)),
        "neg-int": torch._neg_view(torch.arange(-2, 5, dtype=torch.int16)),
    }


def nested():
    weight = torch.arange(6.0).reshape(2, 3)
    return {
        "model": OrderedDict(a=weight, b=OrderedDict(c=weight[0], d=[weight[1], (torch.ones(2), 3)])),
        "optimizer": {
            "state": {0: {"step": torch.tensor(7.0), "exp_avg": torch.zeros(2, 3)}, 1: {}},
            "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "amsgrad": False, "params": [0, 1]}],
        },
        "epoch": 3, "big": 2**40, "huge": 2**100, "negative": -5, "loss": 0.5, "name": "größe\n", "none": None,
        "flag": True, "bytes": b"\x00\xff", "empty": {}, "nothing": [], "unit": (), "shape": torch.Size([2, 3]),
        "dtype": torch.bfloat16, "device": torch.device("cuda", 1), "set": {1, 2}, "frozen": frozenset([1]),
        "complex": 1 + 2j, "bytearray": bytearray(b"xyz"), "range": range(3), "counter": Counter("aab"),
        "default": defaultdict(list, x=torch.ones(1)), "layout": torch.strided, None: 1, False: torch.zeros(1),
    }


def parameters():
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    frozen = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    attributed = torch.nn.Parameter(torch.arange(3.0))
    attributed.note = "kept in the state"
    tensor = torch.arange(4.0)
    tensor.note = {"more": [1, 2]}
    return {"weight": weight, "tied": weight, "frozen": frozen, "attributed": attributed, "tensor": tensor,
            "grad": torch.ones(2, requires_grad=True)}


def module():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.LSTM(3, 2))
    return model.state_dict()


def unsupported():
    state = {"fine": torch.ones(2), "complex128": torch.ones(2, dtype=torch.complex128),
             "sparse": torch.eye(3).to_sparse(), "last": torch.zeros(1)}
    if hasattr(torch, "complex32"):
        state["complex32"] = torch.ones(2, dtype=torch.complex32)
    if tuple(map(int, VERSION.split("."))) >= (1, 13):
        state["csr"] = torch.eye(3).to_sparse_csr()
        state["meta"] = torch.ones(2, 3, device="meta")
    state["quantized"] = torch.quantize_per_tensor(torch.arange(4.0), 0.5, 3, torch.qint8)
    return savable(state)


def many():
    names = [f"layers.{i}.{kind}" for i in range(150) for kind in ("weight", "bias")]
    return OrderedDict((name, torch.full((i % 4,), float(i))) for i, name in enumerate(names))


def names():
    return {name: torch.tensor([float(i)]) for i, name in enumerate(
        ["", "é", "e\u0301", "日本", "with space", "a" * 300, "cpu", "storage", "x\ty", "😀"])}


def save(name, state, **options):
    """Save a case and the truth about it, unless this torch cannot."""
    path = HERE / "written" / f"{name}-{VERSION}.bin"
    try:
        with open(path, "wb") as file:
            torch.save(state, file, **options)
        # What torch reads back: 1.13 forgets that a tensor is conjugated.
        options = {"weights_only": False} if VERSION[0] == "2" else {}
        truth.write(path.with_suffix(".safetensors"), torch.load(path, **options))
    except Exception as error:
        path.unlink(missing_ok=True) if sys.version_info >= (3, 8) else path.unlink()
        print(f"{path.name}: not written: {error}")


def generate():
    classic = dict(_use_new_zipfile_serialization=False)
    cases = {"dtypes": lambda: dtypes(PLAIN), "views": views, "nested": nested, "parameters": parameters,
             "module": module, "many": many, "names": names}
    later = {"later": lambda: dtypes(LATER), "lazy": lazy, "unsupported": unsupported}
    for name, make in {**cases, **later}.items():
        try:
            save(name, make())
            if name in cases:
                save(name + "-legacy", make(), **classic)
        except Exception as error:
            print(f"{name}: not made by this torch: {error}")
    save("tensor", torch.arange(3.0))
    save("list", [torch.arange(3.0), {"x": torch.ones(1)}])
    for protocol in (1, 3, 4, 5):
        if protocol <= pickle.HIGHEST_PROTOCOL:
            save(f"protocol{protocol}", nested(), pickle_protocol=protocol)
    for protocol in (1, 4):
        save(f"protocol{protocol}-legacy", views(), pickle_protocol=protocol, **classic)


def rezip(source, target, method, change=lambda name, data: data):
    """The records of an archive in another one, made by Python's zipfile."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        for item in old.infolist():
            data = change(item.filename.split("/", 1)[1], old.read(item))
            if data is not None:
                new.writestr(zipfile.ZipInfo(item.filename, (1980, 1, 1, 0, 0, 0)), data, method)


def swapped(sizes):
    """A change that turns a file into one from a big-endian machine."""
    def change(name, data):
        if name == "byteorder":
            return b"big"
        if name.startswith("data/"):
            size = sizes[int(name.split("/")[1])]
            return b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))
        return data
    return change


def handmade():
    written = HERE / "written"

    def put(name, state, sizes=None, method=zipfile.ZIP_STORED):
        buffer = io.BytesIO()
        torch.save(state, buffer)
        change = swapped(sizes) if sizes else lambda name, data: data
        rezip(buffer, written / f"handmade-{name}.bin", method, change)
        truth.write(written / f"handmade-{name}.safetensors", state)

    put("rezipped", nested())
    put("deflated", {**views(), **dtypes(PLAIN)}, method=zipfile.ZIP_DEFLATED)
    state = {**dtypes(PLAIN), **dtypes(LATER), "t": torch.arange(12.0).reshape(3, 4).t(),
             "conj": torch.complex(torch.arange(4.0), torch.ones(4)).conj()}
    sizes = [torch.empty(0, dtype=t.dtype).element_size() // (2 if t.dtype.is_complex else 1) for t in state.values()]
    put("bigendian", state, sizes=sizes)
    put("bigendian-deflated", state, sizes=sizes, method=zipfile.ZIP_DEFLATED)
    torch.serialization.set_crc32_options(False)
    torch.save(views(), written / "handmade-nochecksums.bin")
    torch.serialization.set_crc32_options(True)
    truth.write(written / "handmade-nochecksums.safetensors", views())
    script()
    tar()


class Tower(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first = torch.nn.Linear(3, 4)
        self.rest = torch.nn.ModuleList([torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4)])
        self.register_buffer("table", torch.arange(12).reshape(3, 4).t())
        self.tied = self.first.weight

    def forward(self, x):
        x = self.first(x)
        for layer in self.rest:
            x = layer(x)
        return x + 3 * torch.ones(4)


def script():
    model = Tower().eval()
    path = HERE / "written" / "handmade-torchscript.bin"
    with open(path, "wb") as file:
        torch.jit.save(torch.jit.script(model), file)
    # TorchScript's pickle has attributes that are no parameters; only the tensors are compared.
    truth.write(path.with_suffix(".safetensors"), model.state_dict())


def tar():
    """What torch wrote before 0.1.10: four members, tensors by number."""
    base = torch.arange(12, dtype=torch.float32)
    state = OrderedDict([("a", base[:6].reshape(2, 3)), ("b", base[4:].reshape(2, 4).t()), ("half", torch.ones(2).half())])
    state["again"] = state["a"]

    class Ref:
        def __init__(self, key):
            self.key = key

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return str(value.key) if isinstance(value, Ref) else None

    def member(archive, name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.pax_headers = {"mtime": "1480000000.25"}
        archive.addfile(info, io.BytesIO(data))

    def dump(value):
        return pickle.dumps(value, protocol=2)

    storages = dump(2)
    storages += dump((7, "cpu", torch.FloatStorage)) + struct.pack("<q", 12) + base.numpy().tobytes()
    storages += dump((8, "cpu", torch.HalfStorage)) + struct.pack("<q", 2) + state["half"].numpy().tobytes()
    storages += dump([(9, 7, 4, 8)])
    tensors = dump(3)
    for key, storage, kind, tensor, offset in [
        (1, 7, torch.FloatTensor, state["a"], 0), (2, 9, torch.FloatTensor, state["b"], 0),
        (3, 8, torch.HalfTensor, state["half"], 0),
    ]:
        tensors += dump((key, storage, kind)) + struct.pack("<ii", tensor.dim(), 0)
        tensors += struct.pack(f"<{tensor.dim()}q", *tensor.shape) + struct.pack(f"<{tensor.dim()}q", *tensor.stride())
        tensors += struct.pack("<q", offset)
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(OrderedDict([("a", Ref(1)), ("b", Ref(2)), ("half", Ref(3)), ("again", Ref(1)), ("n", 1)]))
    info = dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}})
    path = HERE / "written" / "handmade-tar.bin"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in [("sys_info", info), ("pickle", buffer.getvalue()), ("tensors", tensors), ("storages", storages)]:
            member(archive, name, data)
    truth.write(path.with_suffix(".safetensors"), {**state, "n": 1})
    loaded = torch.load(path, weights_only=False)
    assert all(torch.equal(loaded[name], state[name]) for name in state), "torch reads the tar otherwise"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--handmade", action="store_true", help="also make the files put together by hand")
    options = parser.parse_args()
    (HERE / "written").mkdir(exist_ok=True)
    generate()
    if options.handmade:
        handmade()


if __name__ == "__main__":
    main()
