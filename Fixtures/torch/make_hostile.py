#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the hostile files of `hostile/` and `expectations.json`: what must be refused, and how.

    python make_hostile.py

Needs no torch. No file is a working payload: the function that they ask for is in a module that no machine has, and
what expands stays small; the tests lower the limits of peftkit instead. The number in front of a name is the category
that README.md lists. Each file differs from a good one, `00-good.bin`, by what its name says.
"""

import json
import shutil
import struct
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent / "hostile"
ASKS, GONE = "asks Python to run", "no data in the file"
EXPECTED = {}


# Pickles, opcode by opcode.

def glob(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def short(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def number(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def tup(*items):
    return b"(" + b"".join(items) + b"t"


def numbers(values):
    return tup(*[v if isinstance(v, bytes) else number(v) for v in values]) if len(values) else b")"


def call(function, *arguments):
    return function + tup(*arguments) + b"R"


ORDERED = glob("collections", "OrderedDict") + b")R"


def storage(key="0", numel=4, kind="FloatStorage", module="torch", location="cpu", extra=b""):
    return tup(text("storage"), glob(module, kind), text(key), text(location),
               numel if isinstance(numel, bytes) else number(numel), extra) + b"Q"


def tensor(size=(4,), stride=(1,), offset=0, hooks=ORDERED, more=b"", function="_rebuild_tensor_v2", **options):
    return call(glob("torch._utils", function), storage(**options), offset if isinstance(offset, bytes) else number(offset),
                numbers(size), numbers(stride), b"\x89", hooks, more)


def state(*items):
    """A dict of names and values, as a pickle."""
    return b"\x80\x02}(" + b"".join(text(n) + v for n, v in items) + b"u."


GOOD = state(("w", tensor()))

# What a payload would call. No machine has such a module: importing it fails, and nothing runs.
MODULE, FUNCTION = "peftkit_hostile_fixture", "run"
PAYLOAD = f"{MODULE}.{FUNCTION}"
EVIL = glob(MODULE, FUNCTION)
RUN = call(EVIL, text("x"))
DATA = struct.pack("<4f", 1, 2, 3, 4)


# Zip archives, byte by byte.

class Entry:
    def __init__(self, name, data, **changes):
        self.name, self.data = name.encode() if isinstance(name, str) else name, data
        self.stored = data
        self.local_name, self.method, self.flags = self.name, 0, 0x0808 if data else 0x0800
        self.crc, self.size, self.stored_size = zlib.crc32(data), len(data), len(data)
        self.local_flags = self.local_method = self.local_sizes = None
        self.extra = self.local_extra = b""
        self.gap, self.offset, self.descriptor, self.disk, self.attributes = b"", None, None, 0, 0
        self.__dict__.update(changes)


def archive(entries, before=b"", after=b"", zip64=True, **end):
    out, index, offsets = bytearray(before), bytearray(), {}
    for e in entries:
        start = len(out) if e.offset is None else e.offset
        flags = e.flags if e.local_flags is None else e.local_flags
        method = e.method if e.local_method is None else e.local_method
        sizes = e.local_sizes or ((0, 0, 0) if flags & 8 else (e.crc, e.stored_size, e.size))
        if e.offset is None:
            out += struct.pack("<IHHHHHIIIHH", 0x04034B50, 0, flags, method, 0, 0, *sizes, len(e.local_name), len(e.local_extra))
            out += e.local_name + e.local_extra + e.stored
            if flags & 8:
                out += e.descriptor if e.descriptor is not None else struct.pack("<IIII", 0x08074B50, e.crc, e.stored_size & 0xFFFFFFFF, e.size & 0xFFFFFFFF)
            out += e.gap
        index += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 0, 0, e.flags, e.method, 0, 0, e.crc, e.stored_size & 0xFFFFFFFF,
                             e.size & 0xFFFFFFFF, len(e.name), len(e.extra), 0, e.disk, 0, e.attributes, start)
        index += e.name + e.extra
    at, count = len(out), end.get("count", len(entries))
    size = end.get("size", len(index))
    offset = end.get("offset", at)
    out += index
    if zip64:
        wide = len(out)
        out += struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x31E, 45, end.get("disk", 0), end.get("disk", 0), count, count, size, offset)
        out += struct.pack("<IIQI", 0x07064B50, 0, end.get("wide_at", wide), end.get("disks", 1))
    classic = end.get("classic", (0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if zip64 else (0, 0, count, count, size, offset))
    out += struct.pack("<IHHHHIIH", 0x06054B50, *classic, len(end.get("comment", b""))) + end.get("comment", b"")
    return bytes(out) + after


def records(pickle=GOOD, data=DATA, folder="archive", more=(), **changes):
    entries = [Entry(f"{folder}/data.pkl", pickle), Entry(f"{folder}/byteorder", b"little"),
               Entry(f"{folder}/data/0", data, **changes), Entry(f"{folder}/version", b"3\n"), *more]
    return entries


def torch_zip(pickle=GOOD, **options):
    return archive(records(pickle, **options))


# Legacy files and tars.

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = b"\x80\x02M\xe9\x03."
SYSTEM = b"\x80\x02}(" + text("protocol_version") + b"M\xe9\x03" + text("little_endian") + b"\x88u."


def keys(*names):
    return b"\x80\x02](" + b"".join(text(n) for n in names) + b"e."


def legacy(magic=MAGIC, version=VERSION, system=SYSTEM, main=None, listed=None, storages=None):
    main = state(("w", tensor(extra=b"N"))) if main is None else main
    listed = keys("0") if listed is None else listed
    storages = struct.pack("<q", 4) + DATA if storages is None else storages
    return magic + version + system + main + listed + storages


def tar_member(name, data, kind=b"0", link=b""):
    header = bytearray(512)
    header[: len(name)] = name.encode()
    header[100:108], header[124:136], header[156:157] = b"0000644\0", b"%011o\0" % len(data), kind
    header[157 : 157 + len(link)] = link
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data + b"\0" * (-len(data) % 512)


def tar_parts(rank=1, sizes=(4,), strides=(1,), offset=0, count=4, data=DATA, views=b"\x80\x02].", more=b"", pickle=None, key=1, info=SYSTEM):
    number_of = lambda n: b"\x80\x02" + number(n) + b"."
    storages = number_of(1) + b"\x80\x02" + tup(number(7), text("cpu"), glob("torch", "FloatStorage")) + b"."
    storages += struct.pack("<q", count) + data + views
    tensors = number_of(1) + b"\x80\x02" + tup(number(key), number(7), glob("torch", "FloatTensor")) + b"."
    tensors += struct.pack("<ii", rank, 0) + struct.pack(f"<{len(sizes) + len(strides) + 1}q", *sizes, *strides, offset) + more
    pickle = state(("w", text("1") + b"Q")) if pickle is None else pickle
    return [("sys_info", info), ("pickle", pickle), ("tensors", tensors), ("storages", storages)]


def tar(parts=None, more=b"", **options):
    parts = tar_parts(**options) if parts is None else parts
    return b"".join(tar_member(*part) for part in parts) + more + b"\0" * 1024


def put(name, content, says, code="malformed"):
    """A file, and the words that its refusal must hold."""
    assert name not in EXPECTED, name
    (HERE / f"{name}.bin").write_bytes(content)
    if says:
        EXPECTED[name] = {"code": code, "says": says}


def zipped(name, pickle, says, code="malformed"):
    put(name, torch_zip(pickle), says, code)


def value(name, content, says, code="malformed"):
    """A good tensor, and a second entry that is hostile."""
    zipped(name, state(("w", tensor()), ("x", content)), says, code)


def squeezed(name, pickle, says, code="malformed"):
    """The same in a compressed record, for pickles that repeat themselves."""
    entries = records(pickle)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflater.compress(pickle) + deflater.flush()
    entries[0].__dict__.update(stored=data, stored_size=len(data), method=8)
    put(name, archive(entries), says, code)


def pickles():
    un = "unsupported"
    value("01-reduce", RUN, f"{ASKS} {PAYLOAD}", un)
    value("01-newobj", EVIL + b")\x81", f"{ASKS} {PAYLOAD}", un)
    value("01-newobj-ex", EVIL + b")}\x92", f"{ASKS} {PAYLOAD}", un)
    value("01-obj", b"(" + EVIL + text("x") + b"o", f"{ASKS} {PAYLOAD}", un)
    value("01-inst", b"(" + text("x") + b"i" + EVIL[1:], f"{ASKS} {PAYLOAD}", un)
    value("01-import-only", EVIL, f"{ASKS} {PAYLOAD}", un)
    value("01-dotted", call(glob("torch._utils", "_rebuild_tensor_v2.__globals__"), text("x")), ASKS, un)
    value("01-dotted-module", call(glob("collections.OrderedDict", "fromkeys"), text("x")), ASKS, un)
    value("01-look-alike", call(glob("torch._utils", "_rebuild_tensοr_v2"), text("x")), ASKS, un)
    value("01-case", call(glob("Collections", "OrderedDict")), ASKS, un)
    value("01-space", call(glob("collections", "OrderedDict ")), ASKS, un)
    value("01-builtin", call(glob("__builtin__", MODULE), ORDERED, text("x")), f"{ASKS} __builtin__.{MODULE}", un)
    value("01-torch-function", call(glob("torch", MODULE), text("x")), f"{ASKS} torch.{MODULE}", un)
    value("01-call-of-result", ORDERED + b")R", ASKS, un)
    value("01-storage-called", call(glob("torch", "FloatStorage"), number(8)), GONE)
    zipped("01-script-class", b"\x80\x02" + glob("__torch__", "M") + b")\x81}b.", f"{ASKS} __torch__.M", un)
    value("02-stack-global", short(MODULE) + short(FUNCTION) + b"\x93" + tup(text("x")) + b"R", f"{ASKS} {PAYLOAD}", un)
    value("02-from-memo", short(FUNCTION) + b"\x94]\x940" + short(MODULE) + b"h\x00\x93" + tup(text("x")) + b"R", "key without a value")
    value("02-dup", short(MODULE) + b"2\x93", f"{ASKS} {MODULE}.{MODULE}", un)
    value("02-pop", short(MODULE) + short("x") + b"0" + short(FUNCTION) + b"\x93)R", f"{ASKS} {PAYLOAD}", un)
    value("02-put-then-get", text(MODULE) + b"q\x00" + text(FUNCTION) + b"q\x0100h\x00h\x01\x93)R", f"{ASKS} {PAYLOAD}", un)
    value("02-not-text", b"K\x01K\x02\x93", "STACK_GLOBAL")
    value("02-bytes", b"C\x04nameC\x03run\x93", "STACK_GLOBAL")
    value("02-pop-leaves-data", b"K\x01K\x020", "POP")
    value("02-dup-leaves-data", b"K\x012" + b"\x86", "DUP")
    value("02-memo-overwritten", b"K\x01q\x00K\x02q\x00\x86", "memo slot 0")
    value("03-build-dict", b"}}" + b"b", f"{ASKS} the __setstate__ of a dict", un)
    value("03-build-tensor", tensor() + b"}b", ASKS, un)
    value("03-build-list", b"]}b", ASKS, un)
    value("03-build-name", glob("torch", "FloatStorage") + b"}b", ASKS, un)
    value("03-build-text", text("x") + b"}b", ASKS, un)
    value("03-build-no-dict", ORDERED + text("x") + b"b", "attributes")
    value("03-ext1", b"\x82\x01)R", "extension 1", un)
    value("03-ext2", b"\x83\x01\x02)R", "extension 513", un)
    value("03-ext4", b"\x84\x01\0\0\0)R", "extension 1", un)
    value("04-load-from-bytes", call(glob("torch.storage", "_load_from_bytes"), b"B" + struct.pack("<I", 4) + b"\x80\x02N."), ASKS, un)
    value("04-loads", call(glob("_pickle", MODULE), text("x")), f"{ASKS} _pickle.{MODULE}", un)
    value("04-codec", call(glob("_codecs", "encode"), text("x"), text("rot13")), f"{ASKS} _codecs.encode", un)
    value("04-codec-no-text", call(glob("_codecs", "encode"), number(1), text("latin1")), f"{ASKS} _codecs.encode", un)
    zipped("05-second-pickle", GOOD + b"\x80\x02" + RUN + b".", "unexpected bytes follow")
    zipped("05-payload-then-damage", b"\x80\x02" + RUN + b"\xff\xff", "0xff is not a pickle opcode")
    zipped("05-extra-byte", GOOD + b"\0", "1 unexpected byte follows")
    put("05-legacy-magic", legacy(magic=b"\x80\x02" + RUN + b"."), f"{ASKS} {PAYLOAD}", un)
    put("05-legacy-version", legacy(version=b"\x80\x02" + RUN + b"."), f"{ASKS} {PAYLOAD}", un)
    put("05-legacy-system", legacy(system=b"\x80\x02" + RUN + b"."), f"{ASKS} {PAYLOAD}", un)
    put("05-legacy-main", legacy(main=b"\x80\x02" + RUN + b"."), "which no tensor uses")
    put("05-legacy-keys", legacy(listed=b"\x80\x02" + RUN + b"."), f"{ASKS} {PAYLOAD}", un)
    put("05-legacy-listed-name", legacy(magic=b"\x80\x02" + glob("torch", "float32") + b"."), "not a torch checkpoint", "unrecognized")
    put("05-bare-pickle", b"\x80\x02" + RUN + b".", f"{ASKS} {PAYLOAD}", un)
    put("05-bare-data", b"\x80\x02}.", "not a torch checkpoint", "unrecognized")
    put("05-tar-info", tar(info=b"\x80\x02" + RUN + b"."), f"{ASKS} {PAYLOAD}", un)
    put("05-tar-pickle", tar(pickle=b"\x80\x02" + RUN + b"."), f"{ASKS} {PAYLOAD}", un)
    zipped("06-truncated", GOOD[:-30], "ends too early", "truncated")
    zipped("06-no-stop", GOOD[:-1], "ends too early", "truncated")
    zipped("06-empty", b"", "ends too early", "truncated")
    zipped("06-underflow", b"\x80\x02s.", "SETITEM")
    zipped("06-no-mark", b"\x80\x02}u.", "mark")
    zipped("06-below-mark", b"\x80\x02}(K\x01(su.", "SETITEM")
    zipped("06-leftover", b"\x80\x02K\x01" + GOOD[2:], "left over")
    zipped("06-leftover-mark", b"\x80\x02(" + GOOD[2:], "left over")
    zipped("06-nothing", b"\x80\x02.", "without a value")
    zipped("06-unknown-opcode", b"\x80\x02\xff.", "0xff is not a pickle opcode")
    zipped("06-protocol", b"\x80\x06" + GOOD[2:], "6 is not a pickle protocol")
    zipped("06-frame-straddled", b"\x80\x04\x95" + struct.pack("<Q", 3) + GOOD[2:], "frame")
    zipped("06-frame-nested", b"\x80\x04\x95" + struct.pack("<Q", 40) + b"\x95" + struct.pack("<Q", 2) + GOOD[2:], "frame")
    zipped("06-buffer", b"\x80\x05\x97.", "buffers", un)
    zipped("07-binunicode8", b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f" + GOOD[2:], "ends too early", "truncated")
    zipped("07-binunicode8-top", b"\x80\x04\x8d" + b"\xff" * 8 + GOOD[2:], "impossible")
    zipped("07-binbytes8", b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + GOOD[2:], "ends too early", "truncated")
    zipped("07-bytearray8", b"\x80\x05\x96" + struct.pack("<Q", 1 << 62) + GOOD[2:], "ends too early", "truncated")
    zipped("07-binunicode", b"\x80\x02X\xff\xff\xff\xff" + GOOD[2:], "ends too early", "truncated")
    zipped("07-long4", b"\x80\x02\x8b\xff\xff\xff\x7f" + GOOD[2:], "ends too early", "truncated")
    zipped("07-long4-negative", b"\x80\x02\x8b\xff\xff\xff\xff" + GOOD[2:], "negative length")
    zipped("07-binstring-negative", b"\x80\x02T\xff\xff\xff\xff" + GOOD[2:], "negative length")
    zipped("07-frame", b"\x80\x04\x95" + struct.pack("<Q", 1 << 33) + GOOD[2:], "ends too early", "truncated")
    zipped("07-line", b"\x80\x02c" + PAYLOAD.encode(), "ends too early", "truncated")
    zipped("08-gap", b"\x80\x02}q\x05.", "memo slot 5 is out of range")
    zipped("08-long-gap", b"\x80\x02}r\xff\xff\xff\xff.", "out of range")
    zipped("08-undefined", b"\x80\x02h\x00.", "memo slot 0 is out of range")
    zipped("08-long-undefined", b"\x80\x02j\xff\xff\xff\xff.", "out of range")
    zipped("08-text-negative", b"\x80\x02}p-1\n.", "memo slot")
    zipped("08-text-huge", b"\x80\x02g99999999999999999999\n.", "memo slot")
    zipped("09-deep-lists", b"\x80\x02" + b"]" * 300 + b"a" * 299 + b".", "nested too deeply", un)
    zipped("09-deep-tuples", b"\x80\x02N" + b"\x85" * 300 + b".", "nested too deeply", un)
    zipped("09-deep-marks", b"\x80\x02" + b"(" * 300 + b".", "nested too deeply", un)
    zipped("09-deep-dicts", b"\x80\x02" + b"}K\0" * 300 + b"N" + b"s" * 300 + b".", "nested too deeply", un)
    zipped("09-deep-state", b"\x80\x02" + ORDERED + b"}" + text("x") + b"]" * 300 + b"a" * 299 + b"sb.", "nested too deeply", un)
    zipped("09-list-in-itself", b"\x80\x02]q\0h\0a.", "contains itself")
    zipped("09-dict-in-itself", b"\x80\x02}q\0" + text("x") + b"h\0s.", "contains itself")
    zipped("09-round-trip", b"\x80\x02]q\0}q\x01" + text("x") + b"h\0sa.", "contains itself")
    doubling = b"](]q\0Na"
    for i in range(1, 16):
        doubling += b"]q" + bytes([i]) + b"(" + (b"h" + bytes([i - 1])) * 2 + b"e"
    doubling += b"e"
    zipped("09-expands", b"\x80\x02" + doubling + b".", "expands", un)
    value("09-expands-in-set", call(glob("__builtin__", "set"), doubling), "expands", un)
    value("09-expands-in-state", ORDERED + b"}" + text("x") + doubling + b"sb", "expands", un)
    shared = b"]q\0(" + tensor(size=(1,)) * 120 + b"e"
    squeezed("09-many-shared-tensors", b"\x80\x02](" + shared + b"h\0" * 120 + b"e.", "items", un)
    squeezed("09-many-values", b"\x80\x02](" + b"N" * 100_000 + b"e.", "items", un)
    squeezed("09-many-lists", b"\x80\x02](" + b"]" * 100_000 + b"e.", "items", un)
    squeezed("09-many-memos", b"\x80\x04]" + b"\x94" * 100_000 + b".", "items", un)
    pairs = b"](" + b"NN\x86" * 3000 + b"eq\0"
    squeezed("09-ordered-dicts", b"\x80\x02](" + pairs + glob("collections", "OrderedDict") + b"q\x01" + b"h\x01h\0\x85R" * 40 + b"e.", "items", un)
    long_name = text("n" * 10_000)
    squeezed("09-long-names", b"\x80\x02}" + long_name + b"](" + b")" * 1000 + b"es.", "items", un)
    value("10-setitem-on-list", b"]" + text("a") + text("b") + b"s", "SETITEM is used on a list")
    value("10-setitem-on-tensor", tensor() + text("a") + text("b") + b"s", "SETITEM is used on a tensor")
    value("10-setitems-on-tuple", b")(" + text("a") + text("b") + b"u", "SETITEMS is used on a tuple")
    value("10-append-on-dict", b"}" + text("a") + b"a", "APPEND is used on a dict")
    value("10-appends-on-text", text("a") + b"(" + text("a") + b"e", "APPENDS is used on a str")
    value("10-additems-on-list", b"](" + text("a") + b"\x90", "ADDITEMS is used on a list")
    value("10-odd", b"}(" + text("a") + b"u", "without a value")
    value("10-unhashable", b"}]Ns", "as a key")
    value("10-name-twice", b"}(" + text("a") + b"N" + text("a") + b"Nu", "appears twice")
    zipped("10-tensor-twice", state(("w", tensor()), ("w", tensor())), '"w" appears twice')
    zipped("10-joined-twice", state(("a", b"}" + text("b") + tensor() + b"s"), ("a.b", tensor())), "appears twice")
    zipped("10-half-surrogate", state((b"\xed\xa0\x80", tensor())), "surrogate", un)
    zipped("10-not-utf8", state((b"\xff", tensor())), "UTF-8")
    value("11-bytearray", call(glob("__builtin__", "bytearray"), number(1 << 20)), GONE)
    value("11-bytes", call(glob("__builtin__", "bytes"), number(1 << 20)), GONE)
    value("11-float-tensor", call(glob("torch", "FloatTensor"), number(1 << 20)), GONE)
    value("11-tensor", call(glob("torch", "Tensor"), number(1 << 20)), GONE)
    value("11-new", glob("torch", "Tensor") + numbers([1 << 20]) + b"\x81", GONE)
    value("11-untyped", call(glob("torch.storage", "UntypedStorage"), number(1 << 20)), GONE)
    value("11-range-in-set", call(glob("__builtin__", "set"), number(5)), "must be a list or tuple")
    shapes()


def shapes():
    def tensors(name, says="impossible shape", code="malformed", **options):
        zipped(name, state(("w", tensor(**options))), says, code)

    tensors("12-negative-size", size=(-4,))
    tensors("12-negative-stride", stride=(-1,))
    tensors("12-negative-offset", offset=-1)
    tensors("12-size-overflow", size=(1 << 32, 1 << 32), stride=(0, 0))
    tensors("12-stride-overflow", size=(4, 4), stride=(1 << 62, 1))
    tensors("12-offset-overflow", offset=(1 << 59) - 1, says="beyond its storage")
    tensors("12-offset-65-bits", offset=1 << 64)
    tensors("12-size-2-62", size=(1 << 62,), stride=(0,))
    tensors("12-rank", size=(2, 2))
    tensors("12-rank-high", size=(1,) * 65, stride=(1,) * 65)
    tensors("12-size-float", size=(b"G" + struct.pack(">d", 4),), says="must be a tuple of integers")
    tensors("12-size-text", size=(text("4"),), says="must be a tuple of integers")
    tensors("12-size-bool", size=(b"\x88",), says="must be a tuple of integers")
    tensors("12-offset-text", offset=text("0"), says="must be an integer")
    tensors("12-numel-negative", numel=-4, says="impossible size")
    tensors("12-numel-overflow", numel=1 << 62, says="impossible size")
    tensors("12-numel-text", numel=text("4"), says="impossible size")
    zipped("12-size-no-tuple", state(("w", call(glob("torch._utils", "_rebuild_tensor_v2"), storage(), number(0), number(4), number(1), b"\x89", ORDERED))), "must be a tuple of integers")
    tensors("12-arguments", more=b"NN", says="takes a tuple of 6 to 7 arguments")
    tensors("12-no-dtype", says="no element type", kind="UntypedStorage", module="torch.storage", numel=16)
    zipped("12-no-storage", state(("w", call(glob("torch._utils", "_rebuild_tensor_v2"), text("x"), number(0), numbers([4]), numbers([1]), b"\x89", ORDERED))), "must be a storage")
    zipped("12-parameter-of-text", state(("w", call(glob("torch._utils", "_rebuild_parameter"), text("x"), b"\x88", ORDERED))), "parameter")
    tensors("13-beyond", size=(5,), says="beyond its storage")
    tensors("13-beyond-stride", size=(2,), stride=(4,), says="beyond its storage")
    tensors("13-beyond-offset", offset=1, says="beyond its storage")
    tensors("13-record-short", numel=5, says="beyond its record")
    tensors("13-record-long", numel=3, size=(3,), says="more than the 12")
    tensors("13-record-missing", key="1", says="missing")
    tensors("13-dtype-wider", kind="DoubleStorage", says="beyond its record")
    zipped("13-two-sizes", state(("w", tensor()), ("x", tensor(numel=3, size=(3,)))), "two sizes")
    zipped("13-no-key", state(("w", tensor(key=""))), "invalid storage key")
    zipped("13-unused-storage", state(("w", tensor()), ("x", call(glob("torch._utils", "_rebuild_meta_tensor_no_storage"), glob("torch", "float32"), numbers([1]), numbers([1]), b"\x89")), ("y", storage(key="9"))), "missing")
    tensors("14-expanded", size=(1 << 16,), stride=(0,), says="would expand", code="unsupported")
    tensors("14-expanded-2d", size=(1 << 8, 1 << 8), stride=(0, 0), says="would expand", code="unsupported")
    tensors("14-overlapping", size=(1 << 7, 1 << 7, 2), stride=(0, 0, 1), says="would expand", code="unsupported")
    zipped("14-many-expanded", state(*[(f"w{i}", tensor(size=(1 << 12,), stride=(0,))) for i in range(20)]), "would expand", "unsupported")
    for name, key in [("slash", "a/b"), ("parent", ".."), ("up", "../0"), ("backslash", "a\\b"), ("nul", "0\0"), ("absolute", "/etc/passwd"), ("number", None)]:
        if key is None:
            zipped("15-key-number", state(("w", call(glob("torch._utils", "_rebuild_tensor_v2"), tup(text("storage"), glob("torch", "FloatStorage"), number(0), text("cpu"), number(4)) + b"Q", number(0), numbers([4]), numbers([1]), b"\x89", ORDERED))), "key")
        else:
            tensors(f"15-key-{name}", key=key, says="invalid storage key")
    zipped("15-module", state(("w", tup(text("module"), text("x"), text("y"), text("z")) + b"Q")), "whole model", "unsupported")
    zipped("15-not-storage", state(("w", text("0") + b"Q")), "persistent id")


def zips():
    un, tr = "unsupported", "truncated"
    good = archive(records())
    put("16-no-end", good[:-98], "incomplete", tr)
    put("16-cut-in-half", good[: len(good) // 2], "incomplete", tr)
    put("16-header-only", good[:30], "incomplete", tr)
    put("16-count-high", archive(records(), count=5), "inconsistent")
    put("16-count-low", archive(records(), count=3), "inconsistent")
    put("16-count-huge", archive(records(), count=1 << 60), "inconsistent")
    put("16-size", archive(records(), size=100), "inconsistent")
    put("16-offset", archive(records(), offset=10), "inconsistent")
    put("16-offset-huge", archive(records(), offset=1 << 63), "inconsistent")
    put("16-zip64-elsewhere", archive(records(), wide_at=7), "inconsistent")
    put("16-ends-disagree", archive(records(), classic=(0, 0, 3, 3, 0xFFFFFFFF, 0xFFFFFFFF)), "differ")
    put("16-disks", archive(records(), disks=2), "parts", un)
    put("16-disk", archive(records(), disk=1), "parts", un)
    put("16-disk-classic", archive(records(), zip64=False, classic=(1, 1, 4, 4, 0, 0)), "parts", un)
    put("16-entry-outside", archive([*records(), Entry("archive/x", b"", offset=1 << 30)]), "inconsistent")
    put("16-zip64-size-missing", archive(records(stored_size=0xFFFFFFFF, size=0xFFFFFFFF)), "inconsistent")
    put("16-zip64-size-lies", archive(records(stored_size=0xFFFFFFFF, size=0xFFFFFFFF, extra=struct.pack("<HHQQ", 1, 16, 1 << 40, 1 << 40))), "inconsistent")
    put("16-zip64-twice", archive(records(extra=struct.pack("<HH", 1, 0) * 2)), "twice")
    put("16-zip64-unneeded", archive(records(extra=struct.pack("<HHQ", 1, 8, 16))), "twice")
    put("16-no-entries", archive([], zip64=False), "empty zip archive", "unrecognized")
    put("17-duplicate", archive([*records(), Entry("archive/data/0", DATA)]), "appears twice")
    put("17-case-duplicate", archive([*records(), Entry("archive/DATA.PKL", GOOD)]), "appears twice, in another case")
    put("17-same-place", archive([*records(), Entry("archive/data/1", GOOD, offset=0)]), "overlap")
    put("17-inside", archive([*records(), Entry("archive/data/1", b"", offset=50)]), "overlap")
    put("17-two-folders", archive([*records(), Entry("other/data.pkl", GOOD)]), "two top folders")
    put("17-no-folder", archive([*records(), Entry("data.pkl", GOOD)]), "outside any folder", "unrecognized")
    put("18-name", archive(records(local_name=b"archive/data/1")), "disagree about its name")
    put("18-name-length", archive(records(local_name=b"archive/data/00")), "disagree about its name")
    put("18-method", archive(records(local_method=8)), "disagree about how")
    put("18-flags", archive(records(local_flags=0x0800)), "disagree about flags")
    put("18-size", archive(records(flags=0x800, local_sizes=(zlib.crc32(DATA), 15, 15))), "disagree about its size")
    put("18-crc", archive(records(flags=0x800, local_sizes=(1, 16, 16))), "disagree about its checksum")
    put("18-descriptor-size", archive(records(descriptor=struct.pack("<IIII", 0x08074B50, zlib.crc32(DATA), 15, 15))), "disagree about its size")
    put("18-descriptor-crc", archive(records(descriptor=struct.pack("<IIII", 0x08074B50, 1, 16, 16))), "disagree about its size or checksum")
    put("18-descriptor-missing", archive(records(descriptor=b"")), "disagree about what follows")
    put("19-encrypted", archive(records(flags=0x0809)), "password protected", un)
    put("19-strong", archive(records(flags=0x0848)), "password protected", un)
    put("19-masked", archive(records(flags=0x2808)), "password protected", un)
    put("19-patch", archive(records(flags=0x0828)), "unsupported properties", un)
    for number_of_method, name in [(1, "shrink"), (9, "deflate64"), (12, "bzip2"), (14, "lzma"), (93, "zstd"), (99, "aes")]:
        put(f"19-{name}", archive(records(method=number_of_method)), "unsupported compression", un)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(b"\0" * (4 << 20)) + deflater.flush()
    put("19-bomb", archive(records(state(("w", tensor(numel=1 << 20, size=(1 << 20,)))), b"", flags=0x808, method=8, stored=bomb, stored_size=len(bomb), size=4 << 20, crc=1)), "would expand", un)
    put("19-bomb-pickle", archive([Entry("archive/data.pkl", b"x", method=8, stored=bomb, stored_size=len(bomb), size=4 << 20, crc=1), *records()[1:]]), "more than the", un)
    put("19-ratio", archive(records(data=b"", flags=0x808, method=8, stored=b"\x03\0", stored_size=2, size=1 << 22, crc=1)), "would expand")
    put("19-stored-two-sizes", archive(records(size=17)), "two sizes")
    small = zlib.compressobj(9, zlib.DEFLATED, -15)
    small = small.compress(DATA) + small.flush()
    for name, stored, size, says in [
        ("deflate-short", small[:-3], 16, "damaged|ends too early"), ("deflate-long", small + b"\0", 16, "unexpected bytes"),
        ("deflate-more", small, 12, "beyond its record"), ("deflate-garbage", b"\xff" * 20, 16, "damaged")]:
        put(f"19-{name}", archive(records(flags=0x808, method=8, stored=stored, stored_size=len(stored), size=size)), says)
    put("19-deflate-hidden", archive(records(state(("w", tensor(numel=3, size=(3,)))), DATA[:12], flags=0x808, method=8, stored=small, stored_size=len(small))), "more than the 12 bytes")
    for name, path in [("parent", "archive/../x"), ("dot", "archive/./x"), ("absolute", "/archive/x"), ("backslash", "archive\\x"), ("nul", "archive/x\0.pkl"), ("empty-folder", "archive//x"), ("empty", "")]:
        put(f"20-{name}", archive([*records(), Entry(path, b"x")]), "unsafe")
    put("20-not-utf8", archive([*records(), Entry(b"archive/\xff", b"x")]), "UTF-8")
    put("20-link", archive([*records(), Entry("archive/x", b"/etc/passwd", attributes=0xA1FF0000)]), "link", un)
    put("20-folder-contents", archive([*records(), Entry("archive/x/", b"x")]), "contents of its own")
    put("20-second-name", archive([*records(), Entry("archive/x", b"x", extra=struct.pack("<HH", 0x7075, 6) + b"\x01\0\0\0\0y")]), "second name", un)
    put("21-crc-data", archive(records(stored=struct.pack("<4f", 1, 2, 3, 5))), "checksum")
    put("21-crc-first-element", archive(records(stored=struct.pack("<4f", 0, 2, 3, 4))), "checksum")
    put("21-crc-pickle", archive([Entry("archive/data.pkl", GOOD, crc=5), *records()[1:]]), "checksum")
    put("21-crc-version", archive([*records()[:3], Entry("archive/version", b"3\n", crc=5)]), "checksum")
    put("22-before", archive(records(), before=b"#!/bin/sh\n"), "unexpected bytes precede")
    put("22-before-zip", archive(records(), before=b"PK\3\4hello world, this is no entry"), "unexpected bytes precede")
    put("22-after", archive(records(), after=b"hello"), "5 unexpected bytes follow")
    put("22-comment-too-long", archive(records(), comment=b"hello", after=b"x"), "1 unexpected byte follows")
    put("22-between", archive(records(gap=b"hello")), "unexpected bytes follow the entry")
    put("22-between-like-descriptor", archive(records(gap=b"hell")), "disagree")
    put("22-second-end", archive(records(), after=archive([], zip64=False)), "inconsistent")
    put("22-two-zips", archive(records()) + archive(records()), "inconsistent")
    put("22-zip-in-comment", archive(records(), comment=archive([], zip64=False)), "two end records")
    put("22-legacy-and-zip", legacy() + archive(records()), "unexpected bytes follow")
    put("22-legacy-before-zip", archive(records(), before=legacy()), "unexpected bytes follow")
    put("22-tar-and-zip", tar(more=b"") + archive(records()), "unexpected bytes follow")
    put("22-version-missing", archive(records()[:3]), "version")
    put("22-version-future", archive([*records()[:3], Entry("archive/version", b"11\n")]), "version 11", un)
    put("22-version-text", archive([*records()[:3], Entry("archive/version", b"x")]), "not contain a number")
    put("22-byteorder", archive([records()[0], Entry("archive/byteorder", b"middle"), *records()[2:]]), "order of bytes")
    put("22-no-pickle", archive(records()[1:]), "without data.pkl", "unrecognized")


def others():
    un, tr = "unsupported", "truncated"
    four = struct.pack("<q", 4) + DATA
    put("23-count-low", legacy(storages=struct.pack("<q", 3) + DATA), "has 3 elements and 4")
    put("23-count-high", legacy(storages=struct.pack("<q", 5) + DATA), "has 5 elements and 4")
    put("23-count-negative", legacy(storages=struct.pack("<q", -4) + DATA), "elements and 4")
    put("23-count-overflow", legacy(storages=struct.pack("<q", (1 << 62) + 4) + DATA), "elements and 4")
    put("23-data-short", legacy(storages=four[:-1]), "ends too early", tr)
    put("23-data-missing", legacy(storages=b""), "ends too early", tr)
    put("23-trailing", legacy(storages=four + b"\0"), "1 unexpected byte")
    put("23-key-missing", legacy(listed=keys(), storages=b""), "missing from the list")
    put("23-key-unknown", legacy(listed=keys("0", "1"), storages=four + four), "which no tensor uses")
    put("23-key-twice", legacy(listed=keys("0", "0"), storages=four + four), "twice")
    put("23-keys-no-list", legacy(listed=b"\x80\x02}."), "not a list")
    put("23-keys-numbers", legacy(listed=b"\x80\x02]K\0a."), "not text")
    put("23-cut-in-keys", legacy()[:-40], "ends too early", tr)
    put("23-magic-only", MAGIC, "ends too early", tr)
    put("23-version", legacy(version=b"\x80\x02M\xea\x03."), "unknown version", un)
    put("23-system-version", legacy(system=SYSTEM.replace(b"M\xe9\x03", b"M\xea\x03")), "another version")
    put("23-system-no-dict", legacy(system=b"\x80\x02N."), "not a dict")
    put("23-view-beyond", legacy(main=state(("w", tensor(extra=tup(text("v"), number(2), number(3)))))), "beyond its storage")
    put("23-view-tensor-beyond", legacy(main=state(("w", tensor(extra=tup(text("v"), number(2), number(2)))))), "beyond its storage")
    put("23-five-fields", legacy(main=GOOD), "persistent id")
    put("23-module", legacy(main=state(("w", tup(text("module"), text("x"), text("y"), text("z")) + b"Q"))), "whole model", un)
    for kind, name in [(b"2", "symlink"), (b"1", "hardlink"), (b"5", "folder"), (b"3", "device")]:
        parts = tar_parts()
        put(f"23-tar-{name}", tar([(*parts[0], kind, b"/etc/passwd"), *parts[1:]]), "link, folder or device", un)
    put("23-tar-traversal", tar([*tar_parts(), ("../evil", b"x")]), "not part of a torch checkpoint")
    put("23-tar-twice", tar([*tar_parts(), ("pickle", GOOD)]), "appears twice")
    put("23-tar-missing", tar(tar_parts()[:3]), "missing")
    put("23-tar-other", tar([("readme", b"x")]), "not part of a torch checkpoint", "unrecognized")
    put("23-tar-rank", tar(rank=1 << 30), "rank")
    put("23-tar-rank-negative", tar(rank=-1), "rank")
    put("23-tar-rank-65", tar(rank=65, sizes=(1,) * 65, strides=(1,) * 65), "rank")
    put("23-tar-beyond", tar(sizes=(5,)), "beyond its storage")
    put("23-tar-count", tar(count=1 << 60), "beyond its file")
    put("23-tar-count-negative", tar(count=-1), "beyond its file")
    put("23-tar-more", tar(more=b"") [:-1024] + tar_member("x", b"") + b"\0" * 1024, "not part of a torch checkpoint")
    put("23-tar-tensors-more", tar(parts=[(n, d + (b"x" if n == "tensors" else b"")) for n, d in tar_parts()]), "unexpected byte follows")
    put("23-tar-after", tar() + b"x", "unexpected bytes follow")
    put("23-tar-view", tar(views=b"\x80\x02]" + numbers([9, 7, 2, 3]) + b"a."), "beyond its storage")
    put("23-tar-view-unknown", tar(views=b"\x80\x02]" + numbers([9, 6, 0, 1]) + b"a."), "beyond its storage")
    put("23-tar-unknown-tensor", tar(pickle=state(("w", text("2") + b"Q"))), "does not name a tensor")
    put("23-tar-cut", tar()[:1000], "ends too early", tr)
    put("23-tar-checksum", tar().replace(b"pickle\0", b"qickle\0", 1), "damaged")
    put("23-tar-type", tar(parts=[(n, d.replace(b"FloatTensor", b"LongTensor")) for n, d in tar_parts()]), "different element types")
    pax = b"19 path=/etc/passwd\n"
    put("23-tar-pax-path", tar([("pax", pax, b"x"), *tar_parts()]), "changes", un)


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    for name, content in [("00-good", torch_zip()), ("00-good-legacy", legacy()), ("00-good-tar", tar()),
                          ("00-good-plain-zip", archive(records(), zip64=False)),
                          ("00-good-comment", archive(records(), comment=b"hello")),
                          ("00-good-unchecked-data", archive(records(crc=0)))]:
        put(name, content, None)
    pickles()
    zips()
    others()
    (HERE / "expectations.json").write_text(json.dumps(EXPECTED, indent=1, sort_keys=True) + "\n")
    print(f"{len(EXPECTED)} files")


if __name__ == "__main__":
    main()
