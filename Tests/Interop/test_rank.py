# SPDX-License-Identifier: Apache-2.0
"""`peftkit rank` against torch's singular value decomposition of the dense updates in F64, and against real PEFT,
which loads what is written."""

import json
import warnings

import torch
import transformers
from adapter_bases import ARCHITECTURES
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from support import InteropTest, peftkit

EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]

# Name: architecture, and the values of the config.
CASES = {
    "plain": ("llama", {"target_modules": ["q_proj", "v_proj", "down_proj"], "lora_alpha": 12}),
    "rslora": ("llama", {"target_modules": ["q_proj", "up_proj"], "use_rslora": True, "lora_alpha": 5}),
    "patterns": (
        "llama",
        {"target_modules": ["q_proj", "v_proj", "o_proj"], "rank_pattern": {"layers.1.self_attn.q_proj": 2, "v_proj": 5},
         "alpha_pattern": {"^model.layers.0.*o_proj": 7.5, "v_proj": 1}},
    ),
    "layers, regex": ("llama", {"target_modules": r".*\.(q|v)_proj", "layers_to_transform": None}),
    "dora": ("llama", {"target_modules": ["q_proj", "down_proj"], "use_dora": True}),
    "bias": ("llama", {"target_modules": ["q_proj", "down_proj"], "lora_bias": True}),
    "embedding and head": ("llama", {"target_modules": ["embed_tokens", "lm_head", "q_proj"]}),
    "conv1d": ("gpt2", {"target_modules": ["c_attn", "c_fc", "wte"]}),
    "saved": ("llama", {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "tokens": ("llama", {"target_modules": ["q_proj"], "trainable_token_indices": [1, 5]}),
    "experts": ("qwen3_moe", {"target_modules": ["q_proj"], "target_parameters": EXPERTS}),
}  # fmt: skip
RANK, NEW = 6, 3


class ConvNet(torch.nn.Module):
    """Convolutions of one and two dimensions."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Conv2d(3, 12, 3)
        self.second = torch.nn.Conv1d(12, 10, 5)
        self.head = torch.nn.Linear(10, 4)

    def forward(self, x):
        return self.head(self.second(self.first(x).flatten(2)).mean(2))


def base_model(architecture):
    """A tiny model, the same whenever it is made."""
    torch.manual_seed(0)
    if architecture == "conv":
        return ConvNet().eval()
    name, values, _ = ARCHITECTURES[architecture]
    return transformers.AutoModelForCausalLM.from_config(getattr(transformers, name)(**values)).eval()


def deltas(model):
    """The dense updates of an adapted model by module, in F64; those of experts one for each."""
    found = {}
    model = model.double()
    for name, module in model.named_modules():
        if not isinstance(module, LoraLayer):
            continue
        weight = module.get_delta_weight("default").detach()
        if hasattr(module, "parameter_name"):
            name += "." + module.parameter_name
        found[name] = weight if weight.ndim == 3 and hasattr(module, "parameter_name") else weight.reshape(1, *weight.shape)
    return found


def spectrum(delta):
    """The singular values of the matrices of an update, [matrices, values]."""
    return torch.linalg.svdvals(delta.reshape(delta.shape[0], delta.shape[1], -1))


class RankTest(InteropTest):
    def adapter(self, case, dtype=torch.float32):
        """An adapter with random factors, saved, and its dense updates."""
        architecture, values = CASES[case] if case in CASES else ("conv", {"target_modules": ["first", "second"]})
        model = get_peft_model(base_model(architecture), LoraConfig(**{"r": RANK, **values}))
        torch.manual_seed(self.random.randrange(2**31))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_" in name:
                    # Singular values of different sizes, as trained adapters have them.
                    parameter.copy_(torch.randn_like(parameter) * torch.rand(1))
        path = self.scratch / case.replace(",", "").replace(" ", "-")
        model.save_pretrained(path)
        return architecture, path, deltas(model)

    def load(self, architecture, path):
        """Real PEFT's model with an adapter: no tensor may be missing or unexpected."""
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="(?i).*(missing|unexpected).*")
            model = PeftModel.from_pretrained(base_model(architecture), str(path))
        return model

    def test_best_approximation(self):
        """The updates are the best of their rank, and the errors the tails of the singular values."""
        for case in [*CASES, "convolutions"]:
            with self.subTest(case):
                architecture, path, before = self.adapter(case)
                out = path.with_name(path.name + "-out")
                run = peftkit("rank", path, "--to", NEW, "-o", out, "--json")
                self.assertEqual(run.code, 0, run)
                report = {module["name"]: module for module in run.json()["modules"]}
                after = deltas(self.load(architecture, out))
                self.assertEqual(before.keys(), after.keys())
                self.assertEqual(len(report), len(before))
                for name, old in before.items():
                    values = spectrum(old)
                    tail = values[:, NEW:].square().sum().sqrt() / values.square().sum().sqrt()
                    own = report[name.removeprefix("base_model.model.").replace(".base_layer", "")]
                    self.assertEqual(own["rank"], min(NEW, own["old_rank"]))
                    self.assertAlmostEqual(own["relative_error"], tail.item(), delta=1e-4 * max(tail.item(), 1e-6))
                    distance = (after[name] - old).norm() / old.norm()
                    self.assertAlmostEqual(distance.item(), tail.item(), delta=2e-6, msg=name)
                    self.assertAlmostEqual(own["norm"], old.norm().item(), delta=1e-5 * old.norm().item())

    def test_other_tensors(self):
        """What is not a factor keeps its bits, and the config what still holds."""
        for case in ["dora", "bias", "saved", "tokens"]:
            with self.subTest(case):
                _, path, _ = self.adapter(case)
                out = path.with_name(path.name + "-out")
                self.assertEqual(peftkit("rank", path, "--to", NEW, "-o", out).code, 0)
                old, new = (self.tensors(p) for p in (path, out))
                self.assertEqual(old.keys(), new.keys())
                for name, tensor in old.items():
                    if not name.endswith(("lora_A.weight", "lora_B.weight")):
                        self.assertTrue(torch.equal(tensor, new[name]), name)
                changed = {"r", "lora_alpha", "rank_pattern", "alpha_pattern"}
                before, after = (json.loads((p / "adapter_config.json").read_text()) for p in (path, out))
                for key in before.keys() - changed:
                    self.assertEqual(before[key], after[key], key)

    def tensors(self, path):
        from safetensors.torch import load_file

        return load_file(path / "adapter_model.safetensors")

    def test_energy_and_lists(self):
        """The ranks are the lowest that keep the energy."""
        _, path, before = self.adapter("plain")
        for energy in (0.5, 0.9, 0.99):
            for ranks in (None, [1, 2, 4]):
                out = self.scratch / f"out-{energy}-{bool(ranks)}"
                arguments = ["--for-ranks", ",".join(map(str, ranks))] if ranks else []
                run = peftkit("rank", path, "--energy", energy, *arguments, "-o", out, "--json")
                self.assertEqual(run.code, 0, run)
                for module in run.json()["modules"]:
                    values = spectrum(before["base_model.model." + module["name"]])[0].square()
                    kept = values.cumsum(0) / values.sum()
                    lowest = int((kept < energy).sum()) + 1
                    if ranks:
                        lowest = min([rank for rank in ranks if rank >= lowest], default=RANK)
                    self.assertEqual(module["rank"], min(lowest, RANK), module)
                self.load("llama", out)

    def test_half_precision(self):
        """Factors keep their dtype; the distance to the best approximation is their rounding."""
        for dtype in (torch.bfloat16, torch.float16):
            model = get_peft_model(base_model("llama"), LoraConfig(r=RANK, target_modules=["q_proj"]))
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if "lora_" in name:
                        parameter.data = torch.randn_like(parameter).to(dtype)
            path, out = self.scratch / str(dtype), self.scratch / f"{dtype}-out"
            model.save_pretrained(path)
            before = deltas(model)
            self.assertEqual(peftkit("rank", path, "--to", NEW, "-o", out).code, 0)
            self.assertTrue(all(t.dtype == dtype for t in self.tensors(out).values()))
            for name, delta in deltas(self.load("llama", out)).items():
                values = spectrum(before[name])[0].square()
                tail = (values[NEW:].sum() / values.sum()).sqrt().item()
                distance = ((delta - before[name]).norm() / before[name].norm()).item()
                self.assertAlmostEqual(distance, tail, delta=1e-2)

    def test_refusals(self):
        """What has no ranks, or is more than its updates, is refused, and nothing is written."""
        _, path, _ = self.adapter("plain")
        config = json.loads((path / "adapter_config.json").read_text())
        for changes in ({"init_lora_weights": "pissa"}, {"use_qalora": True}):
            (path / "adapter_config.json").write_text(json.dumps({**config, **changes}))
            run = peftkit("rank", path, "--to", 2, "-o", self.scratch / "none")
            self.assertEqual(run.code, 2, run)
            self.assertFalse((self.scratch / "none").exists())
