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


def modules():
    """Names and live modules, each whose names are those of its `state_dict()`."""
    own = custom()
    tied = nn.Linear(3, 3)
    hooked = nn.Linear(2, 2)
    hooked.register_forward_hook(own.forward_hook)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old_norm = nn.utils.weight_norm(nn.Linear(3, 4))
        spectral = nn.utils.spectral_norm(nn.Linear(3, 4))
    frozen = nn.Linear(2, 3).requires_grad_(False)
    half = nn.Linear(2, 3).to(torch.bfloat16)
    lazy_turned = nn.Linear(3, 4)
    lazy_turned.weight = nn.Parameter(torch.randn(3, 4).t())
    transformer = nn.Transformer(8, 2, 1, 1, 16)
    return {
        "linear": nn.Linear(3, 4),
        "no-bias": nn.Linear(3, 4, bias=False),
        "bilinear": nn.Bilinear(2, 3, 4),
        "conv1d": nn.Conv1d(2, 3, 3),
        "conv2d": nn.Conv2d(2, 3, 3, groups=1),
        "conv3d": nn.Conv3d(1, 2, 2),
        "transposed": nn.ConvTranspose2d(2, 3, 3),
        "batchnorm": nn.BatchNorm2d(3),
        "no-affine": nn.BatchNorm1d(3, affine=False),
        "groupnorm": nn.GroupNorm(2, 4),
        "instancenorm": nn.InstanceNorm1d(3, track_running_stats=True),
        "layernorm": nn.LayerNorm([2, 3]),
        "rmsnorm": nn.RMSNorm(3),
        "prelu": nn.PReLU(3),
        "embedding": nn.Embedding(5, 3, padding_idx=0),
        "embedding-bag": nn.EmbeddingBag(5, 3),
        "rnn": nn.RNN(2, 3),
        "lstm": nn.LSTM(2, 3, 2, bidirectional=True),
        "lstm-projected": nn.LSTM(2, 4, proj_size=3),
        "gru": nn.GRU(2, 3),
        "gru-cell": nn.GRUCell(2, 3),
        "attention": nn.MultiheadAttention(8, 2),
        "attention-kv": nn.MultiheadAttention(8, 2, kdim=4, vdim=6, add_bias_kv=True),
        "encoder": nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2),
        "transformer": transformer,
        "adaptive": nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 6]),
        "sequential": nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.BatchNorm1d(3)),
        "named-sequential": nn.Sequential(
            collections.OrderedDict([("a", nn.Linear(2, 3)), ("b", nn.Linear(3, 1))])),
        "module-list": nn.ModuleList([nn.Linear(2, 2), nn.ModuleList([nn.Linear(1, 1)])]),
        "module-dict": nn.ModuleDict({"x": nn.Linear(2, 2), "y": nn.Identity()}),
        "parameter-list": nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(1))]),
        "parameter-dict": nn.ParameterDict({"a": nn.Parameter(torch.ones(2)), "b": torch.zeros(1)}),
        "empty": nn.Sequential(nn.ReLU()),
        "data-parallel": nn.DataParallel(nn.Sequential(nn.Linear(2, 3))),
        "shared-module": nn.Sequential(tied, nn.Sequential(tied)),
        "forward-hook": nn.Sequential(hooked),
        "weight-norm": old_norm,
        "spectral-norm": spectral,
        "frozen": frozen,
        "half": half,
        "turned": lazy_turned,
        "averaged": torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2)),
        "plain": own.Plain(),
        "parent": own.Parent(),
        "shared": own.Shared(),
        "slots": own.Slots(2, 2),
        "detect": nn.Sequential(own.Detect(), own.Detect()),
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
