# SPDX-License-Identifier: Apache-2.0
"""What real PEFT does with an adapter: refusals, warnings, tensors that it ignores, parameters that stay fresh."""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import adapter_bases

ADAPTER = "default"
# Warnings about the machine or other libraries whatever the adapter, and about what PEFT sets right itself.
HARMLESS = ("is_gradient_checkpointing", "CUDA extension", "Setting fan_in_fan_out to")


@dataclass
class Outcome:
    """The result of a load. Names are those of the file, without the adapter's name.

    `missing` are the tensors that PEFT's load result lacks; `fresh` are those of them that nothing was loaded into, which
    is less where modules share a tensor.
    """

    error: str | None = None
    warnings: set = field(default_factory=set)
    unexpected: set = field(default_factory=set)
    fresh: set = field(default_factory=set)
    missing: set = field(default_factory=set)
    bound: set = field(default_factory=set)

    def worse_than(self, other):
        """What went wrong that does not with `other`; empty if nothing."""
        found = [f"refused: {self.error}"] if self.error and not other.error else []
        for name in ("fresh", "unexpected", "warnings"):
            more = getattr(self, name) - getattr(other, name)
            if more:
                found.append(f"{name}: {', '.join(sorted(more)[:3])[:300]} ({len(more)})")
        return found


def load(base, task, directory):
    """Load the adapter of `directory` into a new base model by PEFT's own means."""
    import peft

    outcome = Outcome()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = adapter_bases.make(base, task if base in adapter_bases.ARCHITECTURES else None, seed=1)
        if hasattr(model, "config"):
            model.config.use_cache = _peft_type(directory) != "XLORA"
        caught.clear()
        own = {tensor.data_ptr() for tensor in model.state_dict().values()}
        recorder = _Recorder(outcome, own)
        try:
            with mock.patch("peft.peft_model.set_peft_model_state_dict", recorder.set):
                peft.PeftModel.from_pretrained(model, str(directory))
            if not recorder.called:
                outcome.error = "no weights were loaded"
        except Exception as error:  # Any failure is one to tell of.
            outcome.error = f"{type(error).__name__}: {error}"
    messages = {str(one.message).replace(str(directory), "DIR") for one in caught}
    outcome.warnings = {message for message in messages if not any(word in message for word in HARMLESS)}
    return outcome


def _peft_type(directory):
    try:
        return json.loads((Path(directory) / "adapter_config.json").read_text()).get("peft_type")
    except (ValueError, AttributeError, OSError):
        return None


class _Recorder:
    """Stands in for `set_peft_model_state_dict`, and records which names it loaded."""

    def __init__(self, outcome, own):
        self.outcome, self.own, self.called = outcome, own, False

    def set(self, model, tensors, adapter_name=ADAPTER, **options):
        import peft

        self.called = True
        names = {id(value): name for name, value in tensors.items()}
        given, used, ignored = set(), set(), set()
        load_state_dict = model.load_state_dict

        def recording(state, *arguments, **keywords):
            result = load_state_dict(state, *arguments, **keywords)
            unexpected = set(result.unexpected_keys)
            given.update(key for key in state if key not in unexpected)
            used.update(names.get(id(state[key]), key) for key in state if key not in unexpected)
            ignored.update(names.get(id(state[key]), key) for key in unexpected)
            return result

        model.load_state_dict = recording
        config = model.peft_config[adapter_name]
        try:
            result = peft.set_peft_model_state_dict(model, tensors, adapter_name, **options)
        finally:
            del model.load_state_dict
        self.find_missing(model, config, given, set(tensors), adapter_name)
        if config.is_prompt_learning:  # its own state dict is that of the prompt encoder
            own = set(saved_names(model, adapter_name))
            used, ignored = used | own & set(tensors), ignored - own
        self.outcome.unexpected, self.outcome.bound = ignored, used
        return result

    def find_missing(self, model, config, given, present, adapter_name):
        """Record the adapter's own tensors that were not given."""
        from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

        state = model.state_dict()
        saved = saved_names(model, adapter_name)
        names = {(value.data_ptr(), value.shape) for value in saved.values()}  # modules share some
        loaded = {state[key].data_ptr() for key in given if key in state}
        remove = PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type]._remove_adapter_name_from_key
        bound = {remove(key, adapter_name) for key in given}
        for name in saved.keys() - present - bound:  # also what is saved without being in the state dict
            self.outcome.missing.add(name)
            if saved[name].data_ptr() not in loaded:
                self.outcome.fresh.add(name)
        for key, value in state.items():
            name = remove(key, adapter_name)
            if key in given or key.startswith("prompt_encoder.") or value.data_ptr() in self.own:
                continue
            if name not in saved and (value.data_ptr(), value.shape) not in names:
                self.outcome.missing.add(name)
                if value.data_ptr() not in loaded:
                    self.outcome.fresh.add(name)


def saved_names(model, adapter_name):
    """The tensors that PEFT would save of the model, by their names in a file."""
    import peft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peft.get_peft_model_state_dict(model, adapter_name=adapter_name, save_embedding_layers=False)
