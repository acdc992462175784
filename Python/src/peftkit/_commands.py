# SPDX-License-Identifier: Apache-2.0
"""The functions, one for each command."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, cast

from ._decoding import decode, parse
from ._tool import Option, Output, StrPath, call, error_of, execute
from .types import (
    Combination,
    CombinationKind,
    Conversion,
    ConversionOptions,
    ConversionPlan,
    Diff,
    ExpertLayout,
    Extraction,
    Failure,
    Inspection,
    Merge,
    OutputFormat,
    RankReduction,
    Run,
    Scan,
    Severity,
    Subtraction,
    TreeConversion,
    TreeValidation,
    UnreadableUnit,
    Validation,
    Verification,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

_SUCCESS, _FOUND, _UNUSABLE = 0, 1, 2


def inspect(
    path: StrPath,
    *,
    tasks: bool = False,
    modules: bool = False,
    base: StrPath | Literal[True] | None = None,
    digest: bool = False,
    strict_pickle: bool = False,
) -> Inspection:
    """Show what a checkpoint file, an adapter or a model contains, from its header.

    Example:
        adapter = peftkit.inspect("my-adapter")
        print(adapter.config["peft_type"], adapter.newest_peft)
        for tensor in adapter.tensors:
            print(tensor.name, tensor.dtype, tensor.shape)

    Args:
        path: a file, an index of shards, or the directory of an adapter or a model.
        tasks: compute the statistics of the tasks of an adapter of any size.
        modules: compute the norm and the effective rank of the change of each module.
        base: the base model, to compare the number of parameters; True takes the model that the config names from
            the local Hub cache.
        digest: compute the content digest, which no conversion changes.
        strict_pickle: refuse a torch file that asks Python to run code, instead of reading its tensors alone.

    Raises:
        PeftkitError: `path` cannot be read.
    """
    options: dict[str, Option] = {
        "tasks": tasks, "modules": modules, "base": base, "digest": digest, "strict_pickle": strict_pickle,
    }  # fmt: skip
    output = call("inspect", {**options, "json": True}, [path], [_SUCCESS])
    result = decode(Inspection, parse(output.stdout))
    return dataclasses.replace(result, notes=(*result.notes, *output.notes)) if output.notes else result


def validate(
    path: StrPath,
    *,
    base: StrPath | Literal[True] | None = None,
    peft: str | None = None,
    runtime: str | None = None,
    fail_on: Severity = "warning",
    ignore: str | Iterable[str] = (),
) -> Validation:
    """Check a checkpoint for problems without running it. What is found is a result, not an exception.

    Example:
        check = peftkit.validate("my-adapter", base="my-model")
        assert check, str(check)

    Args:
        path: a file, an index of shards, the directory of an adapter or a model, or an `adapter_config.json`.
        base: the base model that the adapter is checked against; True takes the model that the config names from
            the local Hub cache.
        peft: the release of PEFT that is to load the adapter, such as "0.17.1", instead of the newest.
        runtime: another program that is to load it: "llama.cpp", "mlx-lm", "transformers" or "vllm".
        fail_on: the severity from which on a finding counts: "error", "warning" or "note".
        ignore: the codes of findings to leave out, such as "superseded-weights".

    Raises:
        PeftkitError: `path` cannot be read.
    """
    options = _validation_options(base, peft, runtime, fail_on, ignore)
    output = call("validate", {**options, "json": True}, [path], [_SUCCESS, _FOUND])
    return decode(Validation, parse(output.stdout))


def validate_tree(
    root: StrPath,
    *,
    base: StrPath | Literal[True] | None = None,
    peft: str | None = None,
    runtime: str | None = None,
    fail_on: Severity = "warning",
    ignore: str | Iterable[str] = (),
) -> TreeValidation:
    """Check every adapter, model and checkpoint file of a tree, on all CPUs, each by itself.

    A unit that cannot be read is an `UnreadableUnit` among the others, and not an exception.

    Example:
        tree = peftkit.validate_tree("adapters")
        print(tree.checked, "checked")
        for unit in tree.units:
            if not unit:
                print(unit)

    Args:
        root: the directory of the tree.
        base, peft, runtime, fail_on, ignore: as for `validate`.

    Raises:
        PeftkitError: there is nothing to check at `root`.
    """
    options = _validation_options(base, peft, runtime, fail_on, ignore)
    output = call(
        "validate", {**options, "recursive": True, "json": True}, [root], [_SUCCESS, _FOUND, _UNUSABLE]
    )  # fmt: skip
    units: list[Validation | UnreadableUnit] = []
    for line in output.stdout.splitlines():
        value = parse(line)
        if value["kind"] == "tree":
            return decode(TreeValidation, value, units=tuple(units))
        is_unreadable = value["kind"] == "unreadable"
        units.append(decode(UnreadableUnit, value) if is_unreadable else decode(Validation, value))
    raise error_of(output)


def convert(
    source: StrPath,
    destination: StrPath,
    *,
    to: OutputFormat | None = None,
    base: StrPath | None = None,
    experts: ExpertLayout | None = None,
    check: bool = True,
    dtype: str | Mapping[str, str] | None = None,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    rename: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    drop_metadata: bool = False,
    reserve: int = 0,
    max_shard_size: str | int | None = None,
    compress: bool = False,
    torch_layout: str | None = None,
    drop_aliases: bool = False,
    skip_unsupported: bool = False,
    allow_empty: bool = False,
    strict_pickle: bool = False,
    force: bool = False,
    sync: bool = True,
) -> Conversion:
    """Convert a checkpoint file, an adapter or a model. The output appears complete or not at all.

    Example:
        peftkit.convert("adapter_model.bin", "adapter_model.safetensors")
        peftkit.convert("my-adapter", "my-adapter-half", dtype="float16")
        peftkit.convert("my-model", "split", max_shard_size="5GB", dtype={"*.norm.*": "float32"})

    Args:
        source: the file or the directory to read.
        destination: the file or the directory to write.
        to: the format to write; else that of the destination's extension, and safetensors for directories. Or the
            home that an adapter goes to: "peft", "mlx", "gguf", "kohya", "diffusers" or "lycoris".
        base: the base model of an adapter that goes to another home.
        experts: how the experts of a PEFT adapter are laid out.
        check: compare what an adapter computes in its new home with the source.
        dtype: cast floating-point tensors, or those whose names match a pattern (the last match decides).
        include: convert only tensors whose names match one of these shell patterns.
        exclude: leave out tensors whose names match one of these shell patterns.
        rename: regular expressions, and the text that replaces their matches in names.
        metadata: keys and texts for the metadata of safetensors files.
        drop_metadata: leave out the metadata of the source.
        reserve: bytes of room in the headers of safetensors files, for later changes in place.
        max_shard_size: split a model into files of at most this size, with an index: "5GB", "500MB".
        compress: compress the arrays of npz files.
        torch_layout: the layout of torch files, named after a release: "1.13", "2.1" or "2.7".
        drop_aliases: write a tensor that has two names once, and record the other name in the metadata.
        skip_unsupported: leave out tensors that the format cannot store, instead of refusing them.
        allow_empty: write an output without tensors, instead of refusing it.
        strict_pickle: refuse a torch file that asks Python to run code, instead of reading its tensors alone.
        force: replace an existing output.
        sync: wait until the output is on the drive; without, it may be lost in a power cut.

    Returns:
        The notes about what was left out or changed.

    Raises:
        PeftkitError: `source` cannot be read, or `destination` cannot be written or exists.
    """
    options: ConversionOptions = {
        "to": to, "base": base, "experts": experts, "check": check,
        "dtype": dtype, "include": include, "exclude": exclude, "rename": rename, "metadata": metadata,
        "drop_metadata": drop_metadata, "reserve": reserve, "max_shard_size": max_shard_size, "compress": compress,
        "torch_layout": torch_layout, "drop_aliases": drop_aliases, "skip_unsupported": skip_unsupported,
        "allow_empty": allow_empty, "strict_pickle": strict_pickle, "force": force, "sync": sync,
    }  # fmt: skip
    output = call("convert", _conversion_options(options), [source, destination], [_SUCCESS])
    return Conversion(_text(source), _text(destination), output.notes)


def plan_conversion(source: StrPath, destination: StrPath, **options: "Unpack[ConversionOptions]") -> ConversionPlan:
    """Show what `convert` would read and write, and write nothing.

    Example:
        for file in peftkit.plan_conversion("my-model", "split", max_shard_size="5GB").files:
            print(file.name, file.byte_count)

    Args:
        source, destination: as for `convert`.
        options: those of `convert`.

    Raises:
        PeftkitError: for all that `convert` refuses, except an existing destination.
    """
    flags = {**_conversion_options(options), "dry_run": True, "json": True}
    output = call("convert", flags, [source, destination], [_SUCCESS])
    return decode(ConversionPlan, parse(output.stdout))


def convert_tree(
    source: StrPath,
    destination: StrPath,
    *,
    resume: bool = False,
    shard: tuple[int, int] | None = None,
    jobs: int | None = None,
    manifest: StrPath | None = None,
    **options: "Unpack[ConversionOptions]",
) -> TreeConversion:
    """Convert every adapter and checkpoint of a tree, on all CPUs, each by itself.

    A checkpoint that cannot be converted is a failure in the result, and not an exception.

    Example:
        result = peftkit.convert_tree("adapters", "converted", resume=True)
        print(result.converted, "converted")
        for failure in result.failures:
            print(failure)

    Args:
        source, destination: the directories of the trees.
        resume: continue an earlier run; existing outputs are checked.
        shard: (I, N) converts part I of N of the tree, from (1, N) to (N, N), so that N machines share the work.
        jobs: the number of parallel conversions; else one for each CPU, and at least 8 unless `sync` is False.
        manifest: the path of the manifest; else in `destination`.
        options: those of `convert`.

    Raises:
        PeftkitError: the whole run cannot start or continue.
    """
    flags: dict[str, Option] = {
        **_conversion_options(options),
        "recursive": True, "resume": resume, "shard": None if shard is None else f"{shard[0]}/{shard[1]}",
        "jobs": jobs, "manifest": manifest, "json": True,
    }  # fmt: skip
    output = call("convert", flags, [source, destination], [_SUCCESS, _FOUND])
    failures = tuple(Failure(message, hint) for message, hint in output.errors)
    return decode(TreeConversion, parse(output.stdout), failures=failures, notes=output.notes)


def merge(
    adapter: StrPath | Iterable[StrPath],
    base: StrPath | Literal[True],
    output: StrPath,
    *,
    scale: float | Iterable[float] = 1,
    dtype: str | None = None,
    like: Literal["plain", "safe"] | None = None,
    sum_first: bool = False,
    max_shard_size: str | int | None = None,
    dry_run: bool = False,
    force: bool = False,
    sync: bool = True,
) -> Merge:
    """Merge adapters into the weights of their base model. The output appears complete or not at all.

    Example:
        result = peftkit.merge("my-adapter", "my-model", "merged")
        for warning in result.warnings:
            print(warning)

        peftkit.merge(["style", "facts"], "my-model", "both", scale=[0.5, 1])

    Args:
        adapter: the directory of an adapter, or those of several, which are merged in this order.
        base: the base model: its directory, an index of shards or a weights file; True takes the model that the config
            of the first adapter names from the local Hub cache.
        output: the directory to write, or the file, if the base model is one.
        scale: what the scale of each adapter is multiplied by: one number for all, or one for each.
        dtype: cast the base model to this dtype, and merge in that.
        like: round as PEFT's `merge_and_unload()` ("plain") or `merge_and_unload(safe_merge=True)` ("safe") does,
            instead of once.
        sum_first: add up the updates of several adapters before the only rounding.
        max_shard_size: split the model into files of at most this size, with an index: "5GB", "500MB".
        dry_run: show what would be merged and written, and write nothing.
        force: replace an existing output.
        sync: wait until the output is on the drive; without, it may be lost in a power cut.

    Returns:
        The modules that were merged, and how much of the adapters survived the rounding.

    Raises:
        PeftkitError: an adapter or the base model cannot be read or merged, or `output` cannot be written or exists.
        ValueError: `scale` does not have one number for each adapter.
    """
    adapters = [adapter] if isinstance(adapter, (str, os.PathLike)) else list(adapter)
    scales = [float(scale)] * len(adapters) if isinstance(scale, (int, float)) else [float(item) for item in scale]
    if not adapters or len(scales) != len(adapters):
        raise ValueError(f"{len(adapters)} adapters, but {len(scales)} scales")
    options: dict[str, Option] = {
        "base": base, "output": output, "dtype": dtype, "like": like, "sum_first": sum_first,
        "max_shard_size": max_shard_size, "dry_run": dry_run, "force": force, "no_sync": not sync, "json": True,
    }  # fmt: skip
    # A scale belongs to the adapter before it.
    further: list[str] = []
    for path, factor in zip(adapters, scales, strict=True):
        further += [f"--adapter={os.fsdecode(path)}", f"--scale={factor!r}"]
    done = call("merge", options, [adapters[0]], [_SUCCESS], further[1:])
    return decode(Merge, parse(done.stdout), notes=done.notes)


def verify(
    adapter: StrPath, reference: StrPath, *, rtol: float | None = None, atol: float | None = None
) -> Verification:
    """Compare what an adapter computes with reference outputs. What differs is a result, not an exception.

    Example:
        check = peftkit.verify("my-adapter", "reference.safetensors")
        assert check, str(check)

    Args:
        adapter: the directory of an adapter.
        reference: a file of reference outputs (spec/reference-outputs.md).
        rtol: the relative tolerance of torch.allclose; without tolerances the rule is the bound of rounding errors.
        atol: the absolute tolerance of torch.allclose.

    Raises:
        PeftkitError: a file cannot be read, or results of the adapter's method are not computed.
    """
    options: dict[str, Option] = {"reference": reference, "rtol": rtol, "atol": atol, "json": True}
    output = call("verify", options, [adapter], [_SUCCESS, _FOUND])
    return decode(Verification, parse(output.stdout))


def diff(a: StrPath, b: StrPath) -> Diff:
    """Compare two checkpoints of any formats. What differs is a result, not an exception.

    Example:
        changes = peftkit.diff("checkpoint-100", "checkpoint-200")
        for tensor in changes.tensors.changed:
            print(tensor.name, tensor.largest_absolute_difference)

    Raises:
        PeftkitError: one of them cannot be read.
    """
    output = call("diff", {"json": True}, [a, b], [_SUCCESS, _FOUND])
    return decode(Diff, parse(output.stdout), notes=output.notes)


def rank(
    adapter: StrPath,
    output: StrPath,
    *,
    to: int | None = None,
    energy: float | None = None,
    for_ranks: Iterable[int] | None = None,
    base: StrPath | None = None,
    force: bool = False,
) -> RankReduction:
    """Compress a LoRA adapter to lower ranks.

    Example:
        reduction = peftkit.rank("my-adapter", "smaller", to=16)
        print(reduction.relative_error)

    Args:
        adapter: a LoRA adapter: a directory, or a file of another library.
        output: the new adapter.
        to: the rank of every module.
        energy: the share of the squared singular values to keep; 0.99 with `for_ranks`.
        for_ranks: the ranks to choose from.
        base: the base model, for files that do not name their modules fully.
        force: replace an existing output.

    Raises:
        PeftkitError: the adapter cannot be read or compressed, or the output cannot be written.
    """
    ranks = None if for_ranks is None else ",".join(map(str, for_ranks))
    options: dict[str, Option] = {
        "to": to, "energy": energy, "for_ranks": ranks, "base": base, "output": output, "force": force, "json": True,
    }  # fmt: skip
    result = call("rank", options, [adapter], [_SUCCESS])
    return decode(RankReduction, parse(result.stdout), notes=result.notes)


def extract(
    base: StrPath,
    tuned: StrPath,
    output: StrPath,
    *,
    rank: int,
    energy: float | None = None,
    seed: int = 0,
    dtype: str = "float32",
    others: Literal["refuse", "save", "skip"] = "refuse",
    force: bool = False,
) -> Extraction:
    """Take a LoRA adapter out of a model and its base.

    Example:
        extraction = peftkit.extract("base-model", "tuned-model", "my-adapter", rank=32)
        print(extraction.relative_error)

    Args:
        base: the base model: a directory, an index of shards, or a weights file.
        tuned: the same model after training.
        output: the new adapter.
        rank: the rank of each module, at most.
        energy: the share of the squared singular values that a module keeps, if the rank allows.
        seed: the seed of the random vectors.
        dtype: the dtype of the factors.
        others: whether other tensors that differ are refused, saved as they are in the tuned model, or left out.
        force: replace an existing output.

    Raises:
        PeftkitError: the models cannot be read or do not fit each other, or the output cannot be written.
    """
    options: dict[str, Option] = {
        "rank": rank, "energy": energy, "seed": seed, "dtype": dtype, "save_others": others == "save",
        "skip_others": others == "skip", "output": output, "force": force, "json": True,
    }  # fmt: skip
    result = call("extract", options, [base, tuned], [_SUCCESS])
    return decode(Extraction, parse(result.stdout), notes=result.notes)


def combine(
    adapters: Mapping[str, float],
    output: StrPath,
    *,
    kind: CombinationKind = "cat",
    density: float | None = None,
    majority_sign: Literal["total", "frequency"] | None = None,
    rank: int | None = None,
    seed: int | None = None,
    force: bool = False,
) -> Combination:
    """Combine LoRA adapters into one, as PEFT's `add_weighted_adapter` does.

    Example:
        combination = peftkit.combine({"style": 0.7, "task": 0.3}, "both", kind="svd", rank=16)
        print(combination.relative_change)

    Args:
        adapters: the adapters with their weights: directories, or files of other libraries.
        output: the new adapter.
        kind: the kind of combination.
        density: the share of elements that pruning keeps, for kinds that prune.
        majority_sign: how signs are elected, for kinds of ties; "total" by default.
        rank: the rank of the result, for kinds of svd; the largest rank of the adapters by default.
        seed: the seed of random pruning, for kinds of dare; 0 by default.
        force: replace an existing output.

    Raises:
        PeftkitError: the adapters cannot be read or combined, or the output cannot be written.
    """
    options: dict[str, Option] = {
        "kind": kind, "density": density, "majority_sign": majority_sign, "rank": rank, "seed": seed, "output": output,
        "force": force, "json": True,
    }  # fmt: skip
    weighted = [f"{path}:{float(weight)!r}" for path, weight in adapters.items()]
    result = call("combine", options, weighted, [_SUCCESS])
    return decode(Combination, parse(result.stdout), notes=result.notes)


def subtract_initial(trained: StrPath, initial: StrPath, output: StrPath, *, force: bool = False) -> Subtraction:
    """Make plain LoRA of an adapter that was trained with PiSSA, OLoRA or CorDA, for the unchanged base model.

    Example:
        peftkit.subtract_initial("trained", "initial", "plain")

    Args:
        trained: the adapter.
        initial: the adapter as it was saved before training.
        output: the new adapter, of twice the rank.
        force: replace an existing output.

    Raises:
        PeftkitError: the adapters cannot be read or do not fit each other, or the output cannot be written.
    """
    options: dict[str, Option] = {"subtract_initial": initial, "output": output, "force": force, "json": True}
    result = call("combine", options, [trained], [_SUCCESS])
    return decode(Subtraction, parse(result.stdout))


def scan(path: StrPath) -> Scan:
    """Show what a file, or every weights file of a directory, would ask Python to run, without running it.

    Example:
        result = peftkit.scan("downloaded-adapter")
        if not result:
            raise SystemExit(str(result))

    Raises:
        PeftkitError: a file cannot be read. Of a directory, `result` of the error is the `Scan` of the others.
    """
    output = call("scan", {"json": True}, [path], [_SUCCESS, _FOUND, _UNUSABLE])
    result = decode(Scan, parse(output.stdout), notes=output.notes) if output.stdout else None
    if output.exit_code == _UNUSABLE or result is None:
        raise error_of(output, result)
    return result


def run(*arguments: StrPath) -> Run:
    """Run any command with arguments as on the command line, such as one that has no function here.

    Example:
        peftkit.run("mpt", "bake", "my-adapter", "--task", "2", "-o", "task-2")

    Raises:
        PeftkitError: for an exit code above 1.
    """
    output: Output = execute([_text(argument) for argument in arguments])
    if output.exit_code not in (_SUCCESS, _FOUND):
        raise error_of(output)
    return Run(output.exit_code, output.stdout.decode(errors="replace"), output.notes)


def _validation_options(
    base: StrPath | Literal[True] | None,
    peft: str | None,
    runtime: str | None,
    fail_on: Severity,
    ignore: str | Iterable[str],
) -> dict[str, Option]:
    return {"base": base, "peft": peft, "for": runtime, "fail_on": fail_on, "ignore": ignore}


def _conversion_options(options: ConversionOptions) -> dict[str, Option]:
    """The options of the command; some are worded the other way round here."""
    flags = cast("dict[str, Option]", dict(options))
    flags["no_sync"] = not flags.pop("sync", True)
    flags["no_check"] = not flags.pop("check", True)
    flags["reserve"] = flags.pop("reserve", 0) or None
    return flags


def _text(path: StrPath) -> str:
    return path if isinstance(path, str) else path.__fspath__()
