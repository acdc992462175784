# SPDX-License-Identifier: Apache-2.0
"""`peftkit embed-tokens`: prompts as new tokens of a model compute, in transformers, what PEFT computes with the adapter."""

import json
import shutil
import warnings
from pathlib import Path

import torch
import transformers
from peft import (
    CPTConfig,
    LoraConfig,
    MultitaskPromptTuningConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    get_peft_model,
)
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from support import InteropTest, peftkit

VOCABULARY = 40
TOKENS = 5
WIDTH = 16
WORDS = torch.tensor([[5, 6, 7, 8, 9], [9, 3, 30, 2, 11]])
LABELS = torch.tensor([[4, 5, 6], [7, 8, 9]])
LLAMA = dict(
    hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    head_dim=8, vocab_size=VOCABULARY, max_position_embeddings=64, pad_token_id=0,
)  # fmt: skip
T5 = dict(d_model=WIDTH, d_ff=24, d_kv=4, num_layers=2, num_heads=4, vocab_size=VOCABULARY, decoder_start_token_id=0)
BART = dict(
    d_model=WIDTH, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
    encoder_ffn_dim=24, decoder_ffn_dim=24, vocab_size=VOCABULARY, max_position_embeddings=64, pad_token_id=0,
    bos_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None,
)  # fmt: skip

# The class, its config, and what the output layer has for new tokens.
CAUSAL = {
    "llama": ("Llama", {**LLAMA, "tie_word_embeddings": False}, "own"),
    "llama-tied": ("Llama", {**LLAMA, "tie_word_embeddings": True}, "tied"),
    "gpt2": ("GPT2", dict(n_embd=WIDTH, n_layer=2, n_head=4, vocab_size=VOCABULARY, n_positions=64), "tied"),
    "gpt-j": ("GPTJ", dict(n_embd=WIDTH, n_layer=2, n_head=4, rotary_dim=4, vocab_size=VOCABULARY, n_positions=64), "own"),
    "opt": (
        "OPT",
        dict(hidden_size=WIDTH, ffn_dim=24, num_hidden_layers=2, num_attention_heads=4, vocab_size=VOCABULARY,
             max_position_embeddings=64, word_embed_proj_dim=WIDTH),
        "tied",
    ),
    "gemma3": ("Gemma3", {**LLAMA, "sliding_window": 8}, "tied"),
    "gpt-neox": (
        "GPTNeoX",
        dict(hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             vocab_size=VOCABULARY, max_position_embeddings=64),
        "own",
    ),
}  # fmt: skip
CONFIGS = {"gemma3": "Gemma3TextConfig"}
PAIRS = {
    "t5": ("T5", {**T5, "tie_word_embeddings": True}, "tied"),
    "t5-own-head": ("T5", {**T5, "tie_word_embeddings": False}, "own"),
    "bart": ("Bart", BART, "tied"),
    "bart-scaled": ("Bart", {**BART, "scale_embedding": True}, "tied"),
}


def quiet(make, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*arguments, **options)


class TokenTest(InteropTest):
    def base(self, name, dtype=torch.float32, **options):
        """A base model with random weights, biases included, saved in a directory."""
        kind, values, _ = (CAUSAL | PAIRS)[name]
        is_pair = name in PAIRS
        config = getattr(transformers, CONFIGS.get(name, f"{kind}Config"))(**values)
        torch.manual_seed(1)
        model = getattr(transformers, f"{kind}ForConditionalGeneration" if is_pair else (
            "GPT2LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM"))(config).to(dtype)  # fmt: skip
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
            for key, buffer in model.named_buffers():
                if key == "final_logits_bias":
                    buffer.add_(torch.randn_like(buffer))
        path = self.scratch / f"{name}-{str(dtype)[6:]}"
        if not path.exists():
            model.save_pretrained(path, **options)
            if name == "t5-own-head":
                # transformers 5 writes such a model as a tied one; those on the Hub have a head of their own.
                state = load_file(path / "model.safetensors")
                state["lm_head.weight"] = torch.randn(VOCABULARY, WIDTH)
                save_file(state, path / "model.safetensors", metadata={"format": "pt"})
                values = json.loads((path / "config.json").read_text())
                (path / "config.json").write_text(json.dumps({**values, "tie_word_embeddings": False}))
        return path

    def adapter(self, base, config, name):
        """An adapter that PEFT saved, with a prompt that matters."""
        model = self.model(base, config.task_type)
        torch.manual_seed(2)
        model = quiet(get_peft_model, model, config)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(torch.randn_like(parameter))
        path = self.scratch / f"{base.name}-{name}"
        quiet(model.save_pretrained, path)
        return path

    def model(self, path, task="CAUSAL_LM"):
        auto = AutoModelForSeq2SeqLM if "SEQ_2" in str(task) else AutoModelForCausalLM
        model, info = auto.from_pretrained(path, output_loading_info=True, dtype="auto")
        for kind, keys in info.items():
            self.assertFalse(keys, f"{kind} of {path.name}: {keys}")
        return model.eval()

    def embed(self, adapter, base, name, *options):
        output = self.scratch / name
        run = peftkit("embed-tokens", adapter, "--base", base, "-o", output, "--json", "--no-sync", *options)
        self.assert_code(run, 0)
        report = run.json()
        listed = json.loads((output / "prompt_tokens.json").read_text())
        self.assertEqual(listed, {"vocab_size": report["vocab_size"]["after"], "prompts": report["prompts"]})
        config = json.loads((output / "config.json").read_text())
        self.assertEqual(config["vocab_size"], report["vocab_size"]["after"])
        return output, report

    def configs(self, task, **options):
        """A config of each method whose prompt is rows of an embedding."""
        common = dict(task_type=task, num_virtual_tokens=TOKENS, **options)
        yield "mpt", MultitaskPromptTuningConfig(num_tasks=3, num_ranks=2, token_dim=WIDTH, **common)
        yield "prompt-tuning", PromptTuningConfig(**common)
        yield "p-tuning", PromptEncoderConfig(encoder_hidden_size=8, **common)

    def assert_close(self, ours, theirs, what):
        largest = theirs.abs().max()
        self.assertLessEqual((ours - theirs).abs().max(), 1e-5 * largest, what)

    def with_prompt(self, ids):
        return torch.cat([torch.tensor([ids]).expand(len(WORDS), -1), WORDS], dim=1)

    def check(self, base, name, config, output_layer):
        """Every prompt of an adapter gives PEFT's logits, as ids in front of the text."""
        is_pair = str(config.task_type).endswith("SEQ_2_SEQ_LM")
        adapter = self.adapter(base, config, name)
        output, report = self.embed(adapter, base, f"{base.name}-{name}-model")
        self.assertEqual(report["output_layer"], output_layer)
        ours = self.model(output, config.task_type)
        peft = quiet(PeftModel.from_pretrained, self.model(base, config.task_type), adapter).eval()
        labels = {"labels": LABELS} if is_pair else {}
        for prompt in report["prompts"]:
            self.assertEqual(len(prompt["token_ids"]), TOKENS)
            extra = {} if prompt["task"] is None else {"task_ids": torch.full((len(WORDS),), prompt["task"])}
            with torch.no_grad():
                theirs = peft(input_ids=WORDS, **labels, **extra).logits
                made = ours(input_ids=self.with_prompt(prompt["token_ids"]), **labels).logits
            self.assert_close(made[..., :VOCABULARY], theirs, f"{output.name} {prompt['task']}")
            if output_layer == "own":
                # The logits of new tokens are the mean of the others', so that no greedy search takes them.
                mean = made[..., :VOCABULARY].mean(dim=-1, keepdim=True)
                self.assertTrue(torch.allclose(made[..., VOCABULARY:], mean.expand_as(made[..., VOCABULARY:]), atol=1e-5))
        return adapter, output, report


class LogitTests(TokenTest):
    def test_decoders(self):
        for name, (_, _, output_layer) in CAUSAL.items():
            base = self.base(name)
            for method, config in self.configs("CAUSAL_LM"):
                with self.subTest(f"{name} {method}"):
                    self.check(base, method, config, output_layer)

    def test_encoders(self):
        for name, (_, _, output_layer) in PAIRS.items():
            base = self.base(name)
            for method, config in self.configs("SEQ_2_SEQ_LM", num_transformer_submodules=1):
                with self.subTest(f"{name} {method}"):
                    self.check(base, method, config, output_layer)

    def test_generation_of_pairs(self):
        """Of a prompt with two submodules, PEFT generates with the rows of the first."""
        base = self.base("t5")
        config = MultitaskPromptTuningConfig(
            task_type="SEQ_2_SEQ_LM", num_virtual_tokens=TOKENS, num_tasks=2, num_ranks=2, token_dim=WIDTH
        )
        adapter = self.adapter(base, config, "two")
        output, report = self.embed(adapter, base, "two-model", "--tasks", "1")
        ids = report["prompts"][0]["token_ids"]
        self.assertEqual((len(report["prompts"]), len(ids)), (1, TOKENS))
        options = dict(max_new_tokens=6, do_sample=False)
        peft = quiet(PeftModel.from_pretrained, self.model(base, "SEQ_2_SEQ_LM"), adapter).eval()
        theirs = quiet(peft.generate, input_ids=WORDS, task_ids=torch.tensor([1, 1]), **options)
        ours = self.model(output, "SEQ_2_SEQ_LM").generate(input_ids=self.with_prompt(ids), **options)
        self.assertEqual(ours.tolist(), theirs.tolist())

    def test_half_types(self):
        """The rows have the bits that PEFT casts a prompt to, and all others their own."""
        for dtype in (torch.bfloat16, torch.float16):
            base = self.base("llama", dtype)
            (_, config), *_ = self.configs("CAUSAL_LM")
            adapter = self.adapter(base, config, "mpt")
            output, report = self.embed(adapter, base, f"half-{str(dtype)[6:]}")
            before, after = load_file(base / "model.safetensors"), load_file(output / "model.safetensors")
            for key, tensor in before.items():
                self.assertTrue(torch.equal(after[key][: len(tensor)], tensor), key)
            peft = quiet(PeftModel.from_pretrained, self.model(base), adapter).eval()
            for prompt in report["prompts"]:
                with torch.no_grad():
                    theirs = peft.get_prompt(1, task_ids=torch.tensor([prompt["task"]]))[0].to(dtype)
                ours = after["model.embed_tokens.weight"][prompt["token_ids"]]
                ulp = (ours.view(torch.int16) - theirs.view(torch.int16)).abs().max()
                self.assertLessEqual(ulp, 1)


class FileTests(TokenTest):
    def mpt(self, base, **options):
        config = MultitaskPromptTuningConfig(
            task_type="CAUSAL_LM", num_virtual_tokens=TOKENS, num_tasks=3, num_ranks=2, token_dim=WIDTH, **options
        )
        return self.adapter(base, config, "mpt-files")

    def test_sizes(self):
        """The vocabulary may become a multiple of a number; tasks are chosen in any order."""
        base = self.base("llama")
        adapter = self.mpt(base)
        output, report = self.embed(adapter, base, "sizes", "--tasks", "2,0", "--pad-to-multiple-of", 64)
        self.assertEqual(report["vocab_size"], {"before": VOCABULARY, "after": 64})
        first, second = report["prompts"]
        self.assertEqual((first["task"], first["token_ids"]), (2, list(range(40, 45))))
        self.assertEqual((second["task"], second["token_ids"]), (0, list(range(45, 50))))
        self.assertEqual(self.model(output).get_input_embeddings().weight.shape, (64, WIDTH))

    def test_layouts_of_files(self):
        """Shards, torch files, and tied weights that a file has twice."""
        (name, config), *_ = self.configs("CAUSAL_LM")
        base = self.base("llama-tied")
        shards = self.scratch / "shards"
        self.model(base).save_pretrained(shards, max_shard_size="4KB")
        self.assertGreater(len(list(shards.glob("*.safetensors"))), 2)
        torch_files = self.scratch / "torch-files"
        shutil.copytree(base, torch_files)
        state = load_file(torch_files / "model.safetensors")
        (torch_files / "model.safetensors").unlink()
        torch.save(state, torch_files / "pytorch_model.bin")
        twice = self.scratch / "twice"
        shutil.copytree(base, twice)
        state["lm_head.weight"] = state["model.embed_tokens.weight"].clone()
        save_file(state, twice / "model.safetensors", metadata={"format": "pt"})
        for directory in (shards, torch_files, twice):
            with self.subTest(directory.name):
                self.check(directory, name, config, "tied")

    def test_dry_run(self):
        base = self.base("llama")
        output = self.scratch / "none"
        run = peftkit("embed-tokens", self.mpt(base), "--base", base, "-o", output, "--dry-run", "--json")
        self.assert_code(run, 0)
        self.assertEqual(run.json()["vocab_size"], {"before": VOCABULARY, "after": VOCABULARY + 3 * TOKENS})
        self.assertFalse(output.exists())

    def test_refusals(self):
        """What is not a prompt of rows is refused by name, and nothing is written."""
        base = self.base("llama")
        adapters = [
            (LoraConfig(task_type="CAUSAL_LM"), "LORA"),
            (PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3), "PREFIX_TUNING"),
            (CPTConfig(task_type="CAUSAL_LM", cpt_token_ids=[1, 2, 3], cpt_mask=[1, 1, 1], cpt_tokens_type_mask=[1, 2, 4]), "CPT"),
        ]  # fmt: skip
        for config, method in adapters:
            adapter = self.adapter(base, config, method)
            run = peftkit("embed-tokens", adapter, "--base", base, "-o", self.scratch / "out")
            self.assertEqual(run.code, 2, run)
            self.assertIn(method, run.stderr)
        wide = self.adapter(self.base("gpt2"), PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3), "p")
        other = self.scratch / "wide"
        config = transformers.LlamaConfig(**{**LLAMA, "hidden_size": 32})
        transformers.LlamaForCausalLM(config).save_pretrained(other)
        run = peftkit("embed-tokens", wide, "--base", other, "-o", self.scratch / "out")
        self.assertEqual(run.code, 2, run)
        self.assertIn("32 columns, but the prompt has 16", run.stderr)
        run = peftkit("embed-tokens", wide, "--base", base / "model.safetensors", "-o", self.scratch / "out")
        self.assertEqual(run.code, 2, run)
        self.assertFalse(Path(self.scratch / "out").exists())
