# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that several processes save with torch.distributed.checkpoint, and what torch makes of them."""

import os
import tempfile
import warnings
from pathlib import Path


def _worker(rank, count, store, task, arguments):
    import torch.distributed as dist

    warnings.simplefilter("ignore")
    # Processes meet in a file: a port that was free may be taken by the time it is needed. Without the name of the
    # interface, gloo looks the host's own name up, which need not be known.
    os.environ.update(GLOO_SOCKET_IFNAME="lo", RANK=str(rank), WORLD_SIZE=str(count))
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=count)
    try:
        task(rank, count, *arguments)
    finally:
        dist.destroy_process_group()


def run(count, task, *arguments):
    """Call task(rank, count, *arguments) in so many processes of one group."""
    import torch.multiprocessing as processes

    for attempts_left in (2, 1, 0):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                return processes.spawn(_worker, (count, f"{scratch}/store", task, arguments), count)
            except processes.ProcessExitedException as error:
                # On a busy machine gloo aborts now and then while processes connect.
                if error.signal_name != "SIGABRT" or not attempts_left:
                    raise


def sharded(tensors, count):
    """DTensors of tensors by (tensor, kind): kinds are rows, columns, grid, copies and plain."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    line = init_device_mesh("cpu", (count,))
    grid = init_device_mesh("cpu", (2, count // 2), mesh_dim_names=("a", "b")) if count % 2 == 0 else line
    placements = {
        "rows": (line, [Shard(0)]),
        "columns": (line, [Shard(1)]),
        "grid": (grid, [Shard(0), Shard(1)] if grid is not line else [Shard(1)]),
        "inner": (grid, [Replicate(), Shard(1)] if grid is not line else [Shard(1)]),
        "copies": (line, [Replicate()]),
    }
    return {
        name: tensor if kind == "plain" else distribute_tensor(tensor, *placements[kind])
        for name, (tensor, kind) in tensors.items()
    }


def tensors(seed=0):
    """Whole tensors and the kinds in which processes share them."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def values(*shape, dtype=torch.float32):
        return torch.randn(*shape, generator=generator).to(dtype)

    return {
        "rows": (values(10, 6), "rows"),
        "columns": (values(5, 7, dtype=torch.bfloat16), "columns"),
        "grid": (values(6, 8, 3), "grid"),
        "inner": (torch.arange(12).reshape(3, 4), "inner"),
        "few": (values(2), "rows"),
        "copies": (values(4), "copies"),
        "scalar": (torch.tensor(2.5), "plain"),
        "empty": (torch.zeros(0, 3), "plain"),
        "turned": (values(3, 4).t(), "plain"),
        "slice": (values(10)[3:6], "plain"),
        "complex": (values(3).to(torch.complex64), "plain"),
        "eights": (values(4, dtype=torch.float8_e4m3fn), "plain"),
    }


def slices():
    """Those that torch can write into safetensors files of slices."""
    return {name: pair for name, pair in tensors().items() if name not in ("complex", "eights", "turned")}


def save_nested(rank, count, writer_options, directory):
    """Save a nested state dict, with values that are not tensors and a tuple of tensors."""
    import torch
    import torch.distributed.checkpoint as dcp

    model = sharded(tensors(), count)
    state = {
        "model": model,
        "list": [torch.ones(2), torch.zeros(3)],
        "tuple": (torch.arange(3.0), "text"),
        "step": 7,
    }
    writer = dcp.FileSystemWriter(directory, **writer_options)
    writer.save_id = "the same in every run"
    dcp.save(state, storage_writer=writer)


def save_slices(rank, count, options, directory):
    """Save safetensors files of slices, one for each process."""
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

    state = sharded(slices(), count)
    if options.pop("files", 1) > 1:
        options["fqn_to_index_mapping"] = {name: 1 + number % 2 for number, name in enumerate(state)}
    dcp.save(state, storage_writer=HuggingFaceStorageWriter(directory, save_distributed=True, **options))


def save_ranks(rank, count, directory):
    """Save what one process has of a state dict: DTensors, ShardedTensors, and a flat parameter."""
    import torch
    from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
    from torch.distributed.fsdp import ShardedStateDictConfig, StateDictType

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Linear(7, 3))
    parallel = FSDP(module, device_id=torch.device("cpu"), use_orig_params=True)
    kinds = {
        "sharded": (StateDictType.SHARDED_STATE_DICT, ShardedStateDictConfig(_use_dtensor=False)),
        "local": (StateDictType.LOCAL_STATE_DICT, None),
    }
    states = {"dtensor": sharded({"rows": tensors()["rows"], "plain": (torch.ones(2), "plain")}, count)}
    for name, (kind, config) in kinds.items():
        with FSDP.state_dict_type(parallel, kind, config):
            states[name] = parallel.state_dict()
    for name, state in states.items():
        if rank == 1:
            torch.save(state, Path(directory) / f"{name}.pt")


def flat(value, path=""):
    """The tensors of nested dicts, lists and tuples, by the keys on the way."""
    import torch

    if isinstance(value, torch.Tensor):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    found = {}
    for key, inner in items:
        found |= flat(inner, f"{path}.{key}" if path else str(key))
    return found


def whole(directory, scratch):
    """The tensors of a checkpoint as torch puts them together."""
    import torch
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

    path = Path(scratch) / "whole.pt"
    quietly(dcp_to_torch_save, directory, path)
    return flat(torch.load(path, weights_only=False))


def quietly(action, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return action(*arguments, **options)
