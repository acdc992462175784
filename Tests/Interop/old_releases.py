# SPDX-License-Identifier: Apache-2.0
"""Adapters that older releases of PEFT save: `validate` reports nothing in them.

    .interop-venv/bin/python Tests/Interop/old_releases.py WORK [RELEASE...]

installs each release with libraries of its time into WORK, lets it make the corpus of `adapter_corpus.py` as far as it
has the methods, and validates every adapter. It takes some minutes and is not part of CI. torch is the one of the suite:
the old releases run with it.

Older releases adapted some modules that the newest one does not adapt with the same config (AdaLoRA ignored
`layers_to_transform`; of several numbers in a path, the last counted as the layer), and with the transformers of their
time others than today. Where the newest one ignores tensors or a pattern, findings are right; such adapters are printed.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import support
from adapter_corpus import Case, quiet
from adapter_loading import load
from adapter_verdicts import false_findings

# peft: transformers, tokenizers, huggingface_hub, accelerate, safetensors.
RELEASES = {
    "0.4.0": ("4.31.0", "0.13.3", "0.16.4", "0.21.0", "0.3.3"),
    "0.6.2": ("4.35.2", "0.15.2", "0.17.3", "0.24.1", "0.4.5"),
    "0.9.0": ("4.38.2", "0.15.2", "0.20.3", "0.27.2", "0.4.5"),
    "0.13.2": ("4.45.2", "0.20.3", "0.25.2", "1.0.1", "0.4.5"),
    "0.17.1": ("4.55.4", "0.21.4", "0.34.4", "1.10.1", "0.6.2"),
}
NAMES = ("transformers", "tokenizers", "huggingface_hub", "accelerate", "safetensors")
# What these need beside them, whatever the release.
NEEDED = ("numpy==1.26.4", "requests==2.34.2", "urllib3", "certifi", "idna", "charset-normalizer")


def install(release, site):
    """Install the release and its libraries into a folder of their own."""
    if not site.exists():
        pinned = [f"{name}=={version}" for name, version in zip(NAMES, RELEASES[release], strict=True)]
        command = ["pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", site]
        subprocess.run([sys.executable, "-m", *command, f"peft=={release}", *pinned, *NEEDED], check=True)


def make(release, work):
    """Let the release make its adapters; returns their directories."""
    site, out = work / f"site-{release}", work / release
    install(release, site)
    if not out.exists():
        script = Path(__file__).with_name("adapter_corpus.py")
        environment = {**os.environ, "PYTHONPATH": str(site), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        subprocess.run([sys.executable, "-W", "ignore", script, out], check=True, env=environment)
    return sorted(path for path in (out / "adapters").iterdir() if (path / "case.json").exists())


def is_ignored_in_part(adapter):
    """Whether the newest release ignores tensors of an adapter, or patterns of its config."""
    case = Case.of(adapter)
    with quiet():
        outcome = load(case.base, case.task, adapter)
    return bool(outcome.unexpected) or any("did not match any targeted module" in text for text in outcome.warnings)


def main(work, releases):
    work, failed = Path(work).resolve(), False
    for release in releases or RELEASES:
        adapters = make(release, work)
        with ThreadPoolExecutor(support.PROCESSES) as pool:
            found = [(path, problem) for path, problem in zip(adapters, pool.map(false_findings, adapters)) if problem]
        ignored = [path for path, _ in found if is_ignored_in_part(path)]
        for path in ignored:
            print(f"the newest PEFT ignores a part of {Case.of(path)}")
        problems = [problem for path, problem in found if path not in ignored]
        print(f"PEFT {release}: {len(problems)} of {len(adapters)} adapters have findings", *problems, sep="\n  ")
        failed |= bool(problems) or not adapters
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
