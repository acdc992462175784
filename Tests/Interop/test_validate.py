# SPDX-License-Identifier: Apache-2.0
"""`peftkit validate` finds what keeps PEFT from loading an adapter, and nothing in what PEFT loads."""

import json
import shutil
import warnings

import numpy
import torch
from fixture_adapters import VOCABULARY, gpt2, mpt
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    BartConfig,
    BartForSequenceClassification,
    BertConfig,
    BertForQuestionAnswering,
    BertForTokenClassification,
    BertModel,
    BloomConfig,
    BloomForCausalLM,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2ForQuestionAnswering,
    GPT2ForSequenceClassification,
    GPT2ForTokenClassification,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
)

from support import FIXTURES, InteropTest, peftkit

SAFETENSORS, TORCH = "adapter_model.safetensors", "adapter_model.bin"
CONFIG = "adapter_config.json"


def distilbert():
    """Its `pre_classifier` is a head to PEFT, too."""
    sizes = dict(vocab_size=VOCABULARY, dim=16, n_layers=1, n_heads=1, hidden_dim=16)
    return DistilBertForSequenceClassification(DistilBertConfig(**sizes))


def roberta():
    sizes = dict(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=16,
    )  # fmt: skip
    return RobertaForSequenceClassification(RobertaConfig(**sizes))


def bart():
    """Its head has a name that PEFT does not know."""
    sizes = dict(
        vocab_size=VOCABULARY, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16,
        decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2,
    )  # fmt: skip
    return BartForSequenceClassification(BartConfig(**sizes))


BASES = [
    ("SEQ_CLS", lambda: gpt2(16, GPT2ForSequenceClassification, num_labels=3)),
    ("TOKEN_CLS", lambda: gpt2(16, GPT2ForTokenClassification, num_labels=3)),
    ("QUESTION_ANS", lambda: gpt2(16, GPT2ForQuestionAnswering)),
    ("SEQ_CLS", distilbert),
    ("SEQ_CLS", roberta),
    ("CAUSAL_LM", lambda: gpt2(16)),
]


def loading_error(make_base, directory):
    """What PEFT raises for an adapter, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            PeftModel.from_pretrained(make_base(), directory)
        except Exception as error:  # Any failure is one to tell of.
            return error
    return None


def save_npz(tensors, path):
    with open(path, "wb") as file:
        numpy.savez(file, **{name: tensor.numpy() for name, tensor in tensors.items()})


def save_script(tensors, path):
    module = torch.nn.Module()
    for name, tensor in tensors.items():
        module.register_buffer(name, tensor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))


WRITERS = [
    save_file,
    torch.save,
    lambda tensors, path: torch.save(tensors, path, _use_new_zipfile_serialization=False),
    save_npz,
    save_script,
]


class ValidateTests(InteropTest):
    def findings(self, directory):
        run = peftkit("validate", directory, "--json")
        self.assertIn(run.code, (0, 1), str(run))
        report = run.json()
        found = report["findings"]
        fails = any(finding["severity"] != "note" for finding in found)
        self.assertEqual((run.code, report["holds"]), (1, False) if fails else (0, True), str(run))
        # Notes about what the tests leave out: the name of the base model, and metadata.
        return [finding["code"] for finding in found if finding["code"] not in ("base-model", "no-format-key")]

    def test_formats(self):
        """A format that PEFT does not load by the name of the file is found, any other is not."""
        source = FIXTURES / "adapters/mpt-causal-lm"
        tensors = load_file(source / SAFETENSORS)
        for name in (SAFETENSORS, TORCH):
            for number, write in enumerate(WRITERS):
                with self.subTest(f"{name} {number}"):
                    directory = self.scratch / f"{number}-{name}"
                    directory.mkdir()
                    shutil.copy(source / CONFIG, directory)
                    write(tensors, directory / name)
                    error = loading_error(lambda: gpt2(16), directory)
                    expected = ["format-mismatch"] if error else []
                    self.assertEqual(self.findings(directory), expected, repr(error))

    def test_heads(self):
        """An adapter without its head is found exactly where PEFT raises KeyError."""
        changes = {
            "as saved": {},
            "null": {"modules_to_save": None},
            "empty": {"modules_to_save": []},
            "other": {"modules_to_save": ["lm_head"]},
            "no task": {"task_type": None, "modules_to_save": None},
        }
        for number, (task, make_base) in enumerate(BASES):
            saved = self.scratch / f"{number}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                prompt = mpt(task, tokens=2, token_dim=16, num_layers=1, num_attention_heads=1)
                get_peft_model(make_base(), prompt).save_pretrained(saved)
            unusable = ["unsupported-task-type"] if task == "QUESTION_ANS" else []
            self.assertEqual(self.findings(saved), unusable)
            whole, config = load_file(saved / SAFETENSORS), json.loads((saved / CONFIG).read_text())
            contents = {
                "whole": whole,
                "bare": {k: v for k, v in whole.items() if not k.startswith("base_model.")},
                "unprefixed": {k.removeprefix("base_model."): v for k, v in whole.items()},
            }
            for change, keys in changes.items():
                for content, tensors in contents.items():
                    if change == "other" and (task == "CAUSAL_LM" or content == "whole"):
                        continue  # Only the base model tells whether it has an lm_head.
                    with self.subTest(f"{number} {task} {change} {content}"):
                        directory = self.scratch / f"{number}-{change}-{content}"
                        directory.mkdir()
                        (directory / CONFIG).write_text(json.dumps({**config, **keys}))
                        save_file(tensors, directory / SAFETENSORS)
                        error = loading_error(make_base, directory)
                        codes = {"missing-module", "misnamed-tensor"}
                        found = not codes.isdisjoint(self.findings(directory))
                        self.assertEqual(isinstance(error, KeyError), found, repr(error))
                        self.assertEqual(error is not None, found, repr(error))

    def test_heads_of_other_names(self):
        """Heads that users name themselves are heads."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = mpt("SEQ_CLS", tokens=2, token_dim=16, num_layers=2, num_attention_heads=2)
            config.modules_to_save = ["classification_head"]
            get_peft_model(bart(), config).save_pretrained(self.scratch / "bart")
        self.assertIn("base_model.classification_head.dense.weight",
                      load_file(self.scratch / "bart" / SAFETENSORS))
        self.assertIsNone(loading_error(bart, self.scratch / "bart"))
        self.assertEqual(self.findings(self.scratch / "bart"), [])

    def test_heads_of_init(self):
        """What init takes for heads is what PEFT loads, by parts of names as well."""
        for number, (task, make_base) in enumerate(BASES[:-1]):
            base = make_base()
            checkpoint = self.scratch / f"{number}.safetensors"
            save_file({k: v.contiguous() for k, v in base.state_dict().items()}, checkpoint)
            config = self.scratch / f"{number}.json"
            keys = dict(
                peft_type="MULTITASK_PROMPT_TUNING", task_type=task, num_virtual_tokens=2,
                num_tasks=2, token_dim=16, num_layers=1, num_attention_heads=1,
            )  # fmt: skip
            config.write_text(json.dumps(keys))
            ours = self.scratch / f"{number}-ours"
            arguments = ["--config", config, "--heads", checkpoint, "-o", ours, "--no-sync"]
            if task == "QUESTION_ANS":
                self.assert_refused(peftkit("mpt", "init", *arguments))
                continue
            self.assert_code(peftkit("mpt", "init", *arguments), 0)
            self.assertIsNone(loading_error(lambda base=base: base, ours))
            self.assertEqual(self.findings(ours), [])

    def save_tokens_changed(self, make_base, name, task="CAUSAL_LM"):
        """Saves an adapter with the embeddings of a base model whose vocabulary has grown."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            base = make_base()
            base.resize_token_embeddings(VOCABULARY + 3)
            model = get_peft_model(base, mpt(task, tokens=2, tasks=2))
            model.save_pretrained(self.scratch / name, save_embedding_layers=True)
        return self.scratch / name

    def test_embeddings(self):
        """Embeddings that PEFT saves are noted, whatever the base model calls them; what is unused is found."""
        sizes = dict(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1)
        heads = dict(num_attention_heads=2, intermediate_size=16)
        bases = {
            "gpt2": ("CAUSAL_LM", lambda: gpt2(16)),
            "llama": ("CAUSAL_LM", lambda: LlamaForCausalLM(LlamaConfig(**sizes, **heads))),
            "phi": ("CAUSAL_LM", lambda: PhiForCausalLM(PhiConfig(**sizes, **heads))),
            "neox": ("CAUSAL_LM", lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**sizes, **heads))),
            "bloom": (
                "CAUSAL_LM",
                lambda: BloomForCausalLM(
                    BloomConfig(vocab_size=VOCABULARY, hidden_size=16, n_layer=1, n_head=2)
                ),
            ),
            "t5": (
                "SEQ_2_SEQ_LM",
                lambda: T5ForConditionalGeneration(
                    T5Config(vocab_size=VOCABULARY, d_model=16, d_ff=16, d_kv=8, num_layers=1,
                             num_heads=2, decoder_start_token_id=0)
                ),
            ),
        }  # fmt: skip
        for name, (task, make_base) in bases.items():
            with self.subTest(name):
                adapter = self.save_tokens_changed(make_base, name, task)
                others = [key for key in load_file(adapter / SAFETENSORS) if "." in key]
                found = self.findings(adapter)
                self.assertEqual(set(found), {"saved-embeddings"})
                matrices = [key for key in others if key.endswith(".weight")]
                self.assertEqual(len(found), len(matrices))

    def test_task_types(self):
        """Where PEFT ignores the prompt, or cannot run it, there is an error, and init makes no such adapter."""
        bert = dict(
            vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16,
        )  # fmt: skip
        bases = {
            "CAUSAL_LM": lambda: gpt2(16),
            "SEQ_CLS": lambda: gpt2(16, GPT2ForSequenceClassification, num_labels=3),
            "TOKEN_CLS": lambda: BertForTokenClassification(BertConfig(**bert)),
            "QUESTION_ANS": lambda: BertForQuestionAnswering(BertConfig(**bert)),
            "FEATURE_EXTRACTION": lambda: BertModel(BertConfig(**bert)),
            None: lambda: gpt2(16),
        }
        for task, make_base in bases.items():
            with self.subTest(str(task)), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                directory = self.scratch / str(task)
                torch.manual_seed(0)
                base = make_base().eval()
                model = get_peft_model(base, mpt(task or "CAUSAL_LM", tokens=2, tasks=2))
                model.save_pretrained(directory)
                settings = {**json.loads((directory / CONFIG).read_text()), "task_type": task}
                (directory / CONFIG).write_text(json.dumps(settings))
                torch.manual_seed(0)
                base = make_base().eval()
                inputs = {"input_ids": torch.tensor([[3, 4, 5]])}
                plain = base(**inputs)[0].detach().clone()
                loaded = PeftModel.from_pretrained(base, directory).eval()
                arguments = {} if task is None else {"task_ids": torch.tensor([1])}
                try:
                    output = loaded(**inputs, **arguments)[0]
                    works = output.shape != plain.shape or not torch.equal(output, plain)
                except ValueError:
                    works = False
                expected = [] if works else ["unsupported-task-type"]
                self.assertEqual(self.findings(directory), expected)
                if not works:
                    init = ["--config", directory / CONFIG, "-o", self.scratch / f"{task}-ours"]
                    self.assert_refused(peftkit("mpt", "init", *init))

    def test_width_of_base_model(self):
        """A null token_dim is a warning; PEFT takes it from the base model, and we from the tensors."""
        source = FIXTURES / "adapters/mpt-causal-lm"
        directory = self.scratch / "null"
        shutil.copytree(source, directory)
        settings = {**json.loads((source / CONFIG).read_text()), "token_dim": None}
        (directory / CONFIG).write_text(json.dumps(settings))
        self.assertIsNone(loading_error(lambda: gpt2(16), directory))
        self.assertEqual(self.findings(directory), ["token-dimension"])
        outputs = []
        for adapter in (source, directory):
            output = self.scratch / f"{adapter.name}.safetensors"
            self.assert_code(peftkit("forward", adapter, "--tasks", "0,1", "-o", output), 0)
            outputs.append(output.read_bytes())
        self.assertEqual(*outputs)

    def test_names_of_modules(self):
        """The renames that repair makes give an adapter of a model's state dict that PEFT loads."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = get_peft_model(gpt2(16), mpt(tokens=2, tasks=2))
            model.save_pretrained(self.scratch / "saved")
        saved = load_file(self.scratch / "saved" / SAFETENSORS)
        for prefix in ("", "module.", "_orig_mod."):
            with self.subTest(prefix):
                directory = self.scratch / f"names-{prefix}"
                directory.mkdir()
                shutil.copy(self.scratch / "saved" / CONFIG, directory)
                state = {
                    prefix + key: value for key, value in model.state_dict().items()
                    if "prompt_encoder" in key
                }  # fmt: skip
                torch.save(state, directory / TORCH)
                self.assertIsInstance(loading_error(lambda: gpt2(16), directory), KeyError)
                self.assertEqual(self.findings(directory), ["missing-tensor"] * 3)
                output = self.scratch / f"renamed-{prefix}"
                self.assert_code(peftkit("repair", directory, "-o", output), 0)
                self.assertEqual(self.findings(output), [])
                self.assertIsNone(loading_error(lambda: gpt2(16), output))
                renamed = torch.load(output / TORCH, weights_only=True)
                self.assertEqual(set(renamed), set(saved))
                for key, value in saved.items():
                    self.assertTrue(torch.equal(renamed[key], value))
