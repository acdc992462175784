# SPDX-License-Identifier: Apache-2.0
"""`peftkit extract` against models with a known low-rank difference: real PEFT attaches the adapter, and the model is
the tuned one."""

import copy
import json
import warnings

import torch
import transformers
from adapter_bases import ARCHITECTURES
from peft import PeftModel
from support import InteropTest, peak_memory, peftkit
from safetensors.torch import load_file, save_file

RANK = 8
# Architecture, and the modules that training changes.
CASES = {
    "llama": ("q_proj", "v_proj", "down_proj", "lm_head"),
    "gpt2": ("c_attn", "c_proj", "c_fc"),
    "t5": ("q", "wo"),
}
TOKENS = torch.tensor([[3, 7, 11, 2, 30, 5, 9, 1]])


def base_model(architecture):
    torch.manual_seed(0)
    name, values, _ = ARCHITECTURES[architecture]
    auto = "AutoModelForSeq2SeqLM" if architecture == "t5" else "AutoModelForCausalLM"
    return getattr(transformers, auto).from_config(getattr(transformers, name)(**values)).eval()


def logits(model):
    inputs = {"input_ids": TOKENS}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = TOKENS
    with torch.no_grad():
        return model(**inputs).logits.float()


class ConvNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 12, 3)
        self.second = torch.nn.Conv1d(12, 10, 5)
        self.norm = torch.nn.BatchNorm1d(10)
        self.head = torch.nn.Linear(10, 4)

    def forward(self, x):
        return self.head(self.norm(self.second(self.first(x).flatten(2))).mean(2))


class ExtractTest(InteropTest):
    def tuned(self, base, leaves, dtype=torch.float32, rank=RANK):
        """The model after a change of rank `rank` of some modules, and the changes of their weights."""
        tuned = copy.deepcopy(base).to(dtype)
        torch.manual_seed(self.random.randrange(2**31))
        changes = {}
        with torch.no_grad():
            for name, module in tuned.named_modules():
                if name.split(".")[-1] not in leaves or not hasattr(module, "weight"):
                    continue
                before = module.weight.clone().double()
                rows, width = module.weight.shape[0], module.weight[0].numel()
                own = min(rank, rows, width)
                delta = torch.randn(rows, own) @ torch.randn(own, width) * 0.05
                module.weight.copy_(before + delta.reshape(module.weight.shape))
                changes[name] = module.weight.double() - before
        return tuned, changes

    def save(self, model, name):
        path = self.scratch / name
        model.save_pretrained(path)
        return path

    def attach(self, base, path):
        """Real PEFT's model: no tensor may be missing or unexpected."""
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="(?i).*(missing|unexpected).*")
            return PeftModel.from_pretrained(copy.deepcopy(base), str(path)).eval()

    def test_low_rank_difference(self):
        """A difference of rank 8 comes back, and the model computes what the tuned one does."""
        for architecture, leaves in CASES.items():
            for dtype in (torch.float32, torch.bfloat16):
                with self.subTest(architecture, dtype=dtype):
                    base = base_model(architecture).to(dtype)
                    tuned, changes = self.tuned(base, leaves, dtype)
                    stem = f"{architecture}-{dtype}".replace(".", "-")
                    out = self.scratch / f"{stem}-out"
                    run = peftkit(
                        "extract", self.save(base, f"{stem}-base"), self.save(tuned, f"{stem}-tuned"),
                        "--rank", RANK, "-o", out, "--json",
                    )  # fmt: skip
                    self.assertEqual(run.code, 0, run)
                    model = self.attach(base, out)
                    report = {module["name"]: module for module in run.json()["modules"]}
                    self.assertEqual(report.keys(), changes.keys())
                    self.assertEqual(run.json()["others"], [])
                    for name, change in changes.items():
                        layer = model.base_model.model.get_submodule(name)
                        delta = layer.get_delta_weight("default").double()
                        own = report[name]
                        self.assertAlmostEqual(own["norm"], change.norm().item(), delta=1e-6 * change.norm().item())
                        # The tail of the difference, which is the rounding of the tuned weights.
                        values = torch.linalg.svdvals(change)
                        tail = (values[RANK:].norm() / values.norm()).item()
                        distance = ((delta - change).norm() / change.norm()).item()
                        self.assertLess(distance, tail * 1.02 + (2e-6 if dtype == torch.float32 else 6e-3), name)
                        self.assertAlmostEqual(own["relative_error"], tail, delta=0.02 * tail + 1e-6)
                    if dtype == torch.float32:
                        difference = (logits(model) - logits(tuned)).abs().max()
                        scale = (logits(base) - logits(tuned)).abs().max()
                        self.assertLess(difference, 1e-4 * scale)

    def test_convolutions(self):
        torch.manual_seed(0)
        base = ConvNet().eval()
        tuned, changes = self.tuned(base, ("first", "second", "head"), rank=3)
        for name, model in (("base", base), ("tuned", tuned)):
            save_file(model.state_dict(), self.scratch / f"{name}.safetensors")
        out = self.scratch / "out"
        run = peftkit("extract", self.scratch / "base.safetensors", self.scratch / "tuned.safetensors", "--rank", 3, "-o", out)
        self.assertEqual(run.code, 0, run)
        model = self.attach(base, out)
        for name, change in changes.items():
            delta = model.base_model.model.get_submodule(name).get_delta_weight("default").double()
            self.assertLess((delta - change).norm() / change.norm(), 2e-6, name)

    def test_best_rank(self):
        """Of a difference of full rank, the update is near the best one of its rank."""
        base = base_model("llama")
        tuned, changes = self.tuned(base, ("q_proj",), rank=1000)
        paths = self.save(base, "base"), self.save(tuned, "tuned")
        for rank, energy in ((4, None), (12, 0.6)):
            out = self.scratch / f"out-{rank}"
            options = ["--energy", energy] if energy else []
            run = peftkit("extract", *paths, "--rank", rank, *options, "-o", out, "--json")
            self.assertEqual(run.code, 0, run)
            for module in run.json()["modules"]:
                values = torch.linalg.svdvals(changes[module["name"]])
                own = module["rank"]
                tail = (values[own:].norm() / values.norm()).item()
                self.assertLess(module["relative_error"], tail * 1.01)
                self.assertGreater(module["relative_error"], tail * (1 - 1e-6))
                if energy:
                    kept = values.square().cumsum(0) / values.square().sum()
                    self.assertIn(own, (min(rank, int((kept < energy).sum()) + 1), rank))
            self.attach(base, out)

    def test_other_tensors(self):
        """Norms, biases and embeddings are refused by name, saved or left out."""
        base = base_model("gpt2")
        tuned, _ = self.tuned(base, ("c_fc",))
        with torch.no_grad():
            tuned.transformer.ln_f.weight.mul_(1.5)
            tuned.transformer.h[1].mlp.c_fc.bias.add_(0.25)
            tuned.transformer.h[0].attn.c_attn.bias.sub_(0.5)
            tuned.transformer.wpe.weight[3] += 1
        paths = self.save(base, "base"), self.save(tuned, "tuned")
        run = peftkit("extract", *paths, "--rank", RANK, "-o", self.scratch / "none")
        self.assertEqual(run.code, 2, run)
        for name in ("transformer.ln_f.weight", "transformer.wpe.weight", "h.1.mlp.c_fc.bias"):
            self.assertIn(name, run.stderr)
        self.assertFalse((self.scratch / "none").exists())
        run = peftkit("extract", *paths, "--rank", RANK, "-o", self.scratch / "saved", "--save-others")
        self.assertEqual(run.code, 0, run)
        model = self.attach(base, self.scratch / "saved")
        scale = (logits(base) - logits(tuned)).abs().max()
        self.assertLess((logits(model) - logits(tuned)).abs().max(), 1e-4 * scale)
        run = peftkit("extract", *paths, "--rank", RANK, "-o", self.scratch / "skipped", "--skip-others", "--json")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(len(run.json()["others"]), 4)
        names = load_file(self.scratch / "skipped" / "adapter_model.safetensors")
        self.assertTrue(all("lora_" in name for name in names))

    def test_same_bits(self):
        """A seed gives the same bits again; another one gives nearly the same update."""
        base = base_model("llama")
        tuned, _ = self.tuned(base, ("q_proj", "up_proj"), rank=1000)
        paths = self.save(base, "base"), self.save(tuned, "tuned")
        contents = []
        for index, seed in enumerate((7, 7, 8)):
            out = self.scratch / f"out-{index}"
            self.assertEqual(peftkit("extract", *paths, "--rank", 4, "--seed", seed, "--dtype", "float64", "-o", out).code, 0)
            contents.append((out / "adapter_model.safetensors").read_bytes())
        self.assertTrue(contents[0] == contents[1])
        self.assertTrue(contents[0] != contents[2])

    def test_refusals(self):
        """Models that do not have the same parameters, and equal ones."""
        base = base_model("llama")
        path = self.save(base, "base")
        run = peftkit("extract", path, path, "--rank", 4, "-o", self.scratch / "none")
        self.assertEqual(run.code, 2, run)
        config = json.loads((path / "config.json").read_text())
        larger = base_model("llama")
        larger.resize_token_embeddings(config["vocab_size"] + 8)
        run = peftkit("extract", path, self.save(larger, "larger"), "--rank", 4, "-o", self.scratch / "none")
        self.assertEqual(run.code, 2, run)
        self.assertIn("shape", run.stderr)

    def test_memory(self):
        """The peak does not grow with the number of modules."""
        peaks = []
        for layers in (2, 24):
            tensors = {f"layers.{i}.proj.weight": torch.randn(512, 768) for i in range(layers)}
            save_file(tensors, self.scratch / f"base-{layers}.safetensors")
            tuned = {name: t + torch.randn(512, 4) @ torch.randn(4, 768) for name, t in tensors.items()}
            save_file(tuned, self.scratch / f"tuned-{layers}.safetensors")
            code, peak, errors = peak_memory(
                "extract", self.scratch / f"base-{layers}.safetensors", self.scratch / f"tuned-{layers}.safetensors",
                "--rank", "8", "-o", self.scratch / f"out-{layers}", "--no-sync",
            )  # fmt: skip
            self.assertEqual(code, 0, errors)
            peaks.append(peak)
        self.assertLess(peaks[1] - peaks[0], 8 << 20)
