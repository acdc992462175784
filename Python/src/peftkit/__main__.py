# SPDX-License-Identifier: Apache-2.0
"""The command-line tool, as `python -m peftkit`."""

import os
import sys

from ._tool import executable


def main() -> None:
    """Replace this process by the tool, which then gets the signals and the terminal."""
    path = executable()
    try:
        os.execv(path, ["peftkit", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"error: {path}: cannot run: {error.strerror}")


if __name__ == "__main__":
    main()
