# SPDX-License-Identifier: Apache-2.0
"""`make install`: man pages that a linter accepts, completions that shells take, and nothing left by `make uninstall`."""

import json
import os
import re
import shutil
import subprocess
import unittest

from support import PEFTKIT, ROOT, InteropTest


def commands(command, path=()):
    """The names of all commands, as tuples: ("peftkit", "mpt", "bake")."""
    path = (*path, command["commandName"])
    yield path
    for inner in command.get("subcommands", []):
        if inner["commandName"] != "help":
            yield from commands(inner, path)


class InstallTest(InteropTest):
    def setUp(self):
        super().setUp()
        self.stage = self.scratch / "stage with space"
        self.root = self.stage / "opt/peft"
        self.make("install")
        dump = subprocess.run([PEFTKIT, "--experimental-dump-help"], capture_output=True, check=True).stdout
        self.command = json.loads(dump)["command"]

    def make(self, target):
        return subprocess.run(
            ["make", "-C", ROOT, target, f"BINARY={PEFTKIT}", "PREFIX=/opt/peft", f"DESTDIR={self.stage}"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip

    def files(self):
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file())

    def test_what_is_installed(self):
        pages = ["share/man/man1/" + "-".join(path) + ".1" for path in commands(self.command)]
        self.assertGreater(len(pages), 15)
        completions = [
            "share/bash-completion/completions/peftkit", "share/fish/vendor_completions.d/peftkit.fish",
            "share/zsh/site-functions/_peftkit",
        ]  # fmt: skip
        self.assertEqual(self.files(), sorted(["bin/peftkit", *completions, *pages]))
        installed = self.root / "bin/peftkit"
        self.assertTrue(os.access(installed, os.X_OK))
        self.assertEqual(subprocess.run([installed, "--version"]).returncode, 0)
        other = self.root / "share/man/man1/other.1"
        other.touch()
        self.make("uninstall")
        self.assertEqual(self.files(), ["share/man/man1/other.1"])

    def test_every_option_is_in_the_manual(self):
        def check(command, path=()):
            path = (*path, command["commandName"])
            page = self.root / "share/man/man1" / ("-".join(path) + ".1")
            text = subprocess.run(["man", "-l", page], capture_output=True, text=True, check=True, env={
                **os.environ, "MANWIDTH": "200", "MAN_KEEP_FORMATTING": "", "LANG": "C.UTF-8", "TERM": "dumb"}).stdout  # fmt: skip
            text = re.sub(r".\x08", "", text).replace("‐", "-").replace("−", "-")
            for argument in command.get("arguments", []):
                for name in argument.get("names", []):
                    dashes = "-" if name["kind"] == "short" else "--"
                    self.assertIn(dashes + name["name"], text, path)
                if argument["kind"] == "positional":
                    self.assertIn(argument["valueName"], text, path)
            for inner in command.get("subcommands", []):
                if inner["commandName"] != "help":
                    self.assertIn("-".join((*path, inner["commandName"])) + "(1)", text)
                    check(inner, path)

        if not shutil.which("man"):
            self.skipTest("there is no man")
        check(self.command)

    @unittest.skipUnless(shutil.which("mandoc"), "there is no mandoc")
    def test_the_linter(self):
        pages = sorted((self.root / "share/man/man1").iterdir())
        done = subprocess.run(["mandoc", "-Tlint", "-W", "style", *pages], capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
        self.assertEqual(lines, [])
        names = {page.name.removesuffix(".1") for page in pages}
        for page in pages:
            for name in re.findall(r"^(?:\.It )?\.?Xr (\S+) 1", page.read_text(), re.MULTILINE):
                self.assertIn(name, names)

    def test_bash(self):
        script = self.root / "share/bash-completion/completions/peftkit"
        shown = subprocess.run(["bash", "--norc", "-c", f'. "{script}"; complete -p peftkit'], capture_output=True, text=True)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        function = re.search(r"-F (\S+) peftkit", shown.stdout)[1]

        def completed(*words):
            """What bash offers after these words, the last of which is begun."""
            previous = ("peftkit", *words)[-2]
            quoted = " ".join(f"'{word}'" for word in ("peftkit", *words))
            program = (
                f'. "{script}"; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; COMP_LINE="${{COMP_WORDS[*]}}"; '
                f'COMP_POINT=${{#COMP_LINE}}; {function} peftkit "{words[-1]}" "{previous}"; printf "%s\\n" "${{COMPREPLY[@]}}"'
            )
            path = f"{self.root}/bin:{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "--norc", "-c", program], capture_output=True, text=True, env={**os.environ, "PATH": path})  # fmt: skip
            return {line.strip() for line in done.stdout.splitlines()}

        self.assertIn("inspect", completed("ins"))
        self.assertIn("validate", completed("val"))
        self.assertIn("bake", completed("mpt", "b"))
        self.assertIn("--recursive", completed("validate", "--rec"))
        self.assertIn("vllm", completed("validate", "x", "--for", "v"))

    @unittest.skipUnless(shutil.which("fish"), "there is no fish")
    def test_fish(self):
        script = self.root / "share/fish/vendor_completions.d/peftkit.fish"
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}", "HOME": str(self.scratch)}

        def completed(text):
            done = subprocess.run(
                ["fish", "--no-config", "-c", f"source '{script}'; complete -C '{text}'"], capture_output=True,
                text=True, env=environment)  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stderr)
            return {line.split("\t")[0] for line in done.stdout.splitlines()}

        self.assertIn("inspect", completed("peftkit ins"))
        self.assertIn("--recursive", completed("peftkit validate --rec"))

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh(self):
        folder = self.root / "share/zsh/site-functions"
        program = f'fpath=("{folder}" $fpath); autoload -U compinit; compinit -u -d "{self.scratch}/dump"; print -r -- $_comps[peftkit]'
        done = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True)
        self.assertEqual(done.stdout.strip(), "_peftkit", done.stderr)
