# SPDX-License-Identifier: Apache-2.0
"""`peftkit validate` on adapters of every PEFT type: silent where PEFT loads them, and an error where it does not.

The adapters are those of `adapter_corpus.py` and random ones. `PEFTKIT_ADAPTERS=8` draws eight times as many. 97 % of the
damages must be found without the base, 99 % with it, and no random adapter may have a finding.
"""

import math
import os
import tempfile
from collections import Counter
from pathlib import Path

import torch
from adapter_bases import NAMES
from adapter_corpus import Case, make_corpus, quiet, random_adapter
from adapter_damage import KINDS, damage
from adapter_loading import load
from adapter_verdicts import binding_problem, false_findings, verdict

from support import InteropTest

TIMES = float(os.environ.get("PEFTKIT_ADAPTERS", "1"))
RANDOM_ADAPTERS = round(200 * TIMES)
DAMAGES = round(400 * TIMES)
# Adapters of each base whose binding is compared.
BINDINGS = max(1, round(6 * TIMES))
# The share of damages that is found, without and with the base. A run of few or many fails if it finds so few that the
# chance of that is below `UNLIKELY`.
FOUND = {False: 0.97, True: 0.99}
UNLIKELY = 0.01
# The largest share of random adapters that may have a finding, and of bindings that may differ.
FALSE, DIFFERENT = 0, 0


class AdapterTests(InteropTest):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        scratch = tempfile.TemporaryDirectory(prefix="peftkit-adapters-")
        cls.addClassCleanup(scratch.cleanup)
        cls.corpus = Path(scratch.name)
        cls.bases = cls.corpus / "bases"
        cls.adapters = make_corpus(cls.corpus)
        cls.intact = {}

    def test_adapters_that_peft_saves_have_no_findings(self):
        self.check_all(self.adapters, false_findings)
        self.check_all(self.adapters, lambda path: false_findings(path, self.bases / Case.of(path).base))

    def test_random_adapters_have_no_findings(self):
        refused, adapters = Counter(), []
        for number in range(RANDOM_ADAPTERS):
            path = self.scratch / f"{number:04}"
            with quiet():
                case, refusals = random_adapter(self.random, path)
            refused.update(refusal.partition(":")[0].partition(" [")[0] for refusal in refusals)
            adapters.append(path)
        print(f"[{refused.total()} configurations that PEFT refuses] ", end="", flush=True)
        for base in (False, True):
            problems = [false_findings(path, self.bases / Case.of(path).base if base else None) for path in adapters]
            # A random pattern may name a module that the base model does not have, which is a finding.
            problems = [problem for problem in problems if problem and "unmatched-pattern" not in problem]
            print("".join(f"\n  {problem}" for problem in problems))
            self.assertLessEqual(len(problems), FALSE * len(adapters))

    def test_damage_is_found(self):
        by_type = {}
        for path in self.adapters:
            by_type.setdefault(Case.of(path).method, []).append(path)
        results = {False: Counter(), True: Counter()}
        missed = {False: [], True: []}
        for number in range(DAMAGES):
            name = "LORA" if self.random.random() < 0.25 else self.random.choice(sorted(by_type))
            source = self.random.choice(by_type[name])
            kind = KINDS[number % len(KINDS)]
            with quiet():
                found = verdict(source, self.scratch / str(number), kind, self.random, self.bases, self.intact)
            if found is None or not found.matters:
                continue
            for base in results:
                judgement = found.judge(base)
                results[base][kind, judgement] += 1
                if judgement != "found":
                    missed[base].append(f"- {judgement}: {found}")
        for base, least in FOUND.items():
            self.assert_found(results[base], missed[base], least, "with --base" if base else "without base")

    def test_binding_is_the_load_result_of_peft(self):
        by_base = {}
        for path in self.adapters:
            by_base.setdefault(Case.of(path).base, []).append(path)
        self.assertEqual(set(by_base), set(NAMES))
        problems, compared = [], 0
        for base, adapters in by_base.items():
            for number, source in enumerate(self.random.sample(adapters, min(len(adapters), BINDINGS))):
                for kind in (None, "all renamed", "tensor removed", "tensor renamed"):
                    path = self.scratch / f"{base}-{number}-{kind}"
                    if kind is None:
                        path = source
                    elif damage(source, path, kind, self.random) is None:
                        continue
                    task = Case.of(source).task
                    with quiet():
                        intact = self.intact.setdefault(source, None) or load(base, task, source)
                        self.intact[source] = intact
                        outcome = intact if path == source else load(base, task, path)
                    if intact.error:
                        continue
                    compared += 1
                    problems.append(binding_problem(path, self.bases / base, outcome, intact))
        problems = [problem for problem in problems if problem]
        shown = "\n".join(problems[:20])
        print(f"[{len(problems)} of {compared} differ] ", end="", flush=True)
        self.assertLessEqual(len(problems), DIFFERENT * compared, f"bindings are not PEFT's:\n{shown}")

    def assert_found(self, results, missed, least, what):
        print(f"\n  damages found {what}:")
        for kind in KINDS:
            total = sum(count for (of, _), count in results.items() if of == kind)
            print(f"    {kind}: {results[kind, 'found']} of {total}")
        total, found = results.total(), sum(results[kind, "found"] for kind in KINDS)
        self.assertGreater(total, DAMAGES / 2)
        shown = "\n".join(missed[:20])
        chance = chance_of_at_most(found, total, least)
        self.assertGreater(chance, UNLIKELY, f"{found} of {total} {what}; missed:\n{shown}")


def chance_of_at_most(found, total, share):
    """The probability that no more than `found` of `total` random damages are found, if a share of all is."""
    return sum(math.comb(total, count) * share**count * (1 - share) ** (total - count) for count in range(found + 1))

