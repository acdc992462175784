# SPDX-License-Identifier: Apache-2.0
"""What real PEFT makes of config values of another type, and of other values, as JSON.

Each field of an adapter of every method is changed, the adapter is loaded again and run. The flags of a field:

    any       no value of another type changes the result
    truth     a value of another type counts as its truth value
    scalar    so does a value that is neither a list nor an object, which are refused
    falsy     an empty value, 0 and false count as null; null, too, counts as false where the type has no null
    float     a float counts as the integer
    inert     no value changes the result: the field matters in training only
    free      a text that the type does not list is accepted
    nonnull   null is refused although the type has it
    required  the adapter cannot be loaded without the key, which has no default
"""

import copy
import dataclasses
import json
import logging
import os
import sys
import tempfile
import warnings

import torch
import torch.distributed.tensor  # noqa: F401  (PEFT uses it without importing it)
from peft import LoraConfig, PeftModel, PeftType, get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from transformers import LlamaConfig, LlamaForCausalLM

from describe_release import fields

logging.disable(logging.CRITICAL)
torch.set_num_threads(1)
torch.manual_seed(0)
SIZES = dict(
    vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=2, max_position_embeddings=64, use_cache=False,
)  # fmt: skip
BASE = LlamaForCausalLM(LlamaConfig(**SIZES)).eval()
INPUT = torch.tensor([[1, 2, 3, 4]])
MODULES = ["q_proj", "v_proj"]
PROMPT = dict(num_virtual_tokens=4)
ARGUMENTS = {
    "ADALORA": dict(total_step=100),
    "ADAPTION_PROMPT": dict(adapter_len=3, adapter_layers=1, target_modules="self_attn"),
    "BOFT": dict(boft_block_size=4),
    "C3A": dict(block_size=4),
    "CARTRIDGE": PROMPT,
    "CPT": dict(cpt_token_ids=[1, 2, 3], cpt_mask=[1, 1, 1], cpt_tokens_type_mask=[1, 1, 1]),
    "FOURIERFT": dict(n_frequency=10),
    "IA3": dict(target_modules=[*MODULES, "down_proj"], feedforward_modules=["down_proj"]),
    "LN_TUNING": dict(target_modules=["input_layernorm"]),
    "MISS": dict(r=4),
    "MULTITASK_PROMPT_TUNING": dict(**PROMPT, num_tasks=2),
    "OFT": dict(oft_block_size=4, r=0),
    "PREFIX_TUNING": PROMPT,
    "PROMPT_TUNING": PROMPT,
    "PSOFT": dict(r=4),
    "P_TUNING": dict(**PROMPT, encoder_hidden_size=16),
    "ROAD": dict(group_size=4),
    "SHIRA": dict(r=2),
    "TRAINABLE_TOKENS": dict(token_indices=[1, 2], target_modules=["embed_tokens"]),
    "VBLORA": dict(num_vectors=8, vector_length=4),
    "WAVEFT": dict(n_frequency=10),
}
TASK_IDS = {"MULTITASK_PROMPT_TUNING", "POLY"}
# What another base model or other tensors would show to matter, or what may be absent with another model.
MATTERS = {
    "alora_invocation_tokens", "bias", "block_share", "decompose_both", "ensure_weight_tying", "exclude_modules",
    "fan_in_fan_out", "layer_replication", "layers_pattern", "modules_to_save", "projection_prng_key",
    "projection_seed", "qalora_group_size", "save_projection", "target_parameters", "task_type", "use_effective_conv2d",
    "use_qalora",
}  # fmt: skip
# Flags that hold for the base model and the task here, and not for all.
ELSEWHERE = {
    "modules_to_save": {"falsy"}, "decompose_factor": {"float"}, "num_attention_heads": {"any", "inert"},
    "token_dim": {"any", "inert"},
}  # fmt: skip
MAY_BE_ABSENT = {"target_modules", "task_type"}
VALUES = [None, False, True, 0, 3, 2.5, "", "zz", [], [1], ["q_proj"], {}, {"a": 1}]
LEGAL = {
    "boolean": [False, True], "integer": [3, 5], "number": [0.25, 0.5], "string": ["zz"],
    "object": [{}, {"a": 1}], "list<integer>": [[1]], "list<string>": [["k_proj"]], "null": [None],
}  # fmt: skip


def adapter(peft_type, directory):
    """An adapter whose weights are not those of a fresh one."""
    cls = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(peft_type)]
    names = {field.name for field in dataclasses.fields(cls)}
    values = dict(task_type="CAUSAL_LM")
    if "target_modules" in names:
        values["target_modules"] = MODULES
    values.update(ARGUMENTS.get(peft_type, {}))
    if peft_type == "XLORA":
        lora = get_peft_model(copy.deepcopy(BASE), LoraConfig(r=4, target_modules=MODULES))
        lora.save_pretrained(directory + "/lora")
        values.update(adapters={"0": directory + "/lora"}, hidden_size=16)
    model = get_peft_model(copy.deepcopy(BASE), cls(**values))
    torch.manual_seed(3)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(directory)
    return cls


def run(directory, peft_type):
    """What loading and running gives: (status, logits)."""
    torch.manual_seed(1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = PeftModel.from_pretrained(copy.deepcopy(BASE), directory).eval()
            extra = {"task_ids": torch.tensor([0])} if peft_type in TASK_IDS else {}
            with torch.no_grad():
                output = model(input_ids=INPUT, **extra).logits
        except Exception as error:  # any error is a refusal
            return f"refused: {type(error).__name__}", None
    texts = [str(warning.message) for warning in caught]
    if any("missing adapter keys" in text or "did not match" in text for text in texts):
        return "warned", None
    return "loaded", output


def same(left, right):
    if left[0] != right[0] or left[1] is None:
        return left[0] == right[0] == "warned"
    a, b = left[1], right[1]
    return a.shape == b.shape and torch.allclose(a, b, atol=1e-6, equal_nan=True)


def is_of(value, kind):
    """Whether a JSON value has a type such as `list<string>`."""
    if kind.startswith('"'):
        text = json.loads(kind)
        return value == text or (
            text.endswith("*") and isinstance(value, str) and value.startswith(text[:-1])
        )
    if kind.startswith("list<"):
        return isinstance(value, list) and all(
            any(is_of(item, part) for part in kind[5:-1].split("|")) for item in value
        )
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    types = {
        "null": type(None), "boolean": bool, "integer": int, "number": (int, float), "string": str,
        "list": list, "object": dict,
    }  # fmt: skip
    return isinstance(value, types[kind])


def equivalent(value, original, kinds):
    """The values of the right type that a value may count as, with the flag that this means."""
    pairs = [("any", original)]
    if "boolean" in kinds:
        pairs.append(("truth", bool(value)))
        if not isinstance(value, list | dict):
            pairs.append(("scalar", bool(value)))
    if ("null" in kinds or "boolean" in kinds) and not value:
        pairs.append(("falsy", None if "null" in kinds else False))
    if "integer" in kinds and isinstance(value, float) and value.is_integer():
        pairs.append(("float", int(value)))
    return pairs


def flags(peft_type, key, config, kinds, default, load):
    """The flags of a field (above)."""
    original = config[key]
    baseline = load(config)
    wrong = [value for value in VALUES if not any(is_of(value, kind) for kind in kinds)]
    if isinstance(original, int) and not isinstance(original, bool):
        wrong.append(float(original))
    texts = [value for value in wrong if isinstance(value, str)]
    lists_texts = any(kind.startswith('"') for kind in kinds)
    if lists_texts:
        wrong = [value for value in wrong if not isinstance(value, str)]
    candidates = {"any", "truth", "scalar", "falsy", "float"}
    seen = set()
    for value in wrong:
        result = load({**config, key: value})
        held = {
            flag
            for flag, other in equivalent(value, original, kinds)
            if same(result, baseline if other == original else load({**config, key: other}))
        }
        applicable = {"any"} | {flag for flag, _ in equivalent(value, original, kinds)}
        if "boolean" in kinds:
            applicable.add("truth")
            if not isinstance(value, list | dict):
                applicable.add("scalar")
        candidates -= applicable - held
        seen |= held
    found = candidates & seen
    if "any" in found:
        found = {"any"}
    elif "truth" in found:
        found -= {"scalar", "falsy"}
    elif "scalar" in found:
        found -= {"falsy"}
    if lists_texts and texts and all(load({**config, key: text})[0] == "loaded" for text in texts):
        found.add("free")
    legal = [json.loads(kind).replace("*", "1") for kind in kinds if kind.startswith('"')]
    legal += [value for kind in kinds for value in LEGAL.get(kind, [])]
    if key not in MATTERS and all(same(load({**config, key: value}), baseline) for value in legal):
        found.add("inert")
    if "null" in kinds and default is not None and load({**config, key: None})[1] is None:
        found.add("nonnull")
    without = {name: value for name, value in config.items() if name != key}
    if default is None and key not in MAY_BE_ABSENT and load(without)[1] is None:
        found.add("required")
    if peft_type in ("PREFIX_TUNING", "CARTRIDGE") or key not in ("num_attention_heads", "token_dim"):
        found -= ELSEWHERE.get(key, set())
    return sorted(found)


def measure(peft_type):
    with tempfile.TemporaryDirectory() as directory:
        cls = adapter(peft_type, directory)
        path = os.path.join(directory, "adapter_config.json")
        with open(path) as file:
            config = json.load(file)

        def load(values):
            with open(path, "w") as file:
                json.dump(values, file)
            return run(directory, peft_type)

        if load(config)[0] != "loaded":
            raise RuntimeError(f"the unchanged adapter is {load(config)[0]}")
        known = fields(cls)
        return {
            key: flags(peft_type, key, config, split(known[key][0].split("|")), known[key][1], load)
            for key in config
            if key in known and key != "peft_type"
        }


def split(kinds):
    """Joins again the alternatives inside `list<a|b>`."""
    joined = []
    for kind in kinds:
        if joined and joined[-1].count("<") > joined[-1].count(">"):
            joined[-1] += "|" + kind
        else:
            joined.append(kind)
    return joined


def main():
    result = {}
    for peft_type in sys.argv[1:] or sorted(member.value for member in PeftType):
        try:
            result[peft_type] = measure(peft_type)
        except Exception as error:  # a method that needs what is not installed here keeps no flags
            print(f"{peft_type}: not measured: {error}", file=sys.stderr)
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
