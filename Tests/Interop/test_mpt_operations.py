# SPDX-License-Identifier: Apache-2.0
"""`peftkit mpt` against real PEFT: what it initialises, bakes and computes loads there and computes the same."""

import base64
import io
import itertools
import json
import tempfile
import warnings
from pathlib import Path

import numpy
import torch
from fixture_adapters import MPT_ADAPTERS, gpt2, mpt
from make_reference import Case, load_embedding, run_case
from peft import PeftModel, PromptEmbedding, PromptTuningConfig, get_peft_model
from peft.tuners.multitask_prompt_tuning import MultitaskPromptEmbedding
from safetensors.torch import load_file, save_file

from normal_numbers import normals
from numerics import disagreement
from support import FIXTURES, InteropTest, peftkit

NAMES = ["prefix_task_cols", "prefix_task_rows", "prompt_embeddings"]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
SOURCE_MODES = ["AVERAGE_SOURCE_TASKS", "EXACT_SOURCE_TASK", "ONLY_SOURCE_SHARED"]
SOURCES = 48
# Task counts around every turn that torch's summation takes.
TASK_COUNTS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 67, 127, 130, 257, 1030]


def bits(tensor):
    return tensor.contiguous().view({2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.itemsize])


def quiet(make, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*arguments)


def weights(directory):
    return load_file(Path(directory) / "adapter_model.safetensors")


def config(directory):
    return json.loads((Path(directory) / "adapter_config.json").read_text())


def prompts(directory, tasks):
    """What PEFT's module computes for tasks of an adapter, [tasks, V, D]."""
    return run_case(load_embedding(directory), Case(list(tasks)))


def close(ours, theirs, tolerance=1e-5):
    """Equal within a share of the largest value."""
    return (ours - theirs).abs().max() <= tolerance * theirs.abs().max()


class OperationTest(InteropTest):
    def run_mpt(self, *arguments):
        """Run a command that must work, without flushing to the drive."""
        run = peftkit("mpt", *arguments, "--no-sync")
        self.assert_code(run, 0)
        return run

    def save_config(self, base, prompt_config, name="config"):
        """A fresh adapter that PEFT saved, for its config and its own tensors."""
        path = self.scratch / name
        quiet(get_peft_model, base, prompt_config).save_pretrained(path)
        return path

    def load(self, base, directory):
        return quiet(PeftModel.from_pretrained, base, directory)


class InitializationTests(OperationTest):
    def random_source(self, number):
        rng = self.random
        tasks = TASK_COUNTS[number % len(TASK_COUNTS)]
        tokens, ranks = rng.choice([1, 2, 3, 7, 8, 20, 33]), rng.choice([1, 1, 2, 3, 5])
        width = rng.choice([1, 2, 5, 16, 31, 33, 64, 100])
        shapes = [(tasks, tokens, ranks), (tasks, ranks, width), (tokens, width)]
        generator = torch.Generator().manual_seed(rng.randrange(2**63))
        return {
            name: torch.randn(shape, generator=generator, dtype=torch.float64)
            .mul(10.0 ** rng.randrange(-3, 2))
            .to(rng.choice(DTYPES) if number % 2 else DTYPES[number // 2 % 4])
            for name, shape in zip(NAMES, shapes, strict=True)
        }

    def source_problem(self, number, source, path):
        tasks, tokens, ranks = source["prefix_task_cols"].shape
        width = source["prompt_embeddings"].shape[1]
        for mode in SOURCE_MODES:
            options = dict(
                prompt_tuning_init=mode,
                prompt_tuning_init_state_dict_path=str(path),
                prompt_tuning_init_task=(number * 7) % tasks,
            )
            count = 3 if mode == "ONLY_SOURCE_SHARED" else 1
            adapter = self.save_config(
                gpt2(width), mpt(tokens=tokens, tasks=count, ranks=ranks, **options)
            )
            ours = self.scratch / f"{path.name}-{mode}"
            run = peftkit(
                "mpt", "init", "--config", adapter / "adapter_config.json", "-o", ours, "--no-sync"
            )
            if run.code:
                return str(run)
            copied = NAMES[2:] if mode == "ONLY_SOURCE_SHARED" else NAMES
            for name in copied:
                left, right = weights(ours)[name], weights(adapter)[name]
                if left.dtype != right.dtype or not torch.equal(bits(left), bits(right)):
                    return f"{mode} {name} of {source[name].dtype} {list(source[name].shape)}"
        return None

    def test_source_modes(self):
        """Every tensor that comes from a source has PEFT's bits, means included."""
        for number in range(SOURCES):
            source = self.random_source(number)
            path = self.scratch / f"source-{number}.safetensors"
            save_file(source, path)
            self.assertIsNone(self.source_problem(number, source, path))

    def test_torch_sources(self):
        for number in range(4):
            source = self.random_source(2 * number)
            path = self.scratch / f"source-{number}.bin"
            torch.save(source, path)
            if "torch" in peftkit("inspect", path).stderr:
                self.skipTest("this build does not read torch files")
            self.assertIsNone(self.source_problem(number, source, path))

    def test_negative_source_task(self):
        """PEFT indexes with the task as it is."""
        source = self.random_source(3)
        path = self.scratch / "source.safetensors"
        save_file(source, path)
        self.assertIsNone(self.source_problem(-1, source, path))

    def test_random_bits(self):
        """The numbers are those of the specification, by another implementation of it."""
        adapter = self.save_config(gpt2(24), mpt(tokens=9, tasks=3, ranks=2))
        for seed in (0, 7, 2**64 - 1, self.random.randrange(2**64)):
            ours = self.scratch / f"seed-{seed}"
            path = adapter / "adapter_config.json"
            self.run_mpt("init", "--config", path, "--seed", seed, "-o", ours)
            for stream, (name, theirs) in enumerate(sorted(weights(adapter).items())):
                deviation = 1.0 if name == "prompt_embeddings" else 0.02
                numbers = itertools.islice(normals(seed, stream), theirs.numel())
                expected = [deviation * number for number in numbers]
                expected = torch.tensor(expected, dtype=torch.float64).float().view(theirs.shape)
                self.assertTrue(torch.equal(bits(weights(ours)[name]), bits(expected)), name)

    def test_random_distribution(self):
        """Moments and shapes are PEFT's: each within five standard errors."""
        adapter = self.save_config(gpt2(128), mpt(tokens=200, tasks=16, ranks=8))
        ours = self.scratch / "ours"
        self.run_mpt("init", "--config", adapter / "adapter_config.json", "-o", ours)
        for name, theirs in weights(adapter).items():
            tensor = weights(ours)[name]
            self.assertEqual((tensor.shape, tensor.dtype), (theirs.shape, theirs.dtype))
            deviation = 1.0 if name == "prompt_embeddings" else 0.02
            for values in (tensor, theirs):
                unit = values.double().flatten() / deviation
                count = unit.numel()
                for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
                    error = (unit.pow(power).mean() - mean).abs() / (variance / count) ** 0.5
                    self.assertLess(error, 5, f"{name}, moment {power}")
            # Kolmogorov and Smirnov: 1.95 is the quantile of 0.1 %.
            both = torch.cat([tensor.flatten(), theirs.flatten()]).sort()
            steps = torch.where(both.indices < tensor.numel(), 1.0, -1.0)
            distance = steps.cumsum(0).abs().max() / tensor.numel()
            self.assertLess(distance * (tensor.numel() / 2) ** 0.5, 1.95, name)

    def test_text(self):
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from tokenizers.pre_tokenizers import Whitespace
        from transformers import PreTrainedTokenizerFast

        text = "classify the sentiment of this review"
        tokenizer = Tokenizer(
            WordLevel({word: n for n, word in enumerate(["?", *text.split()])}, unk_token="?")
        )
        tokenizer.pre_tokenizer = Whitespace()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?")
        path = self.scratch / "tokenizer"
        tokenizer.save_pretrained(path)
        ids = ",".join(str(number) for number in tokenizer(text)["input_ids"])
        for tokens, dtype in itertools.product([1, 4, 6, 7, 20], DTYPES):
            base = gpt2(16).to(dtype)
            adapter = self.save_config(
                base,
                mpt(
                    tokens=tokens,
                    prompt_tuning_init="TEXT",
                    tokenizer_name_or_path=str(path),
                    prompt_tuning_init_text=text,
                ),
            )
            words = self.scratch / "words.safetensors"
            save_file({"wte.weight": base.transformer.wte.weight.detach().clone()}, words)
            ours = Path(tempfile.mkdtemp(dir=self.scratch)) / "ours"
            self.run_mpt(
                "init", "--config", adapter / "adapter_config.json",
                "--word-embeddings", f"{words}:wte.weight", "--token-ids", ids, "-o", ours,
            )  # fmt: skip
            name = "prompt_embeddings"
            self.assertTrue(torch.equal(bits(weights(ours)[name]), bits(weights(adapter)[name])))
            self.assertEqual(config(ours), config(adapter))
            self.load(gpt2(16), ours)

    def test_configs(self):
        """An adapter from a source loads where the source is not, and keeps PEFT's config if asked to."""
        for mode in SOURCE_MODES:
            source = self.scratch / "source.safetensors"
            save_file(weights(FIXTURES / "adapters/mpt-causal-lm"), source)
            options = dict(
                prompt_tuning_init=mode, prompt_tuning_init_state_dict_path=str(source)
            )
            tasks = 2 if mode == "ONLY_SOURCE_SHARED" else 1
            adapter = self.save_config(gpt2(16), mpt(tasks=tasks, **options))
            theirs = adapter / "adapter_config.json"
            ours, kept = self.scratch / f"ours-{mode}", self.scratch / f"kept-{mode}"
            self.run_mpt("init", "--config", theirs, "-o", ours)
            self.run_mpt("init", "--config", theirs, "--keep-source", "-o", kept)
            self.assertEqual((kept / theirs.name).read_bytes(), theirs.read_bytes())
            self.load(gpt2(16), kept)
            source.unlink()
            with self.assertRaises(FileNotFoundError):
                self.load(gpt2(16), kept)
            model = self.load(gpt2(16), ours)
            self.assertIsInstance(model.prompt_encoder["default"], MultitaskPromptEmbedding)
            for name, tensor in weights(ours).items():
                name = name.replace("prompt_embeddings", "embedding.weight")
                loaded = model.prompt_encoder["default"].state_dict()[name]
                self.assertTrue(torch.equal(loaded, tensor))

    def test_bare_config(self):
        """A config of few keys is completed to what PEFT loads, for every task type."""
        for name in ("mpt-causal-lm", "mpt-seq2seq", "mpt-seq-cls", "mpt-token-cls"):
            adapter = FIXTURES / "adapters" / name
            keys = ("num_virtual_tokens", "num_tasks", "peft_type", "task_type", "token_dim")
            path = self.scratch / "bare.json"
            path.write_text(json.dumps({key: config(adapter)[key] for key in keys}))
            ours = self.scratch / name
            arguments = ["init", "--config", path, "-o", ours]
            head = {key: value for key, value in weights(adapter).items() if key not in NAMES}
            if head:
                self.assert_refused(peftkit("mpt", *arguments))
                # From an adapter, and from a base model, whose names have no prefix.
                base = self.scratch / "base.safetensors"
                save_file({key.removeprefix("base_model."): value for key, value in head.items()}, base)
                for source in (adapter, base):
                    self.run_mpt(*arguments, "--heads", source, "--force")
                    for key, value in head.items():
                        self.assertTrue(torch.equal(weights(ours)[key], value))
            else:
                self.run_mpt(*arguments)
            self.assertEqual(set(config(ours)), set(config(adapter)))
            model = self.load(MPT_ADAPTERS[name][0](), ours)
            task = torch.tensor([0])
            self.assertEqual(model.get_prompt(1, task).shape[-1], config(adapter)["token_dim"])


class BakingTests(OperationTest):
    def test_prompts(self):
        """A baked task loads as prompt tuning, and its prompt is the one that PEFT computes."""
        for name in MPT_ADAPTERS:
            adapter = FIXTURES / "adapters" / name
            embedding = load_embedding(adapter)
            make_base = MPT_ADAPTERS[name][0]
            for task in range(embedding.num_tasks):
                with self.subTest(f"{name} {task}"):
                    ours = self.scratch / f"{name}-{task}"
                    self.run_mpt("bake", adapter, "--task", task, "-o", ours)
                    model = self.load(make_base(), ours)
                    encoder = model.prompt_encoder["default"]
                    self.assertIs(type(encoder), PromptEmbedding)
                    case = Case([task])
                    theirs = run_case(embedding, case)
                    baked = encoder.embedding.weight.detach()[None]
                    self.assertIsNone(disagreement(embedding, case, baked, theirs))
                    self.assertEqual(
                        set(config(ours)), set(PromptTuningConfig(peft_type="x").to_dict())
                    )

    def test_models_compute_the_same(self):
        """Base model, heads and prompt together give the same logits, classifiers included.

        With prompts for the decoder too, PEFT's forward of multitask prompt tuning puts them there, and that of
        prompt tuning does not; `generate` puts them nowhere in either.
        """
        for name in ("mpt-causal-lm", "mpt-seq2seq", "mpt-seq2seq-encoder-only", "mpt-seq-cls",
                     "mpt-token-cls"):  # fmt: skip
            adapter, make_base = FIXTURES / "adapters" / name, MPT_ADAPTERS[name][0]
            ours = self.scratch / name
            self.run_mpt("bake", adapter, "--task", 1, "-o", ours)
            inputs = {"input_ids": torch.tensor([[5, 6, 7, 8]])}
            generates = name == "mpt-seq2seq"
            if name == "mpt-seq2seq-encoder-only":
                inputs["labels"] = torch.tensor([[9, 10, 11]])
            logits = []
            for directory, extra in ((adapter, {"task_ids": torch.tensor([1])}), (ours, {})):
                torch.manual_seed(1)
                model = self.load(make_base(), directory).eval()
                with torch.no_grad():
                    if generates:
                        options = dict(
                            max_new_tokens=4, min_new_tokens=4, do_sample=False,
                            return_dict_in_generate=True, output_logits=True,
                        )  # fmt: skip
                        made = model.generate(**inputs, **extra, **options)
                        logits.append(torch.stack(made.logits))
                    else:
                        logits.append(model(**inputs, **extra).logits)
            self.assertTrue(close(logits[1], logits[0], 1e-6), name)

    def test_all_and_bare_files(self):
        for name in ("mpt-causal-lm", "mpt-rank4-bf16", "mpt-seq2seq"):
            adapter = FIXTURES / "adapters" / name
            directory, arrays = self.scratch / f"{name}-all", self.scratch / f"{name}-npy"
            self.run_mpt("bake", adapter, "--all", "-o", directory)
            self.run_mpt("bake", adapter, "--all", "--as", "npy", "-o", arrays)
            count = config(adapter)["num_tasks"]
            self.assertEqual(len(list(directory.iterdir())), count)
            for task in range(count):
                baked = weights(directory / f"task-{task}")["prompt_embeddings"]
                array = numpy.load(arrays / f"task-{task}.npy", allow_pickle=False)
                self.assertTrue(torch.equal(torch.from_numpy(array), baked))
                for dtype in DTYPES:
                    file = self.scratch / f"{name}-{task}-{dtype}.safetensors"
                    spelled = str(dtype).removeprefix("torch.")
                    self.run_mpt(
                        "bake", adapter, "--task", task, "--as", "safetensors",
                        "--dtype", spelled, "-o", file,
                    )  # fmt: skip
                    (bare,) = load_file(file).values()
                    self.assertEqual(bare.dtype, dtype)
                    if dtype == torch.float64:
                        self.assertTrue(close(bare.float(), baked, 1e-6))
                    else:
                        self.assertTrue(torch.equal(bits(bare), bits(baked.to(dtype))))


    def test_forms_for_servers(self):
        """A bare tensor has the bytes of torch.save, in a file and in base64; TGIS gets the rows before the input."""
        for name in ("mpt-causal-lm", "mpt-rank4-bf16", "mpt-seq2seq"):
            adapter = FIXTURES / "adapters" / name
            for dtype in DTYPES:
                spelled = str(dtype).removeprefix("torch.")
                folder = self.scratch / f"{name}-{spelled}"
                folder.mkdir()
                options = ("--task", 1, "--dtype", spelled, "-o")
                self.run_mpt("bake", adapter, "--as", "safetensors", *options, folder / "rows.safetensors")
                self.run_mpt("bake", adapter, "--as", "pt", *options, folder / "rows.pt")
                self.run_mpt("bake", adapter, "--as", "prompt-embeds", *options, folder / "rows.b64")
                self.run_mpt("bake", adapter, "--as", "tgis", *options, folder / "prefix")
                (rows,) = load_file(folder / "rows.safetensors").values()
                bare = torch.load(folder / "rows.pt", weights_only=True)
                self.assertEqual((bare.dtype, bare.requires_grad), (dtype, False))
                self.assertTrue(torch.equal(bits(bare), bits(rows)))
                theirs = folder / "torch"
                theirs.mkdir()
                torch.save(rows, theirs / "rows.pt")
                self.assertEqual((theirs / "rows.pt").read_bytes(), (folder / "rows.pt").read_bytes())
                stream = io.BytesIO()
                torch.save(rows, stream)
                sent = base64.b64decode((folder / "rows.b64").read_bytes(), validate=True)
                self.assertEqual(stream.getvalue(), sent)
                file = "encoder.pt" if name == "mpt-seq2seq" else "decoder.pt"
                self.assertEqual([path.name for path in (folder / "prefix").iterdir()], [file])
                prefix = torch.load(folder / "prefix" / file, weights_only=True)
                count = config(adapter)["num_virtual_tokens"]
                self.assertTrue(torch.equal(bits(prefix), bits(rows[:count])))


class AlgebraTests(OperationTest):
    ADAPTERS = ["mpt-causal-lm", "mpt-rank4", "mpt-odd-sizes", "mpt-rank4-bf16", "mpt-rank4-f64",
                "mpt-seq2seq", "mpt-seq-cls", "mpt-only-source-shared"]  # fmt: skip

    def loaded(self, name, directory):
        """The prompts of every task, after PeftModel took the adapter for what it says it is."""
        model = self.load(MPT_ADAPTERS[name][0](), directory)
        encoder = model.prompt_encoder["default"]
        self.assertIs(type(encoder), MultitaskPromptEmbedding)
        theirs = {key for key in weights(FIXTURES / "adapters" / name) if key not in NAMES}
        self.assertEqual({key for key in weights(directory) if key not in NAMES}, theirs)
        return prompts(directory, range(encoder.num_tasks))

    def each(self):
        for name in self.ADAPTERS:
            adapter = FIXTURES / "adapters" / name
            count = config(adapter)["num_tasks"]
            yield name, adapter, prompts(adapter, range(count)), self.scratch / name

    def test_select(self):
        for name, adapter, theirs, ours in self.each():
            order = [len(theirs) - 1, 0]
            self.run_mpt("select", adapter, "--tasks", ",".join(map(str, order)), "-o", ours)
            self.assertTrue(torch.equal(self.loaded(name, ours), theirs[order]))
            dropped = self.scratch / f"{name}-dropped"
            self.run_mpt("select", adapter, "--drop", "1", "-o", dropped)
            kept = [task for task in range(len(theirs)) if task != 1]
            self.assertTrue(torch.equal(self.loaded(name, dropped), theirs[kept]))

    def test_concat(self):
        for name, adapter, theirs, ours in self.each():
            wider = self.scratch / f"{name}-wider"
            self.run_mpt("rank", adapter, "--to", config(adapter)["num_ranks"] + 2, "-o", wider)
            self.run_mpt("concat", adapter, wider, adapter, "-o", ours)
            self.assertTrue(close(self.loaded(name, ours), torch.cat([theirs] * 3), 1e-6))

    def test_average_of_factors(self):
        """What PEFT makes of the adapter as a source of AVERAGE_SOURCE_TASKS, bit for bit."""
        for name, adapter, _, ours in self.each():
            self.run_mpt("average", adapter, "-o", ours)
            self.loaded(name, ours)
            for key in NAMES[:2]:
                theirs = weights(adapter)[key].mean(0, keepdim=True)
                self.assertTrue(torch.equal(bits(weights(ours)[key]), bits(theirs)))

    def test_average_of_prompts(self):
        for name, adapter, theirs, ours in self.each():
            self.run_mpt("average", adapter, "--of", "prompts", "-o", ours)
            mean = theirs.double().mean(0, keepdim=True).float()
            tolerance = 2e-2 if "bf16" in name else 1e-5
            self.assertTrue(close(self.loaded(name, ours), mean, tolerance))

    def test_rank(self):
        """No approximation of that rank is better, by torch's own singular values."""
        for name, adapter, theirs, _ in self.each():
            tensors = weights(adapter)
            products = tensors[NAMES[0]].double() @ tensors[NAMES[1]].double()
            values = torch.linalg.svdvals(products)
            for rank in range(1, config(adapter)["num_ranks"] + 3):
                ours = self.scratch / f"{name}-{rank}"
                run = self.run_mpt("rank", adapter, "--to", rank, "--json", "-o", ours)
                self.assertEqual(config(ours)["num_ranks"], rank)
                changed = self.loaded(name, ours)
                best = values[:, rank:].norm(dim=1) / values.norm(dim=1)
                reported = torch.tensor(
                    [task["relative_error"] for task in run.json()["tasks"]], dtype=torch.float64
                )
                unit = {torch.bfloat16: 2**-7, torch.float64: 1e-14}
                unit = unit.get(tensors[NAMES[0]].dtype, 1e-6)
                self.assertTrue((reported >= best * (1 - 1e-6) - unit).all())
                self.assertTrue((reported <= best + unit).all(), f"{reported} {best}")
                if rank >= config(adapter)["num_ranks"]:
                    self.assertEqual(reported.abs().max(), 0)
                    self.assertTrue(close(changed, theirs, 1e-6))

    def test_canonicalize(self):
        """Adapters that differ by invertible factors come to one form."""
        for name, adapter, theirs, ours in self.each():
            self.run_mpt("canonicalize", adapter, "-o", ours)
            changed = self.loaded(name, ours)
            half = "bf16" in name
            self.assertTrue(close(changed, theirs, 3e-2 if half else 1e-5))
            if half:
                continue
            tensors = weights(adapter)
            ranks = config(adapter)["num_ranks"]
            generator = torch.Generator().manual_seed(self.random.randrange(2**63))
            noise = torch.randn(
                (len(theirs), ranks, ranks), generator=generator, dtype=torch.float64
            )
            between = 0.2 * noise + torch.eye(ranks, dtype=torch.float64)
            dtype = tensors[NAMES[0]].dtype
            columns = tensors[NAMES[0]].double() @ between
            rows = torch.linalg.solve(between, tensors[NAMES[1]].double())
            other = self.scratch / f"{name}-other"
            other.mkdir()
            source = (adapter / "adapter_config.json").read_bytes()
            (other / "adapter_config.json").write_bytes(source)
            save_file(
                {
                    **tensors,
                    NAMES[0]: columns.to(dtype).contiguous(),
                    NAMES[1]: rows.to(dtype).contiguous(),
                },
                other / "adapter_model.safetensors",
            )
            form = self.scratch / f"{name}-form"
            self.run_mpt("canonicalize", other, "-o", form)
            for key in NAMES[:2]:
                self.assertTrue(close(weights(form)[key], weights(ours)[key], 2e-4), key)

    def test_refusals(self):
        """What cannot be done leaves nothing behind."""
        adapters = FIXTURES / "adapters"
        adapter = adapters / "mpt-causal-lm"
        output = self.scratch / "output"
        for arguments in (
            ["bake", adapter, "--task", "3"],
            ["bake", adapters / "prompt-tuning", "--task", "0"],
            ["select", adapter, "--tasks", "0,3"],
            ["select", adapter, "--drop", "0,1,2"],
            ["concat", adapter, adapters / "mpt-rank4"],
            ["concat", adapter, adapters / "mpt-exact-source-task", adapters / "mpt-bf16"],
            ["average", adapter, "--tasks", "5"],
            ["rank", adapter, "--to", 2**40],
            ["init", "--config", adapters / "lora/adapter_config.json"],
        ):
            run = peftkit("mpt", *arguments, "-o", output)
            self.assert_refused(run)
            self.assertEqual(list(self.scratch.iterdir()), [], str(run))


class InsightTests(OperationTest):
    def test_against_torch(self):
        for name in ("mpt-causal-lm", "mpt-rank4", "mpt-odd-sizes", "mpt-rank4-f64", "mpt-one-token"):
            adapter = FIXTURES / "adapters" / name
            run = peftkit("inspect", adapter, "--json", "--tasks")
            self.assert_code(run, 0)
            insight = run.json()["multitask"]
            self.assertIsNone(insight["skipped"])
            columns, rows, words = (weights(adapter)[key].double() for key in NAMES)
            products = columns @ rows
            effective = (words * products).flatten(1)
            values = torch.linalg.svdvals(products)[:, : columns.shape[2]]
            rank = values.pow(2).sum(1).pow(2) / values.pow(4).sum(1)
            unit = effective / effective.norm(dim=1, keepdim=True)
            for task, ours in enumerate(insight["tasks"]):
                found = torch.tensor(ours["singular_values"], dtype=torch.float64)
                torch.testing.assert_close(found, values[task][: len(found)], rtol=1e-9, atol=1e-15)
                self.assertAlmostEqual(ours["effective_rank"] / rank[task].item(), 1, places=9)
                self.assertAlmostEqual(
                    ours["norm"] / effective[task].norm().item(), 1, places=12
                )
            cosines = torch.tensor(insight["cosine_similarities"], dtype=torch.float64)
            torch.testing.assert_close(cosines, unit @ unit.T, rtol=1e-12, atol=1e-12)
