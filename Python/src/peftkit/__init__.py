# SPDX-License-Identifier: Apache-2.0
"""Inspect, validate, convert, verify, compare and scan PEFT adapter checkpoints.

The package contains the `peftkit` binary, and runs it: files are read natively, without torch, and nothing in them
is executed. Every function takes paths and keyword arguments, and returns a frozen dataclass with the data that the
command of the same name prints as JSON:

    import peftkit

    adapter = peftkit.inspect("my-adapter")
    print(adapter.config["peft_type"], adapter.parameter_count)

    check = peftkit.validate("my-adapter")
    for finding in check.findings:
        print(finding.severity, finding.code, finding.message)

    peftkit.convert("my-adapter", "my-adapter-half", dtype="float16")
    peftkit.merge("my-adapter", "my-model", "merged")

    assert peftkit.verify("my-adapter", "reference.safetensors")
    assert peftkit.scan("my-adapter")

What a check finds is a result. The results of checks (`Validation`, `TreeValidation`, `Verification`, `Diff`,
`Scan`, `TreeConversion`, all in `peftkit.types`) are true when nothing was found, and `str()` of them says what was.
An input that cannot be read, or an output that cannot be written, is a `PeftkitError`, with the message and the hint
of the command.

Functions may be called from several threads; each call is a process of its own. An exception that interrupts a
call, such as `KeyboardInterrupt`, ends the process, which then leaves nothing half-written.

The environment variable `PEFTKIT` names another binary to run.
"""

from importlib.metadata import version as _version

from . import types
from ._commands import (
    combine,
    convert,
    convert_tree,
    diff,
    extract,
    inspect,
    merge,
    plan_conversion,
    rank,
    run,
    scan,
    subtract_initial,
    validate,
    validate_tree,
    verify,
)
from ._errors import PeftkitError, UsageError

__version__ = _version("peftkit")

__all__ = [
    "PeftkitError",
    "UsageError",
    "combine",
    "convert",
    "convert_tree",
    "diff",
    "extract",
    "inspect",
    "merge",
    "plan_conversion",
    "rank",
    "run",
    "scan",
    "subtract_initial",
    "types",
    "validate",
    "validate_tree",
    "verify",
]

# Help, tracebacks and pickles give the names that users import.
for _name in set(__all__) - {"types"}:
    globals()[_name].__module__ = __name__
