# SPDX-License-Identifier: Apache-2.0
"""`peftkit verify` against real PEFT: random adapters of every method that adds a delta or a prompt."""

import json
import shutil
import warnings

import peft
import peft_references
import torch
from make_reference import main as make_reference
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.pytorch_utils import Conv1D

from support import FIXTURES, InteropTest, peftkit

ROUNDS = 8
DAMAGES = 3


class Experts(nn.Module):
    """Stacked experts, with two parameters that may be adapted."""

    def __init__(self, experts, inner, outer):
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.randn(experts, 2 * inner, outer))
        self.down_proj = nn.Parameter(torch.randn(experts, outer, inner))

    def forward(self, x):
        return torch.einsum("eoi,bi->bo", self.gate_up_proj, x)


class Block(nn.Module):
    """One layer of each kind that PEFT adapts, of random sizes."""

    def __init__(self, rng):
        super().__init__()
        sizes = [rng.randrange(3, 40) for _ in range(4)]
        self.linear = nn.Linear(sizes[0], sizes[1])
        self.square = nn.Linear(sizes[2], sizes[2], bias=False)
        self.gpt = Conv1D(sizes[3], sizes[0])
        self.embed = nn.Embedding(sizes[1], sizes[2])
        self.conv1 = nn.Conv1d(sizes[0], sizes[1], rng.choice([1, 3]))
        self.conv2 = nn.Conv2d(sizes[2], sizes[3], (rng.choice([1, 2]), 3))
        self.point = nn.Conv2d(sizes[0], sizes[2], 1)
        self.conv3 = nn.Conv3d(sizes[0] // 2 + 1, sizes[3] // 2 + 1, (1, 2, 3))
        self.experts = Experts(rng.randrange(2, 5), sizes[0], sizes[1])
        self.attention = nn.MultiheadAttention(4 * rng.randrange(1, 6), 2)


class Net(nn.Module):
    """Two blocks, so that patterns can tell them apart."""

    def __init__(self, rng):
        super().__init__()
        self.blocks = nn.ModuleList([Block(rng), Block(rng)])


LINEARS = ["linear", "square"]
CONVOLUTIONS = ["conv1", "conv2", "point"]
EVERYTHING = [*LINEARS, "gpt", "embed", *CONVOLUTIONS, "conv3"]


def lora(rng, **options):
    targets = options.pop("target_modules", None) or rng.sample(EVERYTHING, rng.randrange(1, 9))
    rank = rng.choice([1, 2, 3, 5, 8, 16])
    return peft.LoraConfig(
        r=rank,
        lora_alpha=rng.choice([1, 3, 16, 32.5]),
        target_modules=targets,
        use_rslora=rng.random() < 0.3,
        rank_pattern=rng.choice([{}, {"linear": 4}, {r"blocks\.1\..*": 3}, {"blocks.0.gpt": 7}]),
        alpha_pattern=rng.choice([{}, {"0.linear": 5}, {r"(conv1|conv2)": 2, "embed": 11}]),
        init_lora_weights=False,
        **options,
    )


def lora_experts(rng):
    parameters = rng.sample(["experts.gate_up_proj", "experts.down_proj"], rng.randrange(1, 3))
    return lora(rng, target_modules=["square"], target_parameters=parameters)


def adalora(rng):
    return peft.AdaLoraConfig(
        init_r=rng.choice([1, 3, 8]),
        lora_alpha=rng.choice([1, 16, 32.5]),
        target_modules=rng.sample([*LINEARS, "gpt", "conv2", "point"], rng.randrange(1, 6)),
        total_step=10,
        init_lora_weights=False,
    )


def prune(model, rng):
    """Choose the ranks that AdaLoRA keeps of some modules, as its training does."""
    config = model.peft_config["default"]
    if rng.random() < 0.3:
        return
    config.rank_pattern = {
        f"{path}.lora_E.default": [rng.random() < 0.6 for _ in range(config.init_r)]
        for path, layer in model.get_base_model().named_modules()
        if hasattr(layer, "lora_E")
    }


def loha(rng):
    return peft.LoHaConfig(
        r=rng.choice([1, 2, 4, 8]),
        alpha=rng.choice([1, 4, 10]),
        target_modules=[*LINEARS, *CONVOLUTIONS],
        use_effective_conv2d=rng.random() < 0.5,
        rank_pattern=rng.choice([{}, {"linear": 3}]),
        alpha_pattern=rng.choice([{}, {"conv2": 3}]),
        init_weights=False,
    )


def lokr(rng):
    return peft.LoKrConfig(
        r=rng.choice([1, 2, 4, 8, 64]),
        alpha=rng.choice([1, 4, 10]),
        target_modules=[*LINEARS, *CONVOLUTIONS],
        use_effective_conv2d=rng.random() < 0.5,
        decompose_both=rng.random() < 0.5,
        decompose_factor=rng.choice([-1, 2, 4]),
        rank_pattern=rng.choice([{}, {"linear": 3}]),
        init_weights=False,
    )


def vera(rng):
    return peft.VeraConfig(
        r=rng.choice([1, 3, 8, 32]), target_modules=rng.choice([LINEARS, ["linear"], ["gpt"]])
    )


def ia3(rng):
    targets = [*LINEARS, "gpt", "conv2", "point", "conv3"]
    return peft.IA3Config(
        target_modules=targets, feedforward_modules=rng.sample(targets, rng.randrange(5))
    )


def miss(rng):
    return peft.MissConfig(r=rng.choice([1, 2, 3]), target_modules=LINEARS, init_weights=False)


def miss_blocks(rng):
    """The variants that need sizes which r or mini_r divides: gpt2-like sizes."""
    variant = rng.choice(["bat", "mini"])
    return peft.MissConfig(
        r=rng.choice([2, 4]), mini_r=rng.choice([1, 2, 4]), target_modules=["fc", "proj"],
        init_weights=variant,
    )  # fmt: skip


class Even(nn.Module):
    """Layers of sizes that small numbers divide."""

    def __init__(self, rng):
        super().__init__()
        self.fc = nn.Linear(4 * rng.randrange(1, 9), 8)
        self.proj = nn.Linear(8, 4 * rng.randrange(1, 9))


MODULE_CONFIGS = {
    "lora": lora,
    "lora-bias": lambda rng: lora(
        rng, target_modules=["linear", "gpt", "conv2"], lora_bias=True
    ),
    "lora-dora": lambda rng: lora(
        rng,
        target_modules=rng.choice([[*LINEARS, *CONVOLUTIONS], ["gpt"], ["embed"], ["conv3"]]),
        use_dora=True,
    ),
    "lora-attention": lambda rng: lora(rng, target_modules=["attention"]),
    "lora-experts": lora_experts,
    "adalora": adalora,
    "loha": loha,
    "lokr": lokr,
    "vera": vera,
    "ia3": ia3,
    "miss": miss,
    "miss-blocks": miss_blocks,
}

PROMPT_CONFIGS = {
    "prompt-tuning": lambda rng: peft.PromptTuningConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=rng.randrange(1, 20)
    ),
    "p-tuning": lambda rng: peft.PromptEncoderConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=rng.randrange(1, 20),
        encoder_hidden_size=rng.choice([8, 16]),
        encoder_reparameterization_type=rng.choice(["MLP", "LSTM"]),
    ),
    "prefix-tuning": lambda rng: peft.PrefixTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=rng.randrange(1, 20),
        prefix_projection=rng.random() < 0.5,
        encoder_hidden_size=8,
    ),
}


def language_model(rng):
    if rng.random() < 0.5:
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=30, n_embd=16, n_head=2, n_layer=rng.randrange(1, 4))
        )
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=30,
            hidden_size=16,
            intermediate_size=24,
            num_attention_heads=4,
            num_key_value_heads=rng.choice([1, 2, 4]),
            num_hidden_layers=rng.randrange(1, 4),
        )
    )


def quietly(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


class VerifyMethodTests(InteropTest):
    def adapter(self, name, make_config, make_base):
        """A random adapter of a method, saved by PEFT and loaded again, with its directory."""
        torch.manual_seed(self.random.randrange(2**63))
        base = make_base(self.random)
        state = {key: value.clone() for key, value in base.state_dict().items()}
        model = quietly(peft.get_peft_model, base, make_config(self.random))
        for parameter in model.parameters():
            if parameter.requires_grad:
                nn.init.normal_(parameter, std=0.5)
        if name == "adalora":
            prune(model, self.random)
        directory = self.scratch / name
        shutil.rmtree(directory, ignore_errors=True)
        quietly(model.save_pretrained, directory)
        model.unload() if name in MODULE_CONFIGS else None
        fresh = model.get_base_model()
        fresh.load_state_dict(state)
        return directory, quietly(peft.PeftModel.from_pretrained, fresh, directory).eval()

    def computable_adapter(self, name, make_config, make_base):
        """An adapter whose deltas PEFT can compute: torch.kron fails for some full factors of LoKr."""
        while True:
            directory, model = self.adapter(name, make_config, make_base)
            try:
                peft_references.tensors(model)
                return directory, model
            except RuntimeError as error:
                if name != "lokr" or "view size" not in str(error):
                    raise

    def check_method(self, name, make_config, make_base):
        for _ in range(ROUNDS):
            directory, model = self.computable_adapter(name, make_config, make_base)
            reference = self.scratch / "reference.safetensors"
            for dtype in (torch.float32, torch.bfloat16, torch.float16):
                tensors = peft_references.tensors(model, dtype=dtype)
                save_file(tensors, reference)
                run = peftkit("verify", directory, "--reference", reference, "--json")
                self.assertEqual(run.code, 0, f"{name} {dtype} {run}\n{self.details(run)}")
                result = json.loads(run.stdout)
                self.assertTrue(result["holds"])
                self.assertEqual(result["uncovered_modules"], [])
                if dtype == torch.float32:
                    save_file(tensors, self.scratch / "f32.safetensors")
            self.check_damages(name, directory, self.scratch / "f32.safetensors")

    def details(self, run):
        if not run.stdout.startswith(b"{"):
            return run.stdout.decode()[-1500:]
        cases = [case for case in json.loads(run.stdout)["cases"] if not case["holds"]]
        return "\n".join(f"{case}"[:700] for case in cases)

    def check_damages(self, name, directory, reference):
        """A factor of which one element moved must not verify."""
        weights = load_file(directory / "adapter_model.safetensors")
        names = [key for key, tensor in weights.items() if self.counts(key) and tensor.numel()]
        for _ in range(DAMAGES if names else 0):
            key = self.random.choice(names)
            damaged = {other: tensor.clone() for other, tensor in weights.items()}
            place = tuple(self.random.randrange(extent) for extent in damaged[key].shape)
            if self.random.random() < 0.2:
                damaged[key][place] = self.random.choice([torch.nan, torch.inf])
            else:
                damaged[key][place] += self.random.choice([-1, 1]) * self.random.uniform(0.1, 9)
            copy = self.scratch / "damaged"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(directory, copy)
            save_file(damaged, copy / "adapter_model.safetensors", metadata={"format": "pt"})
            run = peftkit("verify", copy, "--reference", reference)
            self.assertEqual(run.code, 1, f"{name} {key} {place} {run}\n{self.details(run)}")

    def counts(self, key):
        """Whether a tensor has an effect: VeRA's shared factors are cut, saved base weights are not used."""
        return "vera_A" not in key and "vera_B" not in key and not key.endswith("base_layer.weight")

    def test_doubles(self):
        """F64 adapters and references are held to the bound of F64."""
        for name in ("lora", "lora-dora", "adalora", "loha", "lokr", "vera", "ia3", "miss"):
            directory, model = self.computable_adapter(name, MODULE_CONFIGS[name], Net)
            model.double()
            reference = self.scratch / "reference.safetensors"
            save_file(peft_references.tensors(model, dtype=torch.float64), reference)
            run = peftkit("verify", directory, "--reference", reference)
            self.assertEqual(run.code, 0, f"{name} {run}\n{self.details(run)}")

    def test_script(self):
        """The script that ships loads the base model itself."""
        base = self.scratch / "base"
        quietly(language_model(self.random).save_pretrained, base)
        model = quietly(
            peft.get_peft_model,
            AutoModelForCausalLM.from_pretrained(base),
            peft.LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, target_modules="all-linear"),
        )
        quietly(model.save_pretrained, self.scratch / "adapter")
        reference = self.scratch / "reference.safetensors"
        for options in ([], ["--base", str(base)]):
            quietly(
                make_reference, [str(self.scratch / "adapter"), "-o", str(reference), *options]
            )
            self.assert_code(
                peftkit("verify", self.scratch / "adapter", "--reference", reference), 0
            )


def add_tests():
    cases = [
        (name, config, Even if name == "miss-blocks" else Net)
        for name, config in MODULE_CONFIGS.items()
    ]
    cases += [(name, config, language_model) for name, config in PROMPT_CONFIGS.items()]
    for name, config, base in cases:

        def test(self, name=name, config=config, base=base):
            self.check_method(name, config, base)

        setattr(VerifyMethodTests, f"test_{name.replace('-', '_')}", test)


add_tests()
