# SPDX-License-Identifier: Apache-2.0
"""strace: which system calls a command makes, and faults in place of one of them."""

import re
import shutil
import subprocess
from dataclasses import dataclass, field

# `?` lets strace start on machines that lack the call.
CALLS = """openat read pread64 write pwrite64 copy_file_range fallocate fsync fdatasync
    sync_file_range close fchmod rename renameat renameat2 link linkat unlink unlinkat rmdir mkdir
    mkdirat getdents64 newfstatat fstat statx clone3""".split()
PLACEMENTS = ("rename", "renameat", "renameat2", "link", "linkat")

LINE = re.compile(r"^(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)$")


@dataclass
class Point:
    """The `number`-th calls of one name, counted in each thread for itself as strace does."""

    call: str
    number: int
    # Their lines in the trace, and the places of these in the order of all calls.
    lines: list = field(default_factory=list)
    places: list = field(default_factory=list)
    # Whether one of them happens before the output has its name.
    is_before_placement: bool = True
    # Whether one of them is for a file that the command creates.
    is_for_output: bool = False

    def earlier(self):
        """The number, and those before it: threads share the work, and this time one may make fewer calls."""
        return range(self.number, 0, -1)

    @property
    def text(self):
        return " | ".join(self.lines)


def unavailable():
    """Why strace cannot be used here, or None."""
    if not shutil.which("strace"):
        return "strace is not installed"
    words = ["strace", "-f", "-o", "/dev/null", "true"]
    run = subprocess.run(words, capture_output=True, text=True)
    return None if run.returncode == 0 else "strace may not trace: " + run.stderr.strip()[:200]


def strace(log, *injections):
    """The words that start a command under strace."""
    words = ["strace", "-f", "-qq", "-y", "-s", "0", "-o", str(log)]
    # Faster, as other calls do not stop the command; but then strace 6.1 injects no signals.
    if not any(":signal=" in injection for injection in injections):
        words.append("--seccomp-bpf")
    words += ["-e", "trace=" + ",".join("?" + call for call in CALLS)]
    for injection in injections:
        words += ["-e", "inject=" + injection]
    return words


def points(log_text, scratch):
    """The points of a trace at which the command has begun to look at its input.

    What the loader and the runtime do before is not the command's. Calls that are no business of
    the file system's keep no place in the output either.
    """
    counts, found, created = {}, {}, set()
    before = set()
    has_begun, is_placed = False, False
    for place, line in enumerate(log_text.splitlines()):
        match = LINE.match(line)
        if not match:
            continue
        thread, call, rest = match["thread"], match["call"], match["rest"]
        number = counts[thread, call] = counts.get((thread, call), 0) + 1
        has_begun = has_begun or '"in/' in rest or '"out/' in rest
        if not has_begun:
            before.add((call, number))
            continue
        point = found.setdefault((call, number), Point(call, number, is_before_placement=False))
        point.lines.append(f"{call}({rest}")
        point.places.append(place)
        point.is_before_placement |= not is_placed
        descriptor = re.match(r"(\d+)<", rest)
        result = re.search(r"\) = (\d+)", rest)
        if call == "openat" and "O_CREAT" in rest and result:
            created.add(result[1])
            point.is_for_output = True
        elif descriptor and descriptor[1] in created and call != "openat":
            # A file without a name is scratch space.
            point.is_for_output = "(deleted)" not in rest
            if call == "close":
                created.discard(descriptor[1])
        if call in PLACEMENTS and result and result[1] == "0" and is_final(rest):
            is_placed = True
    return [point for key, point in found.items() if key not in before]


def is_final(rest):
    """Whether a rename gives an output its name, and does not put another aside."""
    names = re.findall(r'"([^"]*)"', rest)
    return len(names) == 2 and not re.search(r"\.peftkit-\w+", names[1]) or "EXCHANGE" in rest
