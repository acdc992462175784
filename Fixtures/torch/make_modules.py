# SPDX-License-Identifier: Apache-2.0
"""Make torch files that contain objects: whole modules, and what trainers keep beside the weights.

    python make_modules.py

Each `modules/NAME.pt` has `modules/NAME.safetensors` next to it: the tensors that it must be read as, which are the
`state_dict()` of a module. `modules/expectations.json` has the words of the notes that each must have, and the kinds of
what is skipped. The classes in the module `workshop` exist here only.
"""

import argparse
import collections
import datetime
import enum
import json
import shutil
import sys
import types
import warnings
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from torch import fx, nn
from torch.nn.modules import rnn  # noqa: F401

HERE = Path(__file__).resolve().parent / "modules"
SOURCE = '''
import collections, enum
import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.randn(2))
        self.register_buffer("seen", torch.arange(3))
        self.register_buffer("hidden", torch.ones(2), persistent=False)
        self.register_parameter("none", None)
        self.stride = torch.tensor([8.0, 16.0])


class Parent(nn.Module):
    def __init__(self):
        super().__init__()
        self.child = Plain()
        self.child.__dict__["parent"] = self
        self.tied = nn.Linear(3, 2)
        self.tied.weight = nn.Parameter(torch.randn(2, 3))
        self.again = self.tied


class Colour(enum.Enum):
    RED = 1


class Callback:
    pass


def hook(module, state_dict, prefix, local_metadata):
    return None
'''


def workshop():
    module = types.ModuleType("workshop")
    exec(SOURCE, module.__dict__)
    sys.modules["workshop"] = module
    return module


def hooked(own):
    module = nn.Linear(2, 2)
    module._register_state_dict_hook(own.hook)
    return module


def cases(own):
    """Values to save, the tensors to read, and words of the notes."""
    code = "unless the code of workshop."
    ran = "read without running"
    quantized = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(2, 3), nn.Tanh()), {nn.Linear})
    keys = {
        (1, "a"): torch.ones(1), 2.5: torch.ones(2), own.Colour.RED: torch.ones(3), torch.Size([2]): torch.ones(4),
        b"raw": torch.ones(5), datetime.timedelta(days=1): torch.ones(6), frozenset([1]): torch.ones(7),
        1 << 70: torch.ones(8), True: torch.ones(9),
    }  # fmt: skip
    named = ["(1, 'a')", "<float 1>", "Colour(1)", "torch.Size([2])", "b'raw'", "timedelta(1, 0, 0)", "<frozenset 6>",
             "<int 7>", "True"]  # fmt: skip
    trainer = {
        "state_dict": {"w": torch.ones(2)},
        "hyper_parameters": argparse.Namespace(lr=0.1, inner=argparse.Namespace(mean=torch.zeros(1))),
        "history": collections.deque([1.0, 2.0]),
        "array": numpy.arange(4, dtype=">i2"),
        "scalar": numpy.float64(0.5),
        "when": datetime.date(2024, 1, 2),
    }
    callbacks = {"state_dict": {"w": torch.ones(2)}, "callbacks": {own.Callback: {"best": torch.zeros(1)}}}
    read = {"state_dict.w": torch.ones(2)}
    return {
        "linear": (nn.Linear(2, 3), None, [ran]),
        "plain": (own.Plain(), None, [ran, "left out: 2 tensors", code]),
        "parent": (own.Parent(), None, [ran, code]),
        "lstm": (nn.LSTM(2, 3), None, [ran]),
        "data-parallel": (nn.DataParallel(nn.BatchNorm1d(2)), None, [ran]),
        "hooks": (hooked(own), None, [ran, "with state-dict hooks"]),
        "packed": (quantized, {}, [ran, "with packed parameters"]),
        "traced": (fx.symbolic_trace(nn.Sequential(nn.Linear(2, 3), nn.ReLU())), None, [ran]),
        "compiled": (torch.compile(nn.Sequential(nn.Linear(2, 3)), backend="eager"), None, [ran]),
        "in-dict": ({"epoch": 3, "model": own.Plain(), "ema": None}, "model", [ran, code]),
        "legacy": (own.Plain(), None, [ran]),
        "keys": (keys, dict(zip(named, keys.values(), strict=True)), [ran]),
        "trainer": (trainer, {**read, "hyper_parameters.inner.mean": torch.zeros(1),
                              "array": torch.arange(4, dtype=torch.int16)}, []),
        "callbacks": (callbacks, {**read, "callbacks.workshop.Callback.best": torch.zeros(1)}, [ran]),
    }  # fmt: skip


def main():
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    expectations = {}
    for name, (value, tensors, notes) in cases(workshop()).items():
        torch.save(value, HERE / f"{name}.pt", _use_new_zipfile_serialization=name != "legacy")
        if tensors is None:
            tensors = value.state_dict()
        elif isinstance(tensors, str):
            tensors = {f"{tensors}.{key}": tensor for key, tensor in value[tensors].state_dict().items()}
        copies = {key: tensor.detach().clone().contiguous() for key, tensor in tensors.items()}
        save_file(copies, HERE / f"{name}.safetensors")
        expectations[name] = notes
    (HERE / "expectations.json").write_text(json.dumps(expectations, indent=2) + "\n")


if __name__ == "__main__":
    main()
