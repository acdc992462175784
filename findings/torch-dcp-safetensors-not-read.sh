#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# torch 2.13.0: torch.distributed.checkpoint writes shards as safetensors, and its own reader cannot read them.
#
# A good guess is that FileSystemReader reads whatever FileSystemWriter writes. With serialization_format=SAFETENSORS the
# writer puts safetensors into the .distcp files, the metadata do not say so, and the reader loads each shard with
# torch.load.
#
# Seen:
#     torch_save: .metadata __0_0.distcp, equal
#     safetensors: .metadata __0_0.distcp, CheckpointException
#
# In peftkit: such a shard is refused by name (spec/distributed.md); the default format is read.
set -eu
. "$(dirname "$0")/common.sh"

run_python torch==2.13.0 numpy==2.4.6 safetensors==0.8.0 <<'PYTHON'
import logging
import os
import tempfile

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.filesystem import SerializationFormat

logging.disable(logging.CRITICAL)
state = {"weight": torch.arange(6.0).reshape(2, 3)}
seen = {}
for name in ("torch_save", "safetensors"):
    folder = tempfile.mkdtemp(dir=os.environ["WORK"])
    writer = dcp.FileSystemWriter(folder, serialization_format=SerializationFormat(name))
    dcp.save(state, storage_writer=writer, no_dist=True)
    loaded = {"weight": torch.zeros(2, 3)}
    try:
        dcp.load(loaded, storage_reader=dcp.FileSystemReader(folder), no_dist=True)
        seen[name] = "equal" if torch.equal(loaded["weight"], state["weight"]) else "different"
    except BaseException as error:
        seen[name] = type(error).__name__
    print(f"{name}: {' '.join(sorted(os.listdir(folder)))}, {seen[name]}")
assert seen == {"torch_save": "equal", "safetensors": "CheckpointException"}
PYTHON
