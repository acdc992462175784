# SPDX-License-Identifier: Apache-2.0
"""`peftkit convert --to peft` and `--experts` against real PEFT: what is written loads without missing or unexpected
keys, and computes the same logits."""

import json
import warnings

import torch
import transformers
from adapter_bases import ARCHITECTURES
from peft import LoraConfig, PeftModel, get_peft_model, load_peft_weights, set_peft_model_state_dict
from safetensors.torch import load_file
from support import InteropTest, peftkit

TOKENS = torch.tensor([[3, 7, 11, 2, 30, 5, 9, 1]])
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]

# Name: architecture, and the values of the config.
CASES = {
    "plain": ("llama", {"target_modules": ["q_proj", "v_proj", "down_proj"]}),
    "rslora": ("llama", {"target_modules": ["q_proj", "up_proj"], "use_rslora": True, "lora_alpha": 5}),
    "patterns": (
        "llama",
        {"target_modules": ["q_proj", "v_proj", "o_proj"], "rank_pattern": {"layers.1.self_attn.q_proj": 3, "v_proj": 2},
         "alpha_pattern": {"^model.layers.0.*o_proj": 7.5, "v_proj": 1}},
    ),
    "rslora and patterns": (
        "llama",
        {"target_modules": ["q_proj", "v_proj"], "use_rslora": True, "rank_pattern": {"q_proj": 3},
         "alpha_pattern": {"layers.1.self_attn.v_proj": 9}},
    ),
    "layers": ("llama", {"target_modules": ["q_proj"], "layers_to_transform": [1]}),
    "dora": ("llama", {"target_modules": ["q_proj", "down_proj"], "use_dora": True}),
    "bias": ("llama", {"target_modules": ["q_proj", "down_proj"], "lora_bias": True}),
    "embedding and head": ("llama", {"target_modules": ["embed_tokens", "lm_head", "q_proj"]}),
    "conv1d": ("gpt2", {"target_modules": ["c_attn", "c_fc", "wte"]}),
    "saved": ("llama", {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "tokens": ("llama", {"target_modules": ["q_proj"], "trainable_token_indices": [1, 5]}),
    "biases": ("gpt2", {"target_modules": ["c_attn"], "bias": "all"}),
    "experts": ("qwen3_moe", {"target_modules": ["q_proj"], "target_parameters": EXPERTS}),
    "experts, reversed": ("qwen3_moe", {"target_modules": [], "target_parameters": EXPERTS[::-1]}),
    "experts, patterns": (
        "qwen3_moe",
        {"target_modules": ["q_proj"], "target_parameters": EXPERTS, "rank_pattern": {"experts.down_proj": 3},
         "alpha_pattern": {"experts.gate_up_proj": 7}},
    ),
    "one parameter": ("qwen3_moe", {"target_modules": [], "target_parameters": EXPERTS[1:]}),
    "experts of mixtral": ("mixtral", {"target_modules": ["q_proj"], "target_parameters": EXPERTS}),
}  # fmt: skip


def base_model(architecture):
    """A tiny model, the same whenever it is made."""
    torch.manual_seed(0)
    name, values, _ = ARCHITECTURES[architecture]
    return transformers.AutoModelForCausalLM.from_config(getattr(transformers, name)(**values)).eval()


def logits(model):
    with torch.no_grad():
        return model(TOKENS).logits


class PEFTHome(InteropTest):
    def make(self, name):
        """Save an adapter of a case; returns its directory and its logits."""
        architecture, values = CASES[name]
        torch.manual_seed(1)
        config = LoraConfig(**{"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 6, "init_lora_weights": False, **values})
        model = get_peft_model(base_model(architecture), config)
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                if parameter.requires_grad and any(part in parameter_name for part in ("magnitude", "modules_to_save", "delta", "bias")):
                    parameter += 0.1 * torch.rand_like(parameter)
        path = self.scratch / name.replace(" ", "-")
        model.save_pretrained(path)
        return path, logits(model.eval())

    def load(self, name, path):
        """Load an adapter into the base of a case, without any key missing or unexpected."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(base_model(CASES[name][0]), path)
        keys = [str(entry.message) for entry in caught if "adapter keys" in str(entry.message)]
        self.assertFalse(keys)
        result = set_peft_model_state_dict(model, load_peft_weights(path))
        self.assertFalse([key for key in result.missing_keys if ".default" in key])
        self.assertFalse(result.unexpected_keys)
        return logits(model.eval())

    def check(self, name, path, expected, tolerance=0.0):
        base = logits(base_model(CASES[name][0]))
        self.assertGreater((expected - base).abs().max().item(), 1e-3, "the adapter changes nothing")
        error = (self.load(name, path) - expected).abs().max().item()
        self.assertLessEqual(error, tolerance, name)

    def test_copies(self):
        """An adapter goes through canonical form unchanged: the same tensors, the same logits."""
        for name in CASES:
            with self.subTest(name):
                source, expected = self.make(name)
                target = self.scratch / "copy" / source.name
                target.parent.mkdir(exist_ok=True)
                self.assert_code(peftkit("convert", source, target, "--to", "peft"), 0)
                left, right = (load_file(path / "adapter_model.safetensors") for path in (source, target))
                self.assertEqual(left.keys(), right.keys())
                self.assertTrue(all(torch.equal(left[key], right[key]) for key in left))
                self.check(name, target, expected)
                self.assert_code(peftkit("validate", target), 0)

    def test_experts(self):
        """Stacked experts become modules of each expert, which PEFT stacks again, and back."""
        for name in ("experts", "experts, reversed", "experts of mixtral"):
            with self.subTest(name):
                source, expected = self.make(name)
                separate, fused = self.scratch / f"{source.name}-s", self.scratch / f"{source.name}-f"
                layout = "separate-mixtral" if "mixtral" in name else "separate"
                self.assert_code(peftkit("convert", source, separate, "--experts", layout), 0)
                self.check(name, separate, expected, 2e-6)
                self.assert_code(peftkit("convert", separate, fused, "--experts", "fused"), 0)
                self.check(name, fused, expected, 2e-6)

    def test_old_layout(self):
        """The layout of old releases and back gives the same file."""
        for name in ("experts", "experts, patterns", "one parameter"):
            with self.subTest(name):
                source, expected = self.make(name)
                old, new = self.scratch / f"{source.name}-o", self.scratch / f"{source.name}-n"
                self.assert_code(peftkit("convert", source, old, "--experts", "fused-0.19.0"), 0)
                config = json.loads((old / "adapter_config.json").read_text())
                self.assertEqual(config["peft_version"], "0.19.0")
                left = load_file(source / "adapter_model.safetensors")
                swapped = load_file(old / "adapter_model.safetensors")
                self.assertEqual(left.keys(), swapped.keys())
                for key, tensor in left.items():
                    if ".experts." in key and "lora_A" in key:
                        twin = swapped[key.replace("lora_A", "lora_B")]
                        self.assertEqual(tensor.shape, twin.T.shape)
                        self.assertFalse(torch.equal(tensor, swapped[key]))
                self.assert_code(peftkit("convert", old, new, "--experts", "fused"), 0)
                right = load_file(new / "adapter_model.safetensors")
                self.assertTrue(all(torch.equal(left[key], right[key]) for key in left))
                self.check(name, new, expected, 2e-6)
