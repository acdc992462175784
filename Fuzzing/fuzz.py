# SPDX-License-Identifier: Apache-2.0
"""Runs the fuzzing targets in turn, and keeps their corpora and the count of executions.

    fuzz.py run BINARY --seconds 600 [TARGET...]
    fuzz.py replay BINARY [TARGET...]        runs the committed corpus once
    fuzz.py minimize BINARY [TARGET...]      writes the committed corpus from the working one
    fuzz.py table BINARY                     the executions so far, as docs/fuzzing.md lists them
    fuzz.py amplify BINARY [TARGET...]       inputs of 1 MiB, in which a part is repeated: time and memory
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

from seeds import seeds

FUZZING = pathlib.Path(__file__).resolve().parent
WORK = FUZZING.parent / ".build-fuzz-work"
COMMITTED = FUZZING / "Corpus"
DICTIONARIES = FUZZING / "Dictionaries"
# An input is at most this long: short ones run faster.
LARGEST = {"torch-tar": 1 << 14, "torch": 1 << 13, "scan": 1 << 12, "agreement": 1 << 12, "rename": 256, "glob": 256, "name": 128,
           "expression": 512, "module-pattern": 512}
USUAL_LARGEST = 1 << 11
MEBIBYTE = 1 << 20
# A crash is found without Swift's own report of it, which takes seconds.
ENVIRONMENT = dict(os.environ, SWIFT_BACKTRACE="enable=no")
# Committed inputs are at most this long, and those of a target take at most so many bytes.
COMMITTED_LARGEST, COMMITTED_TARGET = 1 << 11, 200_000
DICTIONARY = {"torch": "pickle", "torch-legacy": "pickle", "torch-tar": "pickle", "torch-pickle": "pickle", "scan": "pickle",
              "scan-pickle": "pickle", "agreement": "pickle", "state-dict-metadata": "pickle", "zero-state": "pickle",
              "npz": "npy", "reference": "safetensors", "shard-index": "json", "adapter": "config",
              "module-pattern": "expression", "rename": "expression"}


def targets(binary):
    return subprocess.run([binary], capture_output=True, text=True, check=True).stdout.split()


def unpack(name, folder):
    """Adds the committed corpus of a target to a folder."""
    path = COMMITTED / f"{name}.tar.gz"
    if not path.is_file():
        return
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            (folder / member.name.rpartition("/")[2]).write_bytes(archive.extractfile(member).read())


def corpus(name):
    """The working corpus of a target, which starts with the seeds and the committed corpus."""
    folder = WORK / "corpus" / name
    if not folder.is_dir():
        folder.mkdir(parents=True)
        for data in seeds()[name]:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
        unpack(name, folder)
    return folder


def count(name, binary, executions, seconds):
    """Adds executions to the record."""
    path = WORK / "executions.json"
    record = json.loads(path.read_text()) if path.is_file() else {}
    kind = "checked" if "checked" in str(binary) else "plain"
    entry = record.setdefault(name, {}).setdefault(kind, {"executions": 0, "seconds": 0})
    entry["executions"] += executions
    entry["seconds"] = round(entry["seconds"] + seconds, 1)
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def options(name, arguments):
    found = WORK / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    dictionary = DICTIONARIES / f"{DICTIONARY.get(name, name)}.dict"
    return [
        f"-artifact_prefix={found}/", f"-max_len={LARGEST.get(name, USUAL_LARGEST)}", f"-timeout={arguments.timeout}",
        "-rss_limit_mb=2048", "-malloc_limit_mb=256", "-print_final_stats=1", "-verbosity=1",
    ] + ([f"-dict={dictionary}"] if dictionary.is_file() else [])


def fuzz(binary, name, seconds, arguments):
    """Fuzzes a target; returns whether nothing was found."""
    folder = corpus(name)
    command = [binary, name, str(folder), f"-max_total_time={max(1, int(seconds))}"] + options(name, arguments)
    start = time.time()
    run = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    text = run.stderr.decode(errors="replace")
    executions = [int(n) for n in re.findall(r"number_of_executed_units: (\d+)", text)] or [
        int(n) for n in re.findall(r"^#(\d+)\s", text, re.M)[-1:]]
    coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", text)
    count(name, binary, sum(executions), time.time() - start)
    state = "" if run.returncode == 0 else f"  FOUND (exit {run.returncode})"
    where = " cov {} features {} corpus {}".format(*coverage[-1]) if coverage else ""
    print(f"{time.strftime('%H:%M:%S')} {name:20} {sum(executions):9} executions{where}{state}", flush=True)
    if run.returncode != 0:
        log = WORK / "found" / name / f"{int(time.time())}.log"
        log.write_text(text)
        lines = [line for line in text.splitlines() if re.search(r"atal error|ERROR|SUMMARY|Test unit", line)]
        print("\n".join("  " + line[:300] for line in lines[:6]), flush=True)
    for leftover in pathlib.Path("/dev/shm").glob("peftkit-fuzzing.*"):
        if not pathlib.Path(f"/proc/{leftover.suffix[1:]}").exists():
            shutil.rmtree(leftover, ignore_errors=True)
    return run.returncode == 0


def run(arguments, names):
    """Fuzzes targets in turn until the time is used up."""
    end = time.time() + arguments.seconds
    passed = True
    while True:
        for place, name in enumerate(names):
            rest = end - time.time()
            if rest <= 0:
                return passed
            seconds = min(rest, arguments.turn or max(1, rest / (len(names) - place)))
            passed = fuzz(arguments.binary, name, seconds, arguments) and passed


def replay(arguments, names):
    """Runs the committed corpus once, without changes to it."""
    passed = True
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            unpack(name, pathlib.Path(folder))
            inputs = sorted(str(path) for path in pathlib.Path(folder).iterdir())
            start = time.time()
            command = [arguments.binary, name] + options(name, arguments) + ["-runs=0", folder]
            run = subprocess.run(command, stderr=subprocess.PIPE, env=ENVIRONMENT)
            if run.returncode != 0:
                sys.stderr.write(run.stderr.decode(errors="replace")[-4000:])
            passed = passed and run.returncode == 0
            print(f"{name:20} {len(inputs):5} inputs in {time.time() - start:.1f} s", flush=True)
    return passed


def minimize(arguments, names):
    """Writes the smallest inputs that reach what the working corpus reaches."""
    COMMITTED.mkdir(exist_ok=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(
                [arguments.binary, name, "-merge=1", folder, str(corpus(name)), f"-max_len={COMMITTED_LARGEST}", "-timeout=60"],
                stderr=subprocess.PIPE, env=ENVIRONMENT)
            if run.returncode != 0:
                sys.exit(run.stderr.decode(errors="replace")[-2000:])
            inputs = sorted((path.read_bytes() for path in pathlib.Path(folder).iterdir()), key=lambda data: (len(data), data))
        kept, total = [], 0
        for data in inputs:
            if total + len(data) <= COMMITTED_TARGET:
                kept.append(data)
                total += len(data)
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as archive:
            for data in kept:
                member = tarfile.TarInfo(hashlib.sha1(data).hexdigest()[:16])
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        packed = gzip.compress(plain.getvalue(), 9, mtime=0)
        (COMMITTED / f"{name}.tar.gz").write_bytes(packed)
        print(f"{name:20} {len(kept):5} of {len(inputs)} inputs, {total} bytes, {len(packed)} packed", flush=True)
    return True


def amplified(data, random):
    """An input of 1 MiB in which a part of another one is repeated."""
    start = random.randrange(len(data))
    end = min(len(data), start + random.choice([1, 2, 4, 8, 16, 32, 64, 256, 4096]))
    part = data[start:end]
    return data[:start] + part * ((MEBIBYTE - len(data)) // len(part) + 1) + data[end:]


def table(arguments, names):
    """Prints the executions so far by target, as rows of a table."""
    record = json.loads((WORK / "executions.json").read_text())
    total, hours = 0, 0.0
    for name in names:
        entries = record.get(name, {}).values()
        executions, seconds = sum(e["executions"] for e in entries), sum(e["seconds"] for e in entries)
        print(f"| `{name}` | {executions / 1e6:.1f} | {seconds / 60:.0f} |")
        total, hours = total + executions, hours + seconds / 3600
    print(f"| all | {total / 1e6:.1f} | {hours * 60:.0f} |")
    return True


def measured(command):
    """Runs a command; the seconds of the CPU that it takes, its largest memory in MiB, and its messages."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=ENVIRONMENT)
        _, _, usage = os.wait4(process.pid, 0)
        errors.seek(0)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10, errors.read().decode(errors="replace")


def amplify(arguments, names):
    """Measures inputs of 1 MiB, a batch of them in each process."""
    passed = True
    for name in names:
        chance = random.Random(arguments.seed)
        inputs = [data for data in (path.read_bytes() for path in sorted(corpus(name).iterdir())) if data]
        command = [arguments.binary, name, f"-timeout={arguments.timeout}"]
        idle = measured(command + ["-runs=0"])[0]
        count, worst, highest, start = 0, 0.0, 0, time.time()
        while time.time() - start < (arguments.turn or 60):
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
                paths = [pathlib.Path(folder) / str(number) for number in range(16)]
                for path in paths:
                    path.write_bytes(amplified(chance.choice(inputs), chance))
                count += len(paths)
                seconds, memory, _ = measured(command + [str(path) for path in paths])
                highest = max(highest, memory)
                if seconds - idle < 1:
                    worst = max(worst, seconds - idle)
                    continue
                for path in paths:
                    seconds, memory, text = measured(command + [str(path)])
                    worst = max(worst, seconds - idle)
                    if seconds - idle > 1 or "ERROR" in text:
                        passed = False
                        kept = WORK / "found" / name
                        kept.mkdir(parents=True, exist_ok=True)
                        shutil.copy(path, kept / f"slow-{hashlib.sha1(path.read_bytes()).hexdigest()}")
                        print(f"{name}: {seconds - idle:.1f} s {text[-300:] if 'ERROR' in text else ''}", flush=True)
        print(f"{name:20} {count:5} inputs of 1 MiB, at most {worst:.1f} s of a CPU, {highest} MiB", flush=True)
    return passed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["run", "replay", "minimize", "amplify", "table"])
    parser.add_argument("binary", type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--turn", type=float, default=0, help="the seconds of a target before the next; 0 divides the time")
    parser.add_argument("--timeout", type=int, default=30, help="the seconds after which an input counts as a hang")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of inputs to amplify")
    arguments = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    names = arguments.names or targets(arguments.binary)
    passed = {"run": run, "replay": replay, "minimize": minimize, "amplify": amplify, "table": table}[arguments.action](arguments, names)
    sys.exit(0 if passed else 1)


main()
