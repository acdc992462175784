# SPDX-License-Identifier: Apache-2.0
"""Runs docs/ray/convert.py on a cluster of two nodes, and kills one of them while it converts.

    python lose_a_node.py WHEEL

Exits with 0 if the job completes, and every output is what one machine makes.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ["lora-bin", "mpt-causal-lm-bin", "mpt-f16-bin", "prompt-tuning-bin"]
COPIES = 100
SHARDS = 6
# The units that a task has converted when its node is lost.
UNITS = 5
SECONDS = 240


def descendants(pid):
    """The processes that a process started, and those that they started."""
    found = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        children = [child for task in tasks for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return found
    for child in map(int, children):
        found += [child, *descendants(child)]
    return found


def unit_count(pid, destination):
    """The number of units that a process has converted; 0 for one that converts none."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        shard = next(argument for argument in arguments if argument.startswith("--shard="))
        name = f"peftkit-manifest-{shard.removeprefix('--shard=').replace('/', '-of-')}.jsonl"
        return len((destination / name).read_text().splitlines())
    except (OSError, StopIteration):
        return 0


def wait_for(condition, what):
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < end, f"waited too long for {what}"
        time.sleep(0.005)
    return value


def lose(cluster, node, job, destination):
    """Kills a node in the middle of a conversion, as a power cut would: no process of it has the time to react."""
    raylet = node.all_processes["raylet"][0].process.pid

    def busy():
        assert job.poll() is None, "the job ended before a node was lost"
        return next((pid for pid in descendants(raylet) if unit_count(pid, destination) >= UNITS), None)

    pid = wait_for(busy, "a task on the second node")
    # It cannot finish now.
    os.kill(pid, signal.SIGSTOP)
    processes = descendants(raylet)
    cluster.remove_node(node, allow_graceful=False)
    for process in {*processes, pid}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def contents(tree):
    """The files of a tree, without the manifests."""
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and not path.name.startswith("peftkit-manifest")
    }


def main():
    wheel = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="pk-") as scratch:
        # Nodes on one host that share this folder would install the wheel in one place, at one time.
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 1, "include_dashboard": False, "temp_dir": f"{scratch}/a"},
        )
        second = cluster.add_node(num_cpus=1, temp_dir=f"{scratch}/b")
        source, destination, expected = (Path(scratch, name) for name in ["source", "destination", "expected"])
        for name in ADAPTERS:
            for copy in range(COPIES):
                shutil.copytree(ROOT / "Fixtures" / "adapters" / name, source / f"{name}-{copy}")
        job = subprocess.Popen(
            [sys.executable, ROOT / "docs" / "ray" / "convert.py", source, destination,
             "--shards", str(SHARDS), "--wheel", wheel, "--dtype", "float16"],
            env={**os.environ, "RAY_ADDRESS": cluster.address},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        lose(cluster, second, job, destination)
        output, errors = job.communicate(timeout=SECONDS)
        assert job.returncode == 0, errors
        total = COPIES * len(ADAPTERS)
        print("\n".join(line for line in output.splitlines() if line.startswith("shard ")))
        summary = next(line for line in output.splitlines() if " found, " in line).replace(",", "").split()
        counts = {name: int(count) for count, name in zip(summary[::2], summary[1::2], strict=True)}
        assert counts["found"] == total and counts["failed"] == 0
        # The task of the lost node continued.
        assert counts["unchanged"] >= UNITS
        assert counts["converted"] + counts["unchanged"] == total
        manifests = sorted(destination.glob("peftkit-manifest-*.jsonl"))
        assert len(manifests) == SHARDS
        lines = [json.loads(line) for path in manifests for line in path.read_text().splitlines()]
        assert {line["source"] for line in lines if line["outcome"] in ("converted", "unchanged")} == {
            path.name for path in source.iterdir()
        }
        # One machine makes the same.
        binary = install(wheel, Path(scratch, "installed"))
        subprocess.run(
            [binary, "convert", "--recursive", source, expected, "--dtype", "float16", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert contents(destination) == contents(expected)
        ray.shutdown()
        cluster.shutdown()
    print(f"{total} adapters, as one machine converts them: 1 passed, 0 failed")


def install(wheel, directory):
    """Installs the wheel into a directory, and returns the path of its binary."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--target", directory, wheel], check=True
    )
    return next(path for path in directory.glob("*/peftkit") if path.stat().st_size > 1 << 20)


main()
