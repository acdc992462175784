#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make Sources/PEFT/Fields/FieldTableText.swift from real releases of PEFT.

    .interop-venv/bin/python Scripts/config_fields/make_fields.py [--work DIR] [--check]

Needs the environment that Tests/Interop/setup.sh makes. Every release comes by pip, with a transformers of its
time. describe_release.py runs in each of them; measure_types.py runs in the newest. `--check` compares with the
file that is there, and changes nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parents[1] / "Sources/PEFT/Fields/FieldTableText.swift"

# In order. 0.1.0 cannot be imported without bitsandbytes.
RELEASES = """
0.2.0 0.3.0 0.4.0 0.5.0 0.6.0 0.6.1 0.6.2 0.7.0 0.7.1 0.8.0 0.8.1 0.8.2 0.9.0 0.10.0 0.11.0 0.11.1 0.12.0
0.13.0 0.13.1 0.13.2 0.14.0 0.15.0 0.15.1 0.15.2 0.16.0 0.17.0 0.17.1 0.18.0 0.18.1 0.19.0 0.19.1 0.20.0
0.21.0 0.21.1 0.21.2
""".split()
# The first release that needs an environment, and what is installed over the newest for the releases from there.
COMMON = ["requests", "urllib3", "certifi", "idna", "charset_normalizer"]
ENVIRONMENTS = [
    ("0.2.0", ["transformers==4.36.2", "tokenizers==0.15.2", "huggingface_hub==0.25.2", "accelerate==0.27.2"]),
    ("0.14.0", ["transformers==4.46.3", "tokenizers==0.20.3", "huggingface_hub==0.26.5", "accelerate==1.1.1"]),
    ("0.18.0", []),
]  # fmt: skip
# Literals that PEFT accepts and its annotations do not list, with the field whose releases have them.
UNLISTED = {"init_lora_weights": ("lora_ga", "lora_ga_config")}
EVERY_TYPE = "*"


def install(packages, target):
    if not target.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        subprocess.run([*command, "--target", str(target), *packages], check=True)


def run(script, paths):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    command = [sys.executable, "-W", "ignore", str(HERE / script)]
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def describe(work):
    """What describe_release.py says of each release, in order."""
    descriptions = []
    firsts = [RELEASES.index(first) for first, _ in ENVIRONMENTS]
    for index, release in enumerate(RELEASES):
        first, packages = ENVIRONMENTS[sum(index >= start for start in firsts) - 1]
        paths = [work / "releases" / release]
        install([f"peft=={release}"], paths[0])
        if packages:
            paths.append(work / "environments" / first)
            install(packages + COMMON, paths[-1])
        description = run("describe_release.py", paths)
        if description["version"] != release:
            raise SystemExit(f"PEFT {release} says it is {description['version']}")
        descriptions.append(description)
        print(release, len(description["types"]), "methods", file=sys.stderr)
    return descriptions


def completed(key, fields):
    """A field's type, with the texts that its annotation lacks, and its default."""
    kind, default = fields[key]
    text, other = UNLISTED.get(key, (None, None))
    return [kind + f"|{json.dumps(text)}" if text and other in fields else kind, default]


def histories(peft_type, descriptions):
    """Rows (key, first release, last release or "", type, default) of a method's fields."""
    rows = {}
    for description in descriptions:
        fields = description["types"].get(peft_type, {})
        for key in fields:
            versions = rows.setdefault(key, [])
            kind, default = completed(key, fields)
            last = versions[-1] if versions else None
            previous = RELEASES[max(RELEASES.index(description["version"]) - 1, 0)]
            if last and last[1] == previous and last[2:] == [kind, default]:
                last[1] = description["version"]
            else:
                versions.append([description["version"], description["version"], kind, default])
    return {key: [tuple(version) for version in versions] for key, versions in rows.items()}



def line(key, version, flags):
    first, last, kind, default = version
    newest = last == RELEASES[-1]
    words = ",".join(flags) if newest and flags else "-"
    value = json.dumps(default, separators=(",", ":"), sort_keys=True)
    return f"{key} {first}-{'' if newest else last} {words} {kind} {value}"


def sections(descriptions, flags):
    """The lines of each method, with those of every method under `*`."""
    types = sorted({name for description in descriptions for name in description["types"]})
    first = {name: min((RELEASES.index(d["version"]) for d in descriptions if name in d["types"])) for name in types}
    last = {name: max((RELEASES.index(d["version"]) for d in descriptions if name in d["types"])) for name in types}
    tables = {name: histories(name, descriptions) for name in types}
    common = [key for key in tables["LORA"] if is_common(key, tables, first, last, flags)]
    result = {EVERY_TYPE: [line(key, version, flags["LORA"].get(key)) for key in common for version in tables["LORA"][key]]}
    for name in types:
        newest = last[name] == len(RELEASES) - 1
        header = f"{RELEASES[first[name]]}-{'' if newest else RELEASES[last[name]]}"
        rows = [
            line(key, version, flags.get(name, {}).get(key))
            for key, versions in tables[name].items()
            if key not in common
            for version in versions
        ]
        result[name] = [header, *rows]
    return result


def is_common(key, tables, first, last, flags):
    """Whether all methods have the field as LoRA has it, as far as they overlap with its releases."""
    for name, table in tables.items():
        clipped = []
        for since, until, *rest in tables["LORA"][key]:
            start = max(RELEASES.index(since), first[name])
            end = min(RELEASES.index(until), last[name])
            if start <= end:
                clipped.append((RELEASES[start], RELEASES[end], *rest))
        if [tuple(version) for version in table.get(key, [])] != clipped:
            return False
        if name in flags and last[name] == len(RELEASES) - 1 and flags[name].get(key) != flags["LORA"].get(key):
            return False
    return True


def swift(descriptions, table):
    def literal(lines):
        return ['      #"""', *(f"      {row}" for row in lines), '      """#']

    keys = ("version", "unknown_key", "runtime_config", "unknown_task")
    releases = [" ".join(description[key] for key in keys) for description in descriptions]
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "",
        "// Generated by Scripts/config_fields/make_fields.py from real releases of PEFT. Do not edit.",
        "// swift-format-ignore-file",
        "",
        "/// The text of the field table. `ExaminedRelease` and `MethodFields` parse the part that they need.",
        "enum FieldTableText {",
        "  /// The releases in order: version, and how it reads an unknown key, a `runtime_config` and an",
        "  /// unknown `task_type`.",
        "  static var releases: String {",
        *literal(releases),
        "  }",
        "",
        "  /// The names of all methods, in order.",
        "  static var types: String {",
        *literal([name for name in table if name != EVERY_TYPE]),
        "  }",
        "",
        "  /// The fields of every method: key, releases, flags, types and default.",
        "  static var common: String {",
        *literal(table[EVERY_TYPE]),
        "  }",
        "",
        "  /// The releases of a method, and its fields besides the common ones; nil for an unknown method.",
        "  static func fields(of type: String) -> String? {",
        "    switch type {",
    ]
    for name, rows in table.items():
        if name != EVERY_TYPE:
            lines += [f'    case "{name}":', *literal(rows)]
    return "\n".join([*lines, "    default: nil", "    }", "  }", "}", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--work", type=Path, help="keep the releases in this directory")
    parser.add_argument("--check", action="store_true", help="only compare with the file that is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        descriptions = describe(work)
        flags = run("measure_types.py", [work / "releases" / RELEASES[-1]])
    result = swift(descriptions, sections(descriptions, flags))
    if options.check:
        sys.exit(result != OUTPUT.read_text())
    OUTPUT.write_text(result)


if __name__ == "__main__":
    main()
