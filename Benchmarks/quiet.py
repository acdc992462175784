# SPDX-License-Identifier: Apache-2.0
"""Whether other processes used the CPUs while something was measured (Linux)."""

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
STATISTICS = Path("/proc/stat")


def used_seconds():
    """The CPU time of everything on the machine, idling and waiting for drives aside."""
    user, nice, system, _, _, *others = map(int, STATISTICS.read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + sum(others)) / TICKS


def own_seconds(children):
    """The CPU time of this process, of children that have ended, and of these that run."""
    total = sum(os.times()[:4])
    for child in children:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


class Watch:
    """Tells what share of the CPUs others used since it was made; 0 where the system does not say."""

    def __init__(self, children=()):
        self.children = children
        self.known = STATISTICS.exists()
        if self.known:
            self.start = self.now()

    def now(self):
        return time.perf_counter(), used_seconds() - own_seconds(self.children)

    def share_of_others(self):
        if not self.known:
            return 0.0
        (start, before), (end, after) = self.start, self.now()
        return max(0.0, (after - before) / (end - start) / os.cpu_count())
