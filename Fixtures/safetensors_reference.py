# SPDX-License-Identifier: Apache-2.0
"""The reference safetensors library as an oracle: it writes files, and judges any bytes."""

import ctypes
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, TensorSpec, deserialize, safe_open, serialize

# The reference's spelling in a file: its spelling in the writer's API, and bits per element.
DTYPES = {
    "U64": ("uint64", 64),
    "I64": ("int64", 64),
    "F64": ("float64", 64),
    "C64": ("complex64", 64),
    "F32": ("float32", 32),
    "U32": ("uint32", 32),
    "I32": ("int32", 32),
    "BF16": ("bfloat16", 16),
    "F16": ("float16", 16),
    "U16": ("uint16", 16),
    "I16": ("int16", 16),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "I8": ("int8", 8),
    "U8": ("uint8", 8),
    # The reader knows these two, the Python writer does not.
    "F6_E3M2": (None, 6),
    "F6_E2M3": (None, 6),
    "F4": ("float4_e2m1fn_x2", 4),
    "BOOL": ("bool", 8),
}
WRITABLE = [name for name, (writer_name, _) in DTYPES.items() if writer_name]


@dataclass
class Tensor:
    dtype: str
    shape: list
    data: bytes


def byte_count(dtype, shape):
    """Bytes of a tensor; None where its bits are not whole bytes."""
    bits = DTYPES[dtype][1]
    for extent in shape:
        bits *= extent
    return bits // 8 if bits % 8 == 0 else None


def writer_shape(dtype, shape):
    """F4 is given to the writer as torch has it: two values a byte, the last extent halved."""
    return [*shape[:-1], shape[-1] // 2] if dtype == "F4" else shape


def write(tensors, metadata=None):
    """The bytes that the reference writes for {name: Tensor}."""
    buffers = {
        name: ctypes.create_string_buffer(tensor.data, max(1, len(tensor.data)))
        for name, tensor in tensors.items()
    }
    specs = {
        name: TensorSpec(
            dtype=DTYPES[tensor.dtype][0],
            shape=writer_shape(tensor.dtype, tensor.shape),
            data_ptr=ctypes.addressof(buffers[name]),
            data_len=len(tensor.data),
        )
        for name, tensor in tensors.items()
    }
    return bytes(serialize(specs, metadata))


def frame(header, data=b"", length=None):
    """A file of this header and data; `length` where the length field is to say something else."""
    header = header.encode() if isinstance(header, str) else header
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def split(content):
    """Header and data of a valid file."""
    end = 8 + int.from_bytes(content[:8], "little")
    return content[8:end], content[end:]


def tensors_of(content, names_by_offset):
    """Name, dtype, shape and offsets as the reference sees them, by offset.

    It does not give offsets away, but it has checked that the data is contiguous from 0 in the
    order it gives. Empty tensors at one offset change places from run to run: sorted by name.
    """
    found = dict(deserialize(content))
    position, tensors = 0, []
    for name in names_by_offset:
        begin, position = position, position + len(found[name]["data"])
        tensors.append(
            {
                "name": name,
                "dtype": found[name]["dtype"],
                "shape": list(found[name]["shape"]),
                "data_offsets": [begin, position],
            }
        )
    return sorted(tensors, key=lambda tensor: (tensor["data_offsets"], tensor["name"]))


def error_from(call):
    try:
        call()
    except (SafetensorError, OSError) as error:
        return str(error)
    return None


def without_random_name(error):
    """Of two tensors that claim the same bytes, the reference names now one, now the other."""
    return re.sub(
        "invalid offset for tensor `.*`", "invalid offset for a tensor", error, flags=re.DOTALL
    )


def verdict(path):
    """What the reference says about a file, through both of its readers, which must agree."""
    content = Path(path).read_bytes()
    error = error_from(lambda: deserialize(content))
    opening_error = error_from(lambda: safe_open(str(path), framework="np"))
    if (error is None) != (opening_error is None):
        raise AssertionError(
            f"{path}: deserialize says {error!r}, safe_open says {opening_error!r}"
        )
    if error is not None:
        return {"accepted": False, "error": without_random_name(error)}
    with safe_open(str(path), framework="np") as file:
        return {
            "accepted": True,
            "metadata": file.metadata(),
            "tensors": tensors_of(content, list(file.offset_keys())),
        }


def verdict_on(content):
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(content)
        file.flush()
        return verdict(file.name)
