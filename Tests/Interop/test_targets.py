# SPDX-License-Identifier: Apache-2.0
"""`validate --base` binds, ignores and misses the same tensors as real PEFT, on many architectures and configs."""

import json
import shutil
import warnings
from unittest import mock

import adapter_bases
import torch
from adapter_loading import load
from safetensors.torch import load_file, save_file
from support import InteropTest, peftkit

RANDOM_CONFIGS = 220
TINY = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 40}
GROUPED = {**TINY, "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0, "tie_word_embeddings": False}
VISION = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 8, "patch_size": 4}
TEXT = {**GROUPED, "model_type": "qwen2_vl_text", "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1], "rope_theta": 10000.0}}

# Beside the bases of the corpus: models whose names in files are not those in memory, heads, ties, other prefixes.
MORE = {
    "roberta": ("RobertaConfig", {**TINY, "max_position_embeddings": 64, "pad_token_id": 0}, "FEATURE_EXTRACTION"),
    "distilbert": ("DistilBertConfig", {"dim": 16, "hidden_dim": 24, "n_layers": 2, "n_heads": 4, "vocab_size": 40}, "FEATURE_EXTRACTION"),
    "vit": ("ViTConfig", VISION, "FEATURE_EXTRACTION"),
    "bloom": ("BloomConfig", {"hidden_size": 16, "n_layer": 2, "n_head": 4, "vocab_size": 40}, "CAUSAL_LM"),
    "falcon": ("FalconConfig", {**TINY, "tie_word_embeddings": True}, "CAUSAL_LM"),
    "gemma2": ("Gemma2Config", {**GROUPED, "head_dim": 8, "tie_word_embeddings": True}, "CAUSAL_LM"),
    "phi3": ("Phi3Config", GROUPED, "CAUSAL_LM"),
    "qwen2_vl": (
        "Qwen2VLConfig",
        {"text_config": TEXT, "vision_config": {"depth": 2, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "patch_size": 4},
         "tie_word_embeddings": False},
        "IMAGE_TEXT",
    ),
    "bart": (
        "BartConfig",
        {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
         "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "vocab_size": 40, "max_position_embeddings": 64},
        "SEQ_2_SEQ_LM",
    ),
}  # fmt: skip
CLASSES = {"IMAGE_TEXT": "AutoModelForImageTextToText"}
HEADS = {
    "llama": ["SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"], "gpt2": ["SEQ_CLS", "TOKEN_CLS"], "bert": ["SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"],
    "roberta": ["SEQ_CLS"], "distilbert": ["SEQ_CLS", "QUESTION_ANS"], "bloom": ["SEQ_CLS"], "gemma2": ["SEQ_CLS"], "qwen2": ["FEATURE_EXTRACTION"],
}  # fmt: skip
METHODS = ["LORA", "LORA", "LORA", "IA3", "LOHA", "LOKR", "VERA", "OFT", "HRA", "MISS"]
PREFIXES = [
    ("base_model.model.", ""), ("base_model.model.", "base_model.model.model."), ("base_model.model.", "base_model."),
    ("base_model.model.", "base_model.model.base_model.model."), ("base_model.model.model.", "base_model.model."),
    ("base_model.model.", "module.base_model.model."), ("base_model.model.", "base_model.model._orig_mod."),
]  # fmt: skip


class Targets(InteropTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.patches = [
            mock.patch.dict(adapter_bases.ARCHITECTURES, MORE), mock.patch.dict(adapter_bases.TASK_CLASSES, CLASSES),
        ]  # fmt: skip
        for patch in cls.patches:
            patch.start()
        cls.addClassCleanup(lambda: [patch.stop() for patch in cls.patches])

    def base(self, name):
        directory = self.scratch / "bases" / name
        if not directory.exists():
            adapter_bases.save(name, directory)
        return directory

    def task(self, name):
        tasks = [adapter_bases.default_task(name), *HEADS.get(name, [])]
        return self.random.choice(tasks)

    def make(self, directory, name, task, method, values):
        """An adapter that real PEFT makes and saves; the reason if it refuses to."""
        import peft

        model = adapter_bases.make(name, task if name in adapter_bases.ARCHITECTURES else None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                real = task if task in {one.value for one in peft.TaskType} else None
                config = peft.PEFT_TYPE_TO_CONFIG_MAPPING[peft.PeftType(method)](task_type=real, **values)
                adapted = peft.get_peft_model(model, config)
                for parameter in adapted.parameters():
                    if parameter.requires_grad and not parameter.is_meta:
                        torch.nn.init.normal_(parameter)
                adapted.save_pretrained(directory)
            except Exception as error:
                shutil.rmtree(directory, ignore_errors=True)
                return f"{type(error).__name__}: {error}"
        return None

    def values(self, name, task, method):
        """A random choice of targets."""
        model = adapter_bases.make(name, task if name in adapter_bases.ARCHITECTURES else None)
        linear = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) or type(m).__name__ == "Conv1D"]
        every = [n for n, m in model.named_modules() if n]
        pick = self.random.choice(linear)
        last = pick.rsplit(".", 1)[-1]
        values = {}
        kind = self.random.randrange(7)
        if kind == 0:
            values["target_modules"] = "all-linear"
        elif kind == 1:
            values["target_modules"] = self.random.sample(linear, min(len(linear), self.random.randrange(1, 6)))
        elif kind == 2:
            expression = pick.replace(".", r"\.")
            values["target_modules"] = self.random.choice([
                expression, r".*\." + last, ".*" + last, rf"(?!.*layers\.0).*{last}", rf".*(?<!k)_?{last}$", rf"(.*\.)?({last}|nothing)",
            ])  # fmt: skip
        elif kind == 3:
            values["target_modules"] = [last, "no_such_module"]
        elif kind == 4:
            values["target_modules"] = [self.random.choice(every).rsplit(".", 1)[-1], last]
        elif kind == 5:
            values["target_modules"] = sorted({n.rsplit(".", 1)[-1] for n in self.random.sample(linear, min(3, len(linear)))})
        if isinstance(values.get("target_modules"), list) and self.random.random() < 0.3:
            values["layers_to_transform"] = self.random.choice([0, [1], [0, 1], []])
            if self.random.random() < 0.5:
                values["layers_pattern"] = self.random.choice(["layers", "h", ["layers", "layer", "block"], "lay.rs"])
        if self.random.random() < 0.3:
            values["exclude_modules"] = self.random.choice([[last], [pick], r".*\.1\..*", [self.random.choice(every)]])
        if self.random.random() < 0.3:
            values["modules_to_save"] = [self.random.choice(["norm", "lm_head", "embed_tokens", last, self.random.choice(every)])]
        if method == "IA3":
            values["feedforward_modules"] = []
            values.pop("layers_to_transform", None)
            values.pop("layers_pattern", None)
        if method == "LORA" and self.random.random() < 0.3:
            values["rank_pattern"] = {last: 3}
        return values

    def compare(self, name, task, directory):
        """How the answer differs from what PEFT does; None if it does not."""
        outcome = load(name, task, directory)
        run = peftkit("validate", directory, "--json", "--base", self.base(name))
        if run.code not in (0, 1):
            return str(run)
        report = run.json()
        errors = [one for one in report["findings"] if one["severity"] == "error"]
        if outcome.error:
            return None if errors else f"silent where PEFT refuses: {outcome.error[:200]}"
        binding = report.get("base")
        if binding is None:
            return "no binding"
        for ours, theirs in (("bound", outcome.bound), ("dead", outcome.unexpected), ("missing", outcome.fresh)):
            more, fewer = set(binding[ours]) - theirs, theirs - set(binding[ours])
            if more or fewer:
                return f"{ours}: too many {sorted(more)[:2]} ({len(more)}), too few {sorted(fewer)[:2]} ({len(fewer)})"
        if errors and not outcome.unexpected and not outcome.fresh:
            return f"false finding: {errors[0]['code']} {errors[0]['message'][:200]}"
        if not errors and (outcome.unexpected or outcome.fresh):
            return f"silent: ignored {sorted(outcome.unexpected)[:2]}, fresh {sorted(outcome.fresh)[:2]}"
        return None

    def rename(self, directory, change):
        path = directory / "adapter_model.safetensors"
        save_file({change(name): tensor for name, tensor in load_file(path).items()}, path, {"format": "pt"})

    def damage(self, directory):
        """Break the names or the config of an adapter at random, or leave it."""
        kind = self.random.randrange(6)
        if kind == 0:
            old, new = self.random.choice(PREFIXES)
            self.rename(directory, lambda name: new + name.removeprefix(old) if name.startswith(old) else name)
            return f"{old} to {new or 'nothing'}"
        if kind == 1:
            self.rename(directory, lambda name: name.replace(".1.", ".7."))
            return "another layer"
        if kind == 2:
            path = directory / "adapter_config.json"
            config = json.loads(path.read_text())
            targets = config["target_modules"]
            if isinstance(targets, list) and len(targets) > 1:
                config["target_modules"] = targets[1:]
                path.write_text(json.dumps(config))
                return f"without target {targets[0]}"
        return "as saved"

    def test_random_targets(self):
        names = [name for name in [*adapter_bases.ARCHITECTURES, *adapter_bases.MODULES]]
        made, refused, mismatches = {}, 0, []
        for number in range(RANDOM_CONFIGS):
            name = names[number % len(names)]
            task, method = self.task(name), self.random.choice(METHODS)
            values = self.values(name, task, method)
            directory = self.scratch / f"adapter{number}"
            if self.make(directory, name, task, method, values):
                refused += 1
                continue
            done = self.damage(directory)
            made[name] = made.get(name, 0) + 1
            wrong = self.compare(name, task, directory)
            if wrong:
                mismatches.append(f"{name} {task} {method} {values} [{done}]: {wrong}")
            shutil.rmtree(directory)
        print(f"targets: {sum(made.values())} adapters on {len(made)} models, {refused} refused by PEFT")
        self.assertGreaterEqual(len(made), 8)
        self.assertFalse(mismatches, f"{len(mismatches)} differ:\n" + "\n".join(f"- {one}" for one in mismatches))
