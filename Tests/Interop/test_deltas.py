# SPDX-License-Identifier: Apache-2.0
"""`peftkit diff --deltas` against torch: distances of dense deltas, and the slips of converters, each named."""

import json
import math
import re
import shutil

import numpy
import torch
from peft import AdaLoraConfig, IA3Config, LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from support import InteropTest, peftkit

PREFIX = "base_model.model."
ROUNDS = 12
DTYPES = {torch.float64: 53, torch.float32: 24, torch.bfloat16: 8, torch.float16: 11}


class Experts(nn.Module):
    """Stacked experts of two parameters, as transformers 5 has them."""

    def __init__(self, experts, inner, outer):
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.randn(experts, 2 * inner, outer))
        self.down_proj = nn.Parameter(torch.randn(experts, outer, inner))

    def forward(self, x):
        return torch.einsum("eoi,bi->bo", self.gate_up_proj, x)


class Layer(nn.Module):
    """The projections of a layer, with square ones among them."""

    def __init__(self, size, keys, inner):
        super().__init__()
        self.q_proj = nn.Linear(size, size, bias=False)
        self.k_proj = nn.Linear(size, keys, bias=False)
        self.v_proj = nn.Linear(size, keys, bias=False)
        self.gate_proj = nn.Linear(size, inner, bias=False)
        self.up_proj = nn.Linear(size, inner, bias=False)
        self.down_proj = nn.Linear(inner, size, bias=False)


class Net(nn.Module):
    """Layers, an embedding, a convolution and experts."""

    def __init__(self, rng, layers=3, size=32, keys=16, inner=48):
        super().__init__()
        self.layers = nn.ModuleList([Layer(size, keys, inner) for _ in range(layers)])
        self.embed = nn.Embedding(rng.randrange(40, 90), rng.randrange(5, 20))
        self.conv = nn.Conv2d(rng.randrange(3, 9), rng.randrange(3, 9), 3)
        self.experts = Experts(4, 8, 12)

    def forward(self, x):
        return x


class Adapter:
    """The directory of an adapter, its tensors by name, and its config."""

    def __init__(self, path):
        self.path = path
        self.tensors = load_file(path / "adapter_model.safetensors")
        self.config = json.loads((path / "adapter_config.json").read_text())

    def copy(self, path, tensors=None, **config):
        """Writes the adapter with other tensors or values of the config."""
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.path, path)
        tensors = self.tensors if tensors is None else tensors
        save_file({name: t.contiguous() for name, t in tensors.items()}, path / "adapter_model.safetensors")
        (path / "adapter_config.json").write_text(json.dumps({**self.config, **config}))
        return Adapter(path)

    def modules(self):
        return sorted({name.split(".lora_")[0] for name in self.tensors})

    def value(self, module, key, pattern):
        name = module.removeprefix(PREFIX)
        for key_pattern, value in (self.config.get(pattern) or {}).items():
            if re.match(rf"(.*\.)?({key_pattern})$", name):
                return value
        return self.config[key]

    def scale(self, module):
        rank = self.value(module, "r", "rank_pattern")
        alpha = self.value(module, "lora_alpha", "alpha_pattern")
        return alpha / (math.sqrt(rank) if self.config.get("use_rslora") else rank)

    def delta(self, module):
        """The dense delta in F64."""
        def get(*leaves):
            return next(self.tensors[f"{module}.{leaf}"] for leaf in leaves if f"{module}.{leaf}" in self.tensors)

        a, b = get("lora_A.weight", "lora_embedding_A").double(), get("lora_B.weight", "lora_embedding_B").double()
        if "experts" in module:
            count = 4
            rank = a.shape[0] // count
            a = a.reshape(count, rank, -1)
            b = b.reshape(b.shape[0], rank, count).permute(2, 0, 1)
            return self.scale(module) * (b @ a)
        return self.scale(module) * (b.flatten(1) @ a.flatten(1))


class DeltasTest(InteropTest):
    def adapter(self, name, seed, rank=4, dtype=torch.float32, targets=None, scale=0.1, **options):
        """A real adapter of PEFT whose factors are random."""
        torch.manual_seed(seed)
        targets = targets or ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "down_proj", "embed", "conv"]
        net = Net(self.random)
        config = LoraConfig(r=rank, target_modules=targets, **options)
        model = get_peft_model(net, config)
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.data = (torch.randn_like(parameter) * scale).to(dtype)
        path = self.scratch / name
        model.save_pretrained(path)
        adapter = Adapter(path)
        self.assertTrue(all(t.dtype == dtype for t in adapter.tensors.values()))
        return adapter

    def diff(self, left, right, code=None):
        run = peftkit("diff", left.path, right.path, "--deltas", "--json")
        self.assertIn(run.code, (0, 1), str(run))
        if code is not None:
            self.assertEqual(run.code, code, run.stdout.decode()[:3000])
        return {row["name"]: row for row in run.json()["modules"]}, run.json()

    def assert_distances(self, left, right, factor_names=lambda module: module.removeprefix(PREFIX)):
        rows, report = self.diff(left, right)
        compared = 0
        for module in left.modules():
            row = rows[factor_names(module)]
            first, second = left.delta(module), right.delta(module)
            larger = max(first.norm(), second.norm())
            expected = float((first - second).norm() / larger) if larger > 0 else 0.0
            if row["distance"] is None:
                self.assertEqual(row["verdict"], "rounded", row)
                # What one rounding of each factor can do at most, element by element.
                bits = min(DTYPES[t.dtype] for t in [*left.tensors.values(), *right.tensors.values()])
                self.assertLess(expected, 8 * 2.0**-bits * 4, row)
                continue
            self.assertAlmostEqual(row["distance"], expected, delta=1e-6, msg=f"{row}")
            if row["norm_a"] is not None:
                for key, delta in (("norm_a", first), ("norm_b", second)):
                    self.assertAlmostEqual(row[key] / float(larger), float(delta.norm() / larger), delta=1e-6)
            compared += 1
        return rows, report, compared


class DistanceTests(DeltasTest):
    def options(self):
        rng = self.random
        options = {"lora_alpha": rng.choice([1, 8, 16.5, 32]), "use_rslora": rng.random() < 0.4}
        if rng.random() < 0.5:
            options["rank_pattern"] = {"q_proj": rng.randrange(1, 9), "conv": 3}
        if rng.random() < 0.5:
            options["alpha_pattern"] = {"layers.1.*": rng.randrange(1, 30), "embed": 5}
        return options

    def test_random_adapters(self):
        for index in range(ROUNDS):
            dtypes = self.random.choices(list(DTYPES), k=2)
            left = self.adapter(f"l{index}", 2 * index, self.random.randrange(1, 40), dtypes[0], **self.options())
            right = self.adapter(f"r{index}", 2 * index + 1, self.random.randrange(1, 40), dtypes[1], **self.options())
            # The random sizes of the net differ.
            for name in list(left.tensors):
                if "embed" in name or "conv" in name:
                    del left.tensors[name]
            for name in list(right.tensors):
                if "embed" in name or "conv" in name:
                    del right.tensors[name]
            left, right = left.copy(self.scratch / "l"), right.copy(self.scratch / "r")
            rows, report, compared = self.assert_distances(left, right)
            self.assertEqual(compared, 18)
            self.assertTrue(all(row["slip"] is None for row in rows.values()), rows)
            self.assertTrue(all(row["verdict"] == "different" for row in rows.values()))

    def test_perturbed(self):
        """Distances of adapters that differ by noise, far below and above the rounding."""
        left = self.adapter("left", 5, 8, torch.float64, lora_alpha=3)
        for size in (1e-14, 1e-9, 1e-7, 1e-4, 1e-2):
            tensors = {n: t + size * torch.randn_like(t) for n, t in left.tensors.items()}
            right = left.copy(self.scratch / "right", tensors)
            rows, report, compared = self.assert_distances(left, right)
            self.assertEqual(compared, len(left.modules()))
            same = size < 1e-13
            for row in rows.values():
                self.assertIsNone(row["slip"], row)
                if not same:
                    self.assertEqual(row["verdict"], "different", row)

    def test_cancellation(self):
        """Factors whose product is far smaller than they are, and deltas that are nearly equal."""
        left = self.adapter("left", 6, 8, torch.float64, targets=["q_proj", "down_proj"])
        tensors = dict(left.tensors)
        for name in left.tensors:
            if "lora_A" in name:
                a, b = left.tensors[name], left.tensors[name.replace("lora_A", "lora_B")]
                a[4:] = a[:4] + 1e-7 * torch.randn_like(a[:4])
                b[:, 4:] = -b[:, :4] + 1e-7 * torch.randn_like(b[:, :4])
                mix = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))[0]
                tensors[name] = mix @ a
                tensors[name.replace("lora_A", "lora_B")] = b @ mix.T
        left = left.copy(self.scratch / "cancelling")
        mixed = left.copy(self.scratch / "mixed", tensors)
        rows, _, compared = self.assert_distances(left, mixed)
        self.assertEqual(compared, 6)
        self.assertTrue(all(row["verdict"] == "within-bound" for row in rows.values()), rows)

    def test_same(self):
        """Copies, casts, folds, pads, exact and not, and other factors of the same product: nothing is a slip."""
        for dtype in DTYPES:
            left = self.adapter("left", 7, 6, dtype, lora_alpha=9, use_rslora=True)
            cases = {"copy": left.tensors}
            for target in DTYPES:
                cases[f"cast to {target}"] = {n: t.to(target) for n, t in left.tensors.items()}
            for label, tensors in cases.items():
                right = left.copy(self.scratch / "right", tensors)
                with self.subTest(dtype=dtype, case=label):
                    rows, report = self.diff(left, right, 0)
                    self.assertTrue(all(row["slip"] is None for row in rows.values()))
            scale = left.scale("")
            folded = {n: (t.double() * scale).to(dtype) if "_B" in n else t for n, t in left.tensors.items()}
            right = left.copy(self.scratch / "right", folded, use_rslora=False, lora_alpha=6)
            rows, _, _ = self.assert_distances(left, right)
            self.assertTrue(all(row["verdict"] in ("equal", "rounded") for row in rows.values()), rows)
            self.diff(left, right, 0)
            padded = {
                n: torch.cat([t, torch.zeros(3, *t.shape[1:], dtype=dtype)]) if "_A" in n
                else torch.cat([t, torch.zeros(t.shape[0], 3, *t.shape[2:], dtype=dtype)], 1)
                for n, t in left.tensors.items()
            }
            right = left.copy(self.scratch / "right", padded, r=9, lora_alpha=9 * math.sqrt(9) / math.sqrt(6))
            rows, _, _ = self.assert_distances(left, right)
            self.assertTrue(all(row["verdict"] in ("equal", "rounded") for row in rows.values()), rows)
            self.diff(left, right, 0)
            mix = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
            mixed = {
                n: (torch.einsum("ij,j...->i...", mix, t.double()) if "_A" in n
                    else torch.einsum("oj...,ij->oi...", t.double(), mix)).to(dtype)
                for n, t in left.tensors.items()
            }
            right = left.copy(self.scratch / "right", mixed)
            rows, _, _ = self.assert_distances(left, right)
            self.assertTrue(all(row["verdict"] == "within-bound" for row in rows.values()), rows)
            self.diff(left, right, 0)

    def test_zero(self):
        left = self.adapter("left", 8)
        zero = left.copy(self.scratch / "zero", {n: t * ("_A" in n) for n, t in left.tensors.items()})
        rows, _, _ = self.assert_distances(left, zero)
        self.assertTrue(all(row["distance"] == 1 for row in rows.values()))
        rows, _, _ = self.assert_distances(zero, zero.copy(self.scratch / "zero2", lora_alpha=3))
        self.diff(zero, zero.copy(self.scratch / "zero2", lora_alpha=3), 0)

    def test_not_finite(self):
        left = self.adapter("left", 9)
        tensors = dict(left.tensors)
        name = next(n for n in tensors if "q_proj.lora_B" in n)
        tensors[name] = tensors[name].clone()
        tensors[name][1, 2] = math.nan
        rows, _ = self.diff(left, left.copy(self.scratch / "nan", tensors), 1)
        module = name.removeprefix(PREFIX).split(".lora_")[0]
        self.assertEqual(rows[module]["verdict"], "not-comparable")

    def test_experts(self):
        torch.manual_seed(3)
        left = self.experts("left", torch.float32)
        right = left.copy(self.scratch / "other", {n: t + 0.01 * torch.randn_like(t) for n, t in left.tensors.items()})
        names = {
            PREFIX + "experts": "experts.down_proj",
            PREFIX + "experts.base_layer": "experts.gate_up_proj",
        }
        rows, _, compared = self.assert_distances(left, right, names.get)
        self.assertEqual(compared, 2)

    def experts(self, name, dtype):
        net = Net(self.random)
        config = LoraConfig(
            r=3, target_modules=[], target_parameters=["experts.gate_up_proj", "experts.down_proj"])
        model = get_peft_model(net, config)
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.data = torch.randn_like(parameter).to(dtype)
        model.save_pretrained(self.scratch / name)
        return Adapter(self.scratch / name)

    def test_separate_experts(self):
        """Stacked experts against modules for each, with the factors of gate and up in blocks, or shared."""
        rng = numpy.random.default_rng(self.random.randrange(2**31))
        experts, rank, inner, outer = 4, 3, 8, 12

        def normal(*shape):
            return torch.from_numpy(rng.normal(size=shape).astype("float32"))

        factors = {
            (e, leaf): (normal(rank, outer if leaf != "down_proj" else inner),
                        normal(inner if leaf != "down_proj" else outer, rank))
            for e in range(experts) for leaf in ("gate_proj", "up_proj", "down_proj")
        }
        stacked = self.experts("stacked", torch.float32)
        separate = {
            f"{PREFIX}experts.{e}.{leaf}.lora_{'AB'[i]}.weight": pair[i]
            for (e, leaf), pair in factors.items() for i in (0, 1)
        }
        right = stacked.copy(
            self.scratch / "separate", separate, lora_alpha=rank, target_parameters=None,
            target_modules=["gate_proj", "up_proj", "down_proj"])

        def fused(width, pairs):
            """A [E·width, in] and B [out, width·E]: the expert is the slowest in A, and the fastest in B."""
            a = torch.cat([a for a, _ in pairs])
            b = torch.stack([b for _, b in pairs])
            return a, b.permute(1, 2, 0).reshape(b.shape[1], -1)

        blocks = [
            (torch.cat([factors[e, "gate_proj"][0], factors[e, "up_proj"][0]]),
             torch.block_diag(factors[e, "gate_proj"][1], factors[e, "up_proj"][1]))
            for e in range(experts)
        ]
        down = [factors[e, "down_proj"] for e in range(experts)]
        tensors = {}
        for name, (a, b) in (("experts.base_layer", fused(2 * rank, blocks)), ("experts", fused(rank, down))):
            tensors[f"{PREFIX}{name}.lora_A.weight"], tensors[f"{PREFIX}{name}.lora_B.weight"] = a, b
        # α / r is the same for both ranks.
        left = stacked.copy(
            self.scratch / "fused", tensors, lora_alpha=rank, rank_pattern={"experts.gate_up_proj": 2 * rank},
            alpha_pattern={"experts.gate_up_proj": 2 * rank})
        for pair in ((left, right), (right, left)):
            rows, _ = self.diff(*pair, 0)
            self.assertEqual(len(rows), 3 * experts)
            self.assertEqual({row["verdict"] for row in rows.values()}, {"equal"})
        name = f"{PREFIX}experts.2.up_proj.lora_B.weight"
        wrong = right.copy(self.scratch / "wrong", {**separate, name: separate[name] * 2})
        rows, _ = self.diff(left, wrong, 1)
        slip = rows["experts.2.up_proj"]["slip"]
        self.assertEqual(slip["code"], "scale")
        self.assertAlmostEqual(slip["factor"], 2)
        self.assertAlmostEqual(rows["experts.2.up_proj"]["distance"], 0.5, delta=1e-6)

    def test_other_methods(self):
        """AdaLoRA and LoHa, whose updates are products too; the others are refused by name."""
        targets = ["q_proj", "down_proj"]
        configs = {
            "AdaLoRA": AdaLoraConfig(init_r=5, lora_alpha=7, target_modules=targets, total_step=10),
            "LoHa": LoHaConfig(r=3, alpha=5, target_modules=targets),
        }
        for name, config in configs.items():
            paths, deltas = [], []
            for side in range(2):
                torch.manual_seed(side)
                model = get_peft_model(Net(self.random).double(), config)
                for key, parameter in model.named_parameters():
                    if parameter.requires_grad and "ranknum" not in key:
                        parameter.data = torch.randn_like(parameter)
                paths.append(self.scratch / f"{name}{side}")
                model.save_pretrained(paths[-1])
                deltas.append({
                    key.removeprefix(PREFIX): module.get_delta_weight("default").detach()
                    for key, module in model.named_modules() if hasattr(module, "get_delta_weight")
                })
            run = peftkit("diff", *paths, "--deltas", "--json")
            self.assert_code(run, 1)
            rows = {row["name"]: row for row in run.json()["modules"]}
            self.assertEqual(set(rows), set(deltas[0]))
            for key, row in rows.items():
                first, second = deltas[0][key], deltas[1][key]
                expected = float((first - second).norm() / max(first.norm(), second.norm()))
                self.assertAlmostEqual(row["distance"], expected, delta=1e-6, msg=name)
            self.assert_code(peftkit("diff", paths[0], paths[0], "--deltas"), 0)
        for config in (IA3Config(target_modules=targets, feedforward_modules=[]), LoKrConfig(target_modules=targets)):
            model = get_peft_model(Net(self.random), config)
            model.save_pretrained(self.scratch / "refused")
            run = peftkit("diff", self.scratch / "refused", self.scratch / "refused", "--deltas")
            self.assert_refused(run)
            self.assertIn(f"is a {config.peft_type.value} adapter", run.stderr)

    def test_dora(self):
        left = self.adapter("left", 10, use_dora=True, targets=["q_proj", "up_proj"])
        self.diff(left, left.copy(self.scratch / "same"), 0)
        tensors = {n: t * 1.01 if "magnitude" in n else t for n, t in left.tensors.items()}
        run = peftkit("diff", left.path, left.copy(self.scratch / "other", tensors).path, "--deltas", "--json")
        self.assert_code(run, 1)
        rows = [row for row in run.json()["modules"] if row["subject"] == "magnitude"]
        self.assertEqual(len(rows), 6)
        for row in rows:
            self.assertAlmostEqual(row["distance"], 0.01 / 1.01, delta=1e-6)


class SlipTests(DeltasTest):
    """Slips, made with numpy of a real adapter, in F32 and BF16."""

    SIZE, KEYS, INNER, HEADS, KEY_HEADS, RANK = 32, 16, 48, 4, 2, 8

    def arrays(self, adapter):
        return {n: t.to(torch.float32).numpy().copy() for n, t in adapter.tensors.items()}

    def check(self, adapter, change, code, only=None, dtype=torch.float32, **expected):
        """Changes the arrays; the modules that differ have the slip, and the others none."""
        arrays = self.arrays(adapter)
        changed = change(arrays) or arrays
        tensors = {n: torch.from_numpy(numpy.ascontiguousarray(t)).to(dtype) for n, t in changed.items()}
        wrong = adapter.copy(self.scratch / "wrong", tensors)
        for left, right in ((adapter, wrong), (wrong, adapter)):
            rows, report = self.diff(left, right, 1)
            different = {name for name, row in rows.items() if row["verdict"] not in ("equal", "rounded")}
            self.assertTrue(different)
            for name, row in rows.items():
                if name not in different:
                    self.assertIsNone(row["slip"])
                    continue
                self.assertIsNotNone(row["slip"], row)
                self.assertEqual(row["slip"]["code"], code, row)
            if only is not None:
                self.assertEqual({name.split(".")[-1] for name in different}, set(only))
            if left is adapter:
                for row in rows.values():
                    for key, value in expected.items() if row["slip"] else ():
                        if isinstance(value, float):
                            self.assertAlmostEqual(row["slip"][key], value, delta=1e-3 * abs(value))
                        else:
                            self.assertEqual(row["slip"][key], value, row)

    def each(self, arrays, leaf, change):
        for name in arrays:
            if leaf in name:
                arrays[name] = change(arrays[name])

    def adapters(self):
        for dtype in (torch.float32, torch.bfloat16):
            yield dtype, self.adapter(
                f"slips-{dtype}", 11, self.RANK, dtype, lora_alpha=12,
                targets=["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "down_proj"])

    def test_scale(self):
        for dtype, adapter in self.adapters():
            root = math.sqrt(self.RANK)
            for factor, code in ((1.05, "scale"), (0.5, "scale"), (-1.0, "scale"), (root, "scale-by-root-of-rank"),
                                 (1 / root, "scale-by-root-of-rank"), (self.RANK, "scale-by-rank"),
                                 (1 / self.RANK, "scale-by-rank")):
                with self.subTest(dtype=dtype, factor=factor):
                    # In the config, and in the factor.
                    wrong = adapter.copy(self.scratch / "wrong", lora_alpha=12 * factor)
                    rows, report = self.diff(adapter, wrong, 1)
                    self.assertEqual(report["slip"]["code"], code)
                    self.assertAlmostEqual(report["slip"]["factor"] / factor, 1, delta=1e-6)
                    self.assert_distances(adapter, wrong)
                    self.check(
                        adapter, lambda arrays: self.each(arrays, "lora_B", lambda b: b * numpy.float32(factor)),
                        code, dtype=dtype, factor=float(factor))
            wrong = adapter.copy(self.scratch / "wrong", use_rslora=True)
            _, report = self.diff(adapter, wrong, 1)
            self.assertEqual(report["slip"]["code"], "scale-by-root-of-rank")

    def test_scale_of_mixed_factors(self):
        """A wrong scale is named of factors that have nothing else in common."""
        for dtype, adapter in self.adapters():
            mix = numpy.linalg.qr(numpy.random.default_rng(1).normal(size=(self.RANK, self.RANK)))[0]

            def change(arrays):
                self.each(arrays, "lora_A", lambda a: mix @ a)
                self.each(arrays, "lora_B", lambda b: 2 * (b @ mix.T))

            self.check(adapter, change, "scale", dtype=dtype)

    def test_transposed(self):
        for dtype, adapter in self.adapters():
            for leaf, code in (("lora_A", "transposed-a"), ("lora_B", "transposed-b")):
                self.check(
                    adapter, lambda arrays: self.each(arrays, leaf, lambda x: x.T.reshape(x.shape)), code, dtype=dtype)

    def test_transposed_square(self):
        """A factor that is itself square, saved as its transpose."""
        adapter = self.adapter("square", 12, self.SIZE, targets=["q_proj"])
        for leaf, code in (("lora_A", "transposed-a"), ("lora_B", "transposed-b")):
            self.check(adapter, lambda arrays: self.each(arrays, leaf, lambda x: x.T), code)

    def interleave(self, b, heads):
        """The order of llama.cpp's rows."""
        return b.reshape(heads, 2, b.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(b.shape)

    def separate(self, b, heads):
        return b.reshape(heads, b.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(b.shape)

    def test_rotary(self):
        for dtype, adapter in self.adapters():
            self.check(
                adapter, lambda arrays: self.each(arrays, "q_proj.lora_B", lambda b: self.interleave(b, self.HEADS)),
                "rotary-rows", ["q_proj"], dtype, heads=self.HEADS)
            # Keys ordered with the number of all heads, and ordered back with their own.
            self.check(
                adapter,
                lambda arrays: self.each(
                    arrays, "k_proj.lora_B",
                    lambda b: self.separate(self.interleave(b, self.HEADS), self.KEY_HEADS)),
                "rotary-heads", ["k_proj"], dtype)

    def test_exchanged(self):
        for dtype, adapter in self.adapters():
            def gate_and_up(arrays):
                return {
                    n.replace("gate_proj", "X").replace("up_proj", "gate_proj").replace("X", "up_proj"): t
                    for n, t in arrays.items()
                }

            self.check(adapter, gate_and_up, "other-module", ["gate_proj", "up_proj"], dtype)

            def factors(arrays):
                for name in list(arrays):
                    if "q_proj.lora_A" in name:
                        other = name.replace("lora_A", "lora_B")
                        arrays[name], arrays[other] = arrays[other].T, arrays[name].T

            self.check(adapter, factors, "exchanged-factors", ["q_proj"], dtype)

            def reshaped(arrays):
                for name in list(arrays):
                    if "q_proj.lora_A" in name:
                        other = name.replace("lora_A", "lora_B")
                        a, b = arrays[name], arrays[other]
                        arrays[name], arrays[other] = b.reshape(a.shape), a.reshape(b.shape)

            self.check(adapter, reshaped, "exchanged-factors", ["q_proj"], dtype)
            self.check(
                adapter,
                lambda arrays: self.each(
                    arrays, "up_proj.lora_B", lambda b: numpy.concatenate([b[len(b) // 2:], b[:len(b) // 2]])),
                "exchanged-halves", ["up_proj"], dtype)
            order = numpy.random.default_rng(2).permutation(self.INNER)
            self.check(
                adapter, lambda arrays: self.each(arrays, "up_proj.lora_B", lambda b: b[order]),
                "row-order", ["up_proj"], dtype)

    def test_missing(self):
        for dtype, adapter in self.adapters():
            tensors = {n: t for n, t in adapter.tensors.items() if "layers.1.v_proj" not in n}
            wrong = adapter.copy(self.scratch / "wrong", tensors)
            for pair, verdict in (((adapter, wrong), "only-a"), ((wrong, adapter), "only-b")):
                rows, _ = self.diff(*pair, 1)
                self.assertEqual(rows["layers.1.v_proj"]["verdict"], verdict)
                self.assertEqual({row["verdict"] for row in rows.values()}, {verdict, "equal"})

    def test_layers(self):
        for dtype, adapter in self.adapters():
            def shift(arrays):
                return {
                    re.sub(r"layers\.(\d+)", lambda m: f"layers.{int(m[1]) + 1}", n): t for n, t in arrays.items()
                }

            tensors = {n: torch.from_numpy(t).to(dtype) for n, t in shift(self.arrays(adapter)).items()}
            rows, report = self.diff(adapter, adapter.copy(self.scratch / "wrong", tensors), 1)
            for name, row in rows.items():
                if row["verdict"] == "only-b":
                    self.assertIn("layers.3", name)
                else:
                    self.assertEqual(row["slip"], {"code": "other-layer", "layers": 1}, row)

    def test_experts(self):
        """The experts of B in blocks."""
        net = Net(self.random)
        model = get_peft_model(net, LoraConfig(
            r=3, target_modules=[], target_parameters=["experts.gate_up_proj", "experts.down_proj"]))
        torch.manual_seed(13)
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.data = torch.randn_like(parameter)
        model.save_pretrained(self.scratch / "experts")
        adapter = Adapter(self.scratch / "experts")

        def blocks(b):
            return b.reshape(b.shape[0], 3, 4).swapaxes(1, 2).reshape(b.shape)

        self.check(adapter, lambda arrays: self.each(arrays, "lora_B", blocks), "expert-order")

    def test_real_model(self):
        """Llama's own names, and k with another number of heads."""
        config = LlamaConfig(
            vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=8,
            num_key_value_heads=4, max_position_embeddings=32)
        model = get_peft_model(
            LlamaForCausalLM(config), LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
        model.save_pretrained(self.scratch / "llama")
        adapter = Adapter(self.scratch / "llama")
        self.diff(adapter, adapter.copy(self.scratch / "same"), 0)
        self.check(
            adapter,
            lambda arrays: self.each(
                arrays, "k_proj.lora_B", lambda b: self.separate(self.interleave(b, 8), 4)),
            "rotary-heads", ["k_proj"])
