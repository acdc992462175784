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


def is_peftkit(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:2] == [b"convert"]
    except OSError:
        return False


def wait_for(condition, what):
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < end, f"waited too long for {what}"
        time.sleep(0.005)
    return value


def still_running(job):
    assert job.poll() is None, "the job ended before a node was lost"
    return True


def lose(cluster, node, job):
    """Kills a node in the middle of a conversion, as a power cut would: no process of it has the time to react."""
    raylet = node.all_processes["raylet"][0].process.pid
    busy = wait_for(lambda: still_running(job) and [pid for pid in descendants(raylet) if is_peftkit(pid)], "a task")
    # It cannot finish now.
    for pid in busy:
        os.kill(pid, signal.SIGSTOP)
    processes = descendants(raylet)
    cluster.remove_node(node, allow_graceful=False)
    for pid in {*processes, *busy}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(busy)


def contents(tree):
    """The files of a tree, without the manifests."""
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and not path.name.startswith("peftkit-manifest")
    }


def main():
    wheel = sys.argv[1]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    with tempfile.TemporaryDirectory(prefix="peftkit-ray-") as scratch:
        source, destination, expected = (Path(scratch, name) for name in ["source", "destination", "expected"])
        for name in ADAPTERS:
            for copy in range(COPIES):
                shutil.copytree(ROOT / "Fixtures" / "adapters" / name, source / f"{name}-{copy}")
        job = subprocess.Popen(
            [sys.executable, ROOT / "docs" / "ray" / "convert.py", source, destination,
             "--shards", str(SHARDS), "--wheel", wheel, "--dtype", "float16"],
            env={**os.environ, "RAY_ADDRESS": cluster.address}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        killed = lose(cluster, second, job)
        print(f"lost a node with {killed} running conversion", flush=True)
        output, _ = job.communicate(timeout=SECONDS)
        print(output)
        assert job.returncode == 0, job.returncode
        total = COPIES * len(ADAPTERS)
        assert f"{total} found" in output and "0 failed" in output
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
