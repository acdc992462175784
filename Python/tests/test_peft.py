# SPDX-License-Identifier: Apache-2.0
"""Beside PEFT, in one process: adapters that it saves just now, of five types and more."""

import json

import peftkit
import pytest
import torch
from peft import (
    IA3Config,
    LoraConfig,
    MultitaskPromptTuningConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptTuningConfig,
    VeraConfig,
    get_peft_model,
    get_peft_model_state_dict,
)
from transformers import GPT2Config, GPT2LMHeadModel

COMMON = {"task_type": "CAUSAL_LM"}
METHODS = {
    "LORA": LoraConfig(r=4, lora_alpha=6, target_modules=["c_attn"], fan_in_fan_out=True, **COMMON),
    "IA3": IA3Config(
        target_modules=["c_attn", "c_proj"], feedforward_modules=["c_proj"], fan_in_fan_out=True, **COMMON
    ),
    "PROMPT_TUNING": PromptTuningConfig(num_virtual_tokens=5, **COMMON),
    "PREFIX_TUNING": PrefixTuningConfig(num_virtual_tokens=5, **COMMON),
    "MULTITASK_PROMPT_TUNING": MultitaskPromptTuningConfig(num_virtual_tokens=5, num_tasks=3, **COMMON),
    "VERA": VeraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True, **COMMON),
}


def base():
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=32, n_positions=32))


@pytest.fixture
def saved(request, tmp_path):
    """An adapter that PEFT saved with trained values, and its state dict."""
    model = get_peft_model(base(), METHODS[request.param])
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape))
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved", get_peft_model_state_dict(model)


@pytest.mark.parametrize("saved", METHODS, indirect=True)
def test_the_api_sees_what_peft_saved(saved, tmp_path):
    path, state = saved
    adapter = peftkit.inspect(path)
    assert adapter.config == json.loads((path / "adapter_config.json").read_text())
    assert {tensor.name: tensor.shape for tensor in adapter.tensors} == {
        name: tuple(value.shape) for name, value in state.items()
    }
    assert adapter.parameter_count == sum(value.numel() for value in state.values())
    check = peftkit.validate(path)
    assert check, str(check)
    assert peftkit.scan(path)


@pytest.mark.parametrize("saved", METHODS, indirect=True)
def test_peft_loads_what_the_api_converted(saved, tmp_path):
    path, state = saved
    peftkit.convert(path, tmp_path / "torch", to="torch")
    peftkit.convert(tmp_path / "torch", tmp_path / "back")
    assert peftkit.diff(path, tmp_path / "back")
    assert peftkit.diff(tmp_path / "torch", tmp_path / "back")
    for copy in ["torch", "back"]:
        loaded = get_peft_model_state_dict(PeftModel.from_pretrained(base(), tmp_path / copy))
        assert loaded.keys() == state.keys()
        assert all(torch.equal(loaded[name], state[name]) for name in state)


@pytest.mark.parametrize("saved", ["LORA"], indirect=True)
def test_norms_are_those_of_torch(saved):
    path, state = saved
    for module in peftkit.inspect(path, modules=True).modules:
        a, b = (state[f"base_model.model.{module.name}.lora_{factor}.weight"] for factor in "AB")
        assert module.norm == pytest.approx(float((b @ a).norm()) * 6 / 4, rel=1e-5)
        assert (module.rank, module.scale) == (4, 1.5)


@pytest.mark.parametrize("saved", ["LORA"], indirect=True)
def test_damage_is_found_against_the_base_model(saved, tmp_path):
    path, _ = saved
    base().save_pretrained(tmp_path / "base")
    share = peftkit.inspect(path, base=tmp_path / "base").base
    assert share.model_type == "gpt2"
    assert share.parameter_count == sum(parameter.numel() for parameter in base().parameters())
    whole = peftkit.validate(path, base=tmp_path / "base")
    assert whole and {module.state for module in whole.base.modules} == {"bound"}
    peftkit.convert(path, tmp_path / "renamed", rename={r"h\.1\.attn": "h.7.attn"})
    check = peftkit.validate(tmp_path / "renamed", base=tmp_path / "base")
    assert check.errors and check.base.dead
    with pytest.warns(UserWarning, match="missing adapter keys"):
        PeftModel.from_pretrained(base(), tmp_path / "renamed")
