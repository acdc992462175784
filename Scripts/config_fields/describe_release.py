# SPDX-License-Identifier: Apache-2.0
"""The config classes of the PEFT release on PYTHONPATH, and how it reads a config, as JSON.

make_fields.py runs this once for each release, in a process of its own.
"""

import ast
import dataclasses
import enum
import json
import sys
import tempfile
import typing
import warnings
from pathlib import Path

import peft

try:
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
except ImportError:  # moved there and back between releases
    from peft.peft_model import PEFT_TYPE_TO_CONFIG_MAPPING

NAMES = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "NoneType": "null",
    "None": "null", "dict": "object", "Dict": "object",
}  # fmt: skip
LISTS = {"list", "List", "set", "Set", "tuple", "Tuple"}


def named(holds):
    """The module-level values of the release for which `holds` is true, by name."""
    modules = [module for name, module in sys.modules.items() if name.startswith("peft")]
    return {name: value for module in modules for name, value in vars(module).items() if holds(value)}


ENUMS = named(lambda value: isinstance(value, type) and issubclass(value, enum.Enum))
LITERALS = named(lambda value: typing.get_origin(value) is typing.Literal)


def alternatives(node):
    """The JSON types of an annotation, in order: `string`, `list<integer>`, `"literal"`."""
    if isinstance(node, ast.BinOp):
        return alternatives(node.left) + alternatives(node.right)
    if isinstance(node, ast.Constant):
        return [NAMES[str(node.value)]]
    if isinstance(node, ast.Attribute):
        node = ast.Name(node.attr)
    if isinstance(node, ast.Name):
        if node.id in LISTS:
            return ["list"]
        if node.id in ENUMS:
            return [json.dumps(member.value) for member in ENUMS[node.id]]
        if node.id in LITERALS:
            return [json.dumps(value) for value in typing.get_args(LITERALS[node.id])]
        return [NAMES.get(node.id) or "object"]
    base = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if base == "Literal":
        # PEFT writes a family of literals as `pissa_niter_[number of iters]`.
        return [json.dumps(part.value.split("[")[0] + "*" * ("[" in part.value)) for part in parts]
    if base in LISTS:
        return [f"list<{'|'.join(alternatives(parts[0]))}>"] if base.lower() != "tuple" else ["list"]
    if base in ("dict", "Dict"):
        return ["object"]
    types = [kind for part in parts for kind in alternatives(part)]
    return types + ["null"] * (base == "Optional")


def annotation(field):
    """The JSON types of a field, joined by `|`."""
    kind = field.type if isinstance(field.type, str) else None
    if kind is None:
        kind = field.type.__name__ if isinstance(field.type, type) else str(field.type)
    types = list(dict.fromkeys(alternatives(ast.parse(kind, mode="eval").body)))
    if "string" in types and any(kind.startswith('"') for kind in types):
        types.remove("string")  # `Union[str, AnEnum]`: the enum's values
    return "|".join(types)


def default(field):
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        raise SystemExit(f"{field.name} has no default")
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    return sorted(value) if isinstance(value, set) else value


def fields(cls):
    """The keys of a config class with their types and defaults. A file has no `runtime_config`."""
    return {
        field.name: completed(field)
        for field in dataclasses.fields(cls)
        if field.init and field.name != "runtime_config"
    }


def completed(field):
    """The type and the default of a field: null is a value wherever it is the default."""
    if field.name == "peft_type":
        return ["string|null", None]
    kind, value = annotation(field), default(field)
    if value is None and "null" not in kind.split("|"):
        kind += "|null"
    return [kind, value]


def outcome(**keys):
    """How the release reads a LoRA config with more keys: `accepts`, `drops`, `warns`, `refuses`."""
    with tempfile.TemporaryDirectory() as directory:
        config = {"peft_type": "LORA", "r": 2, "target_modules": ["q"], **keys}
        (Path(directory) / "adapter_config.json").write_text(json.dumps(config))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                peft.LoraConfig.from_pretrained(directory)
            except (TypeError, ValueError):
                return "refuses"
        if any("ignored" in str(warning.message) for warning in caught):
            return "warns"
        return "accepts"


def main():
    classes = {str(getattr(key, "value", key)): cls for key, cls in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    result = {
        "version": peft.__version__,
        "unknown_key": outcome(a_key_of_no_release=1),
        "runtime_config": outcome(runtime_config={}),
        "unknown_task": outcome(task_type="A_TASK_OF_NO_RELEASE"),
        "types": {
            str(member.value): fields(classes[member.value])
            for member in peft.PeftType
            if member.value in classes
        },
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
