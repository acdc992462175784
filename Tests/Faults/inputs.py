# SPDX-License-Identifier: Apache-2.0
"""The checkpoints and adapters that the suite converts, made without any library."""

import json
import random
import struct
import subprocess
import zipfile
from pathlib import Path

# Large enough for several turns of the thread that writes, and for copies inside the kernel.
LARGE_TENSOR_BYTES = 8 << 20
SMALL_TENSOR_BYTES = 4096
# The factors of two modules, of the rank in the config: an adapter in which nothing is found.
NAMES = [f"base_model.model.{module}.lora_{factor}.weight" for module in ("q_proj", "v_proj") for factor in "AB"]

CONFIG = {
    "peft_type": "LORA",
    "base_model_name_or_path": "base",
    "task_type": "CAUSAL_LM",
    "r": 8,
    "lora_alpha": 16,
    "target_modules": ["q_proj", "v_proj"],
    "inference_mode": True,
}


def write_safetensors(path, tensor_bytes, seed):
    """Write the tensors of a LoRA adapter in F32, and a metadata entry."""
    source = random.Random(seed)
    header = {"__metadata__": {"made by": "hand"}}
    for index, name in enumerate(NAMES):
        width = tensor_bytes // (4 * CONFIG["r"])
        header[name] = {
            "dtype": "F32",
            "shape": [CONFIG["r"], width] if "lora_A" in name else [width, CONFIG["r"]],
            "data_offsets": [index * tensor_bytes, (index + 1) * tensor_bytes],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _ in NAMES:
            file.write(source.randbytes(tensor_bytes))


def tensors_in_safetensors(data):
    """The bytes of each tensor, as a sorted list."""
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    offsets = [entry["data_offsets"] for entry in header.values()]
    return sorted(data[8 + size + begin : 8 + size + end] for begin, end in offsets)


def tensors_in_torch(path):
    """The bytes of each storage of a zip that torch would read, as a sorted list."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if Path(name).parent.name == "data"]
        return sorted(archive.read(name) for name in names)


class Inputs:
    """Named files and directories, each made once; cases get hard links to them.

    `contents` holds what each of them must still hold after every case.
    """

    def __init__(self, root, peftkit):
        self.root = root
        for size, count in (("small", SMALL_TENSOR_BYTES), ("large", LARGE_TENSOR_BYTES)):
            write_safetensors(root / f"{size}.safetensors", count, size)
            self._convert(peftkit, f"{size}.safetensors", f"{size}.bin")
            self._make_adapter(f"{size}-adapter", f"{size}.safetensors")
            self._make_adapter(f"{size}-adapter-bin", f"{size}.bin")
        write_safetensors(root / "old.safetensors", SMALL_TENSOR_BYTES + 64, "old")
        self._convert(peftkit, "old.safetensors", "old.bin")
        self._make_adapter("old-adapter", "old.safetensors")
        (root / "old-adapter/only-in-the-old").mkdir()
        (root / "old-adapter/only-in-the-old/notes.txt").write_text("of the old adapter\n")

    def _convert(self, peftkit, source, target):
        subprocess.run(
            [peftkit, "convert", self.root / source, self.root / target], check=True, timeout=60,
            stderr=subprocess.PIPE)

    def _make_adapter(self, name, weights):
        directory = self.root / name
        (directory / "extra/nested").mkdir(parents=True)
        (directory / "adapter_config.json").write_text(json.dumps(CONFIG))
        weights = self.root / weights
        (directory / f"adapter_model{weights.suffix}").hardlink_to(weights)
        (directory / "README.md").write_text("# An adapter\n")
        (directory / "extra/nested/tokens.bin").write_bytes(bytes(range(256)) * 2000)
