# SPDX-License-Identifier: Apache-2.0
"""`peftkit convert` and `inspect` against `cp`, torch + safetensors in Python, and the bare system calls.

    python Benchmarks/conversion.py [--rounds N] [--only NAME ...] [--small]    with torch, peft and safetensors

Builds peftkit, on Linux as `make static` does, and Benchmarks/Conversion, makes its inputs in a temporary folder
(TMPDIR says where; 5 GB), and prints the table that the README shows, the targets beside what was measured. All that is compared runs in turn,
N rounds (9) after one that does not count, every second one backwards; a row is the median of the ratios round by
round, with the quartiles. All inputs are in the page cache, no output exists, and the drive has nothing left to
write when the clock starts. Python is warm: imports do not count. CPU is user and system time, of all threads.

A virtual machine that gives its free memory back to the host (free page reporting) waits for the host when it is
used again, seconds for a gigabyte, and so does whatever is measured then: switch that off, or delay it.

A round during which other processes used more than a tenth of the CPUs is thrown away and taken again, for
PATIENCE seconds for each table (120, or what the environment says). Rows that had to do without are marked busy.

--small tries everything on inputs that are too small to tell anything.
"""

import argparse
import filecmp
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from quiet import Watch

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "Benchmarks/Conversion"
MIB = 2**20
PATIENCE = float(os.environ.get("PATIENCE", 120))
MOST_OF_OTHERS = 0.1


class Sample(NamedTuple):
    """What a run took."""

    wall: float
    cpu: float = 0
    peak: int = 0


def build_peftkit():
    """Build the binary that people are given, and give its path."""
    if sys.platform != "linux":
        return build(ROOT, "peftkit")
    subprocess.run(["make", "static"], cwd=ROOT, check=True, stdout=sys.stderr)
    return ROOT / ".build-static/release/peftkit"


def build(package, product, *options):
    """Build a product for release and give its path."""
    command = ["swift", "build", "-c", "release", "--product", product, *options]
    subprocess.run(command, cwd=package, check=True, stdout=sys.stderr)
    folder = subprocess.run([*command, "--show-bin-path"], cwd=package, check=True, capture_output=True, text=True)
    return Path(folder.stdout.strip()) / product


def run(command, synchronize=()):
    """Run a command, then flush files and directories; its time includes that."""
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {process.returncode}")
    for path in synchronize:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    wall = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


class WarmPython:
    """A running Conversion/warm_python.py."""

    def __init__(self):
        command = [sys.executable, PACKAGE / "warm_python.py"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.torch = json.loads(self.process.stdout.readline())["torch"]

    def __call__(self, action, *arguments):
        """Do something, and tell what it took."""
        request = {"action": action, "arguments": list(map(str, arguments))}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{action} failed in Python")
        return Sample(**json.loads(answer))


class Opening:
    """A running OpeningBenchmark."""

    def __init__(self, program, path):
        self.process = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self):
        """Open the file once."""
        self.process.stdin.write("1\n")
        self.process.stdin.flush()
        return Sample(float(self.process.stdout.readline()))


def clear(path):
    """Remove an output, or put it aside where it is a tree.

    For minutes after many files were removed, ext4 looks at each of their inodes before it gives one out.
    """
    if path.is_dir():
        aside = path.parent / "aside"
        aside.mkdir(exist_ok=True)
        path.rename(aside / str(time.monotonic_ns()))
    path.unlink(missing_ok=True)


class Samples(dict):
    """For each case what its runs took, round by round, and whether others disturbed them."""

    is_busy = False


def run_round(cases, output, is_backward):
    """Run each case once."""
    row = {}
    for name in reversed(cases) if is_backward else cases:
        clear(output)
        os.sync()
        row[name] = cases[name]()
    return row


def measure(cases, output, rounds, children=()):
    """Run cases in turn, until there are enough rounds that nobody disturbed."""
    quiet, busy = [], []
    run_round(cases, output, False)
    deadline = time.monotonic() + PATIENCE
    while len(quiet) < rounds and (time.monotonic() < deadline or len(quiet + busy) < rounds):
        watch = Watch(children)
        row = run_round(cases, output, is_backward=len(quiet + busy) % 2 == 1)
        (quiet if watch.share_of_others() <= MOST_OF_OTHERS else busy).append(row)
    clear(output)
    rows = quiet if len(quiet) >= rounds else quiet + busy
    samples = Samples({name: [row[name] for row in rows] for name in cases})
    samples.is_busy = rows is not quiet
    return samples


class Table:
    """The rows, printed as they come."""

    def __init__(self, judges):
        self.judges = judges
        print("| what | peftkit | against | ratio | target | CPU |")
        print("|---|---|---|---|---|---|")

    def row(self, what, samples, ours, other, label, most=None, least=None):
        """A comparison: `most` times the other's time at most, or `least` times as fast at least."""
        pairs = list(zip(samples[ours], samples[other]))
        ratios = [a.wall / b.wall for a, b in pairs] if least is None else [b.wall / a.wall for a, b in pairs]
        low, ratio, high = statistics.quantiles(ratios, n=4)
        if most is least or not self.judges:
            target = "none"
        elif least is None:
            target = f"at most {most}×, " + ("holds" if ratio <= most else "**missed**")
        else:
            target = f"at least {least}×, " + ("holds" if ratio >= least else "**missed**")
        kind = "the time" if least is None else "as fast"
        cpu = " and ".join(duration(statistics.median(s.cpu for s in samples[name])) for name in (ours, other))
        cells = [
            what, duration(statistics.median(a.wall for a, _ in pairs)),
            f"{label}: {duration(statistics.median(b.wall for _, b in pairs))}",
            f"**{ratio:.2f}×** {kind} ({low:.2f} to {high:.2f})", target, cpu,
        ]
        print("| " + " | ".join(cells) + " |" + (" busy" if samples.is_busy else ""), flush=True)

    def difference(self, what, samples, ours, other, label, most):
        """A comparison of what is added: at most so many milliseconds."""
        added = [(a.wall - b.wall) * 1e3 for a, b in zip(samples[ours], samples[other])]
        low, median, high = statistics.quantiles(added, n=4)
        target = f"at most {most} ms, " + ("holds" if median <= most else "**missed**")
        theirs = duration(statistics.median(sample.wall for sample in samples[other]))
        ours = duration(statistics.median(sample.wall for sample in samples[ours]))
        cells = [what, ours, f"{label}: {theirs}", f"**{median:.2f} ms** more ({low:.2f} to {high:.2f})", target, ""]
        print("| " + " | ".join(cells) + " |" + (" busy" if samples.is_busy else ""), flush=True)

    def memory(self, what, samples, ours, most):
        """The largest peak of the resident memory."""
        peak = max(sample.peak for sample in samples[ours]) / MIB
        target = f"at most {most} MiB, " + ("holds" if peak <= most else "**missed**")
        print(f"| {what}, peak memory | {peak:.0f} MiB | | | {target} | |", flush=True)


def duration(seconds):
    """Seconds in a unit that suits them."""
    if seconds == 0:
        return "–"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


class Benchmark:
    """What all comparisons need."""

    def __init__(self, folder, options):
        self.folder = folder
        self.rounds = options.rounds
        self.adapters = options.adapters
        self.size = f"{options.megabytes / 1000:g} GB"
        self.tensors = options.tensors
        self.peftkit = build_peftkit()
        self.opening = build(PACKAGE, "OpeningBenchmark")
        self.bare_copy = build(PACKAGE, "BareCopy")
        self.bare_files = build(PACKAGE, "BareFiles")
        self.python = WarmPython()
        self.table = Table(judges=not options.small)

    def convert(self, source, output, *arguments):
        """A run of peftkit."""
        return lambda: run([self.peftkit, "convert", source, output, *arguments])

    def copy(self, source, output, flushes):
        """A run of cp."""
        return lambda: run(["cp", source, output], [output, output.parent] if flushes else [])

    def check(self, output, action, *arguments):
        """What peftkit wrote is what Python writes, byte for byte."""
        expected = self.folder / "expected"
        self.python(action, *arguments, expected)
        if expected.is_dir():
            equal = filecmp.cmpfiles(expected, output, [
                str(path.relative_to(expected)) for path in expected.rglob("*") if path.is_file()], shallow=False)
            same = not equal[1] and not equal[2]
        else:
            same = filecmp.cmp(expected, output, shallow=False)
        clear(expected)
        if not same:
            sys.exit(f"{action}: the outputs differ")

    def large(self, what, source, action, *arguments, most, least):
        """One large file: copied, and converted by peftkit and torch."""
        output = self.folder / "output.safetensors"
        self.convert(source, output, "--no-sync", *arguments)()
        self.check(output, action, source)
        cases = {
            "peftkit": self.convert(source, output, "--no-sync", *arguments),
            "cp": self.copy(source, output, flushes=False),
            "torch": lambda: self.python(action, source, output),
            "peftkit, flushed": self.convert(source, output, *arguments),
            "cp, flushed": self.copy(source, output, flushes=True),
        }
        if not arguments:  # The output has as many bytes.
            cases["bare"] = lambda: run([self.bare_copy, source, output, "2"])
        samples = measure(cases, output, self.rounds, [self.python.process.pid])
        self.table.row(f"{what}, --no-sync", samples, "peftkit", "cp", "cp", most=most)
        self.table.row(f"{what}", samples, "peftkit, flushed", "cp, flushed", "cp and fsync", most=most)
        self.table.row(f"{what}, --no-sync", samples, "peftkit", "torch", "torch and safetensors", least=least)
        if "bare" in cases:
            calls = "nothing but reads and writes on 2 threads"
            self.table.row(f"{what}, --no-sync", samples, "peftkit", "bare", calls)
            self.table.row(f"the same size, {calls}", samples, "bare", "torch", "torch and safetensors")
        self.table.memory(what, samples, "peftkit, flushed", 64)

    def file(self):
        """torch's format to safetensors, checksums verified."""
        self.large(f"{self.size} `.bin` → safetensors", self.folder / "large.bin", "convert", most=1.2, least=8)

    def sizes(self):
        """Files of 1 to 90 MB, where the start of a process counts."""
        output = self.folder / "output.safetensors"
        empty = build(ROOT / "Benchmarks/Startup", "Empty", "--static-swift-stdlib")
        for megabytes, least in ((1, None), (7, 1.2), (17, 2), (90, 2)):
            what, source = f"{megabytes} MB `.bin` → safetensors, --no-sync", self.folder / f"{megabytes}.bin"
            self.convert(source, output, "--no-sync")()
            self.check(output, "convert", source)
            samples = measure({
                "peftkit": self.convert(source, output, "--no-sync"),
                "torch": lambda: self.python("convert", source, output),
                "empty": lambda: run([empty, source]),
            }, output, 3 * self.rounds, [self.python.process.pid])
            self.table.row(what, samples, "peftkit", "torch", "torch and safetensors, in process", least=least)
            self.table.memory(what, samples, "peftkit", 64)
            if least is None:
                self.table.difference(what, samples, "peftkit", "empty", "an empty program's start", 2)

    def values(self):
        """A checkpoint with many plain values, which are not tensors."""
        source, output = self.folder / "values.bin", self.folder / "output.safetensors"
        self.convert(source, output, "--no-sync")()
        self.check(output, "convert_model", source)
        samples = measure({
            "peftkit": self.convert(source, output, "--no-sync"),
            "torch": lambda: self.python("convert_model", source, output),
        }, output, 3 * self.rounds, [self.python.process.pid])
        what = f"`.bin` with {self.tensors} plain values → safetensors"
        self.table.row(what, samples, "peftkit", "torch", "torch and safetensors, in process", least=3)
        self.table.memory(what, samples, "peftkit", 64)

    def cast(self):
        """F32 to BF16."""
        self.large(
            f"{self.size} F32 → BF16", self.folder / "large.safetensors", "cast", "--dtype", "bfloat16",
            most=1.3, least=1)

    def header(self):
        """A header of many tensors."""
        path = self.folder / "header.safetensors"
        opening = Opening(self.opening, path)
        samples = measure({
            "inspect": lambda: run([self.peftkit, "inspect", path, "--json"]),
            "list": lambda: self.python("list_tensors", path),
            "open": opening,
            "safe_open": lambda: self.python("open_only", path),
        }, self.folder / "none", 3 * self.rounds, [self.python.process.pid, opening.process.pid])
        what = f"header of {self.tensors} tensors"
        self.table.row(
            f"{what}, `inspect --json`", samples, "inspect", "list", "safe_open and a list, in process", least=8)
        self.table.row(f"{what}, opening, in process", samples, "open", "safe_open", "safe_open", least=5)

    def tree(self):
        """Many small adapters."""
        self.adapters_in("adapters", f"{self.adapters} adapters")
        self.adapters_in("mixed-adapters", f"{self.adapters} adapters of five shapes in turn")

    def adapters_in(self, name, what):
        """A tree of adapters."""
        source, output = self.folder / name, self.folder / "output"
        self.convert(source, output, "--recursive", "--no-sync")()
        self.check(output, "convert_tree", source)
        model = self.folder / f"{name}-converted"
        output.rename(model)

        def bare(threads):
            answer = subprocess.run([self.bare_files, model, output, str(threads)], check=True, capture_output=True, text=True)
            return Sample(float(answer.stdout))

        def flushed(sample):
            start = time.perf_counter()
            os.sync()
            return sample._replace(wall=sample.wall + time.perf_counter() - start)

        samples = measure({
            "peftkit": self.convert(source, output, "--recursive", "--no-sync"),
            "torch": lambda: self.python("convert_tree", source, output),
            "bare": lambda: bare(1),
            "bare, 2 threads": lambda: bare(2),
            "peftkit, flushed": self.convert(source, output, "--recursive"),
            "bare, flushed": lambda: flushed(bare(1)),
        }, output, self.rounds, [self.python.process.pid])
        self.table.row(f"{what}, --no-sync", samples, "peftkit", "torch", "torch and safetensors", least=5)
        self.table.row(f"{what}, --no-sync", samples, "peftkit", "bare", "create, write, rename", most=1.5)
        self.table.row(f"{what}, --no-sync", samples, "peftkit", "bare, 2 threads", "the same on 2 threads")
        self.table.row(what, samples, "peftkit, flushed", "bare, flushed", "create, write, rename, one sync")


def cpu_name():
    """What the CPU calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    names = ["file", "sizes", "values", "cast", "header", "tree"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    if options.small:
        options.rounds = 2
    sizes = (12, 2000, 40) if options.small else (1000, 100_000, 2000)
    options.megabytes, options.tensors, options.adapters = sizes
    with tempfile.TemporaryDirectory(prefix="peftkit-benchmark-") as path:
        subprocess.run([sys.executable, PACKAGE / "make_inputs.py", path, *map(str, sizes)], check=True)
        benchmark = Benchmark(Path(path), options)
        for name in options.only:
            getattr(benchmark, name)()
        versions = f"torch {benchmark.python.torch}, Python {platform.python_version()}"
    print(f"\n{cpu_name()}, {len(os.sched_getaffinity(0))} CPUs, {platform.system()}; {versions}")


if __name__ == "__main__":
    main()
