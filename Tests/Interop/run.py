# SPDX-License-Identifier: Apache-2.0
"""Run the interop suite, after making sure that there is a binary to test.

Without names all modules are run, as many at a time as there are CPUs, each in a process of its own.
"""

import logging
import os
import re
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The modules that take the most time, which are started first.
LONG = ["test_adapters", "test_terminal", "test_distributed", "test_forward", "test_bridge_mlx", "test_torch"]
sys.path.insert(0, str(HERE))

import support  # noqa: E402


def run_here(names):
    """Run tests in this process. Return whether all passed."""
    logging.disable(logging.WARNING)
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    return unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


def run_apart(name):
    """Run a module in a process of its own, of one thread of torch. Return the process with its output."""
    command = [sys.executable, "-W", "ignore", __file__, name]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )


def run_all():
    """Run all modules. Return whether all passed."""
    start = time.monotonic()
    files = sorted(HERE.glob("test_*.py"), key=lambda file: (file.stem not in LONG, file.stem))
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    failed, count = [], 0
    with ThreadPoolExecutor(cpus) as pool:
        runs = {pool.submit(run_apart, file.stem): file.stem for file in files}
        for run in as_completed(runs):
            name, result = runs[run], run.result()
            print(f"== {name}\n{result.stdout}", file=sys.stderr, flush=True)
            ran = re.findall(r"^Ran (\d+) tests?", result.stdout, re.MULTILINE)
            count += sum(map(int, ran))
            if result.returncode != 0 or not ran:
                failed.append(name)
    print(f"Ran {count} tests of {len(files)} modules in {time.monotonic() - start:.0f} s", file=sys.stderr)
    print(f"FAILED: {' '.join(sorted(failed))}" if failed else "OK", file=sys.stderr)
    return not failed


def main(names):
    problem = support.binary_problem()
    if problem:
        sys.exit(problem)
    sys.exit(not (run_here(names) if names else run_all()))


if __name__ == "__main__":
    main(sys.argv[1:])
