# SPDX-License-Identifier: Apache-2.0
"""What a terminal of some width shows; pipes get everything."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import torch
from safetensors.torch import save_file
from support import PEFTKIT, InteropTest, peftkit

NAME = "base_model.model.model.layers.11.self_attn.q_proj.lora_A.default.weight"


def on_terminal(columns, *arguments):
    """The lines that the tool prints on a terminal of that width, without colors."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([PEFTKIT, *arguments], stdout=follower)
    os.close(follower)
    data = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # Linux says EIO at the end.
            break
        if not piece:
            break
        data += piece
    os.close(leader)
    assert process.wait() == 0
    return re.sub(r"\x1b\[\d*m", "", data.decode()).replace("\r\n", "\n").splitlines()


class TerminalTest(InteropTest):
    def test_names_are_cut_on_a_terminal(self):
        path = self.scratch / "x.safetensors"
        save_file({NAME: torch.zeros(2, 3)}, path)
        self.assertIn(NAME, peftkit("inspect", path).stdout.decode())
        self.assertIn(NAME, "\n".join(on_terminal(200, "inspect", path)))
        for columns in (50, 60, 80):
            lines = on_terminal(columns, "inspect", path)
            table = lines[lines.index("tensors") + 1 :]
            self.assertEqual(len(table[1]), columns)
            self.assertTrue(all(len(line) <= columns for line in table), table)
            head, tail = table[1].split()[0].split("…")
            self.assertTrue(NAME.startswith(head) and NAME.endswith(tail))
            self.assertLessEqual(abs(len(head) - len(tail)), 1)
        self.assertIn(NAME, "\n".join(on_terminal(50, "inspect", path, "--json")))
