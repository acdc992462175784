# SPDX-License-Identifier: Apache-2.0
"""The commands under test: one row for each.

To put a command under test, add a row. Everything else, that is the kills, the errors and the
judgement, follows from it.
"""

from dataclasses import dataclass

# What a file system or kernel does not have, so that a fallback is taken.
NO_RENAMEAT2 = "renameat2:error=EINVAL"
NO_COPY_FILE_RANGE = "copy_file_range:error=EXDEV"
NO_FALLOCATE = "fallocate:error=EOPNOTSUPP"


@dataclass(frozen=True)
class Command:
    """A run of the binary, from one place to another.

    Each case starts in a fresh directory, which is also the working directory, with the input
    `source` at `in/NAME` and, under the output's name `out/TARGET`, nothing or the input
    `previous`. In `arguments` `{source}` and `{target}` stand for the two paths. A command in place
    that is run once more on what it has written must write the same.
    """

    name: str
    arguments: str
    # The name of an input (inputs.py).
    source: str
    # The name of the output.
    target: str
    # The input that stands there before.
    previous: str | None = None
    # The source is put at `out/TARGET`, and {source} and {target} are the same.
    in_place: bool = False
    # Injected all the time.
    always: tuple = ()
    # For a moment nothing has the name, because the file system cannot swap directories. What stood
    # there comes back with the next output that is written beside it.
    has_gap: bool = False
    # The output is, or is a directory with, a safetensors or torch file of the tensors as they are.
    holds_tensors: bool = True
    # The files below the output appear one by one, each of them whole.
    piecemeal: bool = False

    @property
    def stands_before(self):
        return self.source if self.in_place else self.previous

    @property
    def is_large(self):
        return self.source.startswith("large")


CONVERT = "convert {source} {target}"
MERGE = "merge {source}/adapter --base {source}/base -o {target}"

COMMANDS = [
    Command("torch", CONVERT, "small.safetensors", "new.bin"),
    Command("torch-large", CONVERT, "large.safetensors", "new.bin"),
    Command("torch-forced", CONVERT + " --force", "small.safetensors", "x.bin", "old.bin"),
    Command("safetensors", CONVERT, "small.bin", "new.safetensors"),
    Command("safetensors-large", CONVERT + " --force", "large.bin", "x.safetensors",
            "old.safetensors"),
    Command("safetensors-no-sync", CONVERT + " --force --no-sync", "large.bin", "x.safetensors",
            "old.safetensors"),
    Command("copy", CONVERT, "large.safetensors", "new.safetensors"),
    Command("copy-forced", CONVERT + " --force", "large.safetensors", "x.safetensors",
            "old.safetensors"),
    Command("in-place", CONVERT + " --force", "large.safetensors", "x.safetensors", in_place=True),
    Command("in-place-torch", CONVERT + " --force", "small.bin", "x.bin", in_place=True),
    Command("directory", CONVERT, "small-adapter-bin", "new"),
    Command("directory-torch", CONVERT + " --to torch --no-sync", "small-adapter", "new"),
    Command("directory-forced", CONVERT + " --force", "large-adapter-bin", "x", "old-adapter"),
    Command("directory-no-sync", CONVERT + " --force --no-sync", "large-adapter", "x",
            "old-adapter"),
    Command("directory-in-place", CONVERT + " --force", "small-adapter-bin", "x", in_place=True),
    Command("cast", CONVERT + " --force --dtype float16", "large.safetensors", "x.safetensors",
            "old.safetensors", holds_tensors=False),
    Command("npz", CONVERT + " --compress --no-sync", "small.bin", "new.npz", holds_tensors=False),
    Command("gguf", CONVERT + " --no-sync", "small.bin", "new.gguf", holds_tensors=False),
    # The metadata of these inputs has no format, which is repaired.
    Command("repair", "repair {source} -o {target}", "small-adapter", "new"),
    Command("repair-torch", "repair {source} -o {target} --no-sync", "small-adapter-bin", "new"),
    Command("repair-forced", "repair {source} -o {target} --force", "large-adapter", "x", "old-adapter"),
    Command("repair-in-place", "repair {source} -o {target} --force", "small-adapter", "x", in_place=True),
    Command("rank", "rank {source} --to 2 -o {target}", "small-adapter", "new", holds_tensors=False),
    Command("rank-forced", "rank {source} --to 2 -o {target} --force", "large-adapter-bin", "x", "old-adapter",
            holds_tensors=False),
    Command("rank-in-place", "rank {source} --to 2 -o {target} --force", "small-adapter", "x", in_place=True,
            holds_tensors=False),
    Command("combine", "combine {source}:0.5 {source}:-0.25 -o {target}", "small-adapter", "new", holds_tensors=False),
    Command("combine-forced", "combine {source} {source} --kind svd -o {target} --force", "large-adapter", "x",
            "old-adapter", holds_tensors=False),
    Command("report", "report {source} -o {target}", "small-adapter", "new.html", holds_tensors=False),
    Command("report-forced", "report {source} -o {target} --force", "large-adapter", "x.html",
            "old.safetensors", holds_tensors=False),
    Command("merge", MERGE, "small-merge", "new", holds_tensors=False),
    Command("merge-large", MERGE, "large-merge", "new", holds_tensors=False),
    Command("merge-forced", MERGE + " --force --like safe", "large-merge", "x", "old-adapter",
            holds_tensors=False),
    Command("merge-no-sync", MERGE + " --no-sync --max-shard-size 4MB", "large-merge", "new",
            holds_tensors=False),
    # File systems that lack something.
    Command("no-renameat2", CONVERT, "small.bin", "new.safetensors", always=(NO_RENAMEAT2,)),
    Command("no-renameat2-directory", CONVERT, "small-adapter-bin", "new", always=(NO_RENAMEAT2,)),
    Command("no-swap", CONVERT + " --force", "small-adapter-bin", "x", "old-adapter",
            always=(NO_RENAMEAT2,), has_gap=True),
    Command("no-swap-in-place", CONVERT + " --force", "small-adapter-bin", "x", in_place=True,
            always=(NO_RENAMEAT2,), has_gap=True),
    Command("no-kernel-copy", CONVERT + " --force", "large.safetensors", "x.safetensors",
            in_place=True, always=(NO_COPY_FILE_RANGE, NO_FALLOCATE)),
]


def named(name):
    """The row of that name."""
    return next(command for command in COMMANDS if command.name == name)
