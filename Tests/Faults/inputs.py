# SPDX-License-Identifier: Apache-2.0
"""The checkpoints and adapters that the suite converts, made without any library."""

import json
import math
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

# The base model of adapters that are merged.
MODEL = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}


def write_safetensors(path, tensor_bytes, seed):
    """Write the tensors of a LoRA adapter in F32, all of them finite, and a metadata entry."""
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
            data = bytearray(source.randbytes(tensor_bytes))
            data[3::4] = b"\x3c" * (tensor_bytes // 4)
            file.write(data)


def bf16(source, count):
    """Random finite numbers in BF16, as bytes."""
    values = bytearray(2 * count)
    values[0::2] = source.randbytes(count)
    # Exponents of numbers around 0.03, of both signs.
    values[1::2] = source.randbytes(count).translate(bytes(b"\x3c\x3d\xbc\xbd"[i % 4] for i in range(256)))
    return bytes(values)


def write_tensors(path, shapes, source):
    """Write a safetensors file of random tensors in BF16; returns the number of their bytes."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, shape in shapes.items():
        piece = bf16(source, math.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return len(data)


def write_model(directory, size, seed):
    """Write a llama of one layer in two shards; weights are [size, size]."""
    source = random.Random(seed)
    directory.mkdir(parents=True)
    names = ["model.embed_tokens", "lm_head"]
    names += [f"model.layers.0.self_attn.{name}_proj" for name in "qkvo"]
    names += [f"model.layers.0.mlp.{name}_proj" for name in ("gate", "up", "down")]
    shapes = {f"{name}.weight": [size, size] for name in names}
    norms = ["model.norm", "model.layers.0.input_layernorm", "model.layers.0.post_attention_layernorm"]
    shapes |= {f"{name}.weight": [size] for name in norms}
    files = {name: f"model-0000{index % 2 + 1}-of-00002.safetensors" for index, name in enumerate(shapes)}
    total = 0
    for file in sorted(set(files.values())):
        part = {name: shape for name, shape in shapes.items() if files[name] == file}
        total += write_tensors(directory / file, part, source)
    index = {"metadata": {"total_size": total}, "weight_map": files}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    config = MODEL | {key: size for key in ("vocab_size", "hidden_size", "intermediate_size")}
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "tokenizer.json").write_text("{}")


def write_factors(directory, size, seed):
    """Write a LoRA adapter of two modules of that model."""
    directory.mkdir(parents=True)
    (directory / "adapter_config.json").write_text(json.dumps(CONFIG))
    prefix = "base_model.model.model.layers.0.self_attn"
    shapes = {"A": [CONFIG["r"], size], "B": [size, CONFIG["r"]]}
    tensors = {f"{prefix}.{module}.lora_{factor}.weight": shape
               for module in CONFIG["target_modules"] for factor, shape in shapes.items()}
    write_tensors(directory / "adapter_model.safetensors", tensors, random.Random(seed))


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
        # Each has the base model and the adapter that is merged into it.
        for size, count in (("small", 32), ("large", 1024)):
            write_model(root / f"{size}-merge/base", count, size)
            write_factors(root / f"{size}-merge/adapter", count, size)
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
