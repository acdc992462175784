# SPDX-License-Identifier: Apache-2.0
"""One random damage to an adapter: of a tensor, of a field of its config, or of the names of all tensors."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
# Fields that say nothing about tensors and loading; a damage would be drawn in vain.
IDLE_FIELDS = {"base_model_name_or_path", "revision", "inference_mode", "auto_mapping", "peft_version"}


@dataclass
class Damage:
    """What was done, and what it was done to: a tensor's name or a field of the config."""

    kind: str
    target: str
    detail: str

    def __str__(self):
        return f"{self.kind}: {self.target} ({self.detail})"


def damage(source, destination, kind, rng):
    """Copy the adapter and damage the copy; None if the kind does not apply to it."""
    shutil.copytree(source, destination)
    if kind.startswith("field"):
        path = Path(destination) / CONFIG
        config = json.loads(path.read_text())
        done = FIELDS[kind](config, rng)
        path.write_text(json.dumps(config, indent=2, sort_keys=True))
    else:
        path = Path(destination) / WEIGHTS
        tensors = load_file(path)
        done = TENSORS[kind](tensors, rng) if tensors else None
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    if done is None:
        shutil.rmtree(destination)
        return None
    return Damage(kind, *done)


# Tensors


def removed(tensors, rng):
    name = rng.choice(sorted(tensors))
    del tensors[name]
    return name, "removed"


def renamed(tensors, rng):
    name = rng.choice(sorted(tensors))
    changes = [
        ("without the prefix", lambda: name.removeprefix("base_model.model.")),
        ("prefix twice", lambda: "base_model.model." + name),
        ("module.", lambda: "module." + name),
        ("_orig_mod", lambda: name.replace("base_model.model.", "base_model.model._orig_mod.", 1)),
        ("adapter's name", lambda: ".".join([*name.split(".")[:-1], "default", name.split(".")[-1]])),
        ("other layer", lambda: ".".join("7" if part.isdigit() else part for part in name.split("."))),
        ("misspelt", lambda: name[:-1] + ("x" if name[-1] != "x" else "y")),
        ("module misspelt", lambda: name.replace("_proj", "_prj", 1)),
        ("last part lost", lambda: name.rpartition(".")[0]),
        (".weight added", lambda: name + ".weight"),
        ("A and B", lambda: name.replace("lora_A", "lora_C")),
    ]
    rng.shuffle(changes)
    for detail, change in changes:
        new = change()
        if new and new != name and new not in tensors:
            tensors[new] = tensors.pop(name)
            return name, f"{detail}: {new}"
    return None


def reshaped(tensors, rng):
    name = rng.choice(sorted(tensors))
    tensor = tensors[name]
    changes = [("a dimension more", lambda: tensor.unsqueeze(0)), ("flat", lambda: tensor.reshape(-1))]
    if tensor.dim() and tensor.numel():
        axis = rng.randrange(tensor.dim())
        changes.append((f"one more along {axis}", lambda: torch.cat([tensor, tensor.narrow(axis, 0, 1)], axis)))
        if tensor.shape[axis] > 1:
            changes.append((f"one less along {axis}", lambda: tensor.narrow(axis, 0, tensor.shape[axis] - 1)))
    if tensor.dim() > 1:
        changes.append(("transposed", lambda: tensor.transpose(0, 1)))
    rng.shuffle(changes)
    for detail, change in changes:
        new = change()
        if new.shape != tensor.shape:
            tensors[name] = new.contiguous().clone()
            return name, f"{detail}: {list(tensor.shape)} to {list(new.shape)}"
    return None


def emptied(tensors, rng):
    name = rng.choice(sorted(tensors))
    shape = [0] if rng.random() < 0.5 else [0, *tensors[name].shape[1:]]
    tensors[name] = torch.zeros(shape, dtype=tensors[name].dtype)
    return name, f"shape {shape}"


PREFIXES = [
    ("without base_model.model.", lambda name: name.removeprefix("base_model.model.")),
    ("without base_model.", lambda name: name.removeprefix("base_model.")),
    ("base_model.model. twice", lambda name: "base_model.model." + name),
    ("module. in front", lambda name: "module." + name),
    ("module. inside", lambda name: name.replace("base_model.model.", "base_model.model.module.", 1)),
    ("_orig_mod. in front", lambda name: "_orig_mod." + name),
    ("_orig_mod. inside", lambda name: name.replace("base_model.model.", "base_model.model._orig_mod.", 1)),
    ("model. inside", lambda name: name.replace("base_model.model.", "base_model.model.model.", 1)),
    ("adapter's name", lambda name: ".".join([*name.split(".")[:-1], "default", name.split(".")[-1]])),
    ("other adapter's name", lambda name: ".".join([*name.split(".")[:-1], "default_0", name.split(".")[-1]])),
]


def prefixed(tensors, rng):
    detail, change = rng.choice(PREFIXES)
    names = sorted(tensors)
    changed = {change(name): tensors[name] for name in names}
    if set(changed) == set(names) or len(changed) != len(names):
        return None
    tensors.clear()
    tensors.update(changed)
    return names[0], detail


# Fields


def draw(config, rng):
    """A field; those that differ from nothing are drawn more often."""
    names = sorted(set(config) - IDLE_FIELDS)
    telling = [name for name in names if config[name] not in (None, {}, [], False)]
    return rng.choice(telling if telling and rng.random() < 0.8 else names)


def field_removed(config, rng):
    name = draw(config, rng)
    return name, f"was {json.dumps(config.pop(name))}"


# Values that are not of the type.
WRONG_TYPES = {
    bool: ["yes", 3, [True]],
    int: ["8", [4], 2.5, None, {}],
    float: ["much", [0.5], {}],
    str: [5, ["a"], {}, True],
    list: [7, {"a": 1}, True],
    dict: [3, "text", ["a"]],
    type(None): [3, "text", ["a"], {"a": 1}],
}


def field_of_wrong_type(config, rng):
    name = draw(config, rng)
    value = config[name]
    config[name] = rng.choice([wrong for wrong in WRONG_TYPES[type(value)] if wrong != value])
    return name, f"{json.dumps(value)} to {json.dumps(config[name])}"


def field_of_wrong_value(config, rng):
    name = draw(config, rng)
    value = config[name]
    if isinstance(value, bool):
        new = not value
    elif isinstance(value, int):
        new = rng.choice([0, -1, value + 1, value * 2, 1 << 20 if name in ("lora_alpha", "random_seed") else value + 3])
    elif isinstance(value, float):
        new = rng.choice([-1.0, 0.0, value + 1])
    elif isinstance(value, str):
        new = rng.choice(["nothing", value.lower(), value + "x", ""])
    elif isinstance(value, list):
        new = rng.choice([[], ["nothing"], value[:-1], [*value, "nothing"]])
        if value and isinstance(value[0], int):
            new = rng.choice([[], value[:-1], [*value, 3], [1 << 20]])
    elif isinstance(value, dict):
        new = rng.choice([{"nothing": 3}, {}, {key: 7 for key in value}])
    else:
        new = rng.choice([1, "nothing", ["nothing"]])
    if new == value and type(new) is type(value):
        return None
    config[name] = new
    return name, f"{json.dumps(value)} to {json.dumps(new)}"


TENSORS = {"tensor removed": removed, "tensor renamed": renamed, "tensor reshaped": reshaped, "tensor emptied": emptied, "all renamed": prefixed}  # fmt: skip
FIELDS = {"field removed": field_removed, "field of wrong type": field_of_wrong_type, "field of wrong value": field_of_wrong_value}  # fmt: skip
KINDS = [*TENSORS, *FIELDS]
