# SPDX-License-Identifier: Apache-2.0
"""Make small checkpoints of torch.distributed.checkpoint that ask for code, are damaged, or compressed.

    python make_hostile.py

One process, fixed values; the calls that the pickles ask for are harmless. zstandard, which the other fixtures do not
need, compresses one of them. See ../README.md for what the files are.
"""

import os
import pickle
import shutil
from pathlib import Path

import distributed_cases as cases
import numpy
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint._extension import ZStandard

HERE = Path(__file__).resolve().parent


class Called:
    """What a pickle makes by calling a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def save(name, state, **options):
    path = Path("hostile") / name
    writer = dcp.FileSystemWriter(path, **options)
    writer.save_id = "the same in every run"
    cases.quietly(dcp.save, state, storage_writer=writer, no_dist=True)
    return path


def change(path, edit):
    """Edit the metadata of a checkpoint."""
    file = path / ".metadata"
    metadata = pickle.loads(file.read_bytes())
    edit(metadata)
    file.write_bytes(pickle.dumps(metadata))


def main():
    from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler

    os.chdir(HERE)  # The metadata contain the path as it was given.
    shutil.rmtree("hostile", ignore_errors=True)
    state = {"a": torch.arange(3.0), "n": 3}
    save("numpy", {"x": numpy.arange(4.0), **state})
    save("value", {"bad": Called(os.system, "true"), **state})
    planner = save("metadata", state)
    change(planner, lambda metadata: setattr(metadata, "planner_data", Called(os.system, "true")))
    launcher = save("launcher", state)
    call = Called(subprocess_handler.SubprocessHandler, "true", (), {}, None, None, 0)
    change(launcher, lambda metadata: setattr(metadata, "planner_data", call))
    (save("protocol-0", state) / ".metadata").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    (save("empty-metadata", state) / ".metadata").write_bytes(b"")
    with (save("gap", state) / "__0_0.distcp").open("ab") as file:
        file.write(pickle.dumps(Called(os.system, "true")))

    def drop(metadata):
        del metadata.storage_data[next(index for index in metadata.storage_data if index.fqn == "n")]

    change(save("no-place", state), drop)
    damaged = save("damaged-value", state)
    metadata = pickle.loads((damaged / ".metadata").read_bytes())
    place = next(info for index, info in metadata.storage_data.items() if index.fqn == "n")
    with (damaged / place.relative_path).open("r+b") as file:
        file.seek(place.offset)
        file.write(b"\0\0\0\0")
    overlap = save("overlap", state)

    def lay_over(metadata):
        first, second = sorted(metadata.storage_data.values(), key=lambda info: info.offset)
        second.offset, second.length = first.offset, second.offset + second.length

    change(overlap, lay_over)
    save("compressed", {"a": torch.arange(1000.0), "n": 3}, _extensions=[ZStandard()])


if __name__ == "__main__":
    main()
