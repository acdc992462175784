# SPDX-License-Identifier: Apache-2.0
"""The types of results and options.

Results are frozen dataclasses with the keys of the JSON that spec/command-line.md describes; `from_` and `class_` are
the keys `from` and `class`, and `side` is `in`.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict

from ._decoding import key

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file.

    `data_offsets` is its [begin, end) in the data section, or None if the format has none; `digest` is there with
    `digest=True` only.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    byte_count: int
    data_offsets: tuple[int, ...] | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class BaseModelShare:
    """A base model, and the share of its parameters that an adapter has; None where that is unknown."""

    path: str
    model_type: str | None
    parameter_count: int | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """The statistics of a task of multitask prompt tuning (spec/mpt-operations.md, O40 to O42)."""

    norm: float
    effective_rank: float
    singular_values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TaskStatistics:
    """The tasks of an adapter; `skipped` is the reason why nothing was computed, or None."""

    skipped: str | None
    tasks: tuple[Task, ...] | None
    cosine_similarities: tuple[tuple[float | None, ...], ...] | None


@dataclass(frozen=True, slots=True)
class Module:
    """A module that an adapter changes, with the Frobenius norm and the effective rank of its change."""

    name: str
    rank: int | None
    alpha: float | None
    scale: float | None
    norm: float | None
    effective_rank: float | None


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """An item of a file that is not a tensor or cannot be converted; `reason` is its type."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """The content of a file, an adapter or a model.

    `kind` is "file", "adapter" or "model". Of an adapter, `config` has all keys; `oldest_peft` and `newest_peft` are
    the releases of PEFT that load it; of others, `config` is empty. `metadata_types` has the types of values in formats
    whose metadata has types, such as GGUF. `base`, `modules` and `digest` are there if they were asked for, `multitask`
    for multitask prompt tuning.
    """

    path: str
    kind: str
    format: str
    metadata: Mapping[str, str] | None
    tensors: tuple[Tensor, ...]
    tensor_count: int
    parameter_count: int
    byte_count: int
    skipped: tuple[SkippedItem, ...]
    notes: tuple[str, ...]
    metadata_types: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    oldest_peft: str | None = None
    newest_peft: str | None = None
    base: BaseModelShare | None = None
    digest: str | None = None
    multitask: TaskStatistics | None = None
    modules: tuple[Module, ...] | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """A change that resolves a finding.

    `action` is "rename-tensor" (`from_`, `to`), "remove-tensor" (`tensor`), "set-key" and "set-metadata" (`key`,
    `value`), "remove-key" (`key`), "write-weights" and "remove-file" (`file`) or "rewrite-index".
    """

    action: str
    from_: str | None = key("from")
    to: str | None = None
    tensor: str | None = None
    key: str | None = None
    value: Any = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of a checkpoint; `code` is a word of spec/findings.md, G2."""

    severity: Severity
    code: str
    message: str
    key: str | None
    tensor: str | None
    repairs: tuple[Repair, ...]

    def __str__(self) -> str:
        """`error: MESSAGE [CODE]`."""
        return f"{self.severity}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class BoundModule:
    """What becomes of a module of the base model.

    `state` is "bound", "missing", "mismatched", "dead" or "unsupported"; `saved` modules are saved whole.
    """

    name: str
    state: str
    saved: bool
    tensors: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """What becomes of an adapter with a base model: the tensors that bind, those that are ignored, and the missing."""

    modules: tuple[BoundModule, ...]
    bound: tuple[str, ...]
    dead: tuple[str, ...]
    missing: tuple[str, ...]
    class_: str | None = key("class")


@dataclass(frozen=True, slots=True)
class Validation:
    """The findings about a checkpoint; true if none of them counts."""

    path: str
    kind: str
    format: str | None
    holds: bool
    findings: tuple[Finding, ...]
    finding_count: int
    ignored_count: int
    base: Binding | None = None

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        """The path, and a line for each finding."""
        return "\n  ".join([f"{self.path}: {_count(self.finding_count, 'finding')}", *map(str, self.findings)])

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity "error": PEFT refuses the adapter, or ignores or lacks a weight."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings of severity "warning": the adapter works here, and fails elsewhere or later."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")


@dataclass(frozen=True, slots=True)
class UnreadableUnit:
    """A checkpoint of a tree that cannot be read."""

    path: str
    kind: str
    holds: bool
    error: str
    hint: str | None

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        return f"{self.path}: unreadable\n  {self.error}"


@dataclass(frozen=True, slots=True)
class TreeValidation:
    """The findings about each checkpoint of a tree; true if all were read and no finding counts.

    The counts are of units, each by its worst finding.
    """

    path: str
    kind: str
    holds: bool
    checked: int
    with_errors: int
    with_warnings: int
    with_notes: int
    unreadable: int
    units: tuple[Validation | UnreadableUnit, ...] = ()

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        """The path, and the findings of the units that do not hold."""
        return "\n".join([f"{self.path}: {self.checked} checked", *(str(unit) for unit in self.units if not unit)])


@dataclass(frozen=True, slots=True)
class Conversion:
    """A finished conversion; `notes` says what was left out or changed."""

    source: str
    destination: str
    notes: tuple[str, ...]


OutputFormat: TypeAlias = Literal[
    "safetensors", "torch", "npz", "npy", "gguf", "peft", "mlx", "kohya", "diffusers", "lycoris"
]
CombinationKind: TypeAlias = Literal[
    "cat", "linear", "svd", "ties", "ties_svd", "dare_linear", "dare_ties", "dare_linear_svd", "dare_ties_svd",
    "magnitude_prune", "magnitude_prune_svd",
]  # fmt: skip
ExpertLayout: TypeAlias = Literal["fused", "fused-0.19.0", "separate", "separate-mixtral"]


class ConversionOptions(TypedDict, total=False):
    """The options that `convert`, `convert_tree` and `plan_conversion` share; `convert` describes them."""

    to: OutputFormat | None
    base: str | os.PathLike[str] | None
    experts: ExpertLayout | None
    check: bool
    dtype: str | Mapping[str, str] | None
    include: str | Iterable[str]
    exclude: str | Iterable[str]
    rename: Mapping[str, str] | None
    metadata: Mapping[str, str] | None
    drop_metadata: bool
    reserve: int
    max_shard_size: str | int | None
    compress: bool
    torch_layout: str | None
    drop_aliases: bool
    skip_unsupported: bool
    allow_empty: bool
    strict_pickle: bool
    force: bool
    sync: bool


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """A tensor of an output, and where it comes from.

    `action` is "copy", "gather", "inflate" or "cast". `source_range` is the [begin, end) in the source's file, None
    unless the bytes are contiguous there; `range` that in the output, None if arrays are compressed. All of them are
    None for an adapter that goes to another home, whose tensors are put together of several.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    action: str | None = None
    source_name: str | None = None
    source_dtype: str | None = None
    source_path: str | None = None
    source_range: tuple[int, ...] | None = None
    range: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file of an output; `action` is "convert", "write" or "copy"."""

    name: str
    action: str
    byte_count: int | None
    format: str | None = None
    tensors: tuple[PlannedTensor, ...] = ()


@dataclass(frozen=True, slots=True)
class ConversionPlan:
    """What a conversion would read and write; `kind` is "file" or "directory".

    Of an adapter that goes to another home, `home_before` and `home_after` are the names of the homes, and `exact` is
    whether the result has the factors of the source bit by bit.
    """

    source: str
    destination: str
    kind: str
    files: tuple[PlannedFile, ...]
    home_before: str | None = key("from")
    home_after: str | None = key("to")
    exact: bool | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergedAdapter:
    """An adapter that was merged, and what its scale was multiplied by."""

    path: str
    scale: float


@dataclass(frozen=True, slots=True)
class MergedFile:
    """A file of a merged model; `action` is "merge", "write" or "copy"."""

    name: str
    action: str
    byte_count: int | None


@dataclass(frozen=True, slots=True)
class Survival:
    """How much of a change is left after rounding (spec/merging.md, MG10).

    `kept` is the part of the change that is in the result, `ratio` the norm of what was added over that of the change,
    `angle` the angle between both in degrees; None where the change is zero. `changed` is the share of the elements
    with another value than before.
    """

    kept: float | None
    ratio: float | None
    angle: float | None
    changed: float
    delta_norm: float
    added_norm: float
    element_count: int
    changed_count: int


@dataclass(frozen=True, slots=True)
class MergedModule:
    """A change of a module by an adapter.

    `adapter` is an index of `Merge.adapters`. `change` is "product", "dora", "other", "replacement" or "rows".
    `survival` is None for replaced values, and with `finite` in a dry run.
    """

    name: str
    kind: str
    adapter: int
    tensor: str
    dtype: str
    change: str
    rank: int | None
    scale: float | None
    finite: bool | None
    survival: Survival | None


@dataclass(frozen=True, slots=True)
class Merge:
    """What was merged, or would be; `like` is "once", "plain" or "safe"."""

    base: str
    destination: str
    adapters: tuple[MergedAdapter, ...]
    like: str
    sum_first: bool
    dry_run: bool
    files: tuple[MergedFile, ...]
    modules: tuple[MergedModule, ...]
    total: Survival | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """An error about a checkpoint of a tree, with its remedy if there is one."""

    message: str
    hint: str | None

    def __str__(self) -> str:
        return self.message + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True)
class TreeConversion:
    """The summary of the conversion of a tree; true if nothing failed.

    `found` counts the checkpoints of this shard, `unreadable` the directories that could not be listed. The manifest
    has a line for each checkpoint (spec/bulk.md, B10).
    """

    source: str
    destination: str
    manifest: str
    shard: str | None
    holds: bool
    found: int
    converted: int
    unchanged: int
    failed: int
    unreadable: int
    bytes_read: int
    bytes_written: int
    seconds: float
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        """The counts, and a line for each failure."""
        counts = f"{self.converted} converted, {self.unchanged} unchanged, {self.failed} failed"
        return "\n  ".join([f"{self.source} to {self.destination}: {counts}", *map(str, self.failures)])


@dataclass(frozen=True, slots=True)
class Offender:
    """An element that violates the rule of a verification."""

    position: tuple[int, ...]
    reference: float
    computed: float


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The comparison of a case with its reference (spec/command-line.md, L24)."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    holds: bool
    element_count: int
    equal_count: int
    largest_ulp_distance: int
    largest_ulp_position: tuple[int, ...] | None
    largest_bound_share: float | None
    not_comparable_count: int
    flushed_count: int
    overflowed_count: int
    offender_count: int
    offenders: tuple[Offender, ...]

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        """The name, the counts and the verdict."""
        verdict = "holds" if self.holds else f"{self.offender_count} wrong"
        return f"{self.name}: {self.equal_count} of {self.element_count} equal, {verdict}"


@dataclass(frozen=True, slots=True)
class Verification:
    """The comparison of an adapter with reference outputs; true if every case holds.

    `rule` is "equal", "rounding-bound" or "allclose"; `rtol` and `atol` are those of "allclose". `errors` are those
    that `validate` finds: with them, PEFT may compute something else than what was verified.
    """

    path: str
    reference: str
    rule: str
    holds: bool
    cases: tuple[CaseResult, ...]
    uncovered_modules: tuple[str, ...]
    errors: tuple[Finding, ...]
    rtol: float | None = None
    atol: float | None = None

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        """The rule, and the cases that do not hold."""
        wrong = [case for case in self.cases if not case]
        summary = f"{self.path}: {len(wrong)} of {_count(len(self.cases), 'case')} wrong (rule: {self.rule})"
        return "\n  ".join([summary, *map(str, wrong)])


@dataclass(frozen=True, slots=True)
class DiffSide:
    """One of two checkpoints."""

    path: str
    kind: str
    format: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a config or of metadata that one side alone has, with its value."""

    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """A key of a config or of metadata with two values."""

    key: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class ReorderedModule:
    """A module that gets another value by the order of a pattern object; None where no key matches."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class ReorderedPattern:
    """A pattern object that differs in the order of its keys alone, and the modules that this concerns, if known."""

    key: str
    modules: tuple[ReorderedModule, ...]


@dataclass(frozen=True, slots=True)
class ConfigDiff:
    """The differences of two configs: keys of `b` only, of `a` only, and of both."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    changed: tuple[ChangedValue, ...]
    reordered: tuple[ReorderedPattern, ...]


@dataclass(frozen=True, slots=True)
class MetadataDiff:
    """The differences in metadata, which do not count."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    changed: tuple[ChangedValue, ...]


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """The dtype, shape and size of one side of a changed tensor."""

    dtype: str
    shape: tuple[int, ...]
    byte_count: int


@dataclass(frozen=True, slots=True)
class ChangedTensor:
    """A tensor that differs (spec/command-line.md, L30 to L33); None for what was not compared."""

    name: str
    a: TensorLayout
    b: TensorLayout
    element_count: int | None
    different_count: int | None
    unequal_count: int | None
    nan_count: int | None
    largest_ulp_distance: int | None
    largest_ulp_position: tuple[int, ...] | None
    largest_absolute_difference: int | float | None
    largest_absolute_position: tuple[int, ...] | None
    largest_relative_difference: float | None
    largest_relative_position: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class TensorDiff:
    """The differences of the tensors: tensors of `b` only, of `a` only, and of both."""

    same_count: int
    added: tuple[Tensor, ...]
    removed: tuple[Tensor, ...]
    changed: tuple[ChangedTensor, ...]


@dataclass(frozen=True, slots=True)
class NotCompared:
    """An item that is not compared; `side` is "a" or "b"."""

    name: str
    type: str
    is_tensor: bool
    side: Literal["a", "b"] = key("in")


@dataclass(frozen=True, slots=True)
class Diff:
    """The differences between two checkpoints; true if they are the same. `config` is None unless both are adapters."""

    a: DiffSide
    b: DiffSide
    same: bool
    config: ConfigDiff | None
    metadata: MetadataDiff
    tensors: TensorDiff
    not_compared: tuple[NotCompared, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.same

    def __str__(self) -> str:
        """What differs, by name."""
        lines = [f"{self.a.path} and {self.b.path}: {'the same' if self.same else 'different'}"]
        config = self.config or ConfigDiff((), (), (), ())
        for word, a_only, b_only, changed in [
            ("key", config.removed, config.added, (*config.changed, *config.reordered)),
            ("tensor", self.tensors.removed, self.tensors.added, self.tensors.changed),
        ]:
            for how, items in [("only in a", a_only), ("only in b", b_only), ("changed", changed)]:
                lines += [f"{word} {getattr(item, 'name', None) or getattr(item, 'key', '')}: {how}" for item in items]
        return "\n  ".join(lines)


@dataclass(frozen=True, slots=True)
class Call:
    """Calls of a value: the opcode, the byte of the first, and how many there are."""

    opcode: str
    byte: int
    count: int


@dataclass(frozen=True, slots=True)
class PickledName:
    """A name that a pickle imports; `module` and `name` are None when they are computed."""

    module: str | None
    name: str | None
    byte: int
    opcode: str
    allowed: bool
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class ScannedPickle:
    """A pickle of a file (spec/scan.md, S27)."""

    place: str
    byte_base: str
    byte: int
    byte_count: int
    protocol: int | None
    opcode_count: int
    complete: bool
    hidden: bool
    names: tuple[PickledName, ...]
    name_count: int
    other_calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A name that Python would import.

    `kind` is "dangerous", "unknown" or "library"; `certainty` is "called", "imported" or "hidden" (spec/scan.md, S30
    and S31).
    """

    module: str | None
    name: str | None
    kind: str
    library: str | None
    meaning: str | None
    certainty: str


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """A reason that a file is not data only; `kind` is "code" or "damage"."""

    kind: str
    code: str
    message: str
    place: str | None
    byte: int | None

    def __str__(self) -> str:
        """`code: MESSAGE [CODE]`."""
        return f"{self.kind}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """What a file would ask Python to do; true if it is data only."""

    path: str
    format: str
    byte_count: int
    verdict: str
    code: tuple[CodeRequest, ...]
    pickles: tuple[ScannedPickle, ...]
    pickle_count: int
    findings: tuple[ScanFinding, ...]
    finding_count: int

    def __bool__(self) -> bool:
        return self.verdict == "data only"

    def __str__(self) -> str:
        """The path, the verdict, and a line for each finding."""
        return "\n  ".join([f"{self.path}: {self.verdict}", *map(str, self.findings)])


@dataclass(frozen=True, slots=True)
class Scan:
    """What the files at a path would ask Python to do; true if all are data only.

    `verdict` is the worst of the files: "data only", "asks for code" or "damaged".
    """

    path: str
    verdict: str
    holds: bool
    files: tuple[ScannedFile, ...]
    file_count: int
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        """The verdict, and the files that are not data only."""
        return "\n".join([f"{self.path}: {self.verdict}", *(str(file) for file in self.files if not file)])


@dataclass(frozen=True, slots=True)
class CompressedModule:
    """A module before and after its rank was lowered; `norm` is that of the update before."""

    name: str
    old_rank: int
    rank: int
    norm: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class RankReduction:
    """A LoRA adapter of lower ranks. `relative_error` is that of all updates together."""

    path: str
    relative_error: float
    modules: tuple[CompressedModule, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtractedModule:
    """A module whose weights differ; `norm` is that of the difference."""

    name: str
    rank: int
    norm: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class Extraction:
    """A LoRA adapter out of two models. `others` are parameters that differ and are in no update."""

    path: str
    seed: str
    relative_error: float
    modules: tuple[ExtractedModule, ...]
    unchanged_modules: int
    saves_others: bool
    others: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CombinedModule:
    """A module of a combination. `adapters` have it, and `norm` is that of the weighted sum of their updates."""

    name: str
    adapters: int
    rank: int
    norm: float
    relative_change: float | None


@dataclass(frozen=True, slots=True)
class Combination:
    """A LoRA adapter out of several. `relative_change` is the distance from the weighted sum, of all updates."""

    path: str
    kind: str
    relative_change: float | None
    modules: tuple[CombinedModule, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlainModule:
    """A module whose initial factors were subtracted."""

    name: str
    rank: int
    scale: float


@dataclass(frozen=True, slots=True)
class Subtraction:
    """A plain LoRA adapter out of one that began with factors of the base model's weights."""

    path: str
    modules: tuple[PlainModule, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A finished command: what it printed, and its exit code, 0 or 1."""

    exit_code: int
    stdout: str
    notes: tuple[str, ...]


def _count(count: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
