# SPDX-License-Identifier: Apache-2.0
"""Single changes of adapters of which PEFT's verdict is easily guessed wrongly; `validate` must have the same one."""

import json
import shutil

import adapter_bases
from adapter_corpus import quiet
from adapter_loading import load
from load_verdicts import LoadVerdictTest
from safetensors.torch import save_file
from support import peftkit

LORA = {"r": 3, "target_modules": ["q_proj", "down_proj"]}
SIZES = ("num_layers", "token_dim", "num_attention_heads")
DROPOUTS = ("LORA", "ADALORA", "VERA", "MISS", "DELORA", "HIRA", "RANDLORA", "LOHA", "BOFT")
# Values of init_lora_weights; for loftq PEFT needs a package that is not installed.
INITIAL = [
    "pissa_niter_x", "pissa_niter_", "pissa_foo", "PISSA", "nonsense", "Gaussian", "OLORA", "Mica", "orthogonal", "lora_ga", "corda", "",
    True, False, "gaussian",
]  # fmt: skip


class LoadVerdicts(LoadVerdictTest):
    def test_sizes_of_prompts(self):
        """PEFT computes the width and the heads of a prefix from both configs."""
        problems = []
        for method, base in [("PREFIX_TUNING", "llama"), ("PREFIX_TUNING", "qwen2"), ("PREFIX_TUNING", "opt"), ("PREFIX_TUNING", "t5"),
                             ("CARTRIDGE", "llama_tied"), ("PROMPT_TUNING", "llama"), ("P_TUNING", "qwen2"), ("CPT", "llama")]:  # fmt: skip
            values = {"cpt_token_ids": [1, 2], "cpt_mask": [1, 1], "cpt_tokens_type_mask": [1, 2]} if method == "CPT" else {"num_virtual_tokens": 4}
            directory = self.make(method, base, **values)
            intact = self.intact(directory)
            config = json.loads((directory / "adapter_config.json").read_text())
            for key in SIZES:
                value = config[key]
                for new in {None, value and value * 2, value and value + 1, value and max(1, value // 2)} - {value}:
                    copy = self.changed(directory, **{key: new})
                    # Heads that do not fit are accepted when PEFT loads, and fail when the model runs.
                    if key == "num_attention_heads" and "num_key_value_heads" not in self.base_config(base):
                        continue
                    if problem := self.problem(copy, intact, "--base", self.base(base), key=key):
                        problems.append(f"{method} {base} {key} {new}: {problem}")
            if method == "PREFIX_TUNING":
                for change in (lambda tensors: {"prompt_embeddings": tensors["prompt_embeddings"][1:]}, lambda tensors: {"prompt_embeddings": tensors["prompt_embeddings"][:, 1:]}):  # fmt: skip
                    if problem := self.problem(self.changed(directory, tensors=change), intact, "--base", self.base(base)):
                        problems.append(f"{method} {base} reshaped: {problem}")
        self.assertFalse(problems, "\n".join(problems))

    def base_config(self, name):
        return json.loads((self.base(name) / "config.json").read_text())

    def test_nested_saved_modules(self):
        problems = []
        for base, task, saved in [
            ("llama", None, ["mlp", "gate_proj"]), ("llama", None, ["layers.0", "layers.0.mlp"]), ("llama", None, ["norm", "model.norm"]),
            ("llama", None, ["norm", "layers.1"]), ("llama", None, ["lm_head", "head"]), ("llama", None, ["mlp", "act_fn"]),
            ("bert", "SEQ_CLS", ["encoder.layer.1", "output.dense"]), ("bert", "SEQ_CLS", ["encoder.layer.1"]),
        ]:  # fmt: skip
            targets = ["q_proj"] if base == "llama" else ["query"]
            for method, values in [("LORA", {"target_modules": targets}), ("PROMPT_TUNING", {"num_virtual_tokens": 2})]:
                directory = self.make(method, base, task, modules_to_save=list(saved), **values)
                with quiet():
                    error = load(base, task or adapter_bases.default_task(base), directory).error
                for options in ([], ["--base", self.base(base)]):
                    nested = any(one["code"] == "nested-module" for one in self.errors(directory, *options))
                    if nested != bool(error and error.startswith("KeyError")):
                        problems.append(f"{method} {base} {saved} {options}: PEFT {error}, nested {nested}")
        self.assertFalse(problems, "\n".join(problems))

    def test_probabilities_of_dropout(self):
        problems = []
        for method in DROPOUTS:
            values = {"ADALORA": {"total_step": 10}, "MISS": {"r": 4}, "BOFT": {"boft_block_size": 4}}.get(method, {})
            directory = self.make(method, "llama", target_modules=["down_proj"], **values)
            intact = self.intact(directory)
            config = json.loads((directory / "adapter_config.json").read_text())
            for key in [key for key in config if "dropout" in key]:
                for value in (1.5, 1.0, -0.5):
                    if problem := self.problem(self.changed(directory, **{key: value}), intact, key=key):
                        problems.append(f"{method} {key} {value}: {problem}")
        self.assertFalse(problems, "\n".join(problems))

    def test_initial_values(self):
        directory = self.make("LORA", "llama", **LORA)
        intact = self.intact(directory)
        problems = {}
        for value in INITIAL:
            if problem := self.problem(self.changed(directory, init_lora_weights=value), intact, key="init_lora_weights"):
                problems[value] = problem
        self.assertFalse(problems)

    def test_factors_that_are_transposed_or_exchanged(self):
        directory = self.make("LORA", "llama", **LORA)
        intact = self.intact(directory)

        def transposed(leaf):
            return lambda tensors: {name: tensor.T if leaf in name else tensor for name, tensor in tensors.items()}

        def exchanged(tensors):
            names = {"lora_A": "lora_B", "lora_B": "lora_A"}
            return {name.replace(leaf, names[leaf]): tensor for name, tensor in tensors.items() for leaf in names if leaf in name}

        for change in (transposed("lora_A"), transposed("lora_B"), transposed("lora_"), exchanged):
            copy = self.changed(directory, tensors=change)
            self.assertTrue(load("llama", "CAUSAL_LM", copy).worse_than(intact))
            for options in ([], ["--base", self.base("llama")]):
                errors = self.errors(copy, *options)
                self.assertEqual([one["code"] for one in errors], ["shape-mismatch"], errors)
                self.assertIn("in the wrong order", errors[0]["message"])

    def test_bases_without_config(self):
        """The class of a model is unknown without its config.json, and nothing false is said."""
        for method, base, task, values in [
            ("LORA", "bert", "SEQ_CLS", {"target_modules": ["query"]}), ("LORA", "gpt2", None, {"target_modules": ["c_fc"]}),
            ("PROMPT_TUNING", "bert", "SEQ_CLS", {"num_virtual_tokens": 2}), ("PREFIX_TUNING", "llama", None, {"num_virtual_tokens": 2}),
            ("TRAINABLE_TOKENS", "gpt2", None, {"token_indices": [1, 2]}), ("LORA", "t5", None, {"target_modules": ["q"], "modules_to_save": ["lm_head"]}),
            ("LORA", "convolutions", None, {"target_modules": ["linear"]}),
        ]:  # fmt: skip
            directory = self.make(method, base, task, **values)
            copy = self.scratch / f"{base}-without-config"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(self.base(base), copy, ignore=shutil.ignore_patterns("*config.json"))
            self.assertEqual(self.errors(directory, "--base", copy), [], f"{method} {base}")
        # A module of torch has no config, and is compared all the same.
        def renamed(tensors):
            return {name.replace("linear", "linaer"): tensor for name, tensor in tensors.items()}

        self.assertTrue(self.errors(self.changed(directory, tensors=renamed), "--base", copy))

    def test_verify_says_what_peft_does_not_load(self):
        directory = self.make("LORA", "llama", **LORA)
        reference = self.scratch / "reference.safetensors"
        make = adapter_bases.make("llama")
        import peft

        with quiet():
            model = peft.PeftModel.from_pretrained(make, str(directory))
        name = "model.layers.0.mlp.down_proj"
        layer = model.get_base_model().get_submodule(name)
        save_file({f"{name}.delta": layer.get_delta_weight("default").detach().contiguous()}, reference)
        run = peftkit("verify", directory, "--reference", reference)
        self.assert_code(run, 0)
        self.assertNotIn("note:", run.stdout.decode())
        copy = self.changed(directory, target_modules=["down_proj"])
        run = peftkit("verify", copy, "--reference", reference)
        self.assert_code(run, 0)
        self.assertIn("note: PEFT does not load the adapter as it was verified", run.stdout.decode())
        self.assertEqual([one["code"] for one in peftkit("verify", copy, "--reference", reference, "--json").json()["errors"]], ["untargeted-module"])


if __name__ == "__main__":
    import unittest

    unittest.main()
