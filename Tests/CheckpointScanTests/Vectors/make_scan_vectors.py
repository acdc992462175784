# SPDX-License-Identifier: Apache-2.0
"""Writes the files that the scan tests read: real torch checkpoints, and what attackers make of them.

Run with a Python that has torch:  python make_scan_vectors.py
Everything goes to VERDICT/NAME beside this script; names in good are data only, names in
code ask for code, names in damaged do neither. No file is a working payload.
"""

import collections
import io
import pathlib
import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib

import torch

HERE = pathlib.Path(__file__).parent
# No machine has this module: importing it fails, and nothing runs.
MODULE, FUNCTION = "peftkit_hostile_fixture", "run"
NAME = f"{MODULE}\n{FUNCTION}\n".encode()
RUN = b"c" + NAME + b"(X\x01\x00\x00\x00xtR"
PROTO = b"\x80\x02"


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def write(verdict, name, data):
    path = HERE / verdict / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def plain():
    torch.manual_seed(0)
    return collections.OrderedDict(
        a=torch.nn.Parameter(torch.randn(2, 3)), b=torch.arange(4, dtype=torch.int64)
    )


def records(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def archive(entries, compressed=()):
    """A plain zip of records; names in `compressed` are deflated."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "w") as file:
            for name, data in entries:
                info = zipfile.ZipInfo(name)
                method = zipfile.ZIP_DEFLATED if name in compressed else zipfile.ZIP_STORED
                file.writestr(info, data, compress_type=method)
    return buffer.getvalue()


def with_pickle(data, name="archive/data.pkl", **options):
    """The plain checkpoint with another data.pkl."""
    entries = [(n, data if n == name else d) for n, d in records(saved(plain()))]
    return archive(entries, **options)


def appending(code):
    """The plain checkpoint's pickle with opcodes in front of its STOP."""
    body = dict(records(saved(plain())))["archive/data.pkl"]
    assert body.endswith(b".")
    return body[:-1] + code + b"."


def good():
    write("good", "ordered.bin", saved(plain()))
    write("good", "dict.bin", saved(dict(plain())))
    write("good", "tensor.pt", saved(torch.randn(3)))
    dtypes = [
        getattr(torch, name)
        for name in (
            "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex128 "
            "complex64 uint16 uint32 uint64 float8_e4m3fn float8_e5m2 float8_e4m3fnuz "
            "float8_e5m2fnuz float8_e8m0fnu complex32"
        ).split()
    ]
    write("good", "dtypes.bin", saved({str(d): torch.zeros(2, dtype=d) for d in dtypes}))
    base = torch.randn(4, 4)
    write(
        "good", "views.bin",
        saved({"t": base.t(), "row": base[1], "e": base[:1].expand(3, 4), "neg": base.neg(),
               "conj": torch.randn(2, dtype=torch.complex64).conj()}),
    )
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    write("good", "module.bin", saved(module.state_dict()))
    write(
        "good", "values.pt",
        saved({"step": 3, "big": 1 << 70, "f": 0.5, "n": None, "ok": True, "l": [1, [2, "x"]],
               "t": (1, "a"), "size": torch.Size([2, 3]), "device": torch.device("cpu"),
               "dtype": torch.float16, "b": b"ab\xff", "ba": bytearray(b"xy"), "s": {1, 2},
               "c": 1j, "layout": torch.strided, "counter": collections.Counter("aab")}),
    )
    parameter = torch.nn.Parameter(torch.randn(2))
    parameter.note = "kept"
    tensor = torch.randn(2)
    tensor.note = "kept"
    write("good", "attributes.pt", saved({"p": parameter, "t": tensor}))
    sparse = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2))
    quantized = torch.quantize_per_tensor(torch.randn(3), 0.1, 2, torch.qint8)
    write("good", "rare.pt", saved({"s": sparse, "q": quantized, "m": torch.zeros(2, device="meta")}))
    weight = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(weight.parameters())
    weight(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    write("good", "optimizer.pt", saved(optimizer.state_dict()))
    write("good", "legacy.bin", saved(plain(), _use_new_zipfile_serialization=False))
    write("good", "legacy-module.bin",
          saved(module.state_dict(), _use_new_zipfile_serialization=False))
    for protocol in (3, 4, 5):
        write("good", f"protocol-{protocol}.bin", saved(plain(), pickle_protocol=protocol))
    write("good", "rezipped.bin", archive(records(saved(plain()))))
    write("good", "deflated.bin",
          archive(records(saved(plain())), compressed=("archive/data.pkl", "archive/data/0")))
    write("good", "old.tar", tar({}))


def tar(changes):
    """A file of torch's first releases, as its reader wants it; `changes` replaces members."""
    def dumps(value):
        return pickle.dumps(value, protocol=2)

    def named(key, second, module, name):  # The tuple (key, second, module.name).
        second = text(second) if isinstance(second, str) else b"K" + bytes([second])
        return (PROTO + b"(K" + bytes([key]) + second
                + b"c" + f"{module}\n{name}\n".encode() + b"t.")

    storages = (dumps(1) + named(1, "cpu", "torch", "FloatStorage") + struct.pack("<q4f", 4, 1, 2, 3, 4)
                + dumps([]))
    tensors = (dumps(1) + named(7, 1, "torch", "FloatTensor")
               + struct.pack("<i4xqqqqq", 2, 2, 2, 2, 1, 0))
    members = {
        "sys_info": dumps({"protocol_version": 1000, "little_endian": True}),
        "pickle": PROTO + b"}" + text("w") + text("7") + b"Qs.",
        "tensors": tensors,
        "storages": storages,
    } | changes
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Nested:
    """Its pickle has torch unpickle a string."""
    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return torch.storage._load_from_bytes, (self.data,)


def code():
    nothing = text("x")
    attacks = {
        # Every way to name and to call.
        "reduce": RUN + b"0",
        "global-only": b"c" + NAME + b"0",
        "stack-global": text(MODULE) + text(FUNCTION) + b"\x93" + nothing + b"\x85R0",
        "stack-global-memo": text(MODULE) + b"r\x00\x01\x00\x00" + text(FUNCTION) + b"r\x01\x01\x00\x00"
        + b"00j\x00\x01\x00\x00j\x01\x01\x00\x00\x93" + nothing + b"\x85R0",
        "stack-global-dup": text(MODULE) + b"2\x93" + nothing + b"\x85R0",
        "stack-global-memoize": text(MODULE) + b"\x94" + text(FUNCTION) + b"\x94\x93" + nothing + b"\x85R0",
        "stack-global-computed": b"cbuiltins\nstr\n" + text(MODULE) + b"\x85R" + text(FUNCTION) + b"\x93"
        + nothing + b"\x85R0",
        "stack-global-escaped": b"V\\u0070eftkit_hostile_fixture\nS'\\x72un'\n\x93" + nothing + b"\x85R0",
        "inst": b"(" + nothing + b"i" + NAME + b"0",
        "obj": b"(c" + NAME + nothing + b"o0",
        "newobj": b"c" + NAME + nothing + b"\x85\x810",
        "newobj-ex": b"c" + NAME + nothing + b"\x85}\x920",
        "ext1": b"\x82\x01" + nothing + b"\x85R0",
        "ext2": b"\x83\x01\x01" + nothing + b"\x85R0",
        "ext4": b"\x84\x01\x00\x00\x00" + nothing + b"\x85R0",
        "dotted": b"ctorch\nserialization.peftkit_hostile_fixture.run\n" + nothing + b"\x85R0",
        "look-alike": b"ctorch._utils \n_rebuild_tensor_v2\n)R0",
        "script-class": b"c__torch__\nModule\n)\x81}b0",
        "persistent-module": b"(" + text("module") + b"c" + NAME + text("f") + text("s") + b"tQ0",
        # Allowed names out of their roles.
        "build-setstate": b"ccollections\nOrderedDict\n)R}" + text("__setstate__")
        + b"c" + NAME + b"sb0",
        "build-special": b"ccollections\nOrderedDict\n)R}" + text("__class__") + text("x") + b"sb0",
        "build-tensor": b"ctorch\nTensor\n}b0",
        "allocate": b"cbuiltins\nbytearray\nJ\x00\x00\x10\x00\x85R0",
        "allocate-tensor": b"ctorch\nFloatTensor\nJ\x00\x00\x10\x00\x85R0",
        "encode-rot13": b"c_codecs\nencode\n" + text("x") + text("rot13") + b"\x86R0",
        "function-as-value": b"}" + text("k") + b"ctorch._utils\n_rebuild_tensor_v2\ns0",
        "storage-as-value": b"]ctorch\nFloatStorage\na0",
        "rebuild-nonsense": b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02tR0",
        "call-result": RUN + b")R0",
        # Frames that only careful readers mind.
        "frame-straddle": b"\x95\x03\x00\x00\x00\x00\x00\x00\x00" + RUN + b"0",
    }
    for name, payload in attacks.items():
        write("code", name + ".bin", with_pickle(appending(payload)))
    write("code", "nested.bin", with_pickle(pickle.dumps(Nested(PROTO + RUN + b"."), protocol=2)))
    write("code", "nested-twice.bin", with_pickle(
        pickle.dumps(Nested(pickle.dumps(Nested(PROTO + RUN + b"."), protocol=2)), protocol=3)))
    write("code", "nested-zip.bin",
          with_pickle(pickle.dumps(Nested(with_pickle(PROTO + RUN + b".")), protocol=2)))
    write("code", "nested-protocol-0.bin", with_pickle(pickle.dumps(Nested(RUN + b"."), protocol=4)))
    # Damage and more after the payload.
    body = dict(records(saved(plain())))["archive/data.pkl"]
    write("code", "payload-then-truncated.bin", with_pickle(PROTO + RUN + b"0" + body[2:60]))
    write("code", "payload-then-garbage.bin", with_pickle(PROTO + RUN + b"\xff\xff"))
    write("code", "second-pickle.bin", with_pickle(body + PROTO + RUN + b"."))
    write("code", "second-pickle-protocol-0.bin", with_pickle(body + RUN + b"."))
    whole = with_pickle(PROTO + RUN + b".")
    write("code", "cut-short.bin", whole[:-40])
    # The container.
    entries = records(saved(plain()))
    bad = PROTO + RUN + b"."
    write("code", "deflated.bin", with_pickle(appending(RUN + b"0"), compressed=("archive/data.pkl",)))
    write("code", "unknown-record.bin", archive(entries + [("archive/extra.pkl", bad)]))
    write("code", "unknown-record-deflated.bin",
          archive(entries + [("archive/notes", bad)], compressed=("archive/notes",)))
    write("code", "duplicate.bin", archive([("archive/data.pkl", bad)] + entries))
    write("code", "duplicate-last.bin", archive(entries + [("archive/data.pkl", bad)]))
    write("code", "case-duplicate.bin", archive(entries + [("archive/DATA.PKL", bad)]))
    write("code", "case-only.bin",
          archive([(n.replace("data.pkl", "Data.pkl"), bad if n.endswith("pkl") else d) for n, d in entries]))
    write("code", "two-folders.bin", archive(entries + [("other/data.pkl", bad)]))
    plain_zip = archive(entries)
    end = plain_zip[:-2] + struct.pack("<H", len(bad))
    write("code", "comment.bin", end + bad)
    write("code", "prefix.bin", bad + plain_zip)
    write("code", "suffix.bin", plain_zip + bad)
    write("code", "gap.bin", gap(entries, bad))
    write("code", "extra-field.bin", extra(entries, bad))
    write("code", "method-mismatch.bin", mismatch(entries, bad))
    write("code", "offset-mismatch.bin", elsewhere(entries, bad))
    # Legacy.
    legacy = saved(plain(), _use_new_zipfile_serialization=False)
    parts, rest = split(legacy, 5)
    write("code", "legacy-magic.bin", PROTO + RUN + b"." + b"".join(parts[1:]) + rest)
    write("code", "legacy-magic-hidden.bin",
          PROTO + RUN + b"0" + parts[0][2:] + b"".join(parts[1:]) + rest)
    for index, name in enumerate(["magic", "version", "sys-info", "object", "keys"]):
        changed = parts[:index] + [PROTO + RUN + b"0" + parts[index][2:]] + parts[index + 1:]
        write("code", f"legacy-{name}-first.bin", b"".join(changed) + rest)
    write("code", "legacy-trailing.bin", legacy + bad)
    # Tar.
    write("code", "tar-sys-info.tar", tar({"sys_info": PROTO + RUN + b"."}))
    write("code", "tar-pickle.tar", tar({"pickle": PROTO + RUN + b"."}))
    write("code", "tar-storages.tar", tar({"storages": pickle.dumps(1, 2) + PROTO + RUN + b"."}))
    write("code", "tar-extra.tar", tar({"more": PROTO + RUN + b"."}))
    write("code", "legacy-tar.bin", legacy_tar(bad))
    write("code", "legacy-zip.bin", legacy_zip())
    # Bare pickles.
    for protocol in range(6):
        write("code", f"bare-{protocol}.pkl", pickle.dumps(print, protocol=protocol))
    write("code", "script.pt", script())


def storage_of(data, padding=0):
    """A legacy file with one storage of these bytes, which are its end."""
    tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    parts, rest = split(saved({"a": tensor}, _use_new_zipfile_serialization=False), 5)
    parts[2] = PROTO + b"}" + text("\0" * (600 + padding)) + b"Ns."
    return b"".join(parts) + rest


def legacy_tar(payload):
    """A legacy file whose storage makes it a tar that Python opens, by the sum with signs."""
    members = tar({"sys_info": payload})
    place = len(storage_of(members)) - len(members)
    data = bytearray(storage_of(members, -place % 512))
    place = len(data) - len(members)
    assert place % 512 == 0 and data[100:512] == bytes(412)
    data[124:136] = b"%011o\0" % (place - 512)
    data[148:156] = b" " * 8
    total = sum(byte - 256 if byte > 127 else byte for byte in data[:512])
    data[148:156] = b"%06o\0 " % total
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as file:
        assert "sys_info" in file.getnames(), file.getnames()
    return bytes(data)


def legacy_zip():
    """A legacy file whose storage is a zip, which readers find by its end."""
    inner = with_pickle(PROTO + RUN + b".")
    data = storage_of(inner)
    start = data.index(inner[:60])
    first, places = lines(inner)
    body = bytearray(inner)
    for place in places:
        offset, = struct.unpack("<I", body[place + 42:place + 46])
        body[place + 42:place + 46] = struct.pack("<I", offset + start)
    body[-6:-2] = struct.pack("<I", first + start)
    return data[:start] + bytes(body)


def split(data, count):
    stream = io.BytesIO(data)
    parts = []
    for _ in range(count):
        start = stream.tell()
        unpickler = pickle.Unpickler(stream)
        unpickler.persistent_load = lambda _: torch.storage.TypedStorage(1, dtype=torch.float32)
        try:
            unpickler.load()
        except Exception:
            # The object cannot be made of one-element storages: find its end by its opcodes.
            import pickletools
            stream.seek(start)
            for _ in pickletools.genops(stream):
                pass
        parts.append(data[start:stream.tell()])
    return parts, data[stream.tell():]


def script():
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(2))
            self.sizes = [1, 2]

        def forward(self, x):
            return x + self.weight

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.trace(Module(), torch.zeros(2))
        buffer = io.BytesIO()
        torch.jit.save(module, buffer)
    return buffer.getvalue()


def lines(data):
    """The index of a zip: its start, and the start of each of its lines."""
    start, = struct.unpack("<I", data[-6:-2])
    place, places = start, []
    while data[place:place + 4] == b"PK\1\2":
        places.append(place)
        name, extra, comment = struct.unpack("<HHH", data[place + 28:place + 34])
        place += 46 + name + extra + comment
    return start, places


def gap(entries, payload):
    """Bytes between the last record and the index."""
    data = archive(entries)
    start, _ = lines(data)
    return data[:start] + payload + data[start:-6] + struct.pack("<IH", start + len(payload), 0)


def extra(entries, payload):
    """Bytes in an extra field of the index."""
    data = archive(entries)
    start, places = lines(data)
    place = places[-1]
    name, = struct.unpack("<H", data[place + 28:place + 30])
    field = struct.pack("<HH", 0x7777, len(payload)) + payload
    line = data[place:place + 30] + struct.pack("<H", len(field)) + data[place + 32:place + 46 + name] + field
    tail = data[place + 46 + name:]
    size = struct.pack("<I", len(data[start:place]) + len(line))
    return data[:place] + line + tail[:-10] + size + tail[-6:]


def mismatch(entries, payload):
    """The index says that data.pkl is stored; its own header says that it is deflated."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(payload) + packer.flush()
    data = archive([(n, packed if n.endswith("data.pkl") else d) for n, d in entries])
    return data[:8] + b"\x08\x00" + data[10:]


def elsewhere(entries, payload):
    """The index leads to a second data.pkl in another place than the first."""
    data = archive([("archive/data.pkl", payload)] + entries)
    start, places = lines(data)
    kept = data[places[1]:-22]
    end = data[-22:-14] + struct.pack("<HHIIH", len(places) - 1, len(places) - 1, len(kept), start, 0)
    return data[:start] + kept + end


def damaged():
    whole = saved(plain())
    write("damaged", "cut-short.bin", whole[:-30])
    write("damaged", "empty.bin", b"")
    write("damaged", "text.bin", b"version https://git-lfs.github.com/spec/v1\n")
    write("damaged", "bare.pkl", pickle.dumps({"a": [1, 2.5, "x"]}, protocol=2))
    entries = records(whole)
    body = dict(entries)["archive/data.pkl"]
    write("damaged", "trailing-in-pickle.bin", with_pickle(body + b"hello"))
    write("damaged", "no-stop.bin", with_pickle(body[:-1]))
    write("damaged", "pop.bin", with_pickle(appending(b"N0")))
    write("damaged", "leftover.bin", with_pickle(appending(b"N")))
    write("damaged", "memo.bin", with_pickle(appending(b"h\xf00")))
    write("damaged", "unknown-record.bin", archive(entries + [("archive/notes.txt", b"hello")]))
    write("damaged", "unused-storage.bin", archive(entries + [("archive/data/99", b"hello")]))
    write("damaged", "missing-storage.bin", archive([e for e in entries if e[0] != "archive/data/0"]))
    write("damaged", "short-storage.bin",
          archive([(n, d[:-4] if n == "archive/data/0" else d) for n, d in entries]))
    write("damaged", "version.bin",
          archive([(n, b"#!/bin/sh" if n == "archive/version" else d) for n, d in entries]))
    bomb = PROTO + b"X" + struct.pack("<I", 2 << 20) + bytes(2 << 20) + b"."
    write("damaged", "bomb.bin", with_pickle(bomb, compressed=("archive/data.pkl",)))
    flipped = bytearray(whole)
    flipped[flipped.index(b"archive/data/1") + 60] ^= 1
    write("damaged", "checksum.bin", bytes(flipped))
    legacy = saved(plain(), _use_new_zipfile_serialization=False)
    write("damaged", "legacy-trailing.bin", legacy + b"x")
    write("damaged", "legacy-short.bin", legacy[:-1])
    write("damaged", "old.tar", tar({})[:4096])


if __name__ == "__main__":
    good()
    code()
    damaged()
