# SPDX-License-Identifier: Apache-2.0
"""Running the binary on a terminal, and what its screen shows."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from dataclasses import dataclass

from support import PEFTKIT


@dataclass
class Session:
    """A finished run: what the terminal received, and what went into pipes."""

    code: int
    received: str
    stdout: bytes
    stderr: bytes

    def screen(self):
        """The lines that are left on the terminal, without colors."""
        lines, current = [], ""
        for part in re.split(r"(\r\n|\r|\x1b\[K)", re.sub(r"\x1b\[\d*m", "", self.received)):
            if part == "\r\n":
                lines.append(current)
                current = ""
            elif part in ("\r", "\x1b[K"):
                # The tool returns to the start of a line only to erase it.
                current = ""
            else:
                current += part
        return lines + [current] if current else lines

    def progress(self):
        """The progress lines that the terminal showed, one after the other."""
        return re.findall(r"\r\x1b\[K([^\r\x1b]+)", self.received)


def on_terminal(columns, *arguments, streams=("stdout", "stderr"), environment=None, cwd=None):
    """Run the binary with these streams on a terminal of that width, and the others in pipes."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
    process = subprocess.Popen(
        [PEFTKIT, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL,
        stdout=follower if "stdout" in streams else subprocess.PIPE,
        stderr=follower if "stderr" in streams else subprocess.PIPE,
        env=inherited | {"TERM": "xterm"} | (environment or {}),
    )  # fmt: skip
    os.close(follower)
    data = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux says EIO at the end.
            break
        if not piece:
            break
        data += piece
    os.close(leader)
    stdout, stderr = process.communicate(timeout=60)
    return Session(process.returncode, data.decode(), stdout or b"", stderr or b"")
