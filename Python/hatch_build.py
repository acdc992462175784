# SPDX-License-Identifier: Apache-2.0
"""Puts the peftkit binary into the wheel. The environment variable PEFTKIT_BINARY names it."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DEFAULT_BINARY = "../.build-static/release/peftkit"


class BinaryHook(BuildHookInterface):
    def initialize(self, version, build_data):
        if self.target_name != "wheel":
            sys.exit("error: there is no sdist of peftkit, because it needs Swift; make wheel builds a wheel")
        binary = Path(self.root, os.environ.get("PEFTKIT_BINARY", DEFAULT_BINARY)).resolve()
        if not binary.is_file():
            sys.exit(f"error: {binary}: there is no such file\nhint: make static builds it, make wheel the whole wheel")
        self._check_version(binary)
        self.scratch = tempfile.TemporaryDirectory(prefix="peftkit-wheel-")
        copy = Path(self.scratch.name, "peftkit")
        shutil.copy(binary, copy)
        subprocess.run(["strip", copy], check=True)
        copy.chmod(0o755)
        build_data["shared_scripts"] = {str(copy): "peftkit"}
        build_data["pure_python"] = False
        # The binary does not depend on the release of Python. auditwheel replaces the platform by what it finds.
        build_data["tag"] = f"py3-none-{sys.platform}_{platform.machine()}"

    def finalize(self, version, build_data, artifact_path):
        self.scratch.cleanup()

    def _check_version(self, binary):
        shown = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        if shown != self.metadata.version:
            sys.exit(f"error: {binary} is version {shown}, and the sources are {self.metadata.version}: build it again")
