#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# xllamacpp 2026.10.11549 (llama.cpp): LoRA on the attention of DeepSeek-V2 models is loaded without any effect.
#
# llama.cpp refuses an adapter with a tensor that the model does not have, or of another shape. A good guess is that what it
# loads, it computes. For the architecture `deepseek2` it multiplies by the weights of the queries, of the compressed keys
# and values, and of the output, without asking for LoRA; adapters for the other tensors work.
#
# Seen, the largest change of a logarithm of a probability by an adapter for one kind of tensor:
#     attn_q_a: 0.00
#     attn_q_b: 0.00
#     attn_kv_a_mqa: 0.00
#     output: 0.00
#     attn_output: 5.41
#     ffn_up: 1.92
#
# In peftkit: `convert --to gguf` refuses the modules without effect, by name (spec/gguf-adapters.md GA8).
set -eu
. "$(dirname "$0")/common.sh"

run_python gguf==0.19.0 xllamacpp==2026.10.11549 numpy==2.4.6 2>"$temporary/log" <<'PYTHON' || { cat "$temporary/log"; exit 1; }
import os

import gguf
import numpy
import xllamacpp

random = numpy.random.default_rng(0)
work = os.environ["WORK"]
VOCABULARY = 64
PER_LAYER = {
    "attn_q_a": (24, 64), "attn_q_b": (96, 24), "attn_kv_a_mqa": (40, 64), "attn_k_b": (4, 32, 16),
    "attn_v_b": (4, 16, 32), "attn_output": (64, 64), "ffn_gate": (96, 64), "ffn_up": (96, 64), "ffn_down": (64, 96),
}
NORMS = {"attn_norm": 64, "attn_q_a_norm": 24, "attn_kv_a_norm": 32, "ffn_norm": 64}
shapes = {f"blk.{layer}.{name}.weight": shape for layer in range(2) for name, shape in PER_LAYER.items()}
shapes |= {"token_embd.weight": (VOCABULARY, 64), "output.weight": (VOCABULARY, 64)}


def weights(shape):
    return random.normal(0, 0.15, shape).astype(numpy.float32)


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_model(path):
    writer = gguf.GGUFWriter(path, "deepseek2")
    writer.add_block_count(2)
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(8)
    writer.add_leading_dense_block_count(2)
    writer.add_vocab_size(VOCABULARY)
    writer.add_q_lora_rank(24)
    writer.add_kv_lora_rank(32)
    writer.add_key_length(40)
    writer.add_value_length(32)
    writer.add_key_length_mla(24)
    writer.add_value_length_mla(16)
    writer.add_expert_feed_forward_length(32)
    writer.add_expert_shared_count(0)
    writer.add_expert_count(0)
    writer.add_expert_used_count(0)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(["<unk>", "<s>", "</s>", "<0x0A>", *(f"t{index}" for index in range(4, VOCABULARY))])
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types([2, 3, 3, 6] + [1] * (VOCABULARY - 4))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, shape in shapes.items():
        writer.add_tensor(name, weights(shape))
    for layer in range(2):
        for name, size in NORMS.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(size, numpy.float32))
    writer.add_tensor("output_norm.weight", numpy.ones(64, numpy.float32))
    close(writer)


def write_adapter(path, kind):
    writer = gguf.GGUFWriter(path, "deepseek2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    for name, shape in shapes.items():
        if name in (f"{kind}.weight", f"blk.0.{kind}.weight", f"blk.1.{kind}.weight"):
            writer.add_tensor(f"{name}.lora_a", weights((4, shape[1])))
            writer.add_tensor(f"{name}.lora_b", weights((shape[0], 4)) * 4)
    close(writer)


def log_probabilities(model, adapter=None):
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.warmup = model, 128, False
    if adapter:
        lora = xllamacpp.CommonAdapterLoraInfo()
        lora.path, lora.scale = adapter, 1.0
        parameters.lora_adapters = [lora]
    reply = xllamacpp.Server(parameters).handle_completions(
        {"prompt": [1, 5, 9, 20, 33, 7], "n_predict": 1, "n_probs": VOCABULARY, "temperature": -1.0})
    tokens = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    return numpy.array([token["logprob"] for token in sorted(tokens, key=lambda token: token["id"])])


model, adapter = f"{work}/model.gguf", f"{work}/adapter.gguf"
write_model(model)
base = log_probabilities(model)
changes = {}
for kind in ("attn_q_a", "attn_q_b", "attn_kv_a_mqa", "output", "attn_output", "ffn_up"):
    write_adapter(adapter, kind)
    changes[kind] = abs(log_probabilities(model, adapter) - base).max()
    print(f"{kind}: {changes[kind]:.2f}")
assert max(changes[kind] for kind in ("attn_q_a", "attn_q_b", "attn_kv_a_mqa", "output")) < 1e-6
assert changes["attn_output"] >= 0.5 and changes["ffn_up"] >= 0.1
PYTHON
