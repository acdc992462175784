# SPDX-License-Identifier: Apache-2.0
"""What real PEFT computes for an adapter that is loaded into its base model, as reference tensors.

One function for each family of methods; `tensors` chooses. The names of the tensors are those of the
project's page on reference outputs.
"""

import torch
from peft import PeftType
from peft.tuners.lora.layer import ParamWrapper
from peft.tuners.trainable_tokens.layer import TrainableTokensLayer
from peft.tuners.tuners_utils import BaseTunerLayer

DELTAS = {PeftType.LORA, PeftType.ADALORA, PeftType.LOHA, PeftType.LOKR, PeftType.VERA}
MERGED = {PeftType.IA3, PeftType.MISS}
PROMPTS = {PeftType.PROMPT_TUNING, PeftType.P_TUNING}


def tensors(model, batch=2, dtype=torch.float32):
    """A reference's tensors for the active adapter of a PeftModel."""
    kind = model.active_peft_config.peft_type
    with torch.no_grad():
        if kind in PROMPTS:
            made = prompt(model, batch)
        elif kind == PeftType.PREFIX_TUNING:
            made = key_values(model, batch)
        elif kind in DELTAS | MERGED:
            made = weights(model)
        else:
            raise ValueError(f"there are no references for {kind.value}")
    # Bases and indices are not results.
    results = ("delta", "weight", "output", "key_values")
    return {
        name: (tensor.to(dtype) if name.endswith(results) else tensor).detach().clone().contiguous()
        for name, tensor in made.items()
    }


def weights(model):
    """The delta of every adapted weight; where it depends on the weight, the merged weight and its base."""
    adapter = model.active_adapter
    made = {}
    for path, layer in model.get_base_model().named_modules():
        if not isinstance(layer, BaseTunerLayer) or adapter not in adapters(layer):
            continue
        if isinstance(layer, TrainableTokensLayer):
            continue  # rows of an embedding, beside the method
        name = ".".join(part for part in path.split(".") if part != "base_layer")
        if isinstance(layer, ParamWrapper):
            name += f".{layer.parameter_name}"
        if needs_base(model, layer, adapter):
            made[f"{name}.base"], made[f"{name}.weight"] = merged(layer)
        else:
            made[f"{name}.delta"] = layer.get_delta_weight(adapter)
        if getattr(layer, "lora_bias", {}).get(adapter):
            made[f"{name}.bias_delta"] = layer.lora_B[adapter].bias * layer.scaling[adapter]
    return made


def adapters(layer):
    """The adapters that a layer has."""
    return {key for name in layer.adapter_layer_names for key in getattr(layer, name)}


def needs_base(model, layer, adapter):
    """Whether what a layer adds depends on its weight."""
    if model.peft_config[adapter].peft_type in MERGED:
        return True
    return bool(getattr(layer, "use_dora", {}).get(adapter))


def merged(layer):
    """The weight of a layer before and after PEFT merges the adapter into it; the layer stays unmerged."""
    base_layer = layer.get_base_layer()
    saved = {name: value.detach().clone() for name, value in base_layer.state_dict().items()}
    layer.merge()
    weight = base_layer.weight.detach().clone()
    layer.merged_adapters.clear()
    base_layer.load_state_dict(saved)
    return saved["weight"], weight


def prompt(model, batch):
    """The prompts of a batch, and of a batch with other indices."""
    made = {"case0.output": model.get_prompt(batch)}
    encoder = model.prompt_encoder[model.active_adapter]
    rows = encoder.embedding.num_embeddings
    indices = torch.randint(0, rows, (batch, rows + 1))
    made["case1.indices"] = indices
    made["case1.output"] = encoder.embedding(indices)
    return made


def key_values(model, batch):
    """The keys and values of a prefix, as the cache that PEFT hands to the model has them."""
    cache = model.get_prompt(batch)
    pairs = [(layer.keys, layer.values) for layer in cache.layers]
    return {"case0.key_values": torch.stack([tensor for pair in pairs for tensor in pair])}
