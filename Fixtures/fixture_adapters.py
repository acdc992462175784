# SPDX-License-Identifier: Apache-2.0
"""Adapter directories as real PEFT saves them, and what real PEFT computes with them."""

import os
import tempfile
import warnings
import zlib
from pathlib import Path

import peft_references
import torch
from make_reference import Case, load_embedding, make_reference, save_reference
from peft import (
    IA3Config,
    LoHaConfig,
    LoKrConfig,
    LoraConfig,
    MultitaskPromptTuningConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptTuningConfig,
    VeraConfig,
    get_peft_model,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2ForTokenClassification,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

FOLDERS = ["adapters", "references"]
VOCABULARY = 48
UNICODE_NAME = "модель-é-😀"


def gpt2(dim, cls=GPT2LMHeadModel, name="tiny-gpt2", layers=1, **options):
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=dim,
        n_head=1,
        n_layer=layers,
        n_positions=64,
        name_or_path=name,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        **options,
    )
    return cls(config)


def t5(dim, name="tiny-t5"):
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=dim,
        d_kv=4,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        name_or_path=name,
        pad_token_id=0,
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config)


def mpt(task_type="CAUSAL_LM", tokens=8, tasks=3, ranks=1, **options):
    return MultitaskPromptTuningConfig(
        task_type=task_type, num_virtual_tokens=tokens, num_tasks=tasks, num_ranks=ranks, **options
    )


# name: (base model, config, dtype of the weights).
# Callables, so that each is made under its own seed.
MPT_ADAPTERS = {
    "mpt-causal-lm": (lambda: gpt2(16), lambda: mpt(), "float32"),
    "mpt-rank4": (lambda: gpt2(24), lambda: mpt(tokens=10, tasks=4, ranks=4), "float32"),
    "mpt-bf16": (lambda: gpt2(16), lambda: mpt(tokens=6), "bfloat16"),
    "mpt-f16": (lambda: gpt2(16), lambda: mpt(tokens=6), "float16"),
    "mpt-f64": (lambda: gpt2(16), lambda: mpt(tokens=6), "float64"),
    "mpt-rank4-bf16": (lambda: gpt2(16), lambda: mpt(ranks=4), "bfloat16"),
    "mpt-rank4-f16": (lambda: gpt2(16), lambda: mpt(ranks=4), "float16"),
    "mpt-rank4-f64": (lambda: gpt2(16), lambda: mpt(ranks=4), "float64"),
    "mpt-odd-sizes": (lambda: gpt2(13), lambda: mpt(tokens=7, tasks=5, ranks=3), "float32"),
    "mpt-odd-sizes-f16": (lambda: gpt2(13), lambda: mpt(tokens=7, tasks=2), "float16"),
    "mpt-one-token": (lambda: gpt2(5), lambda: mpt(tokens=1, tasks=1), "float32"),
    "mpt-unicode": (
        lambda: gpt2(8, name=UNICODE_NAME),
        lambda: mpt(tokens=4, tokenizer_name_or_path=UNICODE_NAME),
        "float32",
    ),
    "mpt-seq-cls": (
        lambda: gpt2(16, GPT2ForSequenceClassification, num_labels=3),
        lambda: mpt("SEQ_CLS", tokens=5),
        "float32",
    ),
    "mpt-token-cls": (
        lambda: gpt2(16, GPT2ForTokenClassification, num_labels=4),
        lambda: mpt("TOKEN_CLS", tokens=5, ranks=2),
        "float32",
    ),
    "mpt-seq2seq": (lambda: t5(16), lambda: mpt("SEQ_2_SEQ_LM", tokens=4), "float32"),
    "mpt-seq2seq-encoder-only": (
        lambda: t5(16),
        lambda: mpt("SEQ_2_SEQ_LM", tokens=4, num_transformer_submodules=1),
        "float32",
    ),
    # Paths to a source are relative to the adapters folder, where PEFT runs when it saves these.
    **{
        f"mpt-{init.lower().replace('_', '-')}": (
            lambda: gpt2(16),
            lambda init=init, tasks=tasks: mpt(
                tasks=tasks,
                prompt_tuning_init=init,
                prompt_tuning_init_task=1,
                prompt_tuning_init_state_dict_path="mpt-causal-lm/adapter_model.safetensors",
            ),
            "float32",
        )
        for init, tasks in [
            ("AVERAGE_SOURCE_TASKS", 1),
            ("EXACT_SOURCE_TASK", 1),
            ("ONLY_SOURCE_SHARED", 2),
        ]
    },
}

OTHER_ADAPTERS = {
    "lora": (
        lambda: gpt2(16, layers=11),
        lambda: LoraConfig(
            task_type="CAUSAL_LM",
            r=2,
            lora_alpha=4,
            target_modules=["c_attn"],
            lora_dropout=1e-05,
            rank_pattern={"h.0.attn.c_attn": 3},
            fan_in_fan_out=True,
        ),
    ),
    "ia3": (
        lambda: gpt2(16),
        lambda: IA3Config(
            task_type="CAUSAL_LM",
            target_modules=["c_attn", "c_proj"],
            feedforward_modules=["c_proj"],
            fan_in_fan_out=True,
        ),
    ),
    "prompt-tuning": (
        lambda: gpt2(16),
        lambda: PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
    ),
    "prefix-tuning": (
        lambda: gpt2(16),
        lambda: PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
    ),
    # Its task type is null, so that PEFT records the base model's class in auto_mapping.
    "lora-no-task": (
        lambda: gpt2(16),
        lambda: LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True),
    ),
}

# Adapters of methods that change weights, as they are after some training: no factor is zero.
TRAINED_ADAPTERS = {
    "lora-embedding": (
        lambda: gpt2(16),
        lambda: LoraConfig(
            task_type="CAUSAL_LM",
            r=4,
            lora_alpha=6,
            use_rslora=True,
            target_modules=["wte", "c_attn"],
            rank_pattern={"wte": 3},
            alpha_pattern={"c_attn": 5},
            fan_in_fan_out=True,
        ),
    ),
    "lora-dora": (
        lambda: t5(16),
        lambda: LoraConfig(
            task_type="SEQ_2_SEQ_LM", r=2, target_modules=["q", "wi"], use_dora=True
        ),
    ),
    "loha": (
        lambda: t5(16),
        lambda: LoHaConfig(task_type="SEQ_2_SEQ_LM", r=2, alpha=3, target_modules=["q", "wo"]),
    ),
    "lokr": (
        lambda: t5(16),
        lambda: LoKrConfig(
            task_type="SEQ_2_SEQ_LM",
            r=1,
            alpha=2,
            target_modules=["q", "wo"],
            decompose_both=True,
        ),
    ),
    "vera": (
        lambda: t5(16),
        lambda: VeraConfig(task_type="SEQ_2_SEQ_LM", r=3, target_modules=["q", "v"]),
    ),
    "ia3-trained": (
        lambda: t5(16),
        lambda: IA3Config(
            task_type="SEQ_2_SEQ_LM",
            target_modules=["k", "wo"],
            feedforward_modules=["wo"],
        ),
    ),
}

# The methods of these have references.
REFERENCED_ADAPTERS = ["lora", "prompt-tuning", "prefix-tuning"]

# These are also saved as torch files, in NAME-bin.
ALSO_BIN = [
    "mpt-causal-lm",
    "mpt-rank4-bf16",
    "mpt-f16",
    "mpt-f64",
    "mpt-unicode",
    "mpt-seq-cls",
    "mpt-seq2seq",
    "lora",
    "prompt-tuning",
]


def seed(name):
    torch.manual_seed(zlib.crc32(name.encode()))


def build(name, make_model, make_config):
    """A PEFT model around a fresh base model, with LoRA's B random too: a fresh one is zero."""
    seed(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(make_model(), make_config())
    for parameter_name, parameter in model.named_parameters():
        if "lora_B" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.02)
    for config in model.peft_config.values():
        sort_sets(config)
    return model


def build_trained(name, make_model, make_config):
    """The same, with all that is trained random."""
    model = build(name, make_model, make_config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def sort_sets(config):
    """PEFT saves sets in hash order; the files here are to be the same every time."""
    for field, value in vars(config).items():
        if isinstance(value, set):
            setattr(config, field, sorted(value))


def save(model, name):
    model.save_pretrained(name)
    if name in ALSO_BIN:
        model.save_pretrained(f"{name}-bin", safe_serialization=False)


def make_mpt(name, make_model, make_config, dtype):
    model = build(name, make_model, make_config)
    model.prompt_encoder.to(getattr(torch, dtype))
    if name == "mpt-seq2seq":
        # PeftModel fills it in; PEFT reads null as well.
        model.peft_config["default"].num_transformer_submodules = None
    save(model, name)


def make_mpt_text_init():
    """TEXT takes the embedding from the base model's words, through a tokenizer made for this."""
    words = "classify the sentiment of this review : positive negative".split()
    vocabulary = {word: number for number, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    with tempfile.TemporaryDirectory() as directory:
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(
            directory
        )
        model = build(
            "mpt-text-init",
            lambda: gpt2(16),
            lambda: mpt(
                tokens=6,
                tasks=2,
                prompt_tuning_init="TEXT",
                tokenizer_name_or_path=directory,
                prompt_tuning_init_text="classify the sentiment :",
                tokenizer_kwargs={"use_fast": True},
            ),
        )
    model.peft_config["default"].tokenizer_name_or_path = "tiny-words"
    save(model, "mpt-text-init")


def make_mpt_named():
    """Two adapters of one model: the second sits in a subdirectory of its name."""
    model = build("mpt-two-adapters", lambda: gpt2(16), lambda: mpt(tokens=4))
    model.add_adapter("other", mpt(tokens=4, tasks=2, ranks=2))
    save(model, "mpt-two-adapters")


def permuted(batch, tokens, length=None):
    """Indices in another order, some of them twice."""
    return torch.randint(0, tokens, (batch, length or tokens))


def cases_for(directory, dtypes):
    """The cases of a reference: every way that PEFT takes task ids and indices, in each dtype."""
    embedding = load_embedding(directory)
    tasks, tokens = embedding.num_tasks, embedding.embedding.num_embeddings
    last = tasks - 1
    mixed = [last, 0, last // 2]
    cases = []
    for dtype in dtypes:
        cases += [
            Case([last], dtype=dtype),
            Case([0], batch=3, dtype=dtype),
            Case([last] * 2, dtype=dtype),
            Case([last], permuted(2, tokens), dtype=dtype),
            Case([0, 0, 0], permuted(3, tokens), dtype=dtype),
            Case(mixed, dtype=dtype),
            Case(mixed, permuted(3, tokens), dtype=dtype),
        ]
    if tokens == 1:
        cases.append(Case([0], permuted(2, 1, length=5)))
    return cases


def make_mpt_reference(name):
    seed(f"reference of {name}")
    dtypes = [torch.float32]
    native = MPT_ADAPTERS[name][2] if name in MPT_ADAPTERS else "float32"
    if native != "float32":
        dtypes.append(getattr(torch, native))
    Path(f"../references/{name}").mkdir(parents=True)
    tensors = make_reference(name, cases_for(name, dtypes))
    save_reference(f"../references/{name}/reference.safetensors", tensors)


def make_method_reference(name, make_model):
    """What PEFT computes with the adapter in the base model that it was made for."""
    seed(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PeftModel.from_pretrained(make_model(), name).eval()
    Path(f"../references/{name}").mkdir(parents=True)
    save_reference(f"../references/{name}/reference.safetensors", peft_references.tensors(model))


def check_against_peft_model(name):
    """The script's way to load an adapter must be PeftModel.from_pretrained's."""
    make_model = MPT_ADAPTERS[name][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PeftModel.from_pretrained(make_model(), name)
    loaded = model.prompt_encoder["default"].state_dict()
    for key, ours in load_embedding(name).state_dict().items():
        assert ours.dtype == loaded[key].dtype and torch.equal(ours, loaded[key]), (name, key)
    task_ids = torch.tensor([0])
    theirs = model.get_prompt(batch_size=1, task_ids=task_ids)
    embedding = load_embedding(name)
    ours = embedding(torch.arange(embedding.embedding.num_embeddings)[None], task_ids)
    assert torch.equal(ours[:, : theirs.shape[1]], theirs), name


def make(root):
    folder = root / "adapters"
    folder.mkdir()
    previous = os.getcwd()
    os.chdir(folder)
    try:
        for name, recipe in MPT_ADAPTERS.items():
            make_mpt(name, *recipe)
        make_mpt_text_init()
        make_mpt_named()
        for name, recipe in OTHER_ADAPTERS.items():
            save(build(name, *recipe), name)
        for name, recipe in TRAINED_ADAPTERS.items():
            save(build_trained(name, *recipe), name)
            make_method_reference(name, recipe[0])
        for name in REFERENCED_ADAPTERS:
            make_method_reference(name, OTHER_ADAPTERS[name][0])
        for name in [*MPT_ADAPTERS, "mpt-text-init", "mpt-two-adapters"]:
            make_mpt_reference(name)
        for name in MPT_ADAPTERS:
            check_against_peft_model(name)
    finally:
        os.chdir(previous)
