# SPDX-License-Identifier: Apache-2.0
"""Making dataclasses from the JSON of the tool.

The fields of a dataclass are the keys of an object; a field whose key is a word of Python has it in its metadata.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ._errors import PeftkitError

T = TypeVar("T")
Converter = Callable[[Any], Any]

_CANNOT_READ = 2

# What makes the instances of a dataclass, by the dataclass.
_BUILDERS: dict[Any, Converter] = {}


def key(name: str) -> Any:
    """A field with another key than its name."""
    return dataclasses.field(metadata={"key": name}, default=None)


def decode(kind: type[T], value: Mapping[str, Any], **extra: object) -> T:
    """An instance of a dataclass with the values of an object, and those that are not in JSON.

    Raises:
        PeftkitError: a key is missing: the binary is not that of the package.
    """
    try:
        result: T = dataclasses.replace(_builder(kind)(value), **extra)
        return result
    except TypeError as error:
        raise PeftkitError(f"the output of peftkit is that of another version: {error}", _CANNOT_READ) from error


def parse(text: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        PeftkitError: for a number or a nesting that Python does not read: they come from untrusted files.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PeftkitError(f"the output of peftkit cannot be read: {error}", _CANNOT_READ) from error


def keys_of(kind: Any) -> dict[str, Any]:
    """The keys of a dataclass, each with its type."""
    return {field.metadata.get("key", field.name): field.type for field in dataclasses.fields(kind)}


def _builder(kind: Any) -> Converter:
    """What makes an instance of a dataclass from an object; absent keys have the defaults of their fields."""
    if kind not in _BUILDERS:
        names = {field.metadata.get("key", field.name): field.name for field in dataclasses.fields(kind)}
        converters = [(key, names[key], _converter(hint)) for key, hint in keys_of(kind).items()]
        _BUILDERS[kind] = lambda value: kind(
            **{name: convert(value[key]) for key, name, convert in converters if key in value}
        )
    return _BUILDERS[kind]


def _converter(hint: Any) -> Converter:
    """What makes a value of a type from JSON."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _builder(hint)
    if origin in (typing.Union, types.UnionType):
        inner = _converter(float if float in arguments else next(a for a in arguments if a is not types.NoneType))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        inner = _converter(arguments[0])
        return tuple if inner is _same else lambda values: tuple(map(inner, values))
    return _number if hint is float else _same


def _same(value: Any) -> Any:
    return value


def _number(value: Any) -> Any:
    """A float, which is text if JSON does not have it (spec/command-line.md, L12); integers stay exact."""
    return float(value) if isinstance(value, str) else value
