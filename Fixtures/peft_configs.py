# SPDX-License-Identifier: Apache-2.0
"""Configs of whatever PEFT is installed, with values that differ from the defaults.

Runs on every PEFT release since 0.6, so it asks the config classes what they hold.
"""

import dataclasses
import enum
import random
import warnings

try:
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
except ImportError:  # moved there and back between releases
    from peft.peft_model import PEFT_TYPE_TO_CONFIG_MAPPING

# What a class cannot be constructed without.
REQUIRED = {"total_step": 1000, "task_type": "CAUSAL_LM"}
# Filled in by PEFT itself, or not worth varying.
KEPT = {"peft_type", "peft_version", "task_type", "total_step", "runtime_config", "auto_mapping"}

FLOATS = [
    1e-05,
    0.1,
    1e-07,
    5e-324,
    1e16,
    123456789012345680.0,
    1.0,
    0.30000000000000004,
    1e22,
    -0.0,
]
STRINGS = ["tiny-gpt2", "модель-é-😀", 'a/b\\c "quoted"', "line\nbreak\ttab\x7f", "", "e\u0301"]
NAMES = [["q_proj", "v_proj"], ["c_attn"], ["score", "h.10.attn.c_attn"], []]
PATTERNS = [{r"^model\.layers\.\d+": 4, "attn.q": 16}, {}, {"é": 1, "e\u0301": 2, "😀": 3}]


def config_classes():
    """Every config class, by peft_type, in a fixed order."""
    return {
        str(getattr(key, "value", key)): PEFT_TYPE_TO_CONFIG_MAPPING[key]
        for key in sorted(
            PEFT_TYPE_TO_CONFIG_MAPPING, key=lambda key: str(getattr(key, "value", key))
        )
    }


def candidate(kind, default, rng):
    """A value of about the annotated type; the caller finds out whether the class takes it."""
    choices = []
    if isinstance(default, enum.Enum):
        return rng.choice([member.value for member in type(default)])
    if isinstance(default, bool):
        return not default
    if "list[str]" in kind or "List[str]" in kind:
        choices += NAMES
    if "list[int]" in kind or "List[int]" in kind:
        choices += [[0, 2, 11], [7]]
    if "dict" in kind or "Dict" in kind:
        choices += PATTERNS
    if "float" in kind:
        choices += FLOATS
    if "int" in kind and "list[int]" not in kind:
        choices += [1, 2, 4, 8, 64, 9007199254740993]
    if "str" in kind and "list[str]" not in kind and "Literal" not in kind and "dict[" not in kind:
        choices += STRINGS
    return rng.choice(choices) if choices else default


def try_construct(cls, values):
    """The config, or None where the class refuses these values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cls(**values)
    except Exception:  # every class has its own checks, with errors of any type
        return None


def field_default(field):
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None


def sample_config(cls, rng: random.Random, share=0.6):
    """A config with about `share` of its fields changed; None if it cannot be constructed here."""
    fields = [field for field in dataclasses.fields(cls) if field.init]
    names = {field.name for field in fields}
    values = {name: value for name, value in REQUIRED.items() if name in names}
    config = try_construct(cls, values)
    if config is None:
        return None
    for field in fields:
        if field.name in KEPT or rng.random() > share:
            continue
        value = candidate(str(field.type), field_default(field), rng)
        attempt = try_construct(cls, {**values, field.name: value})
        if attempt is not None:
            values[field.name] = value
            config = attempt
    return with_ordered_sets(config)


def with_ordered_sets(config):
    """Sets as sorted lists: PEFT saves a set in hash order, which is not the same twice."""
    for name, value in vars(config).items():
        if isinstance(value, set):
            setattr(config, name, sorted(value))
    return config
