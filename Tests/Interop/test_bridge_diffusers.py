# SPDX-License-Identifier: Apache-2.0
"""Adapters for diffusers, kohya's tools and LyCORIS: what is converted has the names that these libraries write, and
changes weights as before when they load it (spec/kohya.md)."""

import copy
import json
import logging
import os
import unittest
import warnings
from functools import cache
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from support import InteropTest, peftkit

try:
    logging.disable(logging.WARNING)
    import lycoris
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
    from diffusers.utils import convert_state_dict_to_diffusers, convert_state_dict_to_kohya
    from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftModel, get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils import get_peft_model_state_dict
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection
finally:
    logging.disable(logging.NOTSET)

ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
EVERYTHING = ATTENTION + ["proj_in", "conv1", "conv_shortcut", "time_emb_proj", "ff.net.0.proj", "ff.net.2"]
TEXT = ["q_proj", "v_proj", "out_proj", "fc1"]
# The tensors of two libraries differ by how they multiply; deltas here are of size 1.
TOLERANCE = 2e-6


@cache
def made(kind):
    """A tiny model with random weights; callers copy it."""
    torch.manual_seed(7)
    text = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=64,
                max_position_embeddings=16, projection_dim=16)  # fmt: skip
    match kind:
        case "unet":
            return UNet2DConditionModel(
                sample_size=8, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(8, 16),
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=16, attention_head_dim=4,
                norm_num_groups=4)  # fmt: skip
        case "transformer":
            return SD3Transformer2DModel(
                sample_size=8, patch_size=1, in_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2,
                joint_attention_dim=16, caption_projection_dim=16, pooled_projection_dim=16, out_channels=4)  # fmt: skip
        case "text_encoder":
            return CLIPTextModel(CLIPTextConfig(**text))
        case "text_encoder_2":
            return CLIPTextModelWithProjection(CLIPTextConfig(**text))


def fresh(kind):
    return copy.deepcopy(made(kind))


def weights(model):
    """The weights by the names of their modules, and the biases, without what PEFT puts between."""
    return {
        name.removesuffix(".weight").replace(".base_layer", ""): value.detach().clone()
        for name, value in model.named_parameters()
        if not any(part in name for part in (".lora_", ".hada_", ".lokr_"))
    }


def deltas(model, base, prefix=""):
    """What merging the adapters of a model adds to its weights."""
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.merge()
    changed, before = weights(model), weights(base)
    found = {}
    for name, value in changed.items():
        name = name.removeprefix("base_model.model.")
        delta = value - before[name]
        if delta.abs().max() > 0:
            found[prefix + name] = delta
    return found


def randomized(model):
    """Gives the parameters of an adapter values, those of DoRA's magnitudes positive ones."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if any(part in name for part in (".lora_A.", ".lora_B.", ".hada_", ".lokr_")):
                value.normal_(std=0.3)
            elif ".lora_magnitude_vector" in name:
                value.mul_(torch.rand_like(value) + 0.5)
    return model


VARIANTS = {
    "plain": dict(r=4, lora_alpha=6, target_modules=ATTENTION),
    "convolutions": dict(r=4, lora_alpha=4, target_modules=EVERYTHING),
    "rank-stabilized": dict(r=3, lora_alpha=5, use_rslora=True, target_modules=ATTENTION),
    "rank pattern": dict(r=4, lora_alpha=8, rank_pattern={"to_q": 2, "mid_block.*to_v": 3}, target_modules=ATTENTION),
    "alpha pattern": dict(r=4, lora_alpha=8, alpha_pattern={"to_q": 3, "attn2.to_v": 1.5}, target_modules=ATTENTION),
    "both patterns": dict(
        r=4, lora_alpha=8, rank_pattern={"to_q": 2}, alpha_pattern={"to_k": 3}, use_rslora=True,
        target_modules=EVERYTHING),
    "DoRA": dict(r=4, lora_alpha=6, use_dora=True, target_modules=ATTENTION + ["conv1"]),
}  # fmt: skip


class BridgeTest(InteropTest):
    maxDiff = None

    def adapter(self, kind, config, name=None):
        """Saves an adapter with PEFT, and returns its directory and what it adds to the weights."""
        model = get_peft_model(fresh(kind), config)
        randomized(model)
        directory = self.scratch / (name or kind)
        model.save_pretrained(directory)
        return directory, deltas(model, made(kind))

    def pipeline(self, *kinds):
        """The directory of a pipeline with these models."""
        directory = self.scratch / "pipeline"
        for kind in kinds:
            made(kind).save_pretrained(directory / kind)
        (directory / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
        return directory

    def convert(self, source, destination, home, *options):
        run = peftkit("convert", source, destination, "--to", home, *options)
        self.assert_code(run, 0)
        return run

    def refuse(self, source, home, *options, saying):
        target = self.scratch / "refused"
        run = peftkit("convert", source, target, "--to", home, *options)
        self.assert_code(run, 2)
        for part in saying if isinstance(saying, tuple) else (saying,):
            self.assertIn(part, run.stderr)
        self.assertFalse(target.exists(), "something was written")

    def loaded_by_peft(self, kind, directory):
        """What an adapter adds to the weights, loaded by PEFT without a missing or an unexpected key."""
        model = PeftModel.from_pretrained(fresh(kind), directory, low_cpu_mem_usage=False)
        state = get_peft_model_state_dict(model)
        self.assertEqual(set(state), set(load_file(directory / "adapter_model.safetensors")))
        return deltas(model, made(kind))

    def loaded_by_diffusers(self, path, *kinds):
        """What a file adds to the weights of each model, loaded by diffusers."""
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)
        pipeline = StableDiffusion3Pipeline if "transformer" in kinds else StableDiffusionXLPipeline
        options = {"unet_config": made("unet").config} if pipeline is StableDiffusionXLPipeline else {}
        state, *alphas, metadata = pipeline.lora_state_dict(str(path), return_lora_metadata=True, **options)
        alphas = {"network_alphas": alphas[0]} if alphas else {}
        found = {}
        for kind in kinds:
            model = fresh(kind)
            match kind:
                case "unet":
                    pipeline.load_lora_into_unet(dict(state), unet=model, metadata=metadata, **alphas)
                case "transformer":
                    pipeline.load_lora_into_transformer(dict(state), transformer=model, metadata=metadata)
                case _:
                    pipeline.load_lora_into_text_encoder(
                        dict(state), text_encoder=model, prefix=kind, metadata=metadata,
                        **(alphas or {"network_alphas": None}))  # fmt: skip
            found[kind] = deltas(model, made(kind))
        return found

    def loaded_by_lycoris(self, path, model):
        """What a file adds to the weights of a model, by LyCORIS's own modules as their forward pass has it."""
        network, state = lycoris.create_lycoris_from_weights(1.0, str(path), model)
        prefixes = {key.split(".")[0] for key in state}
        self.assertEqual({module.lora_name for module in network.loras}, prefixes)
        names = {"lycoris_" + name.replace(".", "_"): name for name, _ in model.named_modules()}
        found = {}
        with torch.no_grad():
            for module in network.loras:
                weight = module.org_weight
                if hasattr(module, "make_weight"):
                    delta = module.make_weight() * module.scale
                else:
                    delta = module.get_weight(module.shape)
                if getattr(module, "wd", False):
                    delta = module.apply_weight_decompose(weight + delta, 1) - weight
                found[names[module.lora_name]] = delta.reshape(weight.shape).clone()
        return found

    def assert_same_deltas(self, found, expected, tolerance=TOLERANCE):
        self.assertEqual(set(found), set(expected))
        for name, value in expected.items():
            error = float((found[name] - value).abs().max())
            self.assertLessEqual(error, tolerance * max(1, float(value.abs().max())), name)

    def assert_same_tensors(self, directory, original, name="adapter_model.safetensors"):
        found, expected = load_file(directory / name), load_file(original / name)
        self.assertEqual(set(found), set(expected))
        for key, value in expected.items():
            self.assertEqual(found[key].dtype, value.dtype, key)
            self.assertTrue(torch.equal(found[key], value), key)


class DiffusersTest(BridgeTest):
    """diffusers' own files."""

    def saved_by_diffusers(self, kind, config, **changes):
        """The file that diffusers saves for an adapter, and what it adds to the weights."""
        model = fresh(kind)
        model.add_adapter(config)
        randomized(model)
        layers = changes.get("convert", lambda state: state)(get_peft_model_state_dict(model))
        directory = self.scratch / "diffusers"
        metadata = model.peft_config["default"].to_dict() if changes.get("metadata", True) else None
        options = {f"{kind}_lora_layers": layers, f"{kind}_lora_adapter_metadata": metadata}
        pipeline = StableDiffusion3Pipeline if kind == "transformer" else StableDiffusionXLPipeline
        pipeline.save_lora_weights(directory, **options)
        return directory / "pytorch_lora_weights.safetensors", deltas(model, made(kind))

    def test_variants(self):
        biased = dict(r=4, lora_alpha=6, lora_bias=True, target_modules=["ff.net.2"])
        for name, options in {**VARIANTS, "bias of B": biased}.items():
            with self.subTest(name):
                directory, expected = self.adapter("unet", LoraConfig(**options), name)
                target = self.scratch / f"{name} for diffusers"
                self.convert(directory, target, "diffusers")
                path = target / "pytorch_lora_weights.safetensors"
                reference, _ = self.saved_by_diffusers("unet", LoraConfig(**options))
                self.assertEqual(set(load_file(path)), set(load_file(reference)))
                self.assert_same_deltas(self.loaded_by_diffusers(target, "unet")["unet"], expected)
                back = self.scratch / f"{name} back"
                self.convert(path, back, "peft")
                self.assert_same_tensors(back, directory)
                self.assert_same_deltas(self.loaded_by_peft("unet", back), expected)

    def test_metadata_is_what_diffusers_writes(self):
        for name, options in VARIANTS.items():
            with self.subTest(name):
                directory, _ = self.adapter("unet", LoraConfig(**options), name)
                target = self.scratch / f"{name}.safetensors"
                self.convert(directory, target, "diffusers")
                reference, _ = self.saved_by_diffusers("unet", LoraConfig(**options))
                found, expected = (safe_open(path, "pt").metadata() for path in (target, reference))
                self.assertEqual(set(found), set(expected))
                texts = [json.loads(metadata["lora_adapter_metadata"]) for metadata in (found, expected)]
                for values in texts:
                    values["unet.target_modules"].sort()
                    # PEFT's save_pretrained writes these two, add_adapter of diffusers does not.
                    values.pop("unet.inference_mode"), values.pop("unet.auto_mapping")
                self.assertEqual(*texts)
                # The text itself is Python's, but for the order of the targets, which are a set there.
                text = found["lora_adapter_metadata"]
                self.assertEqual(text, json.dumps(json.loads(text), indent=2, sort_keys=True))

    def test_transformer(self):
        for name in ("plain", "both patterns", "DoRA"):
            with self.subTest(name):
                options = dict(VARIANTS[name], target_modules=ATTENTION + ["add_q_proj", "ff.net.2"])
                directory, expected = self.adapter("transformer", LoraConfig(**options), name)
                target = self.scratch / f"{name} for diffusers"
                self.convert(directory, target, "diffusers")
                self.assert_same_deltas(self.loaded_by_diffusers(target, "transformer")["transformer"], expected)
                back = self.scratch / f"{name} back"
                self.convert(target / "pytorch_lora_weights.safetensors", back, "peft")
                self.assert_same_tensors(back, directory)

    def test_text_encoders(self):
        for kind in ("text_encoder", "text_encoder_2"):
            for name, targets in {"attention": TEXT, "mlp alone": ["fc1", "fc2"]}.items():
                for variant, options in {
                    "plain": dict(r=4, lora_alpha=6), "rank-stabilized": dict(r=3, lora_alpha=5, use_rslora=True),
                    "DoRA": dict(r=4, lora_alpha=6, use_dora=True), "bias of B": dict(r=4, lora_bias=True),
                }.items():  # fmt: skip
                    label = f"{kind} {name} {variant}"
                    with self.subTest(label):
                        config = LoraConfig(target_modules=targets, **options)
                        directory, expected = self.adapter(kind, config, label)
                        target = self.scratch / f"{label} for diffusers"
                        self.convert(directory, target, "diffusers")
                        self.assert_same_deltas(self.loaded_by_diffusers(target, kind)[kind], expected)
                        back = self.scratch / f"{label} back"
                        self.convert(target / "pytorch_lora_weights.safetensors", back, "peft")
                        self.assert_same_tensors(back, directory)

    def test_old_names(self):
        """Files whose names diffusers wrote earlier, without metadata: α is then the rank."""
        config = LoraConfig(r=4, lora_alpha=4, target_modules=ATTENTION)
        for name, renamed in {
            "down and up": lambda state: convert_state_dict_to_diffusers(state),
            "processors": lambda state: {
                key.replace(".to_out.0.", ".to_out.").replace(".attn1.", ".attn1.processor.")
                .replace(".attn2.", ".attn2.processor.").replace(".lora_A.", "_lora.down.")
                .replace(".lora_B.", "_lora.up."): value
                for key, value in state.items()
            },
        }.items():  # fmt: skip
            with self.subTest(name):
                path, expected = self.saved_by_diffusers("unet", config, convert=renamed, metadata=False)
                self.assertFalse(any("lora_A" in key for key in load_file(path)))
                self.assert_same_deltas(self.loaded_by_diffusers(path, "unet")["unet"], expected)
                back = self.scratch / f"{name} back"
                self.convert(path, back, "peft")
                self.assert_same_deltas(self.loaded_by_peft("unet", back), expected)
        config = LoraConfig(r=4, lora_alpha=4, target_modules=TEXT)
        path, expected = self.saved_by_diffusers(
            "text_encoder", config, convert=convert_state_dict_to_diffusers, metadata=False)  # fmt: skip
        self.assertTrue(any("lora_linear_layer" in key for key in load_file(path)))
        back = self.scratch / "text back"
        self.convert(path, back, "peft")
        self.assert_same_deltas(self.loaded_by_peft("text_encoder", back), expected)

    def test_several_models_in_one_file(self):
        """A file of several models becomes a directory with an adapter of each, and the reverse."""
        configs = {
            "unet": LoraConfig(**VARIANTS["both patterns"]),
            "text_encoder": LoraConfig(r=2, lora_alpha=3, target_modules=TEXT),
            "text_encoder_2": LoraConfig(r=2, lora_alpha=3, target_modules=TEXT, use_rslora=True),
        }
        layers, expected = {}, {}
        for kind, config in configs.items():
            model = fresh(kind)
            model.add_adapter(config)
            randomized(model)
            layers[f"{kind}_lora_layers"] = get_peft_model_state_dict(model)
            layers[f"{kind}_lora_adapter_metadata"] = model.peft_config["default"].to_dict()
            expected[kind] = deltas(model, made(kind))
        StableDiffusionXLPipeline.save_lora_weights(self.scratch / "saved", **layers)
        path = self.scratch / "saved/pytorch_lora_weights.safetensors"
        adapters = self.scratch / "adapters"
        self.convert(path, adapters, "peft")
        self.assertEqual({folder.name for folder in adapters.iterdir()}, set(configs))
        for kind in configs:
            self.assert_same_deltas(self.loaded_by_peft(kind, adapters / kind), expected[kind])
        again = self.scratch / "again"
        self.convert(adapters, again, "diffusers")
        self.assert_same_tensors(again, path.parent, "pytorch_lora_weights.safetensors")
        for kind, found in self.loaded_by_diffusers(again, *configs).items():
            self.assert_same_deltas(found, expected[kind])

    def test_refusals(self):
        model = get_peft_model(fresh("unet"), LoraConfig(target_modules=["to_q"], modules_to_save=["conv_out"]))
        model.save_pretrained(self.scratch / "saves")
        self.refuse(self.scratch / "saves", "diffusers", saying="conv_out")
        model = get_peft_model(fresh("unet"), LoraConfig(target_modules=["to_q"], bias="all"))
        model.save_pretrained(self.scratch / "bias")
        self.refuse(self.scratch / "bias", "diffusers", saying="bias")
        linear = torch.nn.Sequential(torch.nn.Linear(4, 4))
        model = get_peft_model(linear, LoraConfig(target_modules=["0"]))
        model.save_pretrained(self.scratch / "unknown")
        self.refuse(self.scratch / "unknown", "diffusers", saying=("which model of a pipeline", "base model"))

    def test_findings_name_the_way_on(self):
        path, _ = self.saved_by_diffusers("unet", LoraConfig(target_modules=ATTENTION))
        run = peftkit("validate", path)
        self.assert_code(run, 0)
        self.assertIn("convert it to a PEFT adapter", run.stdout.decode())


class KohyaTest(BridgeTest):
    """Files of kohya's tools."""

    def test_variants(self):
        for name, options in VARIANTS.items():
            with self.subTest(name):
                directory, expected = self.adapter("unet", LoraConfig(**options), name)
                path = self.scratch / f"{name}.safetensors"
                self.convert(directory, path, "kohya")
                state = load_file(path)
                layers = {
                    f"unet.{key.removeprefix('base_model.model.')}": value
                    for key, value in load_file(directory / "adapter_model.safetensors").items()
                    if "magnitude" not in key
                }
                reference = set(convert_state_dict_to_kohya(layers))
                self.assertEqual({key for key in state if not key.endswith("dora_scale")}, reference)
                # The base tells where the dots of the names are.
                self.refuse(path, "peft", saying=("base model", "underscores"))
                base = self.scratch / "unet base"
                made("unet").save_pretrained(base)
                back = self.scratch / f"{name} back"
                self.convert(path, back, "peft", "--base", base)
                self.assert_same_tensors(back, directory)
                self.assert_same_deltas(self.loaded_by_peft("unet", back), expected)
                if "DoRA" in name or "alpha_pattern" in options:
                    continue  # diffusers drops DoRA, and gives some modules the α of others
                self.assert_same_deltas(self.loaded_by_diffusers(path, "unet")["unet"], expected)

    def test_alphas(self):
        """α tensors of other dtypes, and none, which is α = r."""
        directory, _ = self.adapter("unet", LoraConfig(**VARIANTS["plain"]))
        path = self.scratch / "x.safetensors"
        self.convert(directory, path, "kohya")
        base = self.scratch / "base"
        made("unet").save_pretrained(base)
        for name, change in {
            "int64": lambda alpha: torch.tensor(6), "float16": lambda alpha: torch.tensor(6, dtype=torch.float16),
            "bfloat16": lambda alpha: torch.tensor(6, dtype=torch.bfloat16),
            "float64": lambda alpha: torch.tensor(6, dtype=torch.float64), "one": lambda alpha: torch.tensor([6.0]),
            "none": lambda alpha: None,
        }.items():  # fmt: skip
            with self.subTest(name):
                state = {key: change(value) if key.endswith("alpha") else value for key, value in load_file(path).items()}
                state = {key: value for key, value in state.items() if value is not None}
                changed = self.scratch / f"{name}.safetensors"
                save_file(state, changed)
                back = self.scratch / f"{name} back"
                self.convert(changed, back, "peft", "--base", base)
                config = json.loads((back / "adapter_config.json").read_text())
                self.assertEqual(config["lora_alpha"], 4 if name == "none" else 6)

    def test_several_models(self):
        """A kohya file of a UNet and two text encoders, with the names of a pipeline."""
        expected = {}
        folder = self.scratch / "adapters"
        for kind, targets in {"unet": ATTENTION, "text_encoder": TEXT, "text_encoder_2": TEXT}.items():
            directory, expected[kind] = self.adapter(
                kind, LoraConfig(r=4, lora_alpha=8, target_modules=targets), f"adapters/{kind}")  # fmt: skip
        path = self.scratch / "all.safetensors"
        self.convert(folder, path, "kohya")
        prefixes = {"_".join(key.split("_")[:2]) for key in load_file(path)}
        self.assertEqual(prefixes, {"lora_unet", "lora_te1", "lora_te2"})
        self.assertTrue(all("text_model" in key for key in load_file(path) if key.startswith("lora_te")))
        for kind, found in self.loaded_by_diffusers(path, *expected).items():
            self.assert_same_deltas(found, expected[kind])
        back = self.scratch / "back"
        self.convert(path, back, "peft", "--base", self.pipeline(*expected))
        for kind in expected:
            self.assert_same_tensors(back / kind, folder / kind)

    def test_names_of_the_first_unet(self):
        """kohya's SDXL files name modules as the UNet of Stability does."""
        directory, expected = self.adapter("unet", LoraConfig(r=4, lora_alpha=2, target_modules=EVERYTHING))
        path = self.scratch / "x.safetensors"
        self.convert(directory, path, "kohya")
        state = {}
        for key, value in load_file(path).items():
            name, leaf = key.split(".", 1)
            state[f"lora_unet_{stability_name(name.removeprefix('lora_unet_'))}.{leaf}"] = value
        self.assertFalse(any("down_blocks" in key for key in state))
        sgm = self.scratch / "sgm.safetensors"
        save_file(state, sgm)
        # diffusers reads the names as they are meant here.
        self.assert_same_deltas(self.loaded_by_diffusers(sgm, "unet")["unet"], expected)
        base = self.scratch / "base"
        made("unet").save_pretrained(base)
        back = self.scratch / "back"
        self.convert(sgm, back, "peft", "--base", base)
        self.assert_same_tensors(back, directory)

    def test_refusals(self):
        base = self.scratch / "base"
        made("unet").save_pretrained(base)
        directory, _ = self.adapter("unet", LoraConfig(**VARIANTS["plain"]))
        path = self.scratch / "x.safetensors"
        self.convert(directory, path, "kohya")
        state = load_file(path)
        name = next(key.split(".")[0] for key in state)
        for label, change, saying in [
            ("a name that the base has not", {"lora_unet_no_such.lora_down.weight": torch.zeros(4, 8),
                                              "lora_unet_no_such.lora_up.weight": torch.zeros(8, 4)}, "no_such"),
            ("a core", {f"{name}.lora_mid.weight": torch.zeros(4, 4, 3, 3)}, "lora_mid"),
            ("an unknown leaf", {f"{name}.diff_b": torch.zeros(8)}, "diff_b"),
            ("an alpha of zero", {f"{name}.alpha": torch.tensor(0.0)}, "alpha"),
            ("an alpha that is no number", {f"{name}.alpha": torch.tensor(float("nan"))}, "alpha"),
            ("an alpha of two elements", {f"{name}.alpha": torch.zeros(2)}, "alpha"),
        ]:  # fmt: skip
            with self.subTest(label):
                bad = self.scratch / "bad.safetensors"
                save_file({**state, **change}, bad)
                self.refuse(bad, "peft", "--base", base, saying=saying)
        half = self.scratch / "half.safetensors"
        save_file({key: value for key, value in state.items() if key != f"{name}.lora_up.weight"}, half)
        self.refuse(half, "peft", "--base", base, saying="lora_up")
        model = get_peft_model(fresh("text_encoder"), LoraConfig(target_modules=["token_embedding"]))
        model.save_pretrained(self.scratch / "embedding")
        self.refuse(self.scratch / "embedding", "kohya", saying="embedding")


def stability_name(name, layers=2):
    """The name of a module of the test's UNet in the layout of Stability's code, underscored."""
    import re

    inner = {"resnets": "0", "attentions": "1"}
    if match := re.match(r"down_blocks_(\d)_(resnets|attentions)_(\d)_(.*)", name):
        block, kind, layer, rest = match.groups()
        name = f"input_blocks_{int(block) * (layers + 1) + int(layer) + 1}_{inner[kind]}_{rest}"
    elif match := re.match(r"down_blocks_(\d)_downsamplers_0_conv", name):
        name = f"input_blocks_{(int(match[1]) + 1) * (layers + 1)}_0_op"
    elif match := re.match(r"up_blocks_(\d)_(resnets|attentions)_(\d)_(.*)", name):
        block, kind, layer, rest = match.groups()
        name = f"output_blocks_{int(block) * (layers + 1) + int(layer)}_{inner[kind]}_{rest}"
    elif match := re.match(r"mid_block_(resnets|attentions)_(\d)_(.*)", name):
        kind, layer, rest = match.groups()
        name = f"middle_block_{1 if kind == 'attentions' else 2 * int(layer)}_{rest}"
    for diffusers, stability in {
        "conv1": "in_layers_2", "conv2": "out_layers_3", "time_emb_proj": "emb_layers_1",
        "conv_shortcut": "skip_connection",
    }.items():  # fmt: skip
        if name.endswith(diffusers):
            name = name.removesuffix(diffusers) + stability
    return name


class LyCORISTest(BridgeTest):
    """Files of LyCORIS."""

    def network(self, model, path, randomize=True, **options):
        """Saves a network of LyCORIS, and returns what it adds to the weights."""
        logging.disable(logging.INFO)
        lycoris.LycorisNetwork.apply_preset({"target_module": ["Attention", "ResnetBlock2D"]})
        preset = {"target_module": ["BasicTransformerBlock", "ResnetBlock2D"]}
        network = lycoris.create_lycoris(model, 1.0, preset=self.preset(preset), **options)
        network.apply_to()
        torch.manual_seed(3)
        with torch.no_grad():
            for name, value in network.named_parameters():
                if value.ndim > 1 and "dora" not in name:
                    value.normal_(std=0.3)
        network.save_weights(str(path), None, {})
        network.restore()

    def preset(self, values):
        path = self.scratch / "preset.toml"
        path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        return str(path)

    def test_lora(self):
        for name in ("plain", "convolutions", "rank-stabilized", "both patterns", "DoRA"):
            with self.subTest(name):
                directory, expected = self.adapter("unet", LoraConfig(**VARIANTS[name]), name)
                path = self.scratch / f"{name}.safetensors"
                self.convert(directory, path, "lycoris")
                tolerance = 5e-6 if name == "DoRA" else TOLERANCE
                self.assert_same_deltas(self.loaded_by_lycoris(path, fresh("unet")), expected, tolerance)
                base = self.scratch / "base"
                made("unet").save_pretrained(base)
                back = self.scratch / f"{name} back"
                self.convert(path, back, "peft", "--base", base)
                self.assert_same_tensors(back, directory)
                self.assert_same_deltas(self.loaded_by_peft("unet", back), expected)

    def test_factors_of_peft(self):
        """LoHa and LoKr adapters of PEFT for LyCORIS and back."""
        for name, config in {
            "loha": LoHaConfig(r=4, alpha=6, target_modules=EVERYTHING),
            "loha patterns": LoHaConfig(
                r=4, alpha=6, rank_pattern={"to_q": 2}, alpha_pattern={"to_k": 3}, target_modules=EVERYTHING),
            "loha cores": LoHaConfig(r=4, alpha=6, use_effective_conv2d=True, target_modules=EVERYTHING),
            "lokr": LoKrConfig(r=1, alpha=3, target_modules=EVERYTHING),
            "lokr full": LoKrConfig(r=8, alpha=4, target_modules=EVERYTHING),
            "lokr factor": LoKrConfig(r=1, alpha=3, decompose_factor=4, target_modules=ATTENTION),
        }.items():  # fmt: skip
            with self.subTest(name):
                directory, expected = self.adapter("unet", config, name)
                path = self.scratch / f"{name}.safetensors"
                self.convert(directory, path, "lycoris")
                self.assert_same_deltas(self.loaded_by_lycoris(path, fresh("unet")), expected)
                base = self.scratch / "base"
                made("unet").save_pretrained(base)
                back = self.scratch / f"{name} back"
                self.convert(path, back, "peft", "--base", base)
                self.assert_same_deltas(self.loaded_by_peft("unet", back), expected)

    def test_factors_for_kohya(self):
        """LoHa and LoKr in kohya's names, which trainers write too."""
        base = self.scratch / "base"
        made("unet").save_pretrained(base)
        for name, config in {
            "loha": LoHaConfig(r=4, alpha=6, target_modules=EVERYTHING),
            "lokr": LoKrConfig(r=1, alpha=3, target_modules=EVERYTHING),
        }.items():
            with self.subTest(name):
                directory, expected = self.adapter("unet", config, name)
                path = self.scratch / f"{name}.safetensors"
                self.convert(directory, path, "kohya")
                self.assertTrue(all(key.startswith("lora_unet_") for key in load_file(path)))
                back = self.scratch / f"{name} back"
                self.convert(path, back, "peft", "--base", base)
                self.assert_same_tensors(back, directory)
                self.assert_same_deltas(self.loaded_by_peft("unet", back), expected)
                self.refuse(directory, "diffusers", saying=config.peft_type.value)

    def test_refusals(self):
        """What PEFT cannot have, and what LyCORIS cannot load."""
        base = self.scratch / "base"
        made("unet").save_pretrained(base)
        for name, options, saying in [
            ("divisor", dict(algo="lokr", linear_dim=1, factor=4), "decompose_factor"),
            ("unbalanced", dict(algo="lokr", linear_dim=1, factor=4, unbalanced_factorization=True), "decompose_factor"),
            ("cores", dict(algo="lora", use_tucker=True), "lora_mid"),
            ("magnitudes of inputs", dict(algo="lora", dora_wd=True, wd_on_output=False), "one magnitude for each"),
            ("magnitudes of LoHa", dict(algo="loha", dora_wd=True), "dora_scale"),
            ("another method", dict(algo="full"), "diff"),
        ]:
            with self.subTest(name):
                path = self.scratch / f"{name}.safetensors"
                self.network(fresh("unet"), path, **options)
                self.refuse(path, "peft", "--base", base, saying=saying)
        both = LoKrConfig(r=1, alpha=3, decompose_both=True, decompose_factor=16, target_modules=["ff.net.0.proj"])
        directory, _ = self.adapter("unet", both)
        self.refuse(directory, "lycoris", saying=("ff.net.0.proj", "LyCORIS does not load"))
        self.convert(directory, self.scratch / "x.safetensors", "kohya")

    def test_networks_of_lycoris(self):
        """Networks that LyCORIS saved become adapters of PEFT."""
        base = self.scratch / "base"
        made("unet").save_pretrained(base)
        for name, options in {
            "lora": dict(algo="lora", linear_dim=4, linear_alpha=2.0),
            "loha": dict(algo="loha", linear_dim=4, linear_alpha=2.0),
            "loha cores": dict(algo="loha", linear_dim=4, linear_alpha=2.0, use_tucker=True),
            "lokr": dict(algo="lokr", linear_dim=1, linear_alpha=2.0),
            "lokr full": dict(algo="lokr", linear_dim=100, linear_alpha=2.0),
            "lokr factor": dict(algo="lokr", linear_dim=1, linear_alpha=2.0, factor=2),
        }.items():
            with self.subTest(name):
                path = self.scratch / f"{name}.safetensors"
                model = fresh("unet")
                self.network(model, path, **options)
                expected = self.loaded_by_lycoris(path, fresh("unet"))
                self.assertGreater(len(expected), 10)
                back = self.scratch / f"{name} back"
                self.convert(path, back, "peft", "--base", base)
                self.assert_same_deltas(self.loaded_by_peft("unet", back), expected)
                again = self.scratch / f"{name} again.safetensors"
                self.convert(back, again, "lycoris")
                self.assert_same_deltas(self.loaded_by_lycoris(again, fresh("unet")), expected)


if __name__ == "__main__":
    unittest.main()
