# SPDX-License-Identifier: Apache-2.0
"""The functions and their results, on adapters that PEFT saved into Fixtures."""

import dataclasses
import json
import math
import os
import pickle
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import peftkit
import pytest
from conftest import FIXTURES, ROOT
from peftkit import types
from peftkit._decoding import keys_of

ADAPTERS = FIXTURES / "adapters"
TUTORIALS = FIXTURES / "tutorials"
SCANNED = ROOT / "Tests" / "CheckpointScanTests" / "Vectors"


def test_inspect():
    adapter = peftkit.inspect(ADAPTERS / "mpt-causal-lm", digest=True)
    assert (adapter.kind, adapter.format, adapter.tensor_count) == ("adapter", "safetensors", 3)
    assert adapter.config["peft_type"] == "MULTITASK_PROMPT_TUNING"
    assert adapter.metadata == {"format": "pt"}
    assert [tensor.shape for tensor in adapter.tensors] == [(3, 8, 1), (3, 1, 16), (8, 16)]
    assert adapter.tensors[0].digest.startswith("sha256:")
    assert adapter.digest != adapter.tensors[0].digest
    assert len(adapter.multitask.tasks) == 3
    assert adapter.multitask.cosine_similarities[0][0] == pytest.approx(1)
    assert adapter.base is None and adapter.modules is None
    assert peftkit.inspect(ADAPTERS / "lora" / "adapter_model.safetensors").config == {}
    modules = peftkit.inspect(ADAPTERS / "lora-embedding", modules=True).modules
    assert [(module.name, module.rank, module.alpha) for module in modules] == [
        ("transformer.h.0.attn.c_attn", 4, 5),
        ("transformer.wte", 3, 6),
    ]


def test_validate():
    path = ADAPTERS / "mpt-average-source-tasks"
    check = peftkit.validate(path)
    assert not check and not check.holds
    assert [finding.code for finding in check.warnings] == ["source-initialization"]
    assert check.errors == ()
    assert check.findings[0].repairs[0] == types.Repair(action="set-key", key="prompt_tuning_init", value="RANDOM")
    assert str(check).startswith(f"{path}: 1 finding\n  warning: PEFT reads ")
    assert peftkit.validate(path, fail_on="error")
    ignored = peftkit.validate(path, ignore="source-initialization")
    assert ignored and (ignored.finding_count, ignored.ignored_count) == (0, 1)
    assert peftkit.validate(path, ignore=["source-initialization", "superseded-weights"])
    assert peftkit.validate(ADAPTERS / "lora")


def test_rank(tmp_path):
    reduction = peftkit.rank(ADAPTERS / "lora", tmp_path / "smaller", to=1)
    assert {module.rank for module in reduction.modules} == {1}
    assert all(0 < module.relative_error < 1 for module in reduction.modules)
    with pytest.raises(peftkit.PeftkitError, match="exists"):
        peftkit.rank(ADAPTERS / "lora", tmp_path / "smaller", energy=0.9)
    lists = peftkit.rank(ADAPTERS / "lora", tmp_path / "smaller", for_ranks=[1, 2], energy=0.5, force=True)
    assert {module.rank for module in lists.modules} <= {1, 2, *(module.old_rank for module in lists.modules)}


def test_combine(tmp_path):
    weighted = {str(ADAPTERS / "lora"): 0.75, str(ADAPTERS / "lora-bin"): -0.25}
    combination = peftkit.combine(weighted, tmp_path / "both")
    assert (combination.kind, combination.relative_change, combination.notes) == ("cat", 0, ())
    assert {module.adapters for module in combination.modules} == {2}
    cut = peftkit.combine(weighted, tmp_path / "both", kind="ties_svd", density=0.5, rank=1, force=True)
    assert {module.rank for module in cut.modules} == {1} and cut.relative_change > 0
    with pytest.raises(peftkit.PeftkitError, match="density"):
        peftkit.combine(weighted, tmp_path / "none", kind="ties")


def test_subtract_initial(tmp_path):
    before = {module.name: module for module in peftkit.rank(ADAPTERS / "lora", tmp_path / "same", energy=1).modules}
    plain = peftkit.subtract_initial(ADAPTERS / "lora", ADAPTERS / "lora-bin", tmp_path / "plain")
    assert all(module.rank == 2 * before[module.name].old_rank for module in plain.modules)


def test_extract(tmp_path):
    """Of two models that differ by a product of two vectors."""

    def write(name, weight, norm):
        header = {
            "layer.weight": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]},
            "norm.weight": {"dtype": "F32", "shape": [2], "data_offsets": [32, 40]},
        }
        text = json.dumps(header).encode()
        data = struct.pack("<10f", *weight, *norm)
        (tmp_path / name).write_bytes(len(text).to_bytes(8, "little") + text + data)
        return tmp_path / name

    base = write("base.safetensors", [0] * 8, [1, 1])
    tuned = write("tuned.safetensors", [1, 2, 3, 4, 2, 4, 6, 8], [1, 2])
    with pytest.raises(peftkit.PeftkitError, match="norm.weight"):
        peftkit.extract(base, tuned, tmp_path / "out", rank=1)
    extraction = peftkit.extract(base, tuned, tmp_path / "out", rank=1, others="skip")
    assert [(module.name, module.rank) for module in extraction.modules] == [("layer", 1)]
    assert extraction.modules[0].norm == pytest.approx(math.sqrt(150))
    assert extraction.relative_error < 1e-6
    assert extraction.others == ("norm.weight",) and len(extraction.notes) == 1


def test_options_reach_the_command():
    found = peftkit.validate(ADAPTERS / "mpt-causal-lm", peft="0.9.0")
    assert [finding.severity for finding in found.findings if "0.9.0" in finding.message]
    assert peftkit.validate(ADAPTERS / "mpt-causal-lm", runtime="vllm").findings


def test_validate_against_a_base_model(tmp_path, adapter):
    """Also a base model whose name begins with a dash, and the one in the Hub's cache."""
    lora = adapter("lora")
    names = [tensor.name for tensor in peftkit.inspect(lora).tensors]
    modules = sorted({name.removeprefix("base_model.model.").split(".lora_")[0] for name in names})
    base = tmp_path / "-base"
    base.mkdir()
    header = json.dumps(
        {f"{module}.weight": {"dtype": "F32", "shape": [0, 1], "data_offsets": [0, 0]} for module in modules[1:]}
    ).encode()
    (base / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (base / "config.json").write_text('{"model_type": "unknown"}')
    check = peftkit.validate(lora, base=base)
    assert {module.name for module in check.base.modules} >= set(modules)
    assert check.base.dead
    with pytest.raises(peftkit.PeftkitError, match="cache"):
        peftkit.validate(lora, base=True)


def test_validate_tree(tmp_path, adapter):
    adapter("lora", "tree/good")
    adapter("mpt-average-source-tasks", "tree/warned")
    cut = adapter("ia3", "tree/cut") / "adapter_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-1])
    tree = peftkit.validate_tree(tmp_path / "tree")
    assert not tree
    assert (tree.checked, tree.with_errors, tree.with_warnings, tree.unreadable) == (3, 0, 1, 1)
    assert [(Path(unit.path).name, bool(unit)) for unit in tree.units] == [
        ("cut", False),
        ("good", True),
        ("warned", False),
    ]
    assert isinstance(tree.units[0], types.UnreadableUnit)
    assert "unreadable" in str(tree) and "source-initialization" in str(tree)
    assert peftkit.validate_tree(tmp_path / "tree" / "good")
    (tmp_path / "empty").mkdir()
    with pytest.raises(peftkit.PeftkitError, match="contains no adapter"):
        peftkit.validate_tree(tmp_path / "empty")


def test_convert(tmp_path):
    source = ADAPTERS / "lora"
    result = peftkit.convert(source, tmp_path / "half", dtype="float16", sync=False)
    assert (result.source, result.destination) == (str(source), str(tmp_path / "half"))
    half = peftkit.inspect(tmp_path / "half")
    assert {tensor.dtype for tensor in half.tensors} == {"F16"}
    with pytest.raises(peftkit.PeftkitError) as caught:
        peftkit.convert(source, tmp_path / "half")
    assert (caught.value.exit_code, caught.value.hint) == (2, "--force replaces it, with everything in it")
    peftkit.convert(source, tmp_path / "half", dtype={"*.lora_A.*": "bfloat16", "*.lora_B.*": "float16"}, force=True)
    mixed = peftkit.inspect(tmp_path / "half")
    assert {(".lora_A." in tensor.name, tensor.dtype) for tensor in mixed.tensors} == {(True, "BF16"), (False, "F16")}
    weights = tmp_path / "few.safetensors"
    peftkit.convert(
        source / "adapter_model.safetensors", weights, include=["*.0.*lora_A*", "*.0.*lora_B*"], exclude="*lora_B*",
        rename={r"^base_model\.model\.": ""}, metadata={"author": "a=b"}, drop_metadata=True, reserve=100,
    )  # fmt: skip
    few = peftkit.inspect(weights)
    assert few.metadata == {"author": "a=b"}
    assert few.tensors and all(t.name.startswith("transformer.") and "lora_A" in t.name for t in few.tensors)
    with pytest.raises(peftkit.UsageError, match="contains '='"):
        peftkit.convert(source, tmp_path / "other", metadata={"a=b": "c"})


def test_what_was_left_out_is_in_the_notes(tmp_path):
    reference = FIXTURES / "references" / "mpt-one-token" / "reference.safetensors"
    result = peftkit.convert(reference, tmp_path / "x.bin")
    assert result.notes == ("metadata was left out that the format cannot store: producer",)


def test_plan_conversion(tmp_path):
    plan = peftkit.plan_conversion(ADAPTERS / "mpt-f16", tmp_path / "new", to="torch", dtype="float32")
    assert (plan.kind, [file.action for file in plan.files][:2]) == ("directory", ["write", "convert"])
    tensors = next(file for file in plan.files if file.action == "convert").tensors
    assert {(tensor.source_dtype, tensor.dtype, tensor.action) for tensor in tensors} == {("F16", "F32", "cast")}
    assert not (tmp_path / "new").exists()


def test_merge(tmp_path):
    adapter, base = TUTORIALS / "lora", TUTORIALS / "tiny-llama"
    plan = peftkit.merge(adapter, base, tmp_path / "merged", dry_run=True)
    assert plan.dry_run and plan.total is None and not (tmp_path / "merged").exists()
    actions = {(file.name, file.action) for file in plan.files}
    assert actions >= {("model.safetensors", "merge"), ("config.json", "copy")}
    result = peftkit.merge(adapter, base, tmp_path / "merged", sync=False)
    assert not result.dry_run and not result.warnings
    assert {module.kind for module in result.modules} == {"q_proj", "v_proj"}
    assert all(module.survival.kept > 0.999 and module.rank == 8 and module.scale == 2 for module in result.modules)
    assert result.total.element_count == 4 * 16 * 16
    changes = peftkit.diff(base, tmp_path / "merged").tensors.changed
    assert {tensor.name for tensor in changes} == {module.tensor for module in result.modules}
    with pytest.raises(peftkit.PeftkitError, match="exists"):
        peftkit.merge(adapter, base, tmp_path / "merged")
    both = peftkit.merge([adapter, adapter], base, tmp_path / "both", scale=[0.5, 0.25], sum_first=True, sync=False)
    assert [item.scale for item in both.adapters] == [0.5, 0.25]
    ratio = both.total.delta_norm / result.total.delta_norm
    assert abs(ratio - 0.75) < 1e-5
    with pytest.raises(ValueError, match="2 adapters, but 1 scales"):
        peftkit.merge([adapter, adapter], base, tmp_path / "other", scale=[1])


def test_convert_tree(tmp_path, adapter):
    for name in ["lora-bin", "ia3", "mpt-f16-bin"]:
        adapter(name, f"tree/{name}")
    (tmp_path / "tree" / "bad.bin").write_bytes(b"no checkpoint")
    result = peftkit.convert_tree(tmp_path / "tree", tmp_path / "out", jobs=2, sync=False)
    assert not result
    assert (result.found, result.converted, result.failed) == (4, 3, 1)
    assert len(result.failures) == 1 and "bad.bin" in result.failures[0].message
    assert result.failures[0].message in str(result)
    lines = Path(result.manifest).read_text().splitlines()
    assert sorted(json.loads(line)["outcome"] for line in lines) == ["converted"] * 3 + ["failed"]
    (tmp_path / "tree" / "bad.bin").unlink()
    again = [
        peftkit.convert_tree(tmp_path / "tree", tmp_path / "out", resume=True, shard=(part, 2), sync=False)
        for part in (1, 2)
    ]
    assert all(again) and sum(part.unchanged for part in again) == 3
    assert [part.shard for part in again] == ["1/2", "2/2"]
    with pytest.raises(peftkit.UsageError):
        peftkit.convert_tree(tmp_path / "tree", tmp_path / "out", shard=(3, 2))


def test_verify(adapter):
    reference = FIXTURES / "references" / "mpt-causal-lm" / "reference.safetensors"
    check = peftkit.verify(ADAPTERS / "mpt-causal-lm", reference)
    assert check and check.rule == "equal" and len(check.cases) == 7
    changed = adapter("mpt-causal-lm")
    weights = bytearray((changed / "adapter_model.safetensors").read_bytes())
    weights[-2] ^= 0x40
    (changed / "adapter_model.safetensors").write_bytes(weights)
    wrong = peftkit.verify(changed, reference)
    assert not wrong
    assert "cases wrong (rule: equal)" in str(wrong)
    offender = next(case for case in wrong.cases if not case).offenders[0]
    assert isinstance(offender.computed, float) and len(offender.position) == 3
    loose = peftkit.verify(changed, reference, rtol=1e6, atol=1e6)
    assert loose and (loose.rule, loose.rtol) == ("allclose", 1e6)


def test_diff():
    a, b = ADAPTERS / "mpt-average-source-tasks", ADAPTERS / "mpt-exact-source-task"
    changes = peftkit.diff(a, b)
    assert not changes
    assert changes.config.changed == (
        types.ChangedValue("prompt_tuning_init", "AVERAGE_SOURCE_TASKS", "EXACT_SOURCE_TASK"),
    )
    assert [tensor.name for tensor in changes.tensors.changed] == ["prefix_task_cols", "prefix_task_rows"]
    assert changes.tensors.changed[0].a == changes.tensors.changed[0].b
    assert "tensor prefix_task_rows: changed" in str(changes)
    same = peftkit.diff(ADAPTERS / "mpt-f16", ADAPTERS / "mpt-f16-bin")
    assert same and same.metadata.removed == (types.Entry("format", "pt"),)


def test_scan(tmp_path):
    assert peftkit.scan(ADAPTERS / "lora-bin")
    hostile = peftkit.scan(SCANNED / "code" / "reduce.bin")
    assert not hostile and hostile.verdict == "asks for code"
    assert [(code.module, code.name, code.certainty) for code in hostile.files[0].code] == [
        ("peftkit_hostile_fixture", "run", "called")
    ]
    assert "[import]" in str(hostile)
    (tmp_path / "good.bin").write_bytes((SCANNED / "good" / "ordered.bin").read_bytes())
    (tmp_path / "gone.bin").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(peftkit.PeftkitError) as caught:
        peftkit.scan(tmp_path)
    # The verdict of the others does not hide that one was not read.
    assert "gone.bin: cannot open" in caught.value.message and "does not exist" in caught.value.hint
    assert [bool(file) for file in caught.value.result.files] == [True]
    assert len(caught.value.notes) == 1 and "loop" in caught.value.notes[0]


def test_run():
    done = peftkit.run("mpt", "select", "--help")
    assert done.exit_code == 0 and "--tasks" in done.stdout
    assert peftkit.run("diff", ADAPTERS / "lora", ADAPTERS / "ia3").exit_code == 1
    with pytest.raises(peftkit.UsageError, match="Unknown option"):
        peftkit.run("inspect", ADAPTERS / "lora", "--nonsense")


@pytest.mark.parametrize(
    "call",
    [
        lambda path: peftkit.inspect(path),
        lambda path: peftkit.validate(path),
        lambda path: peftkit.validate_tree(path),
        lambda path: peftkit.convert(path, str(path) + "-out"),
        lambda path: peftkit.plan_conversion(path, str(path) + "-out"),
        lambda path: peftkit.convert_tree(path, str(path) + "-out"),
        lambda path: peftkit.verify(path, path),
        lambda path: peftkit.diff(path, path),
        lambda path: peftkit.scan(path),
    ],
)
def test_a_missing_path_is_an_error(call, tmp_path):
    with pytest.raises(peftkit.PeftkitError) as caught:
        call(tmp_path / "missing")
    assert caught.value.exit_code == 2
    assert str(tmp_path / "missing") in caught.value.message
    assert not (tmp_path / "missing-out").exists()


def test_wrong_arguments_are_value_errors():
    with pytest.raises(ValueError, match="0.99") as caught:
        peftkit.validate(ADAPTERS / "lora", peft="0.99.0")
    assert isinstance(caught.value, peftkit.UsageError) and caught.value.exit_code == 64
    assert "Usage" not in str(caught.value)


def test_colors_of_the_terminal_do_not_matter(monkeypatch, tmp_path):
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    with pytest.raises(peftkit.PeftkitError) as caught:
        peftkit.convert(ADAPTERS / "lora", tmp_path)
    assert caught.value.message.startswith(str(tmp_path)) and "\x1b" not in str(caught.value) + str(caught.value.hint)


def test_errors_travel_to_another_process():
    error = peftkit.PeftkitError("message", 2, "hint", ("note",), None)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.exit_code, copy.notes) == ("message\nhint: hint", 2, ("note",))
    result = peftkit.validate(ADAPTERS / "lora")
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize("name", ["Ünï çødé 名前", "-dash", "--json", "sp ace", "new\nline", "q'uote\""])
def test_names_of_paths(name, adapter):
    path = adapter("lora", name)
    assert peftkit.inspect(path).path == str(path)
    assert peftkit.inspect(os.fspath(path)).kind == "adapter"
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        # A relative path that begins with a dash is a path, not an option.
        assert peftkit.validate(name).path == name
        assert peftkit.diff(name, name)
        peftkit.convert(name, name + "-out", sync=False)
        assert peftkit.validate(name + "-out")
    finally:
        os.chdir(before)


def test_names_that_are_not_text(tmp_path):
    with pytest.raises(peftkit.UsageError, match="not valid UTF-8"):
        peftkit.inspect(os.fsdecode(b"q\xfer.safetensors"))
    with pytest.raises(ValueError, match="null byte"):
        peftkit.inspect("a\0b")


def test_numbers_of_any_size(tmp_path, adapter):
    """Integers are exact, and floats that JSON does not have are floats."""
    shape = [0, 2**63 - 1]
    header = json.dumps({"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).encode()
    path = tmp_path / "wide.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert peftkit.inspect(path).tensors[0].shape == tuple(shape)
    config = adapter("lora") / "adapter_config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "lora_alpha": 10**30}))
    assert peftkit.inspect(config.parent).config["lora_alpha"] == 10**30
    config.write_text(
        json.dumps({**values, "lora_alpha": 1}).replace('"lora_alpha": 1', '"lora_alpha": 1' + "0" * 5000)
    )
    with pytest.raises(peftkit.PeftkitError):
        peftkit.inspect(config.parent)
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for file, bytes_ in [(a, b"\0\0\x80\x7f"), (b, b"\0\0\x80\xff")]:
        header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
        file.write_bytes(len(header).to_bytes(8, "little") + header + bytes_)
    assert math.isinf(peftkit.diff(a, b).tensors.changed[0].largest_absolute_difference)


def test_many_threads():
    names = ["lora", "ia3", "prompt-tuning", "prefix-tuning", "mpt-causal-lm", "lora-dora", "vera", "lokr"] * 10
    with ThreadPoolExecutor(16) as pool:
        kinds = list(pool.map(lambda name: peftkit.inspect(ADAPTERS / name).config["peft_type"], names))
        checks = list(pool.map(lambda name: peftkit.validate(ADAPTERS / name), names))
    expected = [json.loads((ADAPTERS / name / "adapter_config.json").read_text())["peft_type"] for name in names]
    assert kinds == expected
    assert [Path(check.path).name for check in checks] == names


def json_of(*arguments):
    return [json.loads(line) for line in _documents(subprocess.run(
        [peftkit._tool.executable(), *map(str, arguments)], stdout=subprocess.PIPE, check=False).stdout)]  # fmt: skip


def _documents(text):
    """A JSON text, or lines of JSON."""
    return text.splitlines() if text.startswith(b'{"') else [text]


def unknown_keys(kind, value, place):
    """The keys of a JSON value that a dataclass leaves out."""
    keys = keys_of(kind)
    for key, item in value.items():
        if key not in keys:
            yield f"{place}.{key}"
            continue
        for inner in _dataclasses_in(keys[key]):
            items = item if isinstance(item, list) else [item]
            for element in items:
                if isinstance(element, dict):
                    yield from unknown_keys(inner, element, f"{place}.{key}")


def _dataclasses_in(hint):
    if dataclasses.is_dataclass(hint):
        return [hint]
    return [kind for part in getattr(hint, "__args__", ()) for kind in _dataclasses_in(part)]


def test_results_have_every_key(tmp_path):
    """Each key of JSON is a field, for all fixtures and commands."""
    seen = []

    def check(kind, *arguments):
        for value in json_of(*arguments):
            if value.get("kind") == "tree":
                kind_of_value = types.TreeValidation
            elif value.get("kind") == "unreadable":
                kind_of_value = types.UnreadableUnit
            else:
                kind_of_value = kind
            missing = list(unknown_keys(kind_of_value, value, kind_of_value.__name__))
            assert not missing
            seen.append(kind_of_value)

    for path in sorted(ADAPTERS.iterdir()):
        if path.is_dir():
            modules = [] if path.name.startswith(("mpt-", "prompt-", "prefix-")) else ["--modules"]
            check(types.Inspection, "inspect", path, *modules, "--digest", "--json")
            check(types.Validation, "validate", path, "--json")
    check(types.Validation, "validate", ADAPTERS, "--recursive", "--json")
    check(types.Scan, "scan", SCANNED, "--json")
    check(types.Diff, "diff", ADAPTERS / "mpt-f16", ADAPTERS / "mpt-causal-lm", "--json")
    check(types.Diff, "diff", ADAPTERS / "lora", ADAPTERS / "ia3", "--json")
    check(types.ConversionPlan, "convert", ADAPTERS / "lora", tmp_path / "x", "--dry-run", "--json")
    check(types.ConversionPlan, "convert", ADAPTERS / "lora", tmp_path / "x", "--to", "peft", "--dry-run", "--json")
    check(types.TreeConversion, "convert", "--recursive", ADAPTERS, tmp_path / "y", "--json", "--no-sync")
    merge = ["merge", TUTORIALS / "lora", "--base", TUTORIALS / "tiny-llama", "-o", tmp_path / "z", "--json"]
    check(types.Merge, *merge, "--dry-run")
    check(types.Merge, *merge, "--no-sync")
    for name in ["mpt-causal-lm", "lora"]:
        reference = FIXTURES / "references" / name / "reference.safetensors"
        check(types.Verification, "verify", ADAPTERS / name, "--reference", reference, "--json")
    assert set(seen) >= {
        types.Inspection, types.Validation, types.TreeValidation, types.Scan, types.Diff,
        types.ConversionPlan, types.TreeConversion, types.Verification, types.Merge,
    }  # fmt: skip


def specified_keys():
    """The keys of the tables of JSON in spec/, each as the dataclass and the path to it."""
    roots = {"inspect": types.Inspection, "verify": types.Verification, "diff": types.Diff,
             "validate": types.Validation, "convert": types.ConversionPlan}  # fmt: skip
    root = None
    for line in (ROOT / "spec" / "command-line.md").read_text().splitlines():
        if line.startswith("## "):
            root = roots.get(line.split()[1])
        if root and line.startswith("| `"):
            for name in line.split("|")[1].replace("[]", "").split(","):
                name = name.strip().strip("`")
                if name[0] not in ".…":
                    yield root, name


@pytest.mark.parametrize(("root", "path"), list(specified_keys()))
def test_results_have_every_specified_key(root, path):
    kinds = [root]
    for part in path.split("."):
        hints = [keys_of(kind)[part] for kind in kinds if part in keys_of(kind)]
        assert hints, f"{root.__name__} has no {path}"
        kinds = [kind for hint in hints for kind in _dataclasses_in(hint)]


def test_help_reads_well():
    text = subprocess.run(
        [sys.executable, "-c", "import peftkit; help(peftkit)"], capture_output=True, text=True, check=True
    ).stdout
    assert text.index("Inspect, validate, convert") < text.index("CLASSES")
    assert "strict_pickle: bool = False" in text
    # The functions begin on the first pages.
    assert text[: text.index("validate_tree(")].count("\n") < 500
    for name in set(peftkit.__all__) - {"types"}:
        assert getattr(peftkit, name).__doc__, name
        assert getattr(peftkit, name).__module__ == "peftkit"


def test_python_m_peftkit():
    for command in [["peftkit"], [sys.executable, "-m", "peftkit"]]:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == peftkit.__version__
        found = subprocess.run([*command, "validate", ADAPTERS / "mpt-average-source-tasks"], capture_output=True)
        assert found.returncode == 1


def test_an_adapter_goes_to_another_home(tmp_path):
    plan = peftkit.plan_conversion(ADAPTERS / "lora", tmp_path / "peft", to="peft")
    assert (plan.home_before, plan.home_after) == ("peft", "peft")
    result = peftkit.convert(ADAPTERS / "lora", tmp_path / "peft", to="peft")
    assert any(note.startswith("checked: ") for note in result.notes)
    assert {file.name for file in plan.files} == {file.name for file in (tmp_path / "peft").iterdir()}
