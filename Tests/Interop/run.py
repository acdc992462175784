# SPDX-License-Identifier: Apache-2.0
"""Run the interop suite, after making sure that there is a binary to test."""

import logging
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import support  # noqa: E402


def main(names):
    problem = support.binary_problem()
    if problem:
        sys.exit(problem)
    logging.disable(logging.WARNING)
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(HERE))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main(sys.argv[1:])
