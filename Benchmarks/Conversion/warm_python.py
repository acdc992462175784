# SPDX-License-Identifier: Apache-2.0
"""The Python side of Benchmarks/conversion.py: torch and safetensors, imported and warm.

Each line on standard input is a JSON object that says what to do; each answer is the wall and the CPU seconds
that it took. A process of its own, so that the one that starts peftkit stays small: Linux counts the memory of
who starts a process to that of the process.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

METADATA = {"format": "pt"}


def convert(source, destination):
    """What a script that converts does."""
    save_file(torch.load(source, weights_only=True), destination, metadata=METADATA)


def convert_model(source, destination):
    """The same for the model in a checkpoint of a training run."""
    model = torch.load(source, weights_only=True)["model"]
    save_file({f"model.{name}": tensor for name, tensor in model.items()}, destination, metadata=METADATA)


def cast(source, destination):
    """The same with a cast."""
    tensors = load_file(source)
    save_file({name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}, destination, metadata=METADATA)


def list_tensors(source):
    """What `peftkit inspect --json` tells."""
    with safe_open(source, framework="numpy") as file:
        slices = ((name, file.get_slice(name)) for name in file.keys())
        return [(name, part.get_shape(), part.get_dtype()) for name, part in slices]


def open_only(source):
    """The header's parser and little else: with "numpy" nothing is mapped for torch."""
    with safe_open(source, framework="numpy"):
        pass


def convert_tree(source, destination):
    """A loop over adapters, each a directory."""
    root = Path(destination)
    root.mkdir()
    for adapter in sorted(Path(source).iterdir()):
        output = root / adapter.name
        output.mkdir()
        convert(adapter / "adapter_model.bin", output / "adapter_model.safetensors")
        shutil.copyfile(adapter / "adapter_config.json", output / "adapter_config.json")


ACTIONS = {action.__name__: action for action in (convert, convert_model, cast, list_tensors, open_only, convert_tree)}


def main():
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        action = ACTIONS[request["action"]]
        wall, cpu = time.perf_counter(), time.process_time()
        result = action(*request["arguments"])
        answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        del result
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
