# SPDX-License-Identifier: Apache-2.0
"""Run the fault-injection suite: see README.md."""

import argparse
import os
import sys
import time

import cpu_limit
import errors
import inert
import kills
import lookups
import short_transfers
import suite as suites
import surroundings
import undisturbed

GROUPS = {
    "undisturbed runs": undisturbed.normal_runs,
    "lookups of paths": lookups.lookups,
    "hostile files": inert.inert,
    "order of flushes": undisturbed.flushes,
    "sweeping": undisturbed.sweeping,
    "kill -9 at random moments": kills.random_kills,
    "kill -9 at system calls": kills.kills_at_calls,
    "signals to answer": kills.interrupts,
    "failing system calls": errors.errors,
    "interrupted system calls": errors.interruptions,
    "abandoned outputs": errors.abandoned,
    "short reads and writes": short_transfers.short_transfers,
    "full disks": surroundings.full_disks,
    "limits of file size": surroundings.size_limits,
    "read-only places": surroundings.read_only,
    "changes meanwhile": surroundings.meanwhile,
    "rivals": surroundings.rivals,
    "CPU limit of a container": cpu_limit.cpu_limit,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats the random choices of that run")
    parser.add_argument("--only", metavar="TEXT", help="only cases with TEXT in their name")
    parser.add_argument("--no-skips", action="store_true", help="a skipped group is a failure")
    parser.add_argument(
        "--thorough", action="store_true", help="every call, also where many are alike")
    options = parser.parse_args()

    peftkit = os.environ.get("PEFTKIT", suites.ROOT / ".build/release/peftkit")
    if not os.access(peftkit, os.X_OK):
        sys.exit(f"There is no peftkit binary at {peftkit}. Build it, or set PEFTKIT to its path.")
    seed = suites.seed_from_environment() if options.seed is None else options.seed
    print(f"seed {seed}; a case again: Tests/Faults/run.py --seed {seed} --only CASE", flush=True)

    start = time.monotonic()
    suite = suites.Suite(peftkit, seed, options.thorough)
    try:
        for name, group in GROUPS.items():
            suite.run_group(name, group(suite), options.only)
    finally:
        suite.close()
    if options.no_skips:
        suite.problem_count += len(suite.skipped)
    print(f"{suite.case_count - suite.problem_count} passed, {suite.problem_count} failed "
          f"({time.monotonic() - start:.0f} s)")
    sys.exit(suite.problem_count > 0 or suite.case_count == 0)


if __name__ == "__main__":
    main()
