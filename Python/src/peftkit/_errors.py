# SPDX-License-Identifier: Apache-2.0
"""The exceptions."""


class PeftkitError(Exception):
    """peftkit could not read its input or write its output.

    Example:
        try:
            peftkit.inspect("no-such-adapter")
        except peftkit.PeftkitError as error:
            print(error.message, error.hint, error.exit_code)

    Attributes:
        message: what is wrong with what; several errors are a line each.
        exit_code: 2 for an input or an output that cannot be used, 64 for wrong arguments, 127 if the tool cannot be
            run, and −N if the signal N ended it.
        hint: what to do, or None.
        notes: the notes that were printed before.
        result: what was found all the same (a `Scan` of the readable files of a directory), or None.
    """

    def __init__(
        self, message: str, exit_code: int, hint: str | None = None, notes: tuple[str, ...] = (), result: object = None
    ) -> None:
        # All arguments go to `args`, with which the exception is pickled on its way to another process.
        super().__init__(message, exit_code, hint, notes, result)
        self.message = message
        self.exit_code = exit_code
        self.hint = hint
        self.notes = notes
        self.result = result

    def __str__(self) -> str:
        """The message, and a line with the hint."""
        return self.message + (f"\nhint: {self.hint}" if self.hint else "")


class UsageError(PeftkitError, ValueError):
    """An argument has a value that the command does not take; nothing was read or written."""
