# SPDX-License-Identifier: Apache-2.0
"""The CPU limit of a container: `forward` starts no more threads than it allows."""

import json
import os
import re
import subprocess

import tracing
from suite import Case, Skip
from workspace import Problem

SHAPES = {"prefix_task_cols": [4, 200, 8], "prefix_task_rows": [4, 8, 2048], "prompt_embeddings": [200, 2048]}
CONFIG = {"peft_type": "MULTITASK_PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_tasks": 4, "num_virtual_tokens": 200,
          "num_ranks": 8, "token_dim": 2048, "num_transformer_submodules": 1}  # fmt: skip
# A control group of our own, in a mount namespace of our own: one CPU, or no limit.
SCRIPT = 'mount -t tmpfs none /sys/fs/cgroup && echo "$1" > /sys/fs/cgroup/cpu.max && shift && exec "$@"'


def cpu_limit(suite):
    """How many threads run under a quota of the control group."""
    if reason := tracing.unavailable():
        return Skip(reason)
    if os.cpu_count() < 2 or len(os.sched_getaffinity(0)) < 2:
        return Skip("there is one CPU")
    if limited("max 100000", ["true"]).returncode != 0:
        return Skip("no mount namespace may be made")
    return [Case("cpu limit/forward", lambda: forward(suite))]


def limited(limit, words):
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", limit, *words]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def forward(suite):
    root = suite.fresh_directory()
    (root / "adapter_config.json").write_text(json.dumps(CONFIG))
    write_zeros(root / "adapter_model.safetensors")
    counts = [threads(suite, root, limit) for limit in ("max 100000", "100000 100000")]
    if not counts[1] < counts[0]:
        raise Problem(f"{counts[0]} threads without a limit, {counts[1]} with one CPU")


def threads(suite, root, limit):
    """The threads that a run starts."""
    log = root / "trace"
    run = limited(limit, ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=?clone,?clone3", str(suite.peftkit),
                          "forward", str(root), "--tasks", "0,1,2,3", "-o", str(root / "out.safetensors"), "--force"])
    if run.returncode != 0:
        raise Problem(f"exit code {run.returncode}: {run.stderr.strip()}")
    return len(re.findall(r"clone3?\(", log.read_text()))


def write_zeros(path):
    """The tensors of the adapter, all zero."""
    header, offset = {}, 0
    for name, shape in SHAPES.items():
        size = 4
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(offset))
