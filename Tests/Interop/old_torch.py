# SPDX-License-Identifier: Apache-2.0
"""Files that releases of torch from 1.4 on save: whole modules, training states, hyperparameters, TorchScript.

    .interop-venv/bin/python Tests/Interop/old_torch.py WORK [RELEASE...]

installs each release into WORK, for the Python of its time that this machine has (on PATH, or of pyenv), lets it save
what `old_torch_save.py` lists, and compares what peftkit reads with what that torch says. It takes gigabytes and some
minutes, and is not part of CI. Releases without a Python here are named and passed over.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from support import PROCESSES, peftkit
from torch_cases import facts_in_safetensors

# torch: Python, numpy.
RELEASES = {
    "1.4.0": ("3.8", "1.19.5"),
    "1.6.0": ("3.8", "1.19.5"),
    "1.8.1": ("3.8", "1.19.5"),
    "1.10.2": ("3.8", "1.19.5"),
    "1.13.1": ("3.9", "1.24.4"),
    "2.0.1": ("3.11", "1.26.4"),
    "2.5.1": ("3.11", "2.2.6"),
    "2.13.0": ("3.11", "2.2.6"),
    "2.15.0": ("3.13", "2.4.6"),
}


def interpreter(version):
    """A Python of a version; None without any."""
    if found := shutil.which(f"python{version}"):
        return found
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return next((str(path / "bin/python") for path in sorted(versions.glob(f"{version}.*"))), None)


def install(release, work):
    """The Python of an environment with the release; None when there is none for it here."""
    python, numpy_release = RELEASES[release]
    venv = work / f"torch-{release}"
    own = venv / "bin/python"
    if not own.exists():
        base = interpreter(python)
        if base is None:
            return None
        subprocess.run([base, "-m", "venv", venv], check=True)
        command = [own, "-m", "pip", "install", "--quiet", "--no-compile", "--no-cache-dir"]
        subprocess.run([*command, f"torch=={release}", f"numpy=={numpy_release}"], check=True)
    return own


def problem(path):
    """The difference between a file and what its torch says is in it; None without any."""
    target = path.with_suffix(".read.safetensors")
    run = peftkit("convert", path, target, "--force", "--skip-unsupported", "--allow-empty", "--no-sync")
    if run.code != 0:
        return f"{path.name}: {run.stderr.strip().splitlines()[0]}"
    found = facts_in_safetensors(target.read_bytes())
    with numpy.load(path.with_suffix(".npz")) as truth:
        if found.keys() != set(truth.files):
            return f"{path.name}: {sorted(found)} instead of {sorted(truth.files)}"
        for name in truth.files:
            if bytes(found[name][2]) != truth[name].tobytes():
                return f"{path.name}: other bytes of {name}"
    return None


def main(work, releases):
    work, failed = Path(work).resolve(), False
    for release in releases or RELEASES:
        python = install(release, work)
        if python is None:
            print(f"torch {release}: no Python {RELEASES[release][0]} here")
            continue
        out = work / f"files-{release}"
        if not out.exists():
            subprocess.run([python, Path(__file__).with_name("old_torch_save.py"), out], check=True)
        files = sorted(path for path in out.glob("*.pt"))
        with ThreadPoolExecutor(PROCESSES) as pool:
            problems = [found for found in pool.map(problem, files) if found]
        print(f"torch {release}: {len(problems)} of {len(files)} files differ", *problems, sep="\n  ")
        failed |= bool(problems) or not files
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
