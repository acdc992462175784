# SPDX-License-Identifier: Apache-2.0
"""What a terminal of some width shows, and when; pipes get everything and nothing else."""

import json
import re
import struct
import time

import torch
from safetensors.torch import save_file
from support import FIXTURES, InteropTest, peftkit
from terminal import on_terminal

NAME = "base_model.model.model.layers.11.self_attn.q_proj.lora_A.default.weight"


def write_zeros(path, byte_count):
    """Write a safetensors file of zeros, which takes no space on the drive."""
    header = {"w": {"dtype": "F32", "shape": [byte_count // 4], "data_offsets": [0, byte_count]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + byte_count)


class WidthTest(InteropTest):
    def test_names_are_cut_on_a_terminal(self):
        path = self.scratch / "x.safetensors"
        save_file({NAME: torch.zeros(2, 3)}, path)
        self.assertIn(NAME, peftkit("inspect", path).stdout.decode())
        self.assertIn(NAME, "\n".join(on_terminal(200, "inspect", path).screen()))
        for columns in (50, 60, 80):
            lines = on_terminal(columns, "inspect", path).screen()
            table = lines[lines.index("tensors") + 1 :]
            self.assertEqual(len(table[1]), columns)
            self.assertTrue(all(len(line) <= columns for line in table), table)
            head, tail = table[1].split()[0].split("…")
            self.assertTrue(NAME.startswith(head) and NAME.endswith(tail))
            self.assertLessEqual(abs(len(head) - len(tail)), 1)
        self.assertIn(NAME, "\n".join(on_terminal(50, "inspect", path, "--json").screen()))
        self.assertIn(NAME, on_terminal(50, "inspect", path, streams=["stderr"]).stdout.decode())

    def test_the_tables_of_every_command_fit(self):
        """With long names, whatever the table is about."""
        save_file({NAME: torch.zeros(2, 3), "y": torch.zeros(1)}, self.scratch / "a.safetensors")
        save_file({NAME: torch.ones(2, 3), NAME + "2": torch.ones(1)}, self.scratch / "b.safetensors")
        adapters, references = FIXTURES / "adapters", FIXTURES / "references"
        for columns, *arguments in [
            [72, "inspect", self.scratch / "a.safetensors", "--digest"],
            [72, "inspect", adapters / "lora-embedding", "--modules"],
            [72, "inspect", adapters / "mpt-causal-lm"],
            [72, "convert", self.scratch / "a.safetensors", self.scratch / "x.safetensors", "--dry-run"],
            [90, "diff", self.scratch / "a.safetensors", self.scratch / "b.safetensors"],
            [80, "verify", adapters / "lora", "--reference", references / "lora/reference.safetensors"],
            [72, "scan", adapters / "mpt-causal-lm-bin"],
            [72, "mpt", "rank", adapters / "mpt-causal-lm", "--to", "1", "-o", self.scratch / "rank"],
        ]:
            session = on_terminal(columns, *arguments)
            self.assertIn(session.code, (0, 1), session.received)
            table = [line for line in session.screen() if line.startswith("  ")]
            self.assertTrue(table, arguments)
            # Sentences and digests after a heading wrap; rows of several columns do not.
            wide = [line for line in table if len(line) > columns and len(re.split(" {2,}", line.strip())) > 2]
            self.assertEqual(wide, [], arguments)


class ColorTest(InteropTest):
    def test_the_environment_decides(self):
        adapter = FIXTURES / "adapters/lora"
        for environment, colored in [
            ({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False),
            ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True), ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
        ]:  # fmt: skip
            for path in (adapter, adapter / "adapter_config.json"):  # A result, and an error.
                received = on_terminal(80, "inspect", path, environment=environment).received
                self.assertEqual("\x1b[" in received, colored, (environment, received))
            json_text = on_terminal(80, "inspect", adapter, "--json", environment=environment).received
            self.assertNotIn("\x1b", json_text)


class ProgressTest(InteropTest):
    BYTES = 3 << 30

    def setUp(self):
        super().setUp()
        self.file = self.scratch / "zeros.safetensors"
        write_zeros(self.file, self.BYTES)

    def test_long_commands_show_how_far_they_are(self):
        other = self.scratch / "other.safetensors"
        write_zeros(other, self.BYTES)
        for code, arguments, shown in [
            (0, ["inspect", self.file, "--digest"], r"  \d+ %  \S+ .B of 3\.22 GB  \S+ .B/s  \d+:\d\d left"),
            (0, ["validate", self.file], r"  \d+ %  \S+ .B of 3\.22 GB  \S+ .B/s  \d+:\d\d left"),
            (0, ["diff", self.file, other], r"  \d+ %  \S+ .B of 6\.44 GB  \S+ .B/s  \d+:\d\d left"),
            (0, ["convert", self.file, self.scratch / "half.safetensors", "--dtype", "float16", "--no-sync"],
             r"  \d+ %  \S+ .B of 1\.61 GB  \S+ .B/s  \d+:\d\d left"),
            (0, ["validate", self.scratch, "--recursive"], r"  \d+ checked  \d+:\d\d"),
        ]:  # fmt: skip
            start = time.monotonic()
            session = on_terminal(100, *arguments, streams=["stderr"])
            seconds = time.monotonic() - start
            self.assertEqual(session.code, code, session)
            lines = session.progress()
            if seconds > 1:
                self.assertTrue(lines, arguments)
            # Once all is read there is nothing left to tell but how long it took.
            done = r"  \S+ .B  \S+ .B/s  \d+:\d\d"
            for line in lines:
                self.assertRegex(line, f"^({shown}|{done})$")
            self.assertLessEqual(len(lines), 5 * seconds + 1, arguments)
            # Notes stay; the progress is erased.
            self.assertFalse([line for line in session.screen() if not line.startswith("note: ")], session)
            self.assertEqual(session.stdout, peftkit(*arguments, *(["--force"] if "convert" in arguments else [])).stdout)

    def test_results_are_alone_on_the_screen(self):
        session = on_terminal(100, "inspect", self.file, "--digest")
        self.assertEqual(session.code, 0)
        self.assertTrue(session.progress())
        self.assertEqual(session.screen(), peftkit("inspect", self.file, "--digest").stdout.decode().splitlines())

    def test_a_narrow_terminal(self):
        session = on_terminal(20, "inspect", self.file, "--digest", streams=["stderr"])
        self.assertTrue(session.progress())
        self.assertTrue(all(len(line) < 20 for line in session.progress()), session)

    def test_no_progress_where_it_is_not_wanted(self):
        arguments = ["inspect", self.file, "--digest"]
        self.assertEqual(peftkit(*arguments).stderr, "")
        self.assertEqual(on_terminal(80, *arguments, "--quiet", streams=["stderr"]).received, "")
        dumb = on_terminal(80, *arguments, streams=["stderr"], environment={"TERM": "dumb"})
        self.assertEqual(dumb.received, "")
        self.assertEqual(on_terminal(80, *arguments, streams=["stdout"]).stderr, b"")
        # Short work needs no line.
        self.assertEqual(on_terminal(80, "inspect", FIXTURES / "adapters/lora", streams=["stderr"]).received, "")
