# SPDX-License-Identifier: Apache-2.0
"""Write the man pages: one for the tool and one for each command, from what the commands say of themselves.

usage: python3 Scripts/make_manual.py PEFTKIT DIRECTORY

PEFTKIT is the binary, which lists its commands and options as JSON. SOURCE_DATE_EPOCH sets the date of the pages.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap

WIDTH = 76
ENVIRONMENT = [
    ("NO_COLOR", "If it is set and not empty, nothing is colored."),
    ("CLICOLOR_FORCE", "If it is set and neither empty nor 0, output is colored even if it is not a terminal."),
    ("TERM", "With the value dumb, there are neither colors nor progress."),
    ("COLUMNS", "The width of tables on a terminal that does not give its own."),
    ("HF_HUB_CACHE", "The cache of the Hub, in which models are found by name."),
    ("HF_HOME", "The directory whose subdirectory hub is the cache, unless HF_HUB_CACHE is set."),
    ("XDG_CACHE_HOME", "The directory whose subdirectory huggingface/hub is the cache, unless one of these is set."),
]


def escaped(text):
    """Text for the middle of a line of mdoc."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return text.replace('"', "\\(dq").replace("^", "\\(ha").replace("~", "\\(ti")


def plain(line):
    """A line of mdoc that is text, whatever it begins with."""
    return "\\&" + line if line.startswith((".", "'")) else line


def prose(text):
    """Lines of mdoc for a paragraph; each sentence begins a line."""
    lines = []
    for sentence in re.split(r"(?<=[.!?:]) (?=[A-Z])", " ".join(text.split())):
        wrapped = textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)
        lines += [plain(escaped(line)) for line in wrapped]
    return lines


def names(argument):
    """The names of an option in mdoc, without a value."""
    return [
        ".Fl " + ("" if name["kind"] == "short" else "\\-") + escaped(name["name"])
        for name in sorted(argument["names"], key=lambda name: name["kind"] == "long")
    ]


def value(argument):
    return "" if argument["kind"] == "flag" else " Ar " + escaped(argument["valueName"])


def synopsis(argument):
    """The line of an argument in the synopsis."""
    if argument["kind"] == "positional":
        text = "Ar " + escaped(argument["valueName"])
    else:
        text = names(argument)[-1][1:] + value(argument)
    if argument["isOptional"]:
        text = "Op " + text
    return "." + text + (" ..." if argument["isRepeating"] else "")


def item(argument):
    """The entry of an argument in a list."""
    if argument["kind"] == "positional":
        lines = [".It Ar " + escaped(argument["valueName"])]
    else:
        lines = [".It " + " , ".join(name[1:] for name in names(argument)) + value(argument)]
    text = argument.get("abstract", "")
    if argument.get("allValues") and not all(value in text for value in argument["allValues"]):
        text += " The values are " + ", ".join(argument["allValues"]) + "."
    if argument.get("defaultValue") and "(default" not in text and argument["kind"] != "flag":
        text += f" The default is {argument['defaultValue']}."
    return lines + prose(text)


def listed(entries):
    """A list of entries, each a head and its text."""
    lines = [".Bl -tag -width Ds"]
    for entry in entries:
        lines += entry
    return lines + [".El"]


def sections(discussion):
    """The paragraphs of a discussion, its exit codes and its examples."""
    text, _, examples = discussion.partition("EXAMPLES:\n")
    paragraphs = [paragraph for paragraph in text.split("\n\n") if paragraph.strip()]
    codes = [paragraph for paragraph in paragraphs if paragraph.startswith("Exit codes: ")]
    return [p for p in paragraphs if p not in codes], codes, textwrap.dedent(examples).strip("\n")


def page(command, path, codes, date, version):
    """The page of a command; `path` has the names of those above it, and its own."""
    name = "-".join(path)
    arguments = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
    commands = [inner for inner in command.get("subcommands", []) if inner["commandName"] != "help"]
    paragraphs, _, examples = sections(command.get("discussion", ""))
    lines = [
        f".\\\" Written by Scripts/make_manual.py from the help of {' '.join(path)}.",
        f".Dd {date}", f".Dt {name.upper()} 1", f".Os peftkit {version}", ".Sh NAME", f".Nm {escaped(name)}",
        ".Nd " + escaped(command["abstract"].rstrip(".")),
        ".Sh SYNOPSIS", f".Nm {escaped(' '.join(path))}",
    ]  # fmt: skip
    if commands:
        lines += [".Ar command", ".Op Ar argument ..."]
    else:
        lines += [synopsis(argument) for argument in arguments]
    lines += [".Sh DESCRIPTION", *prose(command["abstract"])]
    for paragraph in paragraphs:
        lines += [".Pp", *prose(paragraph)]
    if commands:
        lines += [".Pp", "The commands are:"]
        lines += listed(
            [[f".It Xr {name}-{inner['commandName']} 1", *prose(inner["abstract"])]
             for inner in commands])  # fmt: skip
    if arguments:
        lines += [".Pp", "The arguments are:"] + listed(map(item, arguments))
    if len(path) == 1:
        lines += [".Sh ENVIRONMENT", *listed([[f".It Ev {name}", *prose(text)] for name, text in ENVIRONMENT])]
    lines += [".Sh EXIT STATUS", *listed([[f".It {code}", *prose(text)] for code, text in codes])]
    if examples:
        lines += [".Sh EXAMPLES", ".Bd -literal -offset indent"]
        lines += [plain(escaped(line)) for line in examples.splitlines()] + [".Ed"]
    above = ["-".join(path[:end]) for end in range(1, len(path))]
    if above:
        lines += [".Sh SEE ALSO"]
        lines += [f".Xr {other} 1" + (" ," if other != above[-1] else "") for other in above]
    yield name, "\n".join(lines) + "\n"
    for inner in commands:
        yield from page(inner, [*path, inner["commandName"]], codes, date, version)


def exit_codes(command):
    """The exit codes and their meanings, from the discussion of the tool."""
    _, codes, _ = sections(command["discussion"])
    text = " ".join(" ".join(codes).split()).removeprefix("Exit codes: ").rstrip(".")
    pairs = [part.strip().split(" ", 1) for part in text.split(";")]
    if not pairs or not all(len(pair) == 2 and pair[0].isdigit() for pair in pairs):
        sys.exit("the help of the tool does not list its exit codes")
    return [(code, meaning[0].upper() + meaning[1:] + ".") for code, meaning in pairs]


def main(tool, directory):
    def said(argument):
        return subprocess.run([tool, argument], capture_output=True, check=True, text=True).stdout.strip()

    command, version = json.loads(said("--experimental-dump-help"))["command"], said("--version")
    moment = os.environ.get("SOURCE_DATE_EPOCH")
    day = datetime.datetime.fromtimestamp(int(moment), datetime.timezone.utc) if moment else datetime.date.today()
    date = f"{day:%B} {day.day}, {day.year}"
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.1"):
        old.unlink()
    for name, text in page(command, [command["commandName"]], exit_codes(command), date, version):
        (directory / f"{name}.1").write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
