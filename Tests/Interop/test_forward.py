# SPDX-License-Identifier: Apache-2.0
"""`peftkit forward` and `verify` against real PEFT, on random adapters that PEFT saved."""

import contextlib
import io
import json
import subprocess
import sys
import warnings
from fractions import Fraction

import torch
from make_reference import DTYPES, Case, load_embedding, make_reference, save_reference
from peft import MultitaskPromptTuningConfig
from peft.tuners.multitask_prompt_tuning import MultitaskPromptEmbedding
from safetensors.torch import load_file, save_file

import numerics
from support import FIXTURES, InteropTest, peftkit

ADAPTERS = 72
RANKS = [1, 1, 1, 2, 3, 4, 5, 8]
# The second round is of embeddings without a model around them.
EMBEDDINGS = 72
LEAST_CASES = 200
MANY_RANKS = [1, 1, 1, 1, 2, 3, 6, 9, 16, 31, 32, 33, 48, 63, 64, 65]
SIZES = [1, 2, 3, 7, 8, 13, 16, 17, 31, 33, 64]

# What a factor is made of. The exponents keep sums of rank above 1 from overflowing on their way;
# rank 1 takes anything, as there is nothing to sum.
VALUES = ["fresh", "plain", "zeros", "subnormal", "large", "mixed"]
EXTREMES = ["huge", "infinite"]


def kinds_for(kinds, dtype, rank):
    """The kinds of values of which PEFT keeps its own bound.

    Above rank 2 torch's BF16 kernels on some CPUs take subnormal partial sums for zero, of terms that are not
    subnormal themselves: more may be missing then than M24 grants, and verify rightly says so.
    """
    if dtype == torch.bfloat16 and rank > 2:
        return [kind for kind in kinds if kind not in ("subnormal", "mixed")]
    return kinds


def random_factor(shape, kind, dtype, rng):
    """Values for a parameter, as float64 of any magnitude that `dtype` has."""
    generator = torch.Generator().manual_seed(rng.randrange(2**63))
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    information = torch.finfo(dtype)
    if kind == "fresh":
        return normal * 0.02
    if kind == "zeros":
        return torch.where(normal > 0.5, normal, torch.where(normal > 0, 0.0, -0.0))
    if kind == "subnormal":
        return normal * information.smallest_normal
    if kind == "large":
        return normal * min(information.max, torch.finfo(torch.float32).max) ** (1 / 4)
    if kind == "huge":
        return normal.clamp(-1, 1) * information.max
    if kind == "infinite":
        special = torch.where(normal > 1.6, torch.inf, torch.nan)
        return torch.where(normal.abs() > 1.6, special, normal)
    if kind == "mixed":
        kinds = ["fresh", "zeros", "subnormal", "large", "plain"]
        choice = torch.randint(0, len(kinds), shape, generator=generator)
        layers = [random_factor(shape, each, dtype, rng) for each in kinds]
        return torch.stack(layers).gather(0, choice.unsqueeze(0))[0]
    return normal


def random_cases(embedding, rng, dtype):
    """Ways to call an adapter: with and without indices, one task or one for each row."""
    tasks, tokens = embedding.num_tasks, embedding.embedding.num_embeddings
    batch = rng.choice([1, 2, 3, 5])
    many = [rng.randrange(tasks) for _ in range(batch)]
    length = rng.choice([1, 4, tokens]) if tokens == 1 else tokens
    indices = torch.tensor([[rng.randrange(tokens) for _ in range(length)] for _ in range(batch)])
    return [
        Case(many, dtype=dtype),
        Case(many, indices, dtype=dtype),
        Case([rng.randrange(tasks)], indices, dtype=dtype),
    ]


# Adapters of the fixtures, and the dtype that they run in.
PERTURBED = [
    ("mpt-causal-lm", "float32"),
    ("mpt-seq2seq", "float32"),
    ("mpt-rank4", "float32"),
    ("mpt-bf16", "float32"),
    ("mpt-bf16", "bfloat16"),
    ("mpt-rank4-bf16", "bfloat16"),
    ("mpt-rank4-f16", "float16"),
    ("mpt-f64", "float64"),
    ("mpt-rank4-f64", "float64"),
]


class Adapters:
    """Random MPT adapters, saved by real PEFT."""

    def __init__(self, directory, rng):
        self.directory = directory
        self.rng = rng

    def make(self, number, kinds, rank=None):
        """One adapter's directory. The number spreads dtypes evenly."""
        from fixture_adapters import gpt2, mpt
        from peft import get_peft_model

        rng = self.rng
        config = mpt(
            tokens=rng.choice(SIZES[:-1]),
            tasks=rng.choice([1, 2, 3, 5]),
            ranks=rank or rng.choice(RANKS),
        )
        dtype = list(DTYPES.values())[number % len(DTYPES)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = get_peft_model(gpt2(rng.choice(SIZES)), config)
        encoder = model.prompt_encoder["default"].to(dtype)
        if config.num_ranks == 1:
            kinds = kinds + EXTREMES
        kinds = kinds_for(kinds, dtype, config.num_ranks)
        for parameter in encoder.parameters():
            values = random_factor(parameter.shape, rng.choice(kinds), dtype, rng)
            parameter.data = values.to(dtype)
        path = self.directory / f"adapter-{number}"
        with contextlib.redirect_stderr(io.StringIO()):
            model.save_pretrained(path)
        return path


def make_embedding(path, number, rng):
    """Real PEFT's module with random parameters in a dtype of its own, as an adapter directory."""
    sequence_to_sequence = rng.random() < 0.3
    config = MultitaskPromptTuningConfig(
        task_type="SEQ_2_SEQ_LM" if sequence_to_sequence else "CAUSAL_LM",
        num_virtual_tokens=rng.choice([1, 1, 2, 5, 12]),
        num_transformer_submodules=rng.choice([1, 2]) if sequence_to_sequence else 1,
        num_tasks=rng.choice([1, 2, 3, 8]),
        num_ranks=rng.choice(MANY_RANKS),
        token_dim=rng.choice([*SIZES, 96]),
        num_attention_heads=1,
        num_layers=1,
    )
    dtype = list(DTYPES.values())[number % len(DTYPES)]
    kinds = VALUES + EXTREMES if config.num_ranks == 1 else VALUES
    kinds = kinds_for(kinds, dtype, config.num_ranks)
    module = MultitaskPromptEmbedding(config, torch.nn.Embedding(1, config.token_dim)).to(dtype)
    for parameter in module.parameters():
        values = random_factor(parameter.shape, rng.choice(kinds), dtype, rng)
        parameter.data = values.to(dtype)
    path.mkdir()
    config.save_pretrained(path)
    tensors = {
        "prefix_task_cols": module.prefix_task_cols,
        "prefix_task_rows": module.prefix_task_rows,
        "prompt_embeddings": module.embedding.weight,
    }
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, path / "adapter_model.safetensors", metadata={"format": "pt"})
    return dtype


def shape_of(embedding, case):
    """What a case is, for a message and for counting: dtype, B, L, V, D, rank, tasks."""
    tokens, width = embedding.embedding.weight.shape
    batch, length = case.rows(tokens).shape
    return (
        case.dtype, batch, length, tokens, width, embedding.num_ranks, embedding.num_tasks,
        len(case.task_ids) == 1, case.indices is not None,
    )


def equals(report):
    """Whether every value equals, what cannot be compared or was flushed to zero (M24) aside."""
    excused = report["not_comparable_count"] + report["flushed_count"]
    return report["equal_count"] + excused == report["element_count"]


def forward(adapter, case, output):
    """Run `peftkit forward` on a case; indices go through a file beside the output."""
    name = next(name for name, dtype in DTYPES.items() if dtype == case.dtype)
    arguments = ["--tasks", ",".join(map(str, case.task_ids)), "-o", output]
    if case.dtype != torch.float32:
        arguments += ["--dtype", name]
    if case.indices is not None:
        path = output.with_suffix(".indices")
        save_file({"indices": case.indices}, path)
        arguments += ["--indices", path]
    return peftkit("forward", adapter, *arguments)


class ForwardTests(InteropTest):
    def test_fixtures(self):
        """The committed references hold."""
        references = sorted((FIXTURES / "references").iterdir())
        self.check_all(references, self.verify_problem)

    def verify_problem(self, directory):
        adapter = FIXTURES / "adapters" / directory.name
        run = peftkit("verify", adapter, "--reference", directory / "reference.safetensors")
        return None if run.code == 0 else str(run) + run.stdout.decode()

    def test_random_adapters(self):
        adapters = Adapters(self.scratch, self.random)
        paths = [adapters.make(number, VALUES) for number in range(ADAPTERS)]
        work = []
        for number, path in enumerate(paths):
            with self.subTest(path.name):
                own = list(DTYPES.values())[number % len(DTYPES)]
                for dtype in dict.fromkeys([torch.float32, own]):
                    embedding = load_embedding(path, dtype)
                    cases = random_cases(embedding, self.random, dtype)
                    work += [(path, embedding, count, case) for count, case in enumerate(cases)]
        self.check_all(work, lambda item: self.forward_problem(*item))

    def forward_problem(self, path, embedding, count, case):
        """Where the binary's forward, or its verdict on PEFT's, is not as it should be."""
        name = f"{path.name}-{count}-{str(case.dtype).split('.')[-1]}"
        expected = make_reference(path, [case])
        output = self.scratch / f"{name}.safetensors"
        run = forward(path, case, output)
        if run.code != 0:
            return str(run)
        found = load_file(output)
        about = f"{name} rank {embedding.num_ranks} {case}"
        if found["case0.task_ids"].tolist() != case.task_ids:
            return f"task ids {found['case0.task_ids']}: {about}"
        difference = numerics.disagreement(
            embedding, case, found["case0.output"], expected["case0.output"]
        )
        if difference:
            return f"{difference}: {about}"
        return self.verdicts_problem(path, expected, output, name, about)

    def verdicts_problem(self, path, expected, output, name, about):
        """verify takes PEFT's output, and what forward wrote."""
        reference = self.scratch / f"{name}-reference.safetensors"
        save_reference(reference, expected)
        for file in (reference, output):
            run = peftkit("verify", path, "--reference", file)
            if run.code != 0:
                return f"{run} {run.stdout.decode()[:500]}: {about}"
        return None

    def test_random_embeddings(self):
        """At least 200 calls: PEFT's outputs hold for `verify`, at rank 1 without exception.

        `forward` computes the first call of each adapter in the file's dtype, as PEFT does.
        """
        work = []
        for number in range(EMBEDDINGS):
            path = self.scratch / f"embedding-{number}"
            own = make_embedding(path, number, self.random)
            cases = []
            for dtype in dict.fromkeys([own, torch.float32]):
                embedding = load_embedding(path, dtype)
                cases += [(embedding, case) for case in random_cases(embedding, self.random, dtype)]
            work.append((path, cases))
        shapes = {shape_of(*case) for _, cases in work for case in cases}
        self.assertGreaterEqual(len(shapes), LEAST_CASES)
        self.assertEqual({shape[0] for shape in shapes}, set(DTYPES.values()))
        self.check_all(work, lambda item: self.embedding_problem(*item))

    def embedding_problem(self, path, cases):
        """Where the verdict on PEFT's outputs is not as it should be, or the first forward."""
        reference = self.scratch / f"{path.name}.safetensors"
        expected = make_reference(path, [case for _, case in cases])
        # Cases share their indices, which a safetensors file cannot.
        expected = {name: tensor.clone() for name, tensor in expected.items()}
        save_reference(reference, expected)
        run = peftkit("verify", path, "--reference", reference, "--json")
        if run.code != 0:
            return f"{run} {run.stdout.decode()[:500]}"
        reports = run.json()["cases"]
        if len(reports) != len(cases):
            return f"{len(reports)} of {len(cases)} cases judged: {path.name}"
        if cases[0][0].num_ranks == 1 and not all(map(equals, reports)):
            return f"a value differs at rank 1: {path.name} {reports}"
        embedding, case = cases[0]
        output = self.scratch / f"{path.name}-forward.safetensors"
        run = forward(path, case, output)
        if run.code != 0:
            return str(run)
        found = load_file(output)["case0.output"]
        difference = numerics.disagreement(embedding, case, found, expected["case0.output"])
        return difference and f"{difference}: {path.name} {shape_of(embedding, case)}"

    def test_f64_factors_to_half_types(self):
        """torch converts f64 to the half types through f32, so it rounds twice."""
        path = self.hand_made(torch.float64, 1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-11 + 2.0**-40)
        for dtype in (torch.bfloat16, torch.float16, torch.float32):
            case = Case([0], dtype=dtype)
            problem = self.forward_problem(path, load_embedding(path, dtype), 0, case)
            self.assertIsNone(problem)

    def hand_made(self, dtype, *values):
        """A rank 1 adapter of one token whose embedding is these values, its product 1."""
        path = Adapters(self.scratch, self.random).make(0, ["plain"], rank=1)
        config = path / "adapter_config.json"
        text = config.read_text()
        changed = {
            **json.loads(text),
            "num_virtual_tokens": 1,
            "num_tasks": 1,
            "token_dim": len(values),
        }
        config.write_text(json.dumps(changed, indent=2, sort_keys=True))
        tensors = {
            "prefix_task_cols": torch.ones(1, 1, 1, dtype=dtype),
            "prefix_task_rows": torch.ones(1, 1, len(values), dtype=dtype),
            "prompt_embeddings": torch.tensor([values], dtype=dtype),
        }
        save_file(tensors, path / "adapter_model.safetensors", metadata={"format": "pt"})
        return path


class VerifyTests(InteropTest):
    def test_script_and_perturbations(self):
        """The shipped script's reference passes; one element beyond the bound does not."""
        for name, dtype in PERTURBED:
            with self.subTest(f"{name} {dtype}"):
                self.check_perturbation(FIXTURES / "adapters" / name, dtype)

    def check_perturbation(self, adapter, dtype):
        reference = self.scratch / "reference.safetensors"
        script = FIXTURES / "make_reference.py"
        command = [
            sys.executable,
            "-W",
            "ignore",
            script,
            adapter,
            "-o",
            reference,
            "--dtype",
            dtype,
        ]
        subprocess.run([*command, "--tasks", "1,0,1"], check=True, capture_output=True)
        self.assert_code(peftkit("verify", adapter, "--reference", reference), 0)
        tensors = load_file(reference)
        for _ in range(5):
            save_file(self.perturbed(adapter, tensors, dtype), reference)
            self.assert_code(peftkit("verify", adapter, "--reference", reference), 1)
        run = peftkit("verify", adapter, "--reference", reference, "--rtol", "0.9", "--atol", "9")
        self.assert_code(run, 0)

    def perturbed(self, adapter, tensors, dtype):
        """One element moved: by the smallest step at rank 1, above it just out of the bound."""
        case = Case([1, 0, 1], dtype=DTYPES[dtype])
        embedding = load_embedding(adapter, case.dtype)
        output = tensors["case0.output"].clone()
        index = tuple(self.random.randrange(extent) for extent in output.shape)
        towards = torch.full_like(output, torch.inf)
        if embedding.num_ranks == 1:
            output[index] = torch.nextafter(output, towards)[index]
        else:
            value, bound, _ = numerics.bounds(embedding, case)[index]
            while abs(Fraction(output[index].item()) - value) <= bound:
                output[index] = torch.nextafter(output, towards)[index]
        return {**tensors, "case0.output": output}

    def test_zeros_of_either_sign(self):
        """Zeros compare as values."""
        adapter, reference = FIXTURES / "adapters/mpt-causal-lm", self.scratch / "r.safetensors"
        source = self.scratch / "zeroed"
        source.mkdir()
        (source / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
        weights = load_file(adapter / "adapter_model.safetensors")
        weights["prompt_embeddings"][0] = 0
        save_file(weights, source / "adapter_model.safetensors")
        tensors = make_reference(source, [Case([0])])
        for sign in (0.0, -0.0):
            tensors["case0.output"][0, 0] = sign
            save_file(tensors, reference)
            self.assert_code(peftkit("verify", source, "--reference", reference), 0)

    def test_references_that_do_not_fit(self):
        adapter = FIXTURES / "adapters/mpt-causal-lm"
        good = make_reference(adapter, [Case([0, 2])])
        output = good["case0.output"]
        indices = torch.arange(8).repeat(2, 1)
        cases = {
            "no cases": {"x": torch.zeros(1)},
            "empty file": {},
            "no output": {"case0.task_ids": good["case0.task_ids"]},
            "no task ids": {"case0.output": output},
            "task out of range": {**good, "case0.task_ids": torch.tensor([0, 3])},
            "negative task": {**good, "case0.task_ids": torch.tensor([0, -1])},
            "wrong number of tasks": {**good, "case0.task_ids": torch.tensor([0, 1, 2])},
            "no tasks": {**good, "case0.task_ids": torch.zeros(0, dtype=torch.int64)},
            "task ids of another dtype": {**good, "case0.task_ids": torch.tensor([0.0, 2.0])},
            "index out of range": {**good, "case0.indices": indices + 1},
            "negative index": {**good, "case0.indices": indices - 1},
            "indices of another length": {**good, "case0.indices": indices[:, :7].contiguous()},
            "indices of another batch": {**good, "case0.indices": indices[:1].contiguous()},
            "indices of one dimension": {**good, "case0.indices": torch.arange(8)},
            "output of another length": {**good, "case0.output": output[:, :7].contiguous()},
            "output of another width": {**good, "case0.output": output[..., :15].contiguous()},
            "output of two dimensions": {**good, "case0.output": output[0].contiguous()},
            "output of integers": {**good, "case0.output": output.to(torch.int64)},
        }
        for name, tensors in cases.items():
            with self.subTest(name):
                reference = self.scratch / "reference.safetensors"
                save_file(tensors, reference)
                self.assert_refused(peftkit("verify", adapter, "--reference", reference))

    def test_missing_reference(self):
        missing = self.scratch / "missing.safetensors"
        adapter = FIXTURES / "adapters/mpt-causal-lm"
        self.assert_refused(peftkit("verify", adapter, "--reference", missing), missing)


class ForwardRefusalTests(InteropTest):
    def test_bad_calls(self):
        good = torch.arange(8).unsqueeze(0)
        cases = [
            ("3", None),
            ("0,3", None),
            ("0", good + 1),
            ("0", good - 1),
            ("0", good[:, :7].contiguous()),
            ("0", torch.arange(8)),
            ("0", good.float()),
            ("0,1,2", good.repeat(2, 1)),
        ]
        for tasks, indices in cases:
            with self.subTest(f"{tasks} {indices}"):
                output = self.scratch / "out.safetensors"
                arguments = ["--tasks", tasks, "-o", output]
                if indices is not None:
                    save_file({"indices": indices}, self.scratch / "indices.safetensors")
                    arguments += ["--indices", self.scratch / "indices.safetensors"]
                run = peftkit("forward", FIXTURES / "adapters/mpt-causal-lm", *arguments)
                self.assert_refused(run)
                self.assertFalse(output.exists())

    def test_other_adapters(self):
        """Only Multitask Prompt Tuning has this forward."""
        for name in ("lora", "prompt-tuning"):
            adapter = FIXTURES / "adapters" / name
            run = peftkit("forward", adapter, "--tasks", "0", "-o", self.scratch / "o.safetensors")
            self.assert_refused(run)

    def test_weights_that_do_not_fit_the_config(self):
        source = self.scratch / "adapter"
        source.mkdir()
        adapter = FIXTURES / "adapters/mpt-causal-lm"
        (source / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
        weights = load_file(adapter / "adapter_model.safetensors")
        for name, tensor in weights.items():
            for changed in (
                {},
                {name: tensor[..., :0].contiguous()},
                {name: tensor[0].contiguous()},
            ):
                kept = {key: value for key, value in weights.items() if key != name}
                save_file({**kept, **changed}, source / "adapter_model.safetensors")
                output = self.scratch / "o.safetensors"
                self.assert_refused(peftkit("forward", source, "--tasks", "0", "-o", output))
