# SPDX-License-Identifier: Apache-2.0
"""Adapters of PEFT that `convert --to gguf` writes for llama.cpp, and back.

llama.cpp loads each, and computes the logits that PEFT computes, within 1e-3; where the official converter is right,
its tensors are the same, byte for byte.
"""

import json
import shutil
import tempfile
import unittest
import warnings
from pathlib import Path

import gguf_models
import llama_cpp
import torch
from peft import LoraConfig, PeftModel, get_peft_model, load_peft_weights, set_peft_model_state_dict
from support import InteropTest, peftkit

warnings.filterwarnings("ignore", module="peft|transformers|torch")

TOLERANCE = 1e-3
# An adapter changes the logits at least by so much, else the comparison would show nothing.
EFFECT = 0.02
ATTENTION = {
    "gpt2": ["c_attn", "attn.c_proj"],
    "gpt_neox": ["query_key_value", "attention.dense"],
    "falcon": ["query_key_value", "self_attention.dense"],
    "falcon_groups": ["query_key_value", "self_attention.dense"],
    "phi": ["qkv_proj", "o_proj"],
    "deepseek": ["o_proj"],
    "deepseek3": ["o_proj"],
}
MLP = {
    "gpt2": ["c_fc", "mlp.c_proj"],
    "gpt_neox": ["dense_h_to_4h", "dense_4h_to_h"],
    "falcon": ["dense_h_to_4h", "dense_4h_to_h"],
    "falcon_groups": ["dense_h_to_4h", "dense_4h_to_h"],
    "phi": ["gate_up_proj", "down_proj"],
    "starcoder2": ["c_fc", "c_proj"],
    "mixtral": [],
    "qwen3_moe": [],
    "qwen2_moe": ["shared_expert_gate"],
    "deepseek": [],
    "deepseek3": [],
}
SEPARATE = ["q_proj", "k_proj", "v_proj", "o_proj"]
GATED = ["gate_proj", "up_proj", "down_proj"]
DEEPSEEK = ["deepseek", "deepseek3"]
EXPERTS = ["mixtral", "qwen2_moe", "qwen3_moe", *DEEPSEEK]
EXPERT_PARAMETERS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
TIED = ["gemma", "gemma2", "gemma3", "gpt2", "falcon", "falcon_groups"]
EMBEDDINGS = {"gpt_neox": "embed_in"}
# The architectures that every variant is tried on; of the others all modules at once.
THOROUGH = ["llama", "qwen2", "qwen3", "gemma2", "gpt2", "mixtral", "qwen3_moe"]
DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "q8_0": "q8_0"}
OFFICIAL = ["llama", "qwen2", "qwen3", "gemma2"]


def targets_of(name):
    return ATTENTION.get(name, SEPARATE) + MLP.get(name, GATED)


def first_of(name):
    """A module that a pattern gives a rank or an alpha of its own."""
    return ATTENTION.get(name, SEPARATE)[0]


def variants_of(name):
    """The configurations of an adapter, by name. PEFT sorts the keys of patterns when it saves them."""
    modules, first = targets_of(name), first_of(name)
    variants = {
        "plain": {"target_modules": modules, "lora_alpha": 8},
        "rslora": {"target_modules": modules, "lora_alpha": 8, "use_rslora": True, "r": 5},
        "rank_pattern": {"target_modules": modules, "rank_pattern": {r".*\.1\..*": 2, first: 7}},
        "alpha_pattern": {"target_modules": modules, "alpha_pattern": {r".*\.1\..*": 11, first: 3}},
        "both": {
            "target_modules": modules, "rank_pattern": {first: 3}, "alpha_pattern": {first: 5}, "use_rslora": True,
        },
        "all_linear": {"target_modules": "all-linear", "lora_alpha": 12},
    }  # fmt: skip
    if name not in TIED and name not in DEEPSEEK:
        embedding = EMBEDDINGS.get(name, "embed_tokens")
        variants["embeddings"] = {"target_modules": [first, embedding, "lm_head"], "alpha_pattern": {embedding: 3}}
    if name in EXPERTS:
        variants["experts"] = {"target_modules": [first], "target_parameters": EXPERT_PARAMETERS, "lora_alpha": 6}
        variants["one_expert_parameter"] = {"target_modules": [first], "target_parameters": EXPERT_PARAMETERS[1:]}
        variants["expert_patterns"] = {
            "target_modules": [], "target_parameters": EXPERT_PARAMETERS,
            "rank_pattern": {"experts.down_proj": 2}, "alpha_pattern": {"experts.down_proj": 5},
        }  # fmt: skip
    if name in DEEPSEEK:
        variants.pop("all_linear")
    if name == "gemma3_images":
        return {"images": {"target_modules": r".*language_model.*proj", "use_rslora": True}}
    return variants


class Base:
    """A base model as both sides have it."""

    def __init__(self, name, root, **changes):
        self.name = name
        self.directory = root / name
        self.gguf = root / f"{name}.gguf"
        gguf_models.save(name, self.directory, **changes)
        llama_cpp.convert_model(self.directory, self.gguf)
        self.logits = self.log_probabilities(self.model())

    def model(self):
        return gguf_models.load(self.directory)

    def log_probabilities(self, model):
        with torch.no_grad():
            rows = [model(input_ids=torch.tensor([prompt])).logits[0, -1].double() for prompt in llama_cpp.PROMPTS]
        return torch.log_softmax(torch.stack(rows), -1)

    def adapt(self, directory, seed=1, **values):
        """Save an adapter with random factors, and return the logits that PEFT computes with it."""
        torch.manual_seed(seed)
        config = LoraConfig(**{"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM", **values})
        config.fan_in_fan_out = self.name == "gpt2"
        model = get_peft_model(self.model(), config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_" in name and "magnitude" not in name:
                    parameter.normal_(std=0.15 if self.name in gguf_models.EXACT else 0.1)
        model.save_pretrained(directory)
        return self.log_probabilities(model)

    def load(self, directory):
        """The logits of an adapter that PEFT loads, which must have every key that PEFT looks for."""
        model = get_peft_model(self.model(), LoraConfig.from_pretrained(directory)).eval()
        result = set_peft_model_state_dict(model, load_peft_weights(directory))
        missing = [key for key in result.missing_keys if "lora_" in key]
        if missing or result.unexpected_keys:
            raise AssertionError(f"missing {missing[:3]}, unexpected {result.unexpected_keys[:3]}")
        return self.log_probabilities(PeftModel.from_pretrained(self.model(), directory).eval())

    def llama(self, adapter):
        return torch.tensor(llama_cpp.log_probabilities(self.gguf, adapter), dtype=torch.float64)


def tensors_of(path):
    """The tensors of a GGUF file: type and bytes by name, and its keys."""
    reader = llama_cpp.reader(path)
    fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    return {t.name: (t.tensor_type.name, list(map(int, t.shape)), t.data.tobytes()) for t in reader.tensors}, fields


class GGUFBridgeTest(InteropTest):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="peftkit-gguf-")
        cls.addClassCleanup(scratch.cleanup)
        cls.root = Path(scratch.name)
        cls.bases = {}

    def base(self, name, **changes):
        key = name + json.dumps(changes)
        if key not in self.bases:
            root = self.root / str(len(self.bases))
            root.mkdir()
            self.bases[key] = Base(name, root, **changes)
        return self.bases[key]

    def convert(self, source, destination, home, base, *options):
        run = peftkit("convert", source, destination, "--to", home, "--base", base.directory, *options)
        self.assert_code(run, 0)
        return run

    def check_there_and_back(self, name, variant, values):
        base = self.base(name)
        work = Path(tempfile.mkdtemp(dir=self.scratch))
        expected = base.adapt(work / "peft", **values)
        effect = (expected - base.logits).abs().max()
        self.assertGreater(effect, EFFECT)
        self.convert(work / "peft", work / "adapter.gguf", "gguf", base)
        error = (base.llama(work / "adapter.gguf") - expected).abs().max()
        self.assertLess(error, TOLERANCE, f"{name} {variant}: the logits of llama.cpp, of {effect:.2f}")
        self.convert(work / "adapter.gguf", work / "back", "peft", base)
        error = (base.load(work / "back") - expected).abs().max()
        self.assertLess(error, 1e-5, f"{name} {variant}: the logits of PEFT on the way back, of {effect:.2f}")
        if variant in ("plain", "rank_pattern"):
            self.assert_same_tensors(work / "peft", work / "back")
        shutil.rmtree(work)

    def assert_same_tensors(self, left, right):
        left, right = load_peft_weights(left), load_peft_weights(right)
        self.assertEqual(sorted(left), sorted(right))
        for key, value in left.items():
            self.assertTrue(torch.equal(value, right[key]), key)

    def test_logits_of_all_variants(self):
        for name in THOROUGH:
            for variant, values in variants_of(name).items():
                with self.subTest(f"{name} {variant}"):
                    self.check_there_and_back(name, variant, values)

    def test_logits_of_other_architectures(self):
        for name in gguf_models.MODELS:
            if name in THOROUGH:
                continue
            for variant in ("plain", "both", "all_linear", "embeddings", "experts", "images"):
                if values := variants_of(name).get(variant):
                    with self.subTest(f"{name} {variant}"):
                        self.check_there_and_back(name, variant, values)

    def test_official_converter_writes_the_same_tensors(self):
        for name in OFFICIAL:
            for outtype, dtype in DTYPES.items():
                with self.subTest(f"{name} {outtype}"):
                    base = self.base(name)
                    work = Path(tempfile.mkdtemp(dir=self.scratch))
                    base.adapt(work / "peft", **variants_of(name)["plain"])
                    self.convert(work / "peft", work / "ours.gguf", "gguf", base, "--dtype", dtype)
                    llama_cpp.convert_adapter(work / "peft", base.directory, work / "official.gguf", outtype)
                    ours, our_fields = tensors_of(work / "ours.gguf")
                    official, fields = tensors_of(work / "official.gguf")
                    self.assertEqual(sorted(ours), sorted(official))
                    for key, value in official.items():
                        self.assertEqual(ours[key], value, key)
                    for key in ("general.type", "general.architecture", "adapter.type", "adapter.lora.alpha"):
                        self.assertEqual(our_fields.get(key), fields[key], key)

    def test_types_load(self):
        base = self.base("llama")
        expected = base.adapt(self.scratch / "peft", **variants_of("llama")["both"])
        for outtype, tolerance in {"f32": TOLERANCE, "f16": 0.02, "bf16": 0.1, "q8_0": 0.1}.items():
            with self.subTest(outtype):
                path = self.scratch / f"{outtype}.gguf"
                self.convert(self.scratch / "peft", path, "gguf", base, "--dtype", DTYPES[outtype])
                types = {name: kind for name, (kind, _, _) in tensors_of(path)[0].items()}
                if outtype == "q8_0":
                    self.assertEqual({kind for name, kind in types.items() if name.endswith("lora_a")}, {"Q8_0"})
                    self.assertEqual({kind for name, kind in types.items() if name.endswith("lora_b")}, {"F16"})
                else:
                    self.assertEqual(set(types.values()), {outtype.upper()})
                self.assertLess((base.llama(path) - expected).abs().max(), tolerance)

    def test_separate_experts(self):
        """Adapters of transformers 4, which has a module for each expert; one of them may be without."""
        for name, path, words in (
            ("qwen3_moe", "mlp.experts.{}.{}", ["gate_proj", "up_proj", "down_proj"]),
            ("mixtral", "block_sparse_moe.experts.{}.{}", ["w1", "w3", "w2"]),
        ):
            with self.subTest(name):
                base = self.base(name)
                work = Path(tempfile.mkdtemp(dir=self.scratch))
                expected = base.adapt(work / "fused", target_modules=[], target_parameters=EXPERT_PARAMETERS)
                self.separate(work / "fused", work / "separate", path, words)
                self.convert(work / "separate", work / "adapter.gguf", "gguf", base)
                error = (base.llama(work / "adapter.gguf") - expected).abs().max()
                self.assertLess(error, TOLERANCE)

    def separate(self, source, destination, path, words):
        from safetensors.torch import save_file

        weights, separate = load_peft_weights(source), {}
        for key in [key for key in weights if key.endswith("lora_A.weight")]:
            a, b = weights[key], weights[key.replace("lora_A", "lora_B")]
            count = a.shape[0] // 4
            a, b = a.reshape(4, count, -1), b.reshape(-1, count, 4).permute(2, 0, 1)
            module = key.removesuffix(".lora_A.weight").removesuffix(".base_layer").removesuffix(".mlp.experts")
            is_gate_up = ".base_layer." in key
            parts = zip(words[:2], b.chunk(2, 1)) if is_gate_up else [(words[2], b)]
            for word, part in parts:
                for index in range(4):
                    name = f"{module}.{path.format(index, word)}"
                    separate[f"{name}.lora_A.weight"] = a[index].clone()
                    separate[f"{name}.lora_B.weight"] = part[index].clone()
        destination.mkdir()
        save_file(separate, destination / "adapter_model.safetensors", {"format": "pt"})
        config = json.loads((source / "adapter_config.json").read_text())
        config.update(target_modules=words, target_parameters=None)
        (destination / "adapter_config.json").write_text(json.dumps(config))

    def test_invocation_tokens(self):
        base = self.base("llama")
        base.adapt(self.scratch / "peft", target_modules=["q_proj"], alora_invocation_tokens=[5, 9])
        self.convert(self.scratch / "peft", self.scratch / "adapter.gguf", "gguf", base)
        self.assertEqual(tensors_of(self.scratch / "adapter.gguf")[1]["adapter.alora.invocation_tokens"], [5, 9])
        self.convert(self.scratch / "adapter.gguf", self.scratch / "back", "peft", base)
        config = json.loads((self.scratch / "back/adapter_config.json").read_text())
        self.assertEqual(config["alora_invocation_tokens"], [5, 9])

    def test_no_effect_stays_no_effect(self):
        """llama.cpp takes an alpha of 0 for a scale of 1."""
        base = self.base("llama")
        base.adapt(self.scratch / "peft", target_modules=["q_proj"], lora_alpha=0)
        self.convert(self.scratch / "peft", self.scratch / "adapter.gguf", "gguf", base)
        self.assertLess((base.llama(self.scratch / "adapter.gguf") - base.logits).abs().max(), TOLERANCE)

    def test_refusals(self):
        cases = {
            "DoRA": ("llama", {"target_modules": ["q_proj"], "use_dora": True}, "q_proj"),
            "bias": ("llama", {"target_modules": ["q_proj"], "lora_bias": True}, "q_proj"),
            "saved module": ("llama", {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}, "lm_head"),
            "trained tokens": (
                "llama", {"target_modules": ["q_proj"], "trainable_token_indices": [3]}, "embed_tokens",
            ),
            "tied embedding": ("gpt2", {"target_modules": ["wte"]}, "transformer.wte"),
            "tied head": ("gemma2", {"target_modules": ["lm_head"]}, "lm_head"),
            "positions": ("gpt2", {"target_modules": ["wpe"]}, "transformer.wpe"),
            "no effect": ("deepseek", {"target_modules": ["kv_a_proj_with_mqa"]}, "kv_a_proj_with_mqa"),
        }  # fmt: skip
        for case, (name, values, named) in cases.items():
            with self.subTest(case):
                base = self.base(name)
                work = Path(tempfile.mkdtemp(dir=self.scratch))
                base.adapt(work / "peft", **values)
                run = peftkit("convert", work / "peft", work / "out.gguf", "--to", "gguf", "--base", base.directory)
                self.assert_refused(run)
                self.assertIn(named, run.stderr)
                self.assertFalse((work / "out.gguf").exists())

    def test_llama_cpp_ignores_what_is_refused(self):
        """The reason for a refusal is still there: llama.cpp computes the same with the adapter as without."""
        base = self.base("deepseek")
        for target in ("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "lm_head"):
            with self.subTest(target):
                work = Path(tempfile.mkdtemp(dir=self.scratch))
                expected = base.adapt(work / "peft", target_modules=[target])
                self.assertGreater((expected - base.logits).abs().max(), EFFECT)
                llama_cpp.convert_adapter(work / "peft", base.directory, work / "official.gguf")
                self.assertLess((base.llama(work / "official.gguf") - base.logits).abs().max(), 1e-5)

    def test_damaged_adapters_are_refused(self):
        base = self.base("llama")
        base.adapt(self.scratch / "peft", target_modules=["q_proj", "down_proj"])
        self.convert(self.scratch / "peft", self.scratch / "good.gguf", "gguf", base)

        def rename(old, new):
            return lambda keys, tensors: tensors.update({new: tensors.pop(old)})

        def rename_pair(old, new):
            def change(keys, tensors):
                for half in ".lora_a", ".lora_b":
                    tensors[new + half] = tensors.pop(old + half)

            return change

        down = "blk.1.ffn_down.weight"
        damages = {
            "suffix": (rename(f"{down}.lora_a", f"{down}.lora_c"), "lora_c"),
            "half a pair": (lambda keys, tensors: tensors.pop(f"{down}.lora_b"), down),
            "unknown tensor": (rename_pair(down, "blk.1.ffn_nothing.weight"), "ffn_nothing"),
            "a layer too many": (rename_pair(down, "blk.7.ffn_down.weight"), "model.layers.7.mlp.down_proj"),
            "shape": (
                lambda keys, tensors: tensors.update({f"{down}.lora_b": tensors[f"{down}.lora_b"][:-1]}), "model.layers.1.mlp.down_proj",
            ),
            "ranks": (
                lambda keys, tensors: tensors.update({f"{down}.lora_a": tensors[f"{down}.lora_a"][:-1]}),
                "blk.1.ffn_down",
            ),
            "architecture": (lambda keys, tensors: keys.update({"general.architecture": "qwen2"}), "qwen2"),
            "kind": (lambda keys, tensors: keys.update({"adapter.type": "ia3"}), "ia3"),
        }  # fmt: skip
        for damage, (change, named) in damages.items():
            with self.subTest(damage):
                path = self.scratch / f"{damage.replace(' ', '-')}.gguf"
                llama_cpp.rewrite(self.scratch / "good.gguf", path, change)
                if damage != "ranks":
                    with self.assertRaises(RuntimeError):
                        base.llama(path)
                run = peftkit("convert", path, self.scratch / "back", "--to", "peft", "--base", base.directory)
                self.assert_refused(run)
                self.assertIn(named, run.stderr)
                self.assertFalse((self.scratch / "back").exists())

    def test_other_models_are_refused(self):
        base, other = self.base("llama"), self.base("qwen2")
        base.adapt(self.scratch / "peft", target_modules=["q_proj"])
        self.convert(self.scratch / "peft", self.scratch / "adapter.gguf", "gguf", base)
        run = peftkit("convert", self.scratch / "adapter.gguf", self.scratch / "back", "--to", "peft", "--base", other.directory)
        self.assert_refused(run)
        for word in ("llama", "qwen2"):
            self.assertIn(word, run.stderr)
        run = peftkit("convert", self.scratch / "peft", self.scratch / "out.gguf", "--to", "gguf")
        self.assert_refused(run)
        self.assertIn("--base", run.stderr)


if __name__ == "__main__":
    unittest.main()
