# SPDX-License-Identifier: Apache-2.0
"""`peftkit merge` against `merge_and_unload` and `save_pretrained` of real PEFT."""

import json
import shutil
import warnings
from functools import cache

import adapter_bases
import merge_cases
import merge_truth
import torch
from adapter_corpus import build, quiet
from peft import PeftModel
from safetensors.torch import load_file, save_file
from support import InteropTest, peftkit

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
TOKENS = torch.tensor([[3, 7, 11, 2, 30, 5, 9, 1]])


def logits(model):
    """What a model of transformers computes."""
    inputs = {"input_ids": TOKENS}
    if getattr(model.config, "is_encoder_decoder", False):
        inputs["decoder_input_ids"] = TOKENS
    with torch.no_grad():
        output = model(**inputs)
    return (output.logits if hasattr(output, "logits") else output[0]).float()


class MergeTests(InteropTest):
    @classmethod
    def setUpClass(cls):
        cls.elements = cls.edges = cls.compared = 0

    @classmethod
    def tearDownClass(cls):
        print(f"[{cls.compared} merges, {cls.elements} elements, {cls.edges} at rounding edges] ", end="", flush=True)

    def setUp(self):
        super().setUp()
        self.base = cache(self.make_base)

    def make_base(self, name, dtype):
        """The directory of a base in a dtype."""
        path = self.scratch / f"{name}-{dtype}"
        with quiet():
            model = adapter_bases.make(name).to(DTYPES[dtype])
            if name in adapter_bases.MODULES:
                path.mkdir()
                save_file(model.state_dict(), path / "model.safetensors", metadata={"format": "pt"})
            else:
                model.save_pretrained(path)
        return path

    def load(self, case, path, dtype):
        """The model of a directory."""
        auto = merge_cases.auto_class(case)
        if auto is None:
            model = adapter_bases.make(case.base).to(DTYPES[dtype])
            model.load_state_dict(load_file(path / "model.safetensors"))
            return model
        # A new head is of random values, the same for all models.
        torch.manual_seed(0)
        return auto.from_pretrained(path, dtype=DTYPES[dtype]).eval()

    def attached(self, case, adapter, dtype, base=None):
        return PeftModel.from_pretrained(self.load(case, base or self.base(case.base, dtype), dtype), str(adapter)).eval()

    def adapter(self, case):
        path = self.scratch / case.directory
        if not path.exists():
            build(case, path)
        return path

    def merge(self, case, adapter, dtype, *options):
        out = self.scratch / "merged"
        shutil.rmtree(out, ignore_errors=True)
        run = peftkit("merge", adapter, "--base", self.base(case.base, dtype), "-o", out, *options)
        self.assertEqual(run.code, 0, f"{case} {dtype} {options}: {run}")
        return out

    def check_merge(self, case, dtype, style):
        safe = style == "safe"
        adapter = self.adapter(case)
        with quiet():
            theirs = self.attached(case, adapter, dtype)
            found = merge_truth.layers(theirs)
            twice = {name: merge_truth.is_rounded_twice(layer, safe) for name, layer in found.items()}
            theirs = theirs.merge_and_unload(safe_merge=safe)
        out = self.merge(case, adapter, dtype, "--like", style)
        with quiet():
            ours = self.load(case, out, dtype)
            exact = self.exact(case, adapter, dtype)
        left, right = ours.state_dict(), theirs.state_dict()
        self.assertEqual(left.keys(), right.keys(), f"{case} {dtype}")
        for name, mine in left.items():
            self.check_tensor(f"{case} {dtype} {style} {name}", mine, right[name], exact.get(name), twice.get(name, False))
        type(self).compared += 1

    def exact(self, case, adapter, dtype):
        """The exact result of merging into the base of a dtype."""
        base = self.base(case.base, dtype)
        return merge_truth.exact(lambda: self.attached(case, adapter, "F32", base), DTYPES[dtype])

    def check_tensor(self, name, mine, theirs, exact, twice):
        self.assertEqual((mine.dtype, mine.shape), (theirs.dtype, theirs.shape), name)
        type(self).elements += mine.numel()
        if exact is None:
            # Tensors that are copied or replaced have the same bits; a bias is rounded once.
            if not torch.equal(mine, theirs):
                apart = (mine.double() - theirs.double()).abs()
                self.assertTrue(name.endswith("bias") and (apart <= 4 * merge_truth.UNIT * theirs.double().abs().clamp(min=1)).all(), name)
            return
        low, high = merge_truth.interval(*exact, mine.dtype, twice)
        for side, values in (("ours", mine), ("PEFT's", theirs)):
            outside = ((values < low) | (values > high)).sum().item()
            self.assertEqual(outside, 0, f"{name}: {outside} of {mine.numel()} elements of {side} are outside of the bound")
        if mine.dtype != torch.float32:
            apart = (merge_truth.ordinal(mine) - merge_truth.ordinal(theirs)).abs()
            type(self).edges += (apart > 0).sum().item()
            # Where W and Δ cancel, the bound of F32 may be several steps of the dtype wide.
            width = merge_truth.ordinal(high) - merge_truth.ordinal(low)
            self.assertTrue((apart <= width.clamp(min=1)).all(), name)

    def test_merges(self):
        """Every kind of adapter into bases of F32 and, in turn, BF16 and F16, plain and safe in turn."""
        for number, case in enumerate(merge_cases.cases()):
            halves = [] if case.name in merge_cases.F32_ALONE else [("BF16", "F16")[number % 2]]
            if case.base == "t5" and halves:
                halves = ["BF16"]  # transformers makes some weights of T5 F32 when it loads F16
            for dtype in ["F32", *halves]:
                style = "safe" if number // 2 % 2 else "plain"
                with self.subTest(str(case), dtype=dtype, style=style):
                    self.check_merge(case, dtype, style)

    def test_logits(self):
        """transformers loads what is merged, and computes what it does with the adapter attached."""
        for case in [*list(merge_cases.cases())[::3], *merge_cases.OWN, *merge_cases.UNTIED]:
            if merge_cases.auto_class(case) is None:
                continue
            with self.subTest(str(case)):
                adapter = self.adapter(case)
                out = self.merge(case, adapter, "F32")
                with quiet(), warnings.catch_warnings():
                    expected = logits(self.attached(case, adapter, "F32"))
                    base = logits(self.load(case, self.base(case.base, "F32"), "F32"))
                    merged = logits(self.load(case, out, "F32"))
                self.assertGreater((expected - base).abs().max().item(), 1e-4, "the adapter changes nothing")
                self.assertLess((merged - expected).abs().max().item(), 2e-5 * expected.abs().max().clamp(min=1).item())

    def test_refusals(self):
        """What cannot be merged is refused by name, and nothing is written."""
        for case, part in merge_cases.REFUSED:
            with self.subTest(str(case)):
                out = self.scratch / "refused"
                adapter = self.adapter(case)
                run = peftkit("merge", adapter, "--base", self.base(case.base, "F32"), "-o", out)
                self.assert_code(run, 2)
                self.assertIn(part, run.stderr)
                self.assertFalse(out.exists())

    def test_sequence(self):
        """One adapter after the other: the weight is rounded after each, as PEFT does."""
        first = merge_cases.lora("first", "llama", target_modules=["q_proj", "down_proj"])
        second = merge_cases.lora("second", "llama", r=3, target_modules=["q_proj", "v_proj"], use_rslora=True)
        for dtype in DTYPES:
            paths = [self.adapter(first), self.adapter(second)]
            with quiet():
                theirs = self.attached(first, paths[0], dtype)
                theirs.load_adapter(str(paths[1]), "second")
                theirs = theirs.merge_and_unload(adapter_names=["default", "second"])
            out = self.merge(first, paths[0], dtype, "--adapter", paths[1], "--like", "plain")
            once = self.merge_in_turn(first, paths, dtype)
            with quiet():
                ours = self.load(first, out, dtype).state_dict()
            for name, mine in ours.items():
                self.assertTrue(torch.equal(mine, once[name]), f"{dtype} {name}")
                expected = theirs.state_dict()[name].double()
                step = {"F32": 2.0**-20, "BF16": 2.0**-7, "F16": 2.0**-10}[dtype]
                limit = step * expected.abs() + 1e-6
                self.assertTrue(((mine.double() - expected).abs() <= limit).all(), f"{dtype} {name}")

    def merge_in_turn(self, case, adapters, dtype):
        """The tensors of two merges, one into the result of the other."""
        base = self.base(case.base, dtype)
        for number, adapter in enumerate(adapters):
            out = self.scratch / f"turn-{dtype}-{number}"
            self.assert_code(peftkit("merge", adapter, "--base", base, "-o", out, "--like", "plain"), 0)
            base = out
        return load_file(base / "model.safetensors")

    def test_layouts(self):
        """The same adapter merges into files that have the experts one by one and stacked."""
        for case in (merge_cases.variant_case("LORA", "experts both"), merge_cases.variant_case("LORA", "experts by old names")):
            with self.subTest(str(case)):
                adapter = self.adapter(case)
                with quiet():
                    model = self.load(case, self.base(case.base, "F32"), "F32")
                stacked = self.scratch / "stacked"
                shutil.rmtree(stacked, ignore_errors=True)
                shutil.copytree(self.base(case.base, "F32"), stacked)
                state = {name: value.contiguous().clone() for name, value in model.state_dict().items()}
                save_file(state, stacked / "model.safetensors", metadata={"format": "pt"})
                separate = load_file(self.base(case.base, "F32") / "model.safetensors")
                self.assertNotEqual(state.keys(), separate.keys())
                results = []
                for base in (self.base(case.base, "F32"), stacked):
                    out = self.scratch / "layout"
                    shutil.rmtree(out, ignore_errors=True)
                    self.assert_code(peftkit("merge", adapter, "--base", base, "-o", out), 0)
                    with quiet():
                        results.append(self.load(case, out, "F32").state_dict())
                for name, value in results[0].items():
                    self.assertTrue(torch.equal(value, results[1][name]), name)

    def test_quantized_bases(self):
        """A quantized base is refused by the name of its scheme, with the model to merge into."""
        case = merge_cases.OWN[0]
        adapter = self.adapter(case)
        for method, part in (("gptq", "gptq"), ("awq", "awq"), ("bitsandbytes", "bitsandbytes"), ("fp8", "FP8"), ("compressed-tensors", "compressed-tensors")):
            base = self.scratch / f"quantized-{method}"
            shutil.copytree(self.base(case.base, "F32"), base)
            config = json.loads((base / "config.json").read_text())
            config["quantization_config"] = {"quant_method": method, "bits": 4}
            (base / "config.json").write_text(json.dumps(config))
            out = self.scratch / "refused"
            run = peftkit("merge", adapter, "--base", base, "-o", out)
            self.assert_code(run, 2)
            self.assertIn(part, run.stderr)
            self.assertIn("tiny/llama", run.stderr)
            self.assertFalse(out.exists())

    def test_parts_are_not_left_out(self):
        """An adapter of which PEFT ignores a tensor, or leaves one at fresh values, is refused."""
        case = merge_cases.variant_case("LORA", "rslora")
        adapter = self.adapter(case)
        weights = load_file(adapter / "adapter_model.safetensors")
        for change in ("lost", "renamed", "reshaped"):
            damaged = self.scratch / f"damaged-{change}"
            shutil.copytree(adapter, damaged)
            tensors = dict(weights)
            name = next(name for name in tensors if name.endswith("lora_B.weight"))
            value = tensors.pop(name)
            if change == "renamed":
                tensors[name.replace("layers.0", "layers.7")] = value
            if change == "reshaped":
                tensors[name] = value[1:].clone()
            save_file(tensors, damaged / "adapter_model.safetensors", metadata={"format": "pt"})
            out = self.scratch / "refused"
            run = peftkit("merge", damaged, "--base", self.base(case.base, "F32"), "-o", out)
            self.assert_code(run, 2)
            self.assertIn("lora_B", run.stderr)
            self.assertFalse(out.exists())
