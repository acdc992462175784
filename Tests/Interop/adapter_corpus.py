# SPDX-License-Identifier: Apache-2.0
"""Adapters of every PEFT type, made by real PEFT on tiny models with random weights.

    python adapter_corpus.py OUT [METHOD...]

writes the bases to OUT/bases and the adapters to OUT/adapters; the name of an adapter's directory says how it was made,
and so does its `case.json`. What PEFT itself refuses to make is printed with the reason; nothing is left out in silence.
"""

import contextlib
import dataclasses
import inspect
import io
import json
import logging
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import adapter_bases
import torch
from adapter_methods import METHODS, PROMPTS, TARGETS, shared_variants

CASE = "case.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


@dataclass
class Case:
    """One adapter: the method, the base, the task, and the values of its config that are not the defaults."""

    method: str
    name: str
    base: str
    task: str | None
    values: dict

    def __str__(self):
        return f"{self.method} {self.name} [{self.base}]"

    @classmethod
    def of(cls, directory):
        """The case of an adapter that `build` made."""
        return cls(**json.loads((Path(directory) / CASE).read_text()))

    @property
    def directory(self):
        """A name for a directory, unique in the corpus."""
        text = f"{self.method}-{self.base}-{self.name}".lower()
        return "".join(character if character.isalnum() or character in "-_" else "_" for character in text)


def config_class(method):
    """PEFT's config class of the type, or None if this release does not have it."""
    import peft

    table = getattr(peft, "PEFT_TYPE_TO_CONFIG_MAPPING", None)
    if table is None:
        table = peft.mapping.PEFT_TYPE_TO_CONFIG_MAPPING
    return {getattr(key, "value", key): value for key, value in table.items()}.get(method)


def fields(method):
    """Names of the config's fields; empty if this release does not have the type."""
    found = config_class(method)
    return {field.name for field in dataclasses.fields(found)} if found else set()


def cases(methods=None):
    """The fixed corpus: each variant of a method on its base, shared choices on its first two bases, two on the rest."""
    for name in methods or METHODS:
        method = METHODS[name]
        if config_class(name) is None:
            continue  # `make_corpus` names them
        for index, base in enumerate(method.bases):
            for variant, values in shared(name, base).items():
                if index < 2 or variant in ("listed", "saved"):
                    yield Case(name, variant, base, task_of(method, base), {**method.values, **values})
        for variant in method.variants:
            yield variant_case(name, variant)


def task_of(method, base):
    return method.task or adapter_bases.default_task(base)


def selects_modules(name):
    """Whether the method is told which modules it adapts."""
    return name not in PROMPTS and name not in ("XLORA", "ADAPTION_PROMPT")


def shared(name, base):
    """The shared choices that the method has the fields for."""
    if not selects_modules(name):
        return {"listed": {}}
    method, known = METHODS[name], fields(name)
    return {
        variant: values
        for variant, values in shared_variants(base, method).items()
        if set(values) <= known and ("bias" not in values or values["bias"])
    }


def variant_case(name, variant):
    """A variant of the method, on the base that it asks for."""
    method = METHODS[name]
    values = dict(method.variants[variant])
    base = values.pop("base", method.bases[0])
    task = values.pop("task", None) or task_of(method, base)
    if selects_modules(name):
        values = {**shared(name, base).get("listed", {}), **values}
    return Case(name, variant, base, task, {**method.values, **values})


# Sizes that a random case changes, and what to.
SIZES = {
    "r": [1, 2, 3, 4, 6], "lora_alpha": [1, 5, 16], "alpha": [1, 5, 16], "num_virtual_tokens": [1, 3, 8],
    "num_ranks": [1, 3], "num_tasks": [1, 4], "n_frequency": [1, 33, 100], "encoder_hidden_size": [4, 20],
    "adapter_len": [1, 7], "adapter_layers": [1, 2], "num_vectors": [4, 9], "vector_length": [2, 8], "u": [1, 9],
    "theta_d_length": [8, 100], "group_size": [2, 4], "oft_block_size": [2, 4], "block_size": [2, 4], "init_r": [4, 9],
    "sparsity": [0.5, 0.95], "num_subspaces": [1, 4], "effective_rank": [1, 3], "n_skills": [1, 5], "depth": [1, 3],
}  # fmt: skip


def random_case(rng):
    """A method, LORA more often than others, with shared choices, variants and sizes as chance has it."""
    name = "LORA" if rng.random() < 0.2 else rng.choice(sorted(METHODS))
    method = METHODS[name]
    case = Case(name, "random", rng.choice(method.bases), None, {})
    chosen = rng.sample(sorted(method.variants), min(len(method.variants), rng.choice([0, 1, 1, 2])))
    for variant in chosen:
        case.base = method.variants[variant].get("base", case.base)
    case.task = task_of(method, case.base)
    case.values = {**method.values, **rng.choice(list(shared(name, case.base).values()) or [{}])}
    for variant in chosen:
        values = dict(method.variants[variant])
        if values.pop("base", case.base) == case.base:
            case.task = values.pop("task", None) or case.task
            case.values.update(values)
    for key in sorted(set(case.values) & set(SIZES)):
        if rng.random() < 0.5:
            case.values[key] = rng.choice(SIZES[key])
    case.name = "random " + ", ".join(chosen) if chosen else "random"
    return case


def one_of_each(directory):
    """Make the first adapter of every method that this release has; its case, its directory and its tensors' names."""
    for name in METHODS:
        if config_class(name) is None:
            continue
        case = next(iter(cases([name])))
        try:
            names = build(case, directory / case.directory)
        except ImportError as error:  # AdaMSS needs scikit-learn
            print(f"[{error}] ", end="")
            continue
        yield case, directory / case.directory, names


def random_adapter(rng, directory):
    """Make a random adapter that PEFT makes and loads again; returns its case and, for each refusal before it, why."""
    from adapter_loading import load

    refused = []
    while True:
        case = random_case(rng)
        clear(directory)
        try:
            build(case, directory, rng.randrange(1 << 30), safetensors=rng.random() < 0.85)
        except Exception as error:  # PEFT says in many ways what it does not do.
            refused.append(f"{case}: {first_line(error)}")
            continue
        error = load(case.base, case.task, directory).error
        if error is None:
            return case, refused
        refused.append(f"{case}: its own file: {error.splitlines()[0][:200]}")


def first_line(error):
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"


def clear(directory):
    shutil.rmtree(directory, ignore_errors=True)


def make_config(case, expert_adapters=None):
    """The PEFT config of the case; None where a field of the case does not exist in this release."""
    found = config_class(case.method)
    if found is None:
        raise NotImplementedError("this release does not have the type")
    values = {key: value for key, value in case.values.items() if value is not None or key == "effective_rank"}
    unknown = sorted(set(values) - fields(case.method))
    if unknown:
        raise NotImplementedError(f"no field {', '.join(unknown)}")
    if values.get("adapters") == "made":
        values["adapters"] = expert_adapters
    ranks = values.get("rank_pattern")
    if ranks == "found":
        del values["rank_pattern"]
    for key, nested in (
        ("use_bdlora", "BdLoraConfig"), ("velora_config", "VeloraConfig"), ("kasa_config", "KasaConfig"),
        ("monteclora_config", "MontecloraConfig"),
    ):  # fmt: skip
        if key in values:
            from peft.tuners.lora import config as lora

            values[key] = getattr(lora, nested)(**values[key])
    task = case.task if case.base in adapter_bases.ARCHITECTURES else None
    values.setdefault("task_type", task)
    return found(**values)


def randomise(model, seed):
    """Give every trained parameter random values that are not 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad and parameter.is_floating_point():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1 + 0.01)


def expert_adapters(case, directory):
    """Two LoRA adapters, for the methods that mix such."""
    made = {}
    for seed, name in enumerate(("first", "second")):
        values = {"r": 2, "target_modules": TARGETS[case.base][0]}
        build(Case("LORA", "listed", case.base, case.task, values), directory / name, seed)
        made[name] = str(directory / name)
    return made


def adapted(case, seed=0, work=None):
    """The base model with a fresh adapter of the case."""
    import peft

    model = adapter_bases.make(case.base, case.task if case.base in adapter_bases.ARCHITECTURES else None)
    if hasattr(model, "config"):
        model.config.use_cache = case.method != "XLORA"
        model.config._name_or_path = f"tiny/{case.base}"
        model.name_or_path = f"tiny/{case.base}"
    experts = expert_adapters(case, work) if case.values.get("adapters") == "made" else None
    config = make_config(case, experts)
    absent = absent_modules(model, config)
    if absent:
        raise NotImplementedError(f"the base has no {', '.join(absent)}, of which PEFT would say nothing")
    torch.manual_seed(seed)
    return peft.get_peft_model(model, config), config


def absent_modules(model, config):
    """Names of `modules_to_save` that the base does not have; PEFT saves nothing for them."""
    names = [name for name, _ in model.named_modules()]
    saved = getattr(config, "modules_to_save", None) or []
    return [module for module in saved if not any(name.endswith(module) for name in names)]


def build(case, directory, seed=0, safetensors=True):
    """Make the adapter and save it as PEFT does; returns its tensors' shapes by name."""
    directory = Path(directory)
    with quiet():
        model, config = adapted(case, seed, directory.with_name(directory.name + ".experts"))
        randomise(model, seed + 1)
        if case.values.get("rank_pattern") == "found":
            find_ranks(model, seed)
        if "safe_serialization" in inspect.signature(model.save_pretrained).parameters:
            model.save_pretrained(directory, safe_serialization=safetensors)
        else:
            model.save_pretrained(directory)
    (directory / CASE).write_text(json.dumps(dataclasses.asdict(case)))
    return shapes(directory)


def find_ranks(model, seed):
    """Let AdaLoRA choose ranks, as it does at the end of its training."""
    importance = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn(parameter.shape, generator=importance)
    for step in range(1, 11):
        model.base_model.update_and_allocate(step)


def shapes(directory):
    """Shapes of the saved tensors by name."""
    from safetensors import safe_open

    safetensors, pickle = (Path(directory) / name for name in WEIGHTS)
    if safetensors.exists():
        with safe_open(safetensors, "pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}
    loaded = torch.load(pickle, weights_only=True)
    return {key: tuple(value.shape) for key, value in loaded.items()}


@contextlib.contextmanager
def quiet():
    """No warnings and no progress of the libraries."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def make_corpus(out, methods=None, say=print):
    """Write the bases and the adapters; returns the directories of the adapters."""
    out = Path(out)
    bases = set()
    for name in adapter_bases.NAMES:
        try:
            with quiet():
                adapter_bases.save(name, out / "bases" / name)
            bases.add(name)
        except NotImplementedError as error:
            say(error)
    absent = [name for name in methods or METHODS if config_class(name) is None]
    if absent:
        say(f"this release has no {', '.join(absent)}")
    made = []
    for seed, case in enumerate(cases(methods)):
        if case.base not in bases:
            continue
        directory = out / "adapters" / case.directory
        try:
            build(case, directory, seed)
        except Exception as error:  # PEFT says in many ways what it does not do.
            say(f"PEFT does not make {case}: {first_line(error)}")
            continue
        made.append(directory)
    say(f"{len(made)} adapters of {len({path.name.split('-')[0] for path in made})} types")
    return made


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    make_corpus(sys.argv[1], sys.argv[2:] or None)
