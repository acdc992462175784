# SPDX-License-Identifier: Apache-2.0
"""Adapters of unusual models and configs: `validate` must agree with real PEFT about each."""

import shutil
from unittest import mock

import adapter_bases
import peft
import torch
import transformers
from adapter_corpus import quiet
from adapter_loading import load
from load_verdicts import LoadVerdictTest
from safetensors.torch import save_file
from support import peftkit
from torch import nn

LORA = {"r": 3, "target_modules": ["q_proj", "down_proj"]}
SMALL = {"vocab_size": 40, "n_layer": 2, "n_head": 4}
DEEP = {"t5": {"num_layers": 1, "num_decoder_layers": 3, "d_model": 16, "d_ff": 24, "d_kv": 4, "num_heads": 4, "vocab_size": 40,
               "decoder_start_token_id": 0, "pad_token_id": 0}}  # fmt: skip


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("emb", "token_emb", "lookup"):
            setattr(self, name, nn.Embedding(9, 6))


class OwnNames(nn.Module):
    """Modules that are called as PEFT and torch call other things."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Linear(8, 12)
        self.base_layer = nn.Linear(12, 6)
        self.inner = nn.ModuleDict({"weight": nn.Linear(6, 10), "base_layer": nn.Linear(10, 4), "bias": nn.Linear(4, 6)})
        self.default = nn.Linear(6, 8)


class Stages(nn.Module):
    """A projection for each of two stages, which differ in width."""

    def __init__(self):
        super().__init__()
        self.linear_c = nn.ModuleList([nn.ModuleDict({"proj": nn.Linear(width, 16)}) for width in (8, 24)])


class OddAdapters(LoadVerdictTest):
    def saved(self, model, config, **options):
        """The directories of an adapter that PEFT saves for a model, and of the model."""
        self.count = getattr(self, "count", 0) + 1
        adapter, base = self.scratch / f"odd{self.count}", self.scratch / f"base{self.count}"
        base.mkdir()
        if hasattr(model, "save_pretrained"):
            model.save_pretrained(base)
        else:
            save_file(model.state_dict(), base / "model.safetensors", {"format": "pt"})
        with quiet():
            made = peft.get_peft_model(model, config)
            for parameter in made.parameters():
                if parameter.requires_grad:
                    parameter.data += 0.01 * torch.randn_like(parameter)
            made.save_pretrained(adapter, **options)
        return adapter, base

    def assert_clean(self, adapter, base, what):
        for options in ([], ["--base", base]):
            run = peftkit("validate", adapter, "--json", *options)
            found = [one for one in run.json()["findings"] if one["severity"] != "note"]
            self.assertEqual(found, [], f"{what} {options}")

    def assert_agrees(self, directory, changes, base=None, tensors=None):
        """Compare the verdicts on a value of each key."""
        intact = self.intact(directory)
        problems = []
        for key, value in changes:
            copy = self.changed(directory, **{key: value}) if key else self.changed(directory, tensors=tensors)
            for options in ([], ["--base", self.base(base)]) if base else ([],):
                if problem := self.problem(copy, intact, *options):
                    problems.append(f"{directory.name} {key} {value!r} {options}: {problem}")
        self.assertFalse(problems, "\n".join(problems))

    def test_prefixes_are_for_the_layers_of_the_decoder(self):
        config = transformers.T5Config(**DEEP["t5"])
        for layers in (1, 2, 3, 4):
            model = transformers.T5ForConditionalGeneration(config).eval()
            settings = peft.PrefixTuningConfig(task_type="SEQ_2_SEQ_LM", num_virtual_tokens=3, num_layers=layers)
            adapter, base = self.saved(model, settings)
            tokens = torch.tensor([[3, 4]])
            with quiet():
                loaded = peft.PeftModel.from_pretrained(transformers.T5ForConditionalGeneration(config).eval(), str(adapter))
                runs = True
                try:
                    loaded(input_ids=tokens, attention_mask=torch.ones_like(tokens), decoder_input_ids=tokens)
                except IndexError:
                    runs = False
            errors = self.errors(adapter, "--base", base)
            self.assertEqual([one["key"] for one in errors], [] if runs else ["num_layers"], (layers, errors))

    def test_classes_that_no_table_has(self):
        gpt2 = transformers.GPT2Config(n_embd=16, n_inner=24, n_positions=64, num_labels=1, **SMALL)
        for values in [{"target_modules": "all-linear"}, {"target_modules": ["wte", "wpe"]}, {},
                       {"target_modules": ["c_attn"], "modules_to_save": ["multiple_choice_head"]}]:  # fmt: skip
            adapter, base = self.saved(transformers.GPT2DoubleHeadsModel(gpt2), peft.LoraConfig(**values), save_embedding_layers=False)
            self.assert_clean(adapter, base, values)

    def test_tied_output_with_a_bias_of_its_own(self):
        xlnet = transformers.XLNetConfig(d_model=16, d_inner=24, **SMALL)
        for config in [peft.LoraConfig(target_modules=["layer_1", "lm_loss"]), peft.MissConfig(r=4, target_modules=["lm_loss"]),
                       peft.LoraConfig(target_modules="all-linear", modules_to_save=["lm_loss"])]:  # fmt: skip
            adapter, base = self.saved(transformers.XLNetLMHeadModel(xlnet), config, save_embedding_layers=False)
            self.assert_clean(adapter, base, config)

    def test_embeddings_of_any_name(self):
        for name in ("emb", "token_emb", "lookup"):
            for config in [peft.LoraConfig(r=2, target_modules=[name]), peft.LoraConfig(r=2, target_modules=[name], use_dora=True),
                           peft.HiraConfig(r=2, target_modules=[name])]:  # fmt: skip
                adapter, base = self.saved(Embeddings(), config)
                self.assert_clean(adapter, base, name)

    def test_modules_with_names_of_other_things(self):
        for make in (lambda **values: peft.LoraConfig(r=2, **values), lambda **values: peft.LoHaConfig(r=2, **values),
                     lambda **values: peft.VeraConfig(r=2, **values)):  # fmt: skip
            for names in (["weight"], ["base_layer"], ["weight", "base_layer"], ["inner.weight"], ["bias"], ["default"]):
                adapter, base = self.saved(OwnNames(), make(target_modules=names))
                self.assert_clean(adapter, base, names)
        for names in (["weight"], ["bias"], ["inner.weight"]):
            adapter, base = self.saved(OwnNames(), peft.LoraConfig(r=2, target_modules=["default"], modules_to_save=names))
            self.assert_clean(adapter, base, names)

    def test_two_stages_of_different_width(self):
        adapter, base = self.saved(Stages(), peft.LoraConfig(r=2, target_modules=["proj"]))
        self.assert_clean(adapter, base, "stages")

    def test_truth_of_save_projection(self):
        for method, values in [("VERA", {"r": 4}), ("RANDLORA", {"r": 4}), ("TINYLORA", {"r": 2, "u": 6}), ("PVERA", {"r": 4})]:
            directory = self.make(method, "llama", target_modules=["q_proj"], **values)
            self.assert_agrees(directory, [("save_projection", value) for value in ("yes", 1, [1])], "llama")

    def test_attention_and_its_output_projection(self):
        for values in [{"target_modules": ["attention", "out_proj"]}, {"target_modules": ["out_proj"]},
                       {"target_modules": ["inner"], "modules_to_save": ["attention"], "bias": "all"}]:  # fmt: skip
            adapter, base = self.saved(adapter_bases.Attention(), peft.LoraConfig(r=2, **values))
            self.assert_clean(adapter, base, values)

    def test_layers_that_osf_leaves_as_they_are(self):
        adapter, base = self.saved(nn.ModuleDict({"0": nn.Linear(8, 6), "block": nn.ModuleDict({"0": nn.LayerNorm(6), "1": nn.Linear(6, 8)})}),
                                   peft.OSFConfig(effective_rank=2, target_modules=["0", "block", "1"]))  # fmt: skip
        self.assert_clean(adapter, base, "OSF")

    def test_replicated_layers(self):
        directory = self.make("LORA", "llama", layer_replication=[[0, 2], [1, 2]], **LORA)
        layers = [[[0, 2], [2, 1], [1, 2]], [[0, 2], [-1, 0]], [[-2, 2]], [[0, 2], [-3, 0]], [[0, 2], [1, 3]], [[0, 2], [1, 2, 3]]]
        self.assert_agrees_with_base(directory, "layer_replication", layers)

    def assert_agrees_with_base(self, directory, key, values, base="llama"):
        intact = self.intact(directory)
        problems = {}
        for value in values:
            if problem := self.problem(self.changed(directory, **{key: value}), intact, "--base", self.base(base)):
                problems[str(value)] = problem
        self.assertFalse(problems)

    def test_values_of_other_types(self):
        directory = self.make("LORA", "llama", **LORA)
        self.assert_agrees(directory, [("init_lora_weights", value) for value in (None, 0, 0.0, [], {}, "", 3, [1])], "llama")
        self.assert_agrees(directory, [("layer_replication", value) for value in ([], None, 0)], "llama")
        self.assert_agrees(self.make("C3A", "llama", block_size=8), [("init_weights", ""), ("init_weights", True)], "llama")
        lokr = self.make("LOKR", "llama", r=2, decompose_factor=4, target_modules=["q_proj"])
        self.assert_agrees(lokr, [("decompose_factor", 4.0)], "llama")
        for method, values in [("PREFIX_TUNING", {}), ("CARTRIDGE", {})]:
            prompt = self.make(method, "gpt2", num_virtual_tokens=4, **values)
            self.assert_agrees(prompt, [("token_dim", 16.0), ("token_dim", "16"), ("num_layers", "2")], "gpt2")
        self.assert_agrees(self.make("PREFIX_TUNING", "qwen2", num_virtual_tokens=4), [("num_attention_heads", [4])], "qwen2")
        saved = self.make("LORA", "bert", "SEQ_CLS", target_modules=["query"])
        self.assert_agrees(saved, [("modules_to_save", False), ("modules_to_save", 0)], "bert")

    def test_values_that_peft_refuses(self):
        for method, values, changes in [
            ("LORA", {"kasa_config": {}}, [("kasa_config", {"beta": value}) for value in (-1, None, "1")]),
            ("LORA", {"velora_config": {"num_groups": 4}}, [("velora_config", value) for value in (
                {}, {"num_groups": 0}, {"num_groups": 4, "init_type": "x"}, {"num_groups": 4, "scale": 0}, {"num_groups": 4, "a": 1})]),
            ("LORA", {"monteclora_config": {}}, [("monteclora_config", value) for value in (
                {"dirichlet_prior": 0}, {"num_samples": None}, {"buffer_size": 0}, {"zz": 1}, {"num_samples": 8}, {})]),
            ("LORA", {"r": 4, "use_bdlora": {"target_modules_bd_a": ["q_proj"], "target_modules_bd_b": ["down_proj"], "nblocks": 2}},
             [("use_bdlora", {"target_modules_bd_a": a, "target_modules_bd_b": b, "nblocks": n, **more}) for a, b, n, more in (
                 (["q_proj"], ["down_proj"], None, {}), ([], ["down_proj"], 2, {}), (["q_proj"], ["q_proj"], 2, {}),
                 (["attn"], ["mlp"], 2, {}), (["q_proj"], ["down_proj"], 2, {"match_strict": False}))]),
            ("LORA", {}, [("eva_config", {"rho": 0.5}), ("eva_config", {}), ("arrow_config", {"top_k": 0})]),
            ("LORA", {}, [("target_parameters", ["down_proj.weight"]), ("target_parameters", ["mlp.down_proj.weight"])]),
            ("ADALORA", {"total_step": 10, "target_modules": ["q_proj"]}, [("rank_pattern", {"q_proj": 3}), ("rank_pattern", {"zzz": 3})]),
            ("PEANUT", {"r": 2, "target_modules": ["q_proj"]}, [("act_fn", "")]),
            ("OSF", {"effective_rank": 4, "target_modules": ["q_proj"]}, [("effective_rank", value) for value in (5.5, 4.0, 4.5, 0.25, 100)]),
            ("ROAD", {"group_size": 4, "target_modules": ["q_proj"]}, [("group_size", value) for value in (64, 8, 2, 6)]),
            ("SHADOW", {"shadow_hidden_size": 8, "shadow_intermediate_size": 12, "shadow_num_attention_heads": 2},
             [("shadow_intermediate_size", -1), ("shadow_intermediate_size", 24), ("shadow_hidden_size", None), ("shadow_hidden_size", 9)]),
            ("SHADOW", {}, [("share_embeddings", False)]),
            ("ADAPTION_PROMPT", {"adapter_len": 3, "adapter_layers": 1, "target_modules": "self_attn"}, [("target_modules", "self_attnx")]),
        ]:  # fmt: skip
            settings = {**LORA, **values} if method == "LORA" else values
            self.assert_agrees(self.make(method, "llama", **settings), changes, "llama")
        tokens = self.make("LORA", "llama", trainable_token_indices={"embed_tokens": [1, 2]}, **LORA)
        self.assert_agrees_with_base(tokens, "trainable_token_indices", [{"embed_tokens": [1, 2], "zzz": [1, 2]}])
        ia3 = self.make("IA3", "qwen3_moe", target_modules=["q_proj"], feedforward_modules=[])
        self.assert_agrees_with_base(ia3, "feedforward_modules", [None], "qwen3_moe")

    def test_adapter_names_in_names(self):
        """PEFT takes its own names of tensors in a model for some tensors, and not for others."""
        def named(tensors):
            return {name + ".default": tensor for name, tensor in tensors.items()}

        for method, values in [("SHIRA", {"r": 2}), ("ADAPTION_PROMPT", {"adapter_len": 3, "adapter_layers": 1}), ("VERA", {"r": 2}),
                               ("PVERA", {"r": 2}), ("IA3", {})]:  # fmt: skip
            self.assert_agrees(self.make(method, "llama", **values), [(None, "names")], "llama", tensors=named)

    def test_tensors_beside_a_prompt(self):
        for name in ("bias", "prompt_embeddings2", "base_model.model.prompt_embeddings", "epoch"):
            for method in ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING"):
                prompt = self.make(method, "llama", num_virtual_tokens=4)
                add = lambda tensors, name=name: {**tensors, name: torch.ones(3)}  # noqa: E731
                self.assert_agrees(prompt, [(None, name)], "llama", tensors=add)

    def test_groups_of_a_convolution(self):
        with mock.patch.dict(adapter_bases.MODULES, {"grouped": lambda: nn.ModuleDict({"dw": nn.Conv1d(8, 8, 3, groups=8)})}):
            directory = self.make("LORA", "grouped", r=16, target_modules=["dw"])
            double = lambda tensors: {k: torch.cat([v, v], 1) if "lora_B" in k else v for k, v in tensors.items()}  # noqa: E731
            intact = self.intact(directory)
            problem = self.problem(self.changed(directory, tensors=double), intact, "--base", self.base("grouped"))
            self.assertIsNone(problem)

    def test_notes_about_what_peft_warns_of(self):
        """PEFT warns of each; the finding names the key."""
        for method, values, changes, base in [
            ("LORA", LORA, {"eva_config": {"rho": 2.0}}, None), ("LORA", LORA, {"loftq_config": {"a": 1}}, None),
            ("ADALORA", {"total_step": 10}, {"r": 3}, None), ("PSOFT", {"r": 2}, {"num_cayley_neumann_terms": 7}, None),
            ("LORA", {"target_modules": ["lm_head", "q_proj"]}, {}, "llama_tied"),
            ("LORA", {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]}, {}, "llama_tied"),
            ("LORA", LORA, {"ensure_weight_tying": True}, "llama"),
        ]:  # fmt: skip
            directory = self.changed(self.make(method, base or "llama", **values), **changes)
            with quiet():
                outcome = self.intact(directory)
            self.assertTrue(outcome.warnings, (method, changes))
            run = peftkit("validate", directory, "--json", *(["--base", self.base(base)] if base else []))
            key = next(iter(changes), "ensure_weight_tying")
            found = [one["severity"] for one in run.json()["findings"] if one.get("key") == key]
            self.assertEqual(found, ["note"], (method, changes, run.json()["findings"]))

    def test_adapters_without_effect(self):
        directory = self.make("LORA", "llama", **LORA)
        zero = lambda tensors: {k: torch.zeros_like(v) if "lora_A" in k else v for k, v in tensors.items()}  # noqa: E731
        for copy, code, key in [(self.changed(directory, lora_alpha=0), "invalid-value", "lora_alpha"),
                                (self.changed(directory, "zero", tensors=zero), "zero-tensor", None)]:  # fmt: skip
            model = adapter_bases.make("llama")
            with quiet():
                plain = model(torch.tensor([[1, 2]])).logits
                adapted = peft.PeftModel.from_pretrained(model, str(copy)).eval()(torch.tensor([[1, 2]])).logits
            self.assertTrue(torch.equal(plain, adapted))
            run = peftkit("validate", copy, "--json")
            found = [(one["code"], one.get("key")) for one in run.json()["findings"] if one["severity"] == "warning"]
            self.assertIn((code, key), found)

    def test_heads_beside_a_prompt(self):
        """PEFT raises KeyError for each of these names, and loads what `repair` makes of them."""
        for start in ("", "base_model.model."):
            prompt = self.make("PROMPT_TUNING", "bert", "SEQ_CLS", num_virtual_tokens=3)
            named = lambda tensors, start=start: {k.replace("base_model.", start): v for k, v in tensors.items()}  # noqa: E731
            copy = self.changed(prompt, tensors=named)
            self.assertIn("KeyError", load("bert", "SEQ_CLS", copy).error)
            self.assertEqual([one["code"] for one in self.errors(copy)], ["misnamed-tensor"])
            repaired = self.scratch / f"repaired{len(start)}"
            self.assert_code(peftkit("repair", copy, "-o", repaired), 0)
            with quiet():
                self.assertEqual(load("bert", "SEQ_CLS", repaired).worse_than(self.intact(prompt)), [])

    def test_modules_that_verify_does_not_compare(self):
        directory = self.make("LORA", "llama", modules_to_save=["lm_head"], trainable_token_indices=[1, 2], **LORA)
        with quiet():
            model = peft.PeftModel.from_pretrained(adapter_bases.make("llama"), str(directory)).get_base_model()
        layers = {name: layer for name, layer in model.named_modules() if hasattr(layer, "lora_A")}
        reference = self.scratch / "reference.safetensors"
        save_file({f"{name}.delta": layer.get_delta_weight("default").detach().contiguous() for name, layer in layers.items()}, reference)
        run = peftkit("verify", directory, "--reference", reference, "--json")
        self.assertEqual(run.json()["uncovered_modules"], ["lm_head", "model.embed_tokens"])

    def test_rows_of_tokens_in_the_table(self):
        directory = self.make("LORA", "llama", trainable_token_indices=[1, 2], **LORA)
        modules = peftkit("validate", directory, "--base", self.base("llama"), "--json").json()["base"]["modules"]
        self.assertIn(("model.embed_tokens.token_adapter", "bound"), [(one["name"], one["state"]) for one in modules])
        run = peftkit("validate", directory / "adapter_config.json", "--base", self.base("llama"))
        self.assertIn("the base model is not compared", run.stderr)
        self.assertNotIn("not compared", peftkit("validate", directory, "--base", self.base("llama")).stderr)

    def test_paths_of_a_page_and_of_a_tree(self):
        directory = self.make("LORA", "llama", **LORA)
        page = self.scratch / "page.html"
        self.assert_code(peftkit("report", directory, self.scratch / "absent", self.changed(directory), "-o", page), 0)
        self.assertIn("absent", page.read_text())
        tree = self.scratch / "tree"
        for place in ("a", "b/c", "b/d/e"):
            shutil.copytree(directory, tree / place)
        run = peftkit("inspect", tree)
        self.assertIn("there are 3 adapters below it", run.stderr)


if __name__ == "__main__":
    import unittest

    unittest.main()
