# SPDX-License-Identifier: Apache-2.0
"""`peftkit combine` against real PEFT's `add_weighted_adapter`: what is written loads without missing or unexpected keys,
and its deltas are PEFT's; and against PEFT's conversion of PiSSA and OLoRA adapters to LoRA."""

import itertools
import json
import math
import shutil
import warnings

import torch
from adapter_bases import make
from peft import LoraConfig, PeftModel, get_peft_model, load_peft_weights, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from peft.utils.merge_utils import calculate_majority_sign_mask, disjoint_merge
from safetensors.torch import load_file, save_file
from support import InteropTest, peftkit

KINDS = ["cat", "linear", "svd", "ties", "ties_svd", "magnitude_prune", "magnitude_prune_svd"]
RANDOM = ["dare_linear", "dare_ties", "dare_linear_svd", "dare_ties_svd"]
OF_ONE_RANK = ["linear", "ties", "dare_linear", "dare_ties", "magnitude_prune"]
TOKENS = torch.tensor([[3, 7, 11, 2, 30, 5, 9, 1]])
T = ["q_proj", "v_proj"]

# Name: base model, the configs of the adapters, and the kinds; all but those of random pruning if there are none.
CASES = {
    "two": ("llama", [{"target_modules": T}, {"target_modules": T, "lora_alpha": 11}], None),
    "three": ("llama", [{"target_modules": T}, {"target_modules": T, "lora_alpha": 3}, {"target_modules": T}], None),
    "ranks": ("llama", [{"target_modules": T}, {"target_modules": T, "r": 3}], ["cat", "svd", "ties_svd", "magnitude_prune_svd"]),
    "rank patterns": ("llama", [{"target_modules": T, "rank_pattern": {"q_proj": 2}}] * 2, None),
    "a rank pattern": (
        "llama",
        [{"target_modules": T, "rank_pattern": {"q_proj": 2}}, {"target_modules": T}],
        ["cat", "svd", "ties_svd", "magnitude_prune_svd"],
    ),
    "alpha pattern": ("llama", [{"target_modules": T, "alpha_pattern": {"^model.layers.1.*q_proj": 2}}, {"target_modules": T}], None),
    "rank-stabilized, first": ("llama", [{"target_modules": T, "use_rslora": True}, {"target_modules": T}], None),
    "rank-stabilized, second": ("llama", [{"target_modules": T}, {"target_modules": T, "use_rslora": True}], None),
    "targets": ("llama", [{"target_modules": T}, {"target_modules": ["q_proj", "down_proj"]}], None),
    "texts": ("llama", [{"target_modules": ".*q_proj"}, {"target_modules": ".*v_proj"}], ["cat", "linear", "svd"]),
    "layers": ("llama", [{"target_modules": T, "layers_to_transform": [0]}, {"target_modules": T, "layers_to_transform": [0, 1]}], None),
    "embedding and head": ("llama", [{"target_modules": ["embed_tokens", "lm_head", "q_proj"]}] * 2, None),
    "conv1d of gpt2": ("gpt2", [{"target_modules": ["c_attn", "c_fc", "wte"], "fan_in_fan_out": True}] * 2, None),
    "convolutions": ("convolutions", [{"target_modules": ["conv2d", "point", "linear"]}] * 2, None),
    # PEFT fails with singular values of one and three dimensions.
    "other convolutions": ("convolutions", [{"target_modules": ["conv1d", "conv3d"]}] * 2, ["cat", "linear", "ties", "magnitude_prune"]),
}  # fmt: skip
WEIGHTS = {"positive": [0.7, 0.3, 0.25], "negative": [0.7, -0.3, -1.5], "zero": [0.7, 0.0, 1.0]}

# Adapters that PEFT refuses to combine, or of which it loses something in silence: base, configs, kinds, what we say.
REFUSED = {
    "ranks": ("llama", [{"target_modules": T}, {"target_modules": T, "r": 3}], OF_ONE_RANK, "has the ranks 4 and 3"),
    "experts": ("qwen3_moe", [{"target_modules": T, "target_parameters": ["mlp.experts.down_proj"]}] * 2, ["cat"], "stacked experts"),
    "saved, both": ("llama", [{"target_modules": T, "modules_to_save": ["lm_head"]}] * 2, ["cat"], "saved whole"),
    "saved, first": ("llama", [{"target_modules": T, "modules_to_save": ["lm_head"]}, {"target_modules": T}], ["cat"], "saved whole"),
    "saved, second": ("llama", [{"target_modules": T}, {"target_modules": T, "modules_to_save": ["lm_head"]}], ["cat"], "saved whole"),
    "tokens": ("llama", [{"target_modules": T, "trainable_token_indices": [1, 2]}, {"target_modules": T}], ["cat"], "trained tokens"),
    "dora": ("llama", [{"target_modules": T, "use_dora": True}] * 2, ["cat", "linear", "svd"], "DoRA"),
    "bias in B": ("llama", [{"target_modules": T, "lora_bias": True}] * 2, ["cat", "linear", "svd"], "bias in B"),
    "pissa": ("llama", [{"target_modules": T, "init_lora_weights": "pissa"}, {"target_modules": T}], ["cat"], "init_lora_weights"),
}  # fmt: skip


def density_of(kind):
    return 0.6 if any(part in kind for part in ("ties", "dare", "prune")) else None


def distinct(tensor):
    """A tensor of BF16 whose magnitudes all differ: torch leaves open which of equal ones it prunes."""
    order = torch.randperm(tensor.numel()).to(torch.int16)
    signs = torch.randint(0, 2, order.shape).to(torch.bfloat16) * 2 - 1
    return ((0x3E80 + order).view(torch.bfloat16) * signs).reshape(tensor.shape)


class Combine(InteropTest):
    def adapters(self, base, configs, dtype=torch.float32):
        """Saved adapters with random factors, one directory for each config."""
        paths = []
        for index, values in enumerate(configs):
            torch.manual_seed(20 + index)
            config = LoraConfig(**{"r": 4, "lora_alpha": 6, **values})
            model = get_peft_model(make(base), config)
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if parameter.requires_grad:
                        parameter.copy_(torch.randn_like(parameter) * 0.3)
            path = self.scratch / f"adapter-{index}"
            shutil.rmtree(path, ignore_errors=True)
            model.save_pretrained(path)
            weights = path / "adapter_model.safetensors"
            if dtype == torch.bfloat16:
                save_file({key: distinct(value) for key, value in load_file(weights).items()}, weights)
            paths.append(path)
        return paths

    def loaded(self, base, paths):
        """The adapters in PEFT, named after their directories."""
        model = PeftModel.from_pretrained(make(base), paths[0], adapter_name=paths[0].name)
        for path in paths[1:]:
            model.load_adapter(path, adapter_name=path.name)
        return model

    def deltas(self, model, name):
        """The updates of an adapter by module."""
        found = {}
        for path, module in model.named_modules():
            if isinstance(module, LoraLayer) and name in module.scaling:
                found[path] = module.get_delta_weight(name).detach()
        self.assertTrue(found)
        return found

    def truth(self, base, paths, weights, kind, **options):
        """What PEFT makes of the adapters."""
        model = self.loaded(base, paths)
        if density_of(kind) and "density" not in options:
            options["density"] = density_of(kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.base_model.add_weighted_adapter([path.name for path in paths], weights, "new", combination_type=kind, **options)
        deltas = self.deltas(model, "new")
        config = model.peft_config["new"]
        if config.use_rslora:
            # PEFT takes over `use_rslora` of the first adapter with α = r, which multiplies the result by √r.
            deltas = {key: value / math.sqrt(config.r) for key, value in deltas.items()}
        return deltas

    def combine(self, paths, weights, kind, *options, density=None, to="combined"):
        target = self.scratch / to
        density = density or density_of(kind)
        arguments = [f"{path}:{weight}" for path, weight in zip(paths, weights)]
        arguments += ["-o", target, "--force", "--kind", kind, *options]
        return target, peftkit("combine", *arguments, *(["--density", density] if density else []))

    def result(self, base, path):
        """The updates of a written adapter, which PEFT must load whole."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(make(base), path)
        self.assertFalse([str(entry.message) for entry in caught if "adapter keys" in str(entry.message)])
        loaded = set_peft_model_state_dict(model, load_peft_weights(path))
        self.assertFalse([key for key in loaded.missing_keys if ".default" in key])
        self.assertFalse(loaded.unexpected_keys)
        return self.deltas(model, "default")

    def assert_same(self, ours, theirs, tolerance, label):
        if label.startswith("layers"):
            # PEFT loses the layers that the first config leaves out.
            self.assertLess(theirs.keys(), ours.keys(), label)
        else:
            self.assertEqual(ours.keys(), theirs.keys(), label)
        for key, expected in theirs.items():
            error = (ours[key] - expected).norm().item()
            self.assertLessEqual(error, tolerance * max(expected.norm().item(), 1e-3), f"{label}: {key}")

    def test_deltas(self):
        """All kinds that are not random have PEFT's deltas."""
        for name, (base, configs, kinds) in CASES.items():
            paths = self.adapters(base, configs)
            for kind in kinds or KINDS:
                with self.subTest(f"{name}, {kind}"):
                    weights = WEIGHTS["positive"][: len(paths)]
                    target, run = self.combine(paths, weights, kind)
                    self.assert_code(run, 0)
                    expected = self.truth(base, paths, weights, kind)
                    self.assert_same(self.result(base, target), expected, 1e-5 if "svd" in kind else 1e-6, f"{name}, {kind}")
                    self.assert_code(peftkit("validate", target), 0)

    def test_weights(self):
        """Weights of any sign, and zero; the elements of the smaller sign; ranks of the result; BF16."""
        base, configs, _ = CASES["three"]
        for dtype in (torch.float32, torch.bfloat16):
            paths = self.adapters(base, configs, dtype)
            for (label, weights), kind in itertools.product(WEIGHTS.items(), KINDS):
                with self.subTest(f"{label}, {kind}, {dtype}"):
                    target, run = self.combine(paths, weights, kind)
                    self.assert_code(run, 0)
                    expected = self.truth(base, paths, weights, kind)
                    self.assert_same(self.result(base, target), expected, 1e-5 if "svd" in kind else 1e-6, f"{label}, {kind}")
        for kind in ("ties", "ties_svd"):
            target, run = self.combine(paths, WEIGHTS["negative"], kind, "--majority-sign", "frequency")
            self.assert_code(run, 0)
            expected = self.truth(base, paths, WEIGHTS["negative"], kind, majority_sign_method="frequency")
            self.assert_same(self.result(base, target), expected, 1e-5, f"{kind}, frequency")
        for kind in ("svd", "ties_svd", "magnitude_prune_svd"):
            for rank in (1, 6):
                target, run = self.combine(paths, WEIGHTS["positive"], kind, "--rank", rank)
                self.assert_code(run, 0)
                expected = self.truth(base, paths, WEIGHTS["positive"], kind, svd_rank=rank)
                self.assert_same(self.result(base, target), expected, 1e-5, f"{kind}, rank {rank}")

    def test_one(self):
        """One adapter is multiplied by its weight, whatever the kind."""
        paths = self.adapters("llama", CASES["two"][1][:1])
        for kind in ("cat", "linear", "svd", "ties"):
            target, run = self.combine(paths, [-0.4], kind)
            self.assert_code(run, 0)
            self.assert_same(self.result("llama", target), self.truth("llama", paths, [-0.4], kind), 1e-6, kind)

    def test_rank_stabilized_in_peft(self):
        """PEFT multiplies the result by √r where the first adapter is rank-stabilized: ours is the weighted sum."""
        base, configs, _ = CASES["rank-stabilized, first"]
        paths = self.adapters(base, configs)
        model = self.loaded(base, paths)
        names = [path.name for path in paths]
        model.base_model.add_weighted_adapter(names, [0.7, 0.3], "new", combination_type="cat")
        parts = [self.deltas(model, name) for name in names]
        exact = {key: 0.7 * parts[0][key] + 0.3 * parts[1][key] for key in parts[0]}
        theirs = self.deltas(model, "new")
        for key, value in exact.items():
            self.assertAlmostEqual((theirs[key].norm() / value.norm()).item(), math.sqrt(8), 4)
        target, run = self.combine(paths, [0.7, 0.3], "cat")
        self.assert_code(run, 0)
        self.assert_same(self.result(base, target), exact, 1e-6, "cat")

    def test_random_without_pruning(self):
        """With a density of 1 nothing is random: PEFT's deltas."""
        base, configs, _ = CASES["two"]
        paths = self.adapters(base, configs)
        for kind in RANDOM:
            target, run = self.combine(paths, [0.7, -0.3], kind, density=1)
            self.assert_code(run, 0)
            expected = self.truth(base, paths, [0.7, -0.3], kind, density=1.0)
            self.assert_same(self.result(base, target), expected, 1e-5 if "svd" in kind else 1e-6, kind)

    def test_random_pruning(self):
        """Each element is what PEFT's formula gives for some of its elements pruned, in the right shares; the mean over
        seeds is the weighted sum; a seed gives the same file again."""
        wide = [{"target_modules": ["q_proj", "down_proj"], "r": 16, "lora_alpha": 16}] * 2
        paths = self.adapters("llama", wide)
        tensors = [load_file(path / "adapter_model.safetensors") for path in paths]
        weights, density = [0.7, 0.5], 0.4
        for kind in ("dare_linear", "dare_ties"):
            sums, counts = {}, torch.zeros(4)
            seeds = 40 if kind == "dare_linear" else 4
            for seed in range(seeds):
                target, run = self.combine(paths, weights, kind, "--seed", seed, density=density)
                self.assert_code(run, 0)
                for key, value in load_file(target / "adapter_model.safetensors").items():
                    sums[key] = sums.get(key, 0) + value.double()
                    if seed > 3:
                        continue
                    candidates = []
                    for kept in itertools.product((0, 1), repeat=2):
                        stack = torch.stack([keep * each[key] / density for keep, each in zip(kept, tensors)])
                        scaled = stack * torch.tensor(weights).sqrt().reshape(2, 1, 1)
                        mask = calculate_majority_sign_mask(stack)
                        candidates.append(disjoint_merge(scaled, mask) if "ties" in kind else scaled.sum(dim=0))
                    errors = torch.stack([(value - each).abs() for each in candidates])
                    self.assertLess(errors.min(dim=0).values.max().item(), 1e-6, f"{kind}: {key}")
                    if kind == "dare_linear":
                        counts += torch.bincount(errors.argmin(dim=0).flatten(), minlength=4)
            if kind == "dare_ties":
                continue
            # Kept shares: none, the second, the first, both.
            total = counts.sum().item()
            for count, share in zip(counts.tolist(), (0.36, 0.24, 0.24, 0.16)):
                self.assertLess(abs(count - total * share), 5 * math.sqrt(total * share * (1 - share)))
            for key, value in sums.items():
                exact = sum(math.sqrt(weight) * each[key].double() for weight, each in zip(weights, tensors))
                variance = (1 / density - 1) * sum(weight * each[key].double() ** 2 for weight, each in zip(weights, tensors))
                deviations = (value / seeds - exact) / (variance / seeds).sqrt()
                self.assertLess(deviations.abs().max().item(), 6)
                self.assertLess(abs(deviations.mean().item()), 6 / math.sqrt(deviations.numel()))
        first, run = self.combine(paths, weights, "dare_ties", "--seed", 7, density=density, to="first")
        again, run = self.combine(paths, weights, "dare_ties", "--seed", 7, density=density, to="again")
        other, run = self.combine(paths, weights, "dare_ties", "--seed", 8, density=density, to="other")
        self.assert_code(run, 0)
        files = [(path / "adapter_model.safetensors").read_bytes() for path in (first, again, other)]
        self.assertEqual(files[0], files[1])
        self.assertNotEqual(files[0], files[2])

    def test_random_pruning_of_updates(self):
        """At the full rank the updates themselves can be looked at."""
        paths = self.adapters("llama", [{"target_modules": ["q_proj"], "r": 8}] * 2)
        model = self.loaded("llama", paths)
        parts = [self.deltas(model, path.name) for path in paths]
        weights, density = [0.7, 0.5], 0.4
        for kind in ("dare_linear_svd", "dare_ties_svd"):
            target, run = self.combine(paths, weights, kind, "--rank", 16, density=density)
            self.assert_code(run, 0)
            for key, value in self.result("llama", target).items():
                candidates = []
                for kept in itertools.product((0, 1), repeat=2):
                    stack = torch.stack([keep * each[key] / density for keep, each in zip(kept, parts)])
                    scaled = stack * torch.tensor(weights).reshape(2, 1, 1)
                    mask = calculate_majority_sign_mask(stack)
                    candidates.append(disjoint_merge(scaled, mask) if "ties" in kind else scaled.sum(dim=0))
                errors = torch.stack([(value - each).abs() for each in candidates])
                self.assertLess(errors.min(dim=0).values.max().item(), 1e-5, f"{kind}: {key}")

    def test_report(self):
        """The figures of the output are the distances from the weighted sum."""
        base, configs, _ = CASES["two"]
        paths = self.adapters(base, configs)
        model = self.loaded(base, paths)
        parts = [self.deltas(model, path.name) for path in paths]
        for kind in ("cat", "svd", "ties"):
            target, run = self.combine(paths, [0.7, -0.3], kind, "--json")
            self.assert_code(run, 0)
            self.assertEqual(run.json()["kind"], kind)
            ours = self.result(base, target)
            for module in run.json()["modules"]:
                key = "base_model.model." + module["name"]
                exact = 0.7 * parts[0][key] - 0.3 * parts[1][key]
                self.assertAlmostEqual(module["norm"], exact.norm().item(), 4)
                change = ((ours[key] - exact).norm() / exact.norm()).item()
                self.assertAlmostEqual(module["relative_change"], change, 4, f"{kind}: {key}")
                self.assertEqual((module["adapters"], module["rank"]), (2, 8 if kind == "cat" else 4))

    def test_refusals(self):
        """What PEFT refuses or loses is refused, and nothing is written."""
        for name, (base, configs, kinds, message) in REFUSED.items():
            paths = self.adapters(base, configs)
            for kind in kinds:
                with self.subTest(f"{name}, {kind}"):
                    target, run = self.combine(paths, [0.7, 0.3], kind, to="refused")
                    self.assert_refused(run)
                    self.assertIn(message, run.stderr)
                    self.assertFalse(target.exists())
        # That PEFT refuses, or loses what is trained.
        for name in ("experts", "saved, both"):
            base, configs, kinds, _ = REFUSED[name]
            with self.assertRaises(ValueError):
                self.truth(base, self.adapters(base, configs), [0.7, 0.3], kinds[0])
        for kind in OF_ONE_RANK:
            with self.assertRaises(ValueError):
                self.truth("llama", self.adapters("llama", REFUSED["ranks"][1]), [0.7, 0.3], kind)
        paths = self.adapters("llama", REFUSED["saved, first"][1])
        model = self.loaded("llama", paths)
        model.base_model.add_weighted_adapter([path.name for path in paths], [0.7, 0.3], "new", combination_type="cat")
        head = model.base_model.model.lm_head
        self.assertTrue(torch.equal(head.modules_to_save["new"].weight, head.original_module.weight))
        self.assertFalse(torch.equal(head.modules_to_save[paths[0].name].weight, head.original_module.weight))
        run = peftkit("combine", *paths, "-o", self.scratch / "refused", "--kind", "unknown")
        self.assert_code(run, 64)

    def test_elsewhere(self):
        """The result goes on: MLX holds it, and computes the same."""
        paths = self.adapters("llama", CASES["targets"][1])
        for kind in ("cat", "svd"):
            target, run = self.combine(paths, [0.7, 0.3], kind)
            self.assert_code(run, 0)
            mlx = self.scratch / f"mlx-{kind}"
            self.assert_code(peftkit("convert", target, mlx, "--to", "mlx"), 0)
            self.assert_code(peftkit("diff", target, mlx, "--deltas"), 0)


class SubtractInitial(InteropTest):
    CASES = {
        "pissa": {"init_lora_weights": "pissa", "target_modules": T},
        "pissa, by randomized decomposition": {"init_lora_weights": "pissa_niter_4", "target_modules": T},
        "olora": {"init_lora_weights": "olora", "target_modules": [*T, "down_proj"]},
        "rank-stabilized": {"init_lora_weights": "pissa", "target_modules": T, "use_rslora": True},
        "patterns": {
            "init_lora_weights": "pissa", "target_modules": T,
            "rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 9},
        },
    }  # fmt: skip

    def make(self, values):
        """A trained adapter, its initial one, PEFT's conversion, and the logits of the trained model."""
        torch.manual_seed(5)
        config = LoraConfig(**{"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 6, **values})
        model = get_peft_model(make("llama"), config)
        paths = [self.scratch / name for name in ("initial", "trained", "theirs", "copy")]
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)
        initial, trained, theirs, copy = paths
        model.save_pretrained(initial)
        shutil.copytree(initial, copy)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter += 0.1 * torch.randn_like(parameter)
            logits = model.eval()(TOKENS).logits
        model.save_pretrained(trained)
        # PEFT overwrites the config of the initial adapter.
        model.save_pretrained(theirs, path_initial_model_for_weight_conversion=str(copy))
        return initial, trained, theirs, logits

    def test_conversion(self):
        for name, values in self.CASES.items():
            with self.subTest(name):
                initial, trained, theirs, logits = self.make(values)
                ours = self.scratch / "ours"
                run = peftkit("combine", trained, "--subtract-initial", initial, "-o", ours, "--force", "--json")
                self.assert_code(run, 0)
                left, right = (load_file(path / "adapter_model.safetensors") for path in (ours, theirs))
                self.assertEqual(left.keys(), right.keys())
                self.assertTrue(all(torch.equal(left[key], right[key]) for key in left))
                mine, yours = (json.loads((path / "adapter_config.json").read_text()) for path in (ours, theirs))
                self.assertIs(mine["init_lora_weights"], True)
                self.assertEqual(mine["use_rslora"], yours["use_rslora"])
                for path in (ours, theirs):
                    with torch.no_grad():
                        found = PeftModel.from_pretrained(make("llama"), path).eval()(TOKENS).logits
                    self.assertLess((found - logits).abs().max().item(), 2e-5, path.name)
                self.assert_code(peftkit("validate", ours), 0)
                for module in run.json()["modules"]:
                    leaf = module["name"].split(".")[-1]
                    rank = values.get("rank_pattern", {}).get(leaf, 4)
                    alpha = values.get("alpha_pattern", {}).get(leaf, 6)
                    self.assertEqual(module["rank"], 2 * rank)
                    self.assertAlmostEqual(module["scale"], alpha / (math.sqrt(rank) if values.get("use_rslora") else rank))

    def test_patterns_with_stabilized_ranks(self):
        """PEFT refuses them; ours computes what the trained model does."""
        values = {**self.CASES["patterns"], "use_rslora": True}
        with self.assertRaises(ValueError):
            self.make(values)
        initial, trained = self.scratch / "initial", self.scratch / "trained"
        with torch.no_grad():
            expected = PeftModel.from_pretrained(make("llama"), trained).eval()(TOKENS).logits
        run = peftkit("combine", trained, "--subtract-initial", initial, "-o", self.scratch / "ours")
        self.assert_code(run, 0)
        with torch.no_grad():
            found = PeftModel.from_pretrained(make("llama"), self.scratch / "ours").eval()(TOKENS).logits
        self.assertLess((found - expected).abs().max().item(), 2e-5)

    def test_refusals(self):
        """Factors that training did not begin with."""
        initial, trained, _, _ = self.make(self.CASES["pissa"])
        other = self.scratch / "other"
        for change in ({"lora_alpha": 7}, {"target_modules": ["q_proj"]}, {"r": 3}):
            shutil.rmtree(other, ignore_errors=True)
            config = LoraConfig(**{"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 6, **self.CASES["pissa"], **change})
            get_peft_model(make("llama"), config).save_pretrained(other)
            self.assert_refused(peftkit("combine", trained, "--subtract-initial", other, "-o", self.scratch / "out"))
            self.assertFalse((self.scratch / "out").exists())
        self.assert_code(peftkit("combine", f"{trained}:0.5", "--subtract-initial", initial, "-o", self.scratch / "out"), 64)
