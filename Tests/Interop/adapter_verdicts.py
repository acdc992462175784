# SPDX-License-Identifier: Apache-2.0
"""What `validate` says of an adapter beside what PEFT does with it: whether the two agree, and about what."""

import re
from dataclasses import dataclass, field

from adapter_corpus import Case
from adapter_damage import damage
from adapter_loading import load

from support import peftkit

# Differences that PEFT mends itself and warns of; a finding of any severity that names the field will do.
MENDED = "warnings"


@dataclass
class Report:
    """The findings of a run of `validate`."""

    code: int
    findings: list
    text: str
    binding: dict | None = None

    def of(self, *severities):
        return [finding for finding in self.findings if finding["severity"] in severities]


def validate(directory, base=None):
    """Run `validate` on an adapter, with the base's directory if given."""
    run = peftkit("validate", directory, "--json", *(["--base", base] if base else []))
    if run.code not in (0, 1):
        return Report(run.code, [], str(run))
    result = run.json()
    return Report(run.code, result["findings"], str(run), result.get("base"))


def false_findings(directory, base=None):
    """What is wrong with the findings of an adapter that PEFT saved; None if nothing.

    Some adapters PEFT saves and refuses to load again. They are printed, and may have findings.
    """
    report = validate(directory, base)
    wrong = report.of("error", "warning")
    if report.code == 0 and not wrong:
        return None
    case = Case.of(directory)
    refusal = load(case.base, case.task, directory).error if wrong else None
    if refusal:
        print(f"PEFT does not load its own {case}: {refusal.splitlines()[0][:160]}")
        return None
    said = "; ".join(f"{one['severity']} {one['code']} {one['message']}" for one in wrong[:2]) or report.text
    return f"{case}{' with --base' if base else ''}, {case.values}: {said}"


def binding_problem(directory, base, outcome, intact):
    """How the binding that `validate --base` reports differs from PEFT's load result; None if it does not.

    `outcome` is PEFT's result for the directory, `intact` its result for the adapter before the damage: what is
    missing there PEFT never saves.
    """
    report = validate(directory, base)
    if outcome.error:
        return None if report.of("error") else f"{directory}: no error, but PEFT says {outcome.error[:200]}"
    if report.binding is None:
        return f"{directory}: no binding: {report.text[:300]}"
    expected = {"dead": outcome.unexpected, "missing": outcome.missing - intact.missing}
    for name, names in expected.items():
        more, fewer = set(report.binding[name]) - names, names - set(report.binding[name])
        if more or fewer:
            return f"{directory}: {name}: not PEFT's: {sorted(more)[:3]}, PEFT's alone: {sorted(fewer)[:3]}"
    return None


@dataclass
class Verdict:
    """A damaged adapter: what PEFT does worse with it, and what `validate` says of it."""

    case: Case
    damage: object
    consequences: list
    said: dict = field(default_factory=dict)

    def __str__(self):
        changed = "; ".join(self.consequences).replace("\n", " ")
        return f"{self.case}: {self.damage}: PEFT {changed[:250]}"

    @property
    def matters(self):
        return bool(self.consequences)

    def judge(self, base):
        """`found`, or how the finding that is asked for is missed: `other` errors, or `silent`."""
        report = self.said[base]
        if report.code not in (0, 1):
            return "found" if report.code == 2 and self.damage.target in ("peft_type",) else "crashed"
        mended = all(one.startswith(MENDED) for one in self.consequences)
        severities = ("error", "warning", "note") if mended else ("error",)
        fitting = [one for one in report.of(*severities) if self.names(one)]
        if fitting:
            return "found"
        return "other" if report.of("error") else "silent"

    def names(self, finding):
        """Whether the finding is about what was damaged."""
        target = self.damage.target
        if self.damage.kind.startswith("field"):
            return finding.get("key") == target or re.search(rf"(?<![\w.]){re.escape(target)}(?![\w.])", finding["message"])
        if self.damage.kind == "all renamed":
            return finding["code"] in FITTING[self.damage.kind]
        if finding["code"] not in FITTING[self.damage.kind]:
            return False
        if finding["code"] in ("no-tensors", "no-adapter-tensors"):
            return True  # the damaged tensor was the only one
        if finding.get("key") == "modules_to_save" and any(
            f".{part}." in f".{target}" for part in re.findall(r"[\w.]+", finding["message"])
        ):
            return True  # a module that is trained whole, by its name
        if finding.get("key") == "trainable_token_indices" and target.endswith(TOKENS):
            return TOKENS in finding["message"]  # where the embedding is, the config does not say
        entry = re.search(r"no tensor of ([\w.]+), which \"target_modules\" names", finding["message"])
        if entry and f".{entry[1]}." in f".{target}":
            return True  # nor where the module of an entry is
        spelt = [finding.get("tensor") or "", finding["message"]]
        for repair in finding.get("repairs", []):
            spelt += [repair.get("from") or "", repair.get("to") or ""]
        new = self.damage.detail.rpartition(": ")[2]
        return any(target in text or (self.damage.kind == "tensor renamed" and new in text) for text in spelt)


# The tensor of the tokens that are trained in addition.
TOKENS = "token_adapter.trainable_tokens_delta"
# Codes that fit a damage of tensors.
MISSING = {"missing-tensor", "missing-module", "no-tensors", "no-adapter-tensors"}
MISNAMED = MISSING | {"misnamed-tensor", "unexpected-tensor"}
FITTING = {
    "tensor removed": MISSING,
    "tensor renamed": MISNAMED | {"untargeted-module"},  # the new name may be that of a module that is not adapted
    "tensor reshaped": {"shape-mismatch"},
    "tensor emptied": {"shape-mismatch", "empty-tensor"},
    "all renamed": MISNAMED,
}


def verdict(source, destination, kind, rng, bases, intact):
    """Damage a copy of the adapter, and ask PEFT and `validate`, with and without the base; None if it cannot be."""
    done = damage(source, destination, kind, rng)
    if done is None:
        return None
    case = Case.of(source)
    if source not in intact:
        intact[source] = load(case.base, case.task, source)
    if intact[source].error:
        return None
    found = Verdict(case, done, load(case.base, case.task, destination).worse_than(intact[source]))
    if found.matters:
        found.said = {False: validate(destination), True: validate(destination, bases / case.base)}
    return found
