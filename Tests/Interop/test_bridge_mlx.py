# SPDX-License-Identifier: Apache-2.0
"""Adapters that travel between PEFT and MLX: mlx-lm loads what `convert` writes and computes what PEFT computes, and
PEFT does so with what mlx-lm saved (spec/mlx.md)."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import mlx_models as models
import numpy
from support import InteropTest, peftkit

# How far logits may be apart, which adapters change by some units.
TOLERANCE = 1e-5
# The least change of the logits that an adapter of these tests makes.
EFFECT = 0.05
SLOW = {"r": 4, "lora_alpha": 6}
ATTENTION = ["q_proj", "v_proj"]
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
PATTERNS = {
    "rank_pattern": {"down_proj": 3, r"layers\.1\.self_attn\.q_proj": 6},
    "alpha_pattern": {"q_proj": 9, "layers.0.mlp.down_proj": 2},
}
MIXED = [*ATTENTION, "down_proj"]

# Adapters that MLX can hold: the model, the values of LoraConfig, and whether the way back gives the same bytes.
CASES = {
    "plain": ("llama", {"target_modules": ATTENTION}, True),
    "plain qwen3": ("qwen3", {"target_modules": MIXED}, True),
    "plain gemma": ("gemma", {"target_modules": "all-linear"}, True),
    "expression": ("llama", {"target_modules": r".*\.1\..*(k|up)_proj"}, True),
    "rslora": ("llama", {"target_modules": ATTENTION, "use_rslora": True}, True),
    "rank pattern": ("llama", {"target_modules": MIXED, "rank_pattern": PATTERNS["rank_pattern"]}, False),
    "alpha pattern": ("qwen3", {"target_modules": MIXED, "alpha_pattern": PATTERNS["alpha_pattern"]}, False),
    "both patterns": ("llama", {"target_modules": MIXED, **PATTERNS}, False),
    "both patterns, rslora": ("llama", {"target_modules": MIXED, **PATTERNS, "use_rslora": True}, False),
    "patterns that agree": (
        "llama", {"target_modules": MIXED, "rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 3}}, False,
    ),
    "layers": ("llama", {"target_modules": ATTENTION, "layers_to_transform": [1]}, True),
    "first layer": ("qwen3", {"target_modules": ATTENTION, "layers_to_transform": 0}, True),
    "dora": ("llama", {"target_modules": MIXED, "use_dora": True}, True),
    "dora, patterns": ("qwen3", {"target_modules": MIXED, "use_dora": True, **PATTERNS}, False),
    "embedding": ("llama", {"target_modules": ["embed_tokens", "q_proj"]}, True),
    "embedding, patterns": ("llama", {"target_modules": ["embed_tokens", "q_proj"], "rank_pattern": {"embed_tokens": 2}}, False),
    "head": ("llama", {"target_modules": ["lm_head", "v_proj"]}, True),
    "embedding and head": ("qwen3", {"target_modules": ["embed_tokens", "lm_head"]}, True),
    "tied embedding": ("llama_tied", {"target_modules": ["embed_tokens", "q_proj"], "ensure_weight_tying": True}, True),
    "tied embedding gemma": ("gemma", {"target_modules": ["embed_tokens"], "ensure_weight_tying": True}, True),
    "experts": ("qwen3_moe", {"target_modules": ["q_proj"], "target_parameters": EXPERTS}, True),
    "experts alone": ("qwen3_moe", {"target_modules": [], "target_parameters": EXPERTS}, True),
    "experts down": ("qwen3_moe", {"target_modules": [], "target_parameters": EXPERTS[1:]}, True),
    "experts gate and up": ("qwen3_moe", {"target_modules": ["v_proj"], "target_parameters": EXPERTS[:1]}, True),
    "experts by projection": ("qwen3_moe", {"target_modules": ["gate_proj", "up_proj", "down_proj"]}, False),
    "gpt2": ("gpt2", {"target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True}, True),
    "gpt_neox": ("gpt_neox", {"target_modules": ["query_key_value", "dense_h_to_4h", "embed_in", "lm_head"]}, True),
    "qwen2_moe": ("qwen2_moe", {"target_modules": ["k_proj", "shared_expert.up_proj"], "target_parameters": EXPERTS}, True),
    "olmoe": ("olmoe", {"target_modules": [], "target_parameters": EXPERTS}, True),
    "mixtral": ("mixtral", {"target_modules": ["q_proj"], "target_parameters": EXPERTS}, True),
    "experts, patterns": (
        "qwen3_moe",
        {"target_modules": ["q_proj"], "target_parameters": EXPERTS, "rank_pattern": {"experts.down_proj": 3},
         "alpha_pattern": {"experts.gate_up_proj": 9}},
        False,
    ),
}  # fmt: skip

# What MLX cannot hold: the model, the values, and a word of the message.
REFUSED = {
    "bias": ("llama", {"target_modules": ATTENTION, "lora_bias": True}, "bias"),
    "trained tokens": ("llama", {"target_modules": ATTENTION, "trainable_token_indices": [1, 5]}, "token"),
    "saved module": ("llama", {"target_modules": ATTENTION, "modules_to_save": ["lm_head"]}, "lm_head"),
    "saved norm": ("llama", {"target_modules": ATTENTION, "modules_to_save": ["norm"]}, "norm"),
    "dora embedding": ("llama", {"target_modules": ["embed_tokens", "q_proj"], "use_dora": True}, "embed_tokens"),
    "tied embedding": ("llama_tied", {"target_modules": ["embed_tokens", "q_proj"]}, "ensure_weight_tying"),
}


class MLXTest(InteropTest):
    """A test with the directories of the base models, and adapters of PEFT."""

    @classmethod
    def setUpClass(cls):
        bases = tempfile.TemporaryDirectory(prefix="peftkit-mlx-")
        cls.addClassCleanup(bases.cleanup)
        cls.bases = Path(bases.name)
        for name in models.MODELS:
            models.save(name, cls.bases / name)

    def base(self, name):
        return self.bases / name

    def peft_adapter(self, name, model, values):
        """The directory of an adapter whose tensors are all random."""
        import peft
        import torch

        base = models.make(model)
        config = peft.LoraConfig(task_type="CAUSAL_LM", base_model_name_or_path=str(self.base(model)), **{**SLOW, **values})
        adapted = peft.get_peft_model(base, config)
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter_name, parameter in adapted.named_parameters():
                if "magnitude" in parameter_name:
                    parameter.mul_(1 + 0.3 * torch.randn_like(parameter))
                elif "lora_" in parameter_name:
                    parameter.normal_(std=0.3)
        directory = self.scratch / name.replace(" ", "_")
        adapted.save_pretrained(directory)
        return directory

    def peft_logits(self, model, adapter):
        """PEFT's logits with an adapter, which has to load without a missing or unexpected name."""
        import peft

        base = models.make(model)
        adapted = peft.PeftModel.from_pretrained(base, str(adapter))
        result = peft.set_peft_model_state_dict(adapted, peft.utils.load_peft_weights(str(adapter), device="cpu"))
        missing = [key for key in result.missing_keys if "lora_" in key]
        self.assertEqual(missing, [])
        self.assertEqual(result.unexpected_keys, [])
        return models.torch_logits(adapted.eval())

    def convert(self, source, destination, home, *options):
        run = peftkit("convert", source, destination, "--to", home, *options)
        self.assert_code(run, 0)
        return run

    def close(self, left, right, message=None):
        self.assertLess(models.difference(left, right), TOLERANCE, message)


class ToMLXTests(MLXTest):
    def test_mlx_computes_what_peft_computes_and_the_way_back_is_exact(self):
        for name, (model, values, is_exact) in CASES.items():
            with self.subTest(name):
                adapter = self.peft_adapter(name, model, values)
                expected = self.peft_logits(model, adapter)
                plain = models.torch_logits(models.make(model))
                self.assertGreater(models.difference(expected, plain), EFFECT)

                converted = self.scratch / f"{adapter.name}-mlx"
                self.convert(adapter, converted, "mlx", "--base", self.base(model))
                self.close(models.mlx_logits(models.open_in_mlx(self.base(model), converted)), expected, name)

                back = self.scratch / f"{adapter.name}-back"
                self.convert(converted, back, "peft", "--base", self.base(model))
                self.close(self.peft_logits(model, back), expected, name)
                if is_exact:
                    self.assertEqual(peft_tensors(back), peft_tensors(adapter))

    def test_the_base_model_is_needed_only_where_it_decides(self):
        needed = {"embedding", "tied embedding", "experts", "gpt2"}
        cases = ["plain", "expression", "both patterns", "layers", "first layer", "dora, patterns", "head", "embedding and head",
                 *sorted(needed)]  # fmt: skip
        for name in cases:
            with self.subTest(name):
                model, values, _ = CASES[name]
                adapter = self.peft_adapter(name, model, values)
                converted = self.scratch / f"{adapter.name}-mlx"
                if name in needed:
                    run = peftkit("convert", adapter, converted, "--to", "mlx")
                    self.assert_refused(run)
                    self.assertIn("--base", run.stderr)
                    continue
                self.convert(adapter, converted, "mlx")
                expected = self.peft_logits(model, adapter)
                self.close(models.mlx_logits(models.open_in_mlx(self.base(model), converted)), expected)

    def test_experts_that_are_modules_of_their_own(self):
        for model in ["qwen3_moe", "mixtral"]:
            with self.subTest(model):
                values = {"target_modules": ["q_proj"], "target_parameters": EXPERTS}
                adapter = self.peft_adapter(model, model, values)
                separate = self.scratch / f"{model}-separate"
                self.convert(adapter, separate, "peft", "--experts", "separate", "--base", self.base(model))
                converted = self.scratch / f"{model}-mlx"
                self.convert(separate, converted, "mlx", "--base", self.base(model))
                expected = self.peft_logits(model, adapter)
                self.close(models.mlx_logits(models.open_in_mlx(self.base(model), converted)), expected)

    def test_what_mlx_cannot_do_is_refused_before_anything_is_written(self):
        for name, (model, values, word) in REFUSED.items():
            with self.subTest(name):
                adapter = self.peft_adapter(name, model, values)
                converted = self.scratch / "refused"
                run = peftkit("convert", adapter, converted, "--to", "mlx", "--base", self.base(model))
                self.assert_refused(run)
                self.assertIn(word, run.stderr)
                self.assertFalse(converted.exists())

    def test_small_dtypes_stay_what_they_are(self):
        import torch
        from safetensors.torch import load_file, save_file

        adapter = self.peft_adapter("small", "llama", {"target_modules": ATTENTION})
        tensors = load_file(adapter / "adapter_model.safetensors")
        for dtype in [torch.bfloat16, torch.float16]:
            small = self.scratch / f"small-{dtype}"
            shutil.copytree(adapter, small)
            save_file({key: value.to(dtype) for key, value in tensors.items()}, small / "adapter_model.safetensors")
            converted = self.scratch / f"small-{dtype}-mlx"
            self.convert(small, converted, "mlx", "--base", self.base("llama"))
            import mlx.core

            loaded = mlx.core.load(str(converted / "adapters.safetensors"))
            self.assertEqual({str(value.dtype) for value in loaded.values()}, {str(dtype).replace("torch", "mlx.core")})
            back = self.scratch / f"small-{dtype}-back"
            self.convert(converted, back, "peft")
            self.assertEqual(peft_tensors(back), peft_tensors(small))

    def test_doubles_are_refused_unless_a_dtype_is_given(self):
        import torch
        from safetensors.torch import load_file, save_file

        adapter = self.peft_adapter("double", "llama", {"target_modules": ATTENTION})
        path = adapter / "adapter_model.safetensors"
        save_file({key: value.to(torch.float64) for key, value in load_file(path).items()}, path)
        converted = self.scratch / "double-mlx"
        run = peftkit("convert", adapter, converted, "--to", "mlx")
        self.assert_refused(run)
        self.assertIn("F64", run.stderr)
        self.assertFalse(converted.exists())
        self.convert(adapter, converted, "mlx", "--dtype", "float32")
        expected = self.peft_logits("llama", adapter)
        self.close(models.mlx_logits(models.open_in_mlx(self.base("llama"), converted)), expected)


# Adapters that mlx-lm trains itself: the model, and the options of its trainer.
TRAINED = {
    "lora": ("llama", {"lora_parameters": {"rank": 3, "scale": 5.0, "dropout": 0.0}}),
    "defaults": ("qwen3", {}),
    "last block": ("llama", {"num_layers": 1}),
    "no block": ("llama", {"num_layers": 0}),
    "keys": ("qwen3", {"lora_parameters": {"rank": 2, "scale": 3.0, "dropout": 0.0, "keys": ["self_attn.o_proj"]}}),
    "full keys": (
        "llama",
        {"lora_parameters": {"rank": 4, "scale": 2.0, "dropout": 0.0,
                             "keys": ["model.embed_tokens", "lm_head", "model.layers.1.mlp.up_proj"]}},
    ),
    "dora": ("llama", {"fine_tune_type": "dora", "lora_parameters": {"rank": 4, "scale": 2.0, "dropout": 0.0}}),
    "dora qwen3": ("qwen3", {"fine_tune_type": "dora", "num_layers": 1}),
    "experts": ("qwen3_moe", {"lora_parameters": {"rank": 3, "scale": 4.0, "dropout": 0.0}}),
    "some experts": (
        "qwen3_moe",
        {"lora_parameters": {"rank": 2, "scale": 4.0, "dropout": 0.0, "keys": ["mlp.switch_mlp.up_proj"]}},
    ),
    "mixtral": (
        "mixtral",
        {"lora_parameters": {"rank": 2, "scale": 4.0, "dropout": 0.0,
                             "keys": ["self_attn.v_proj", "block_sparse_moe.switch_mlp.gate_proj"]}},
    ),
    "tied": (
        "llama_tied", {"lora_parameters": {"rank": 4, "scale": 2.0, "dropout": 0.0, "keys": ["model.embed_tokens"]}},
    ),
    "gemma": ("gemma", {"lora_parameters": {"rank": 2, "scale": 2.0, "dropout": 0.0}}),
}  # fmt: skip


class FromMLXTests(MLXTest):
    def test_peft_computes_what_mlx_computes_with_its_own_adapters(self):
        for name, (model, options) in TRAINED.items():
            with self.subTest(name):
                adapter = self.scratch / name.replace(" ", "_")
                models.train_in_mlx(self.base(model), adapter, **options)
                expected = models.mlx_logits(models.open_in_mlx(self.base(model), adapter))
                plain = models.mlx_logits(models.open_in_mlx(self.base(model)))
                self.assertGreater(models.difference(expected, plain), EFFECT)

                converted = self.scratch / f"{adapter.name}-peft"
                self.convert(adapter, converted, "peft", "--base", self.base(model))
                self.close(self.peft_logits(model, converted), expected, name)

    def test_a_file_that_was_saved_while_training_is_converted(self):
        adapter = self.scratch / "steps"
        models.train_in_mlx(self.base("llama"), adapter)
        step = adapter / "0000002_adapters.safetensors"
        self.convert(step, self.scratch / "step-peft", "peft", "--base", self.base("llama"))
        actual = self.peft_logits("llama", self.scratch / "step-peft")
        shutil.copy(step, adapter / "adapters.safetensors")
        self.close(actual, models.mlx_logits(models.open_in_mlx(self.base("llama"), adapter)))

        (adapter / "adapters.safetensors").unlink()
        run = peftkit("convert", adapter, self.scratch / "no", "--to", "peft")
        self.assert_refused(run)
        self.assertIn("0000004_adapters.safetensors", run.stderr)

    def test_whole_weights_are_refused(self):
        adapter = self.scratch / "full"
        models.train_in_mlx(self.base("llama"), adapter, fine_tune_type="full")
        run = peftkit("convert", adapter, self.scratch / "no", "--to", "peft", "--base", self.base("llama"))
        self.assert_refused(run)
        self.assertIn("full", run.stderr)
        self.assertFalse((self.scratch / "no").exists())

    def test_norms_of_tokens_are_refused(self):
        adapter = self.scratch / "tokens"
        keys = {"rank": 4, "scale": 2.0, "dropout": 0.0, "keys": ["model.embed_tokens"]}
        models.train_in_mlx(self.base("llama"), adapter, fine_tune_type="dora", lora_parameters=keys)
        run = peftkit("convert", adapter, self.scratch / "no", "--to", "peft", "--base", self.base("llama"))
        self.assert_refused(run)
        self.assertIn("embed_tokens.m", run.stderr)

    def test_what_mlx_refuses_is_refused(self):
        import mlx.core

        adapter = self.scratch / "good"
        models.train_in_mlx(self.base("llama"), adapter)
        tensors = mlx.core.load(str(adapter / "adapters.safetensors"))
        mlx.core.eval(tensors)
        config = json.loads((adapter / "adapter_config.json").read_text())
        parameters = config["lora_parameters"]
        name = next(name for name in tensors if name.endswith("q_proj.lora_a"))
        cases = {
            "no scale": ({"lora_parameters": {"rank": 8, "dropout": 0.0}}, {}),
            "alpha": ({"lora_parameters": {"rank": 8, "dropout": 0.0, "alpha": 16}}, {}),
            "no rank": ({"lora_parameters": {"scale": 20.0, "dropout": 0.0}}, {}),
            "another rank": ({"lora_parameters": {**parameters, "rank": 4}}, {}),
            "an unknown tensor": ({}, {"model.norm.weight": mlx.core.zeros((16,))}),
            "magnitudes": ({}, {name.replace("lora_a", "m"): mlx.core.zeros((32,))}),
        }
        for case, (keys, more) in cases.items():
            with self.subTest(case):
                damaged = self.scratch / case.replace(" ", "_")
                damaged.mkdir()
                (damaged / "adapter_config.json").write_text(json.dumps({**config, **keys}))
                mlx.core.save_safetensors(str(damaged / "adapters.safetensors"), {**tensors, **more})
                with self.assertRaises((KeyError, ValueError)):
                    models.open_in_mlx(self.base("llama"), damaged)
                converted = self.scratch / f"{damaged.name}-peft"
                self.assert_refused(peftkit("convert", damaged, converted, "--to", "peft", "--base", self.base("llama")))
                self.assertFalse(converted.exists())


def peft_tensors(directory):
    """The tensors of an adapter by name: dtype, shape and bytes."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(directory / "adapter_model.safetensors")
    return {
        name: (value.dtype, tuple(value.shape), value.contiguous().view(torch.uint8).numpy().tobytes())
        for name, value in tensors.items()
        if ".base_layer.weight" not in name
    }


if __name__ == "__main__":
    unittest.main()
