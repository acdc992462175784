# SPDX-License-Identifier: Apache-2.0
"""Write the vectors of the sharding tests: what transformers and huggingface_hub save and plan.

    pip install torch==2.13.0 transformers==5.23.0 huggingface_hub==2.4.0 safetensors==0.8.0
    python make_vectors.py
"""

import base64
import json
import random
import shutil
from pathlib import Path

import torch
from huggingface_hub import save_torch_state_dict, split_torch_state_dict_into_shards
from huggingface_hub.serialization._base import parse_size_to_int
from safetensors import safe_open
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.int64: "I64", torch.uint8: "U8"}
PATTERNS = ["model{suffix}.safetensors", "pytorch_model{suffix}.bin", "a-b{suffix}.safetensors"]


def main():
    torch.manual_seed(1)
    rng = random.Random(1)
    save_llama(HERE / "llama-safetensors", "6KB")
    save_gpt2(HERE / "gpt2-torch", "9KB")
    save_items(HERE / "skipped-items")
    write("plans.json", [plan(rng) for _ in range(100)] + [named_plan()])
    write("sizes.json", sizes())


def write(name, value, indent=None):
    (HERE / name).write_text(json.dumps(value, indent=indent, separators=(",", ":")) + "\n")


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()


def save_llama(directory, size):
    """A safetensors set as save_pretrained writes it."""
    fresh(directory)
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=16,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(directory, max_shard_size=size)
    for other in ["generation_config.json", "config.json"]:
        (directory / other).unlink()
    describe(directory, "model.safetensors.index.json", size, model.state_dict())


def save_gpt2(directory, size):
    """A torch set of a state dict with tied weights, saved by huggingface_hub."""
    fresh(directory)
    config = GPT2Config(vocab_size=32, n_positions=8, n_embd=16, n_layer=2, n_head=2)
    state_dict = GPT2LMHeadModel(config).to(torch.bfloat16).state_dict()
    save_torch_state_dict(state_dict, directory, max_shard_size=size, safe_serialization=False)
    describe(directory, "pytorch_model.bin.index.json", size, state_dict)


def save_items(directory):
    """Shards with items that are no tensors, or are tensors that nothing else can hold."""
    fresh(directory)
    one = torch.ones(1, dtype=torch.uint8)
    items = {
        "x-epoch-z": {"x": one, "epoch": 3, "z": one.to_sparse()},
        "y-epoch": {"y": one, "epoch": 4},
        "y-step": {"y": one, "step": 5},
        "epoch": {"epoch": one},
        "z-epoch": {"epoch": one},
    }
    for name, value in items.items():
        torch.save(value, directory / f"{name}.bin")


def load_in_order(directory, index):
    """The tensors of all shards: these sorted by name, as transformers does, each in its order."""
    merged = {}
    for name in sorted(set(index["weight_map"].values())):
        if name.endswith(".safetensors"):
            with safe_open(directory / name, "pt") as file:
                # keys() is sorted by name; this is the order of the data.
                merged |= {key: (name, file.get_tensor(key)) for key in file.offset_keys()}
        else:
            tensors = torch.load(directory / name, weights_only=True)
            merged |= {key: (name, tensor) for key, tensor in tensors.items()}
    return merged


def describe(directory, index_name, size, state_dict):
    index = json.loads((directory / index_name).read_text())
    merged = load_in_order(directory, index)
    assert merged.keys() == state_dict.keys()
    first_with, tensors = {}, []
    for key, (shard, tensor) in merged.items():
        data = tensor.contiguous().view(torch.uint8).numpy().tobytes()
        alias = first_with.setdefault((shard, tensor.data_ptr(), tensor.shape), key)
        tensors.append({
            "name": key, "file": shard, "dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape),
            "data": base64.b64encode(data).decode(), "alias": None if alias == key else alias,
        })  # fmt: skip
    write(f"{directory.name}.json", {
        "index": index_name, "limit": parse_size_to_int(size), "tensors": tensors,
        "state_dict": list(state_dict),
    }, indent=1)  # fmt: skip


def planned(state_dict, limit, pattern, sharing):
    """What huggingface_hub makes of a state dict, and the index as transformers writes it."""
    split = split_torch_state_dict_into_shards(
        state_dict, max_shard_size=limit, filename_pattern=pattern
    )
    leaders = [name for position, name in enumerate(state_dict) if sharing[position] is None]
    parameters = sum(state_dict[name].numel() for name in leaders)
    index = {
        "metadata": {"total_parameters": parameters, **split.metadata},
        "weight_map": split.tensor_to_filename,
    }
    return {
        "pattern": pattern, "limit": limit,
        "tensors": [[name, tensor.numel()] for name, tensor in state_dict.items()],
        "sharing": sharing,
        "shards": [[name, keys] for name, keys in split.filename_to_tensors.items()],
        "total_size": split.metadata["total_size"],
        "index": json.dumps(index, indent=2, sort_keys=True) + "\n" if split.is_sharded else None,
    }  # fmt: skip


def plan(rng):
    """Random bytes-sized tensors, some of which are the same as earlier ones."""
    state_dict, sharing = {}, []
    largest = rng.choice([1, 3, 20, 1000])
    share = rng.choice([0, 0, 0.3])
    for position in range(rng.choice([1, 2, 5, 12, 25])):
        name = rng.choice(["h.%d", "z%d", "A.%d.w"]) % position
        leaders = [i for i, leader in enumerate(sharing) if leader is None]
        full = [i for i in leaders if list(state_dict.values())[i].numel()]
        if full and rng.random() < share:
            leader = rng.choice(full)
            state_dict[name] = list(state_dict.values())[leader]
            sharing.append(leader)
        else:
            count = rng.choice([0, 1, largest, rng.randrange(largest + 1)])
            state_dict[name] = torch.zeros(count, dtype=torch.uint8)
            sharing.append(None)
    total = sum(tensor.numel() for tensor in state_dict.values())
    limit = rng.choice([0, 1, largest, largest * 2, max(1, total // 3), total, total * 2])
    return planned(state_dict, limit, rng.choice(PATTERNS), sharing)


def named_plan():
    """Names that JSON escapes, and whose order as UTF-16 is not that of their code points."""
    names = ["é", "e\u0301", "\U0001f600", "\uffee", '"', "\\", "a\n", "\x7f", "h.10", "h.2", ""]
    state_dict = {name: torch.zeros(4, dtype=torch.uint8) for name in names}
    return planned(state_dict, 12, PATTERNS[0], [None] * len(names))


def sizes():
    texts = [
        "5GB", "500MB", "1KB", "2TB", "5gb", " 5 GB ", "1.5GB", "0.5KB", "0.0015KB", ".5MB", "5.MB",
        "007MB", "0.1GB", "1.1GB", "4.35GB", "2.675MB", "123456789.123456789KB", "9007199254740993KB",
        "GB", "", "5", "5B", "5 G", "fiveGB", "5.5.5GB", "5,5GB", "-", "GB5", "5 5GB",
    ]  # fmt: skip
    result = []
    for text in texts:
        try:
            result.append([text, parse_size_to_int(text)])
        except ValueError:
            result.append([text, None])
    return result


if __name__ == "__main__":
    main()
