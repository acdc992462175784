# SPDX-License-Identifier: Apache-2.0
"""Whole modules, as `torch.save(model)` pickles them, and other objects that checkpoints hold beside tensors."""

import argparse
import collections
import datetime
import enum
import pathlib
import random
import sys
import types
import uuid
import warnings

import numpy
import torch
from torch import nn

try:
    import torch.fx  # noqa: F401
except ImportError:  # torch before 1.8
    pass

MODULE = "peftkit_interop_module"
SOURCE = '''
import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(torch.randn(2))
        self.register_buffer("seen", torch.arange(3))
        self.register_buffer("hidden", torch.ones(2), persistent=False)
        self.register_buffer("nothing", None)
        self.register_parameter("none", None)
        self.stride = torch.tensor([8.0, 16.0])
        self.names = {0: "a", 1: "b"}


class Parent(nn.Module):
    def __init__(self):
        super().__init__()
        self.child = Plain()
        self.child.__dict__["parent"] = self
        self.others = [Plain()]


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight
        self.again = self.embed


class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(2))

    def get_extra_state(self):
        return {"a": 1}

    def set_extra_state(self, state):
        pass


class Slots(nn.Linear):
    __slots__ = ("more",)


def hook(module, state_dict, prefix, local_metadata):
    return None


def forward_hook(*_):
    return None


class Detect(nn.Module):
    stride = None

    def __init__(self):
        super().__init__()
        self.m = nn.ModuleList(nn.Conv2d(4, 2, 1) for _ in range(2))
        self.anchor_grid = [torch.zeros(1), torch.zeros(1)]
        self.register_buffer("anchors", torch.randn(2, 3))
'''


def custom():
    """A module of Python code that this process alone has."""
    if MODULE not in sys.modules:
        module = types.ModuleType(MODULE)
        exec(SOURCE, module.__dict__)
        sys.modules[MODULE] = module
    return sys.modules[MODULE]


def turned():
    module = nn.Linear(3, 4)
    module.weight = nn.Parameter(torch.randn(3, 4).t())
    return module


def hooked(own):
    module = nn.Linear(2, 2)
    module.register_forward_hook(own.forward_hook)
    return nn.Sequential(module)


def compiled_in_place(module):
    module.compile(backend="eager")
    return module


def shared():
    tied = nn.Linear(3, 3)
    return nn.Sequential(tied, nn.Sequential(tied))


def modules():
    """Live modules by name, each of which has the names of its `state_dict()`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: build() for name, build in builders().items()}


def builders():
    """What makes each of `modules()`; an old torch does not have all of them."""
    own = custom()
    return {
        "linear": lambda: nn.Linear(3, 4),
        "no-bias": lambda: nn.Linear(3, 4, bias=False),
        "bilinear": lambda: nn.Bilinear(2, 3, 4),
        "conv1d": lambda: nn.Conv1d(2, 3, 3),
        "conv2d": lambda: nn.Conv2d(2, 3, 3, groups=1),
        "conv3d": lambda: nn.Conv3d(1, 2, 2),
        "transposed": lambda: nn.ConvTranspose2d(2, 3, 3),
        "batchnorm": lambda: nn.BatchNorm2d(3),
        "no-affine": lambda: nn.BatchNorm1d(3, affine=False),
        "groupnorm": lambda: nn.GroupNorm(2, 4),
        "instancenorm": lambda: nn.InstanceNorm1d(3, track_running_stats=True),
        "layernorm": lambda: nn.LayerNorm([2, 3]),
        "rmsnorm": lambda: nn.RMSNorm(3),
        "prelu": lambda: nn.PReLU(3),
        "embedding": lambda: nn.Embedding(5, 3, padding_idx=0),
        "embedding-bag": lambda: nn.EmbeddingBag(5, 3),
        "rnn": lambda: nn.RNN(2, 3),
        "lstm": lambda: nn.LSTM(2, 3, 2, bidirectional=True),
        "lstm-projected": lambda: nn.LSTM(2, 4, proj_size=3),
        "gru": lambda: nn.GRU(2, 3),
        "gru-cell": lambda: nn.GRUCell(2, 3),
        "attention": lambda: nn.MultiheadAttention(8, 2),
        "attention-kv": lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6, add_bias_kv=True),
        "encoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2),
        "transformer": lambda: nn.Transformer(8, 2, 1, 1, 16),
        "adaptive": lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 6]),
        "sequential": lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.BatchNorm1d(3)),
        "named-sequential": lambda: nn.Sequential(
            collections.OrderedDict([("a", nn.Linear(2, 3)), ("b", nn.Linear(3, 1))])),
        "module-list": lambda: nn.ModuleList([nn.Linear(2, 2), nn.ModuleList([nn.Linear(1, 1)])]),
        "module-dict": lambda: nn.ModuleDict({"x": nn.Linear(2, 2), "y": nn.Identity()}),
        "parameter-list": lambda: nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(1))]),
        "parameter-dict": lambda: nn.ParameterDict({"a": nn.Parameter(torch.ones(2)), "b": torch.zeros(1)}),
        "empty": lambda: nn.Sequential(nn.ReLU()),
        "data-parallel": lambda: nn.DataParallel(nn.Sequential(nn.Linear(2, 3))),
        "shared-module": shared,
        "forward-hook": lambda: hooked(own),
        "weight-norm": lambda: nn.utils.weight_norm(nn.Linear(3, 4)),
        "spectral-norm": lambda: nn.utils.spectral_norm(nn.Linear(3, 4)),
        "frozen": lambda: nn.Linear(2, 3).requires_grad_(False),
        "half": lambda: nn.Linear(2, 3).to(torch.bfloat16),
        "turned": turned,
        "averaged": lambda: torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2)),
        "traced": lambda: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))),
        "compiled": lambda: torch.compile(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), backend="eager"),
        "compiled-in-place": lambda: compiled_in_place(nn.Sequential(nn.Linear(2, 3))),
        "compiled-child": lambda: nn.Sequential(torch.compile(nn.Linear(2, 3), backend="eager")),
        "plain": lambda: own.Plain(),
        "parent": lambda: own.Parent(),
        "shared": lambda: own.Shared(),
        "slots": lambda: own.Slots(2, 2),
        "detect": lambda: nn.Sequential(own.Detect(), own.Detect()),
    }  # fmt: skip


class Colour(enum.Enum):
    RED = 1


def hyper_parameters():
    """What Lightning and trainers keep beside the weights: data, though of many classes."""
    return {
        "args": argparse.Namespace(lr=0.1, layers=[1, 2], inner=argparse.Namespace(x=None)),
        "simple": types.SimpleNamespace(a=1),
        "scalar": numpy.float64(0.5),
        "flag": numpy.bool_(True),
        "dtype": numpy.dtype("float32"),
        "type": numpy.float32,
        "path": pathlib.PurePosixPath("a/b"),
        "posix": pathlib.PosixPath("a/b"),
        "when": datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
        "day": datetime.date(2024, 1, 2),
        "long": datetime.timedelta(seconds=3),
        "deque": collections.deque([1, 2], maxlen=3),
        "default": collections.defaultdict(list, {"a": [1.0]}),
        "counter": collections.Counter("abca"),
        "ordered": collections.OrderedDict(a=1),
        "set": {1, 2},
        "frozen": frozenset([1]),
        "uuid": uuid.UUID(int=5),
        "python": random.Random(1).getstate(),
        "random": random.Random(1),
        "numpy": ("MT19937", 624, 0, 0.0),
        "generator": numpy.random.default_rng(1),
        "state": numpy.random.RandomState(1),
    }
