# SPDX-License-Identifier: Apache-2.0
"""`peftkit inspect` against real PEFT: a line for every method, and the figures of what is added to each weight."""

import json
import re

import numpy
import peft_references
import test_verify_methods as methods
import torch
from adapter_corpus import PROMPTS, one_of_each

from support import InteropTest, peftkit

# Methods whose line needs no size, since there is none: what they are is said by the modules.
WITHOUT_SIZE = {"IA3", "LN_TUNING", "BEFT", "FROD"}


class SummaryTests(InteropTest):
    def test_every_method(self):
        """The line names the method and its modules or vectors, and nothing that is not there."""
        seen = 0
        for case, directory, names in one_of_each(self.scratch):
            method = case.method
            output = peftkit("inspect", directory).stdout.decode()
            line = re.search(r"^  adapter +(.*)$", output, re.MULTILINE)[1]
            with self.subTest(case=str(case), line=line):
                self.assertEqual(line.split(", ")[0], method)
                self.assertNotIn("base_model", line)
                self.assertNotIn("0 modules", line)
                if method in PROMPTS or method == "XLORA":
                    self.assertRegex(line, r"\d+ (vectors|virtual tokens|adapters)")
                elif method != "UNILORA":
                    self.assertRegex(line, r"\d+ modules?\b")
                if method not in WITHOUT_SIZE:
                    self.assertRegex(line, r"(\w+ [\d.]+|\d+ (vectors|tokens|adapters))(,|$)")
            self.assertIn(f"{len(names)} tensor", output)
            seen += 1
        self.assertGreaterEqual(seen, 44)


class StatisticsTests(methods.VerifyMethodTests):
    """‖ΔW‖ and the effective rank of every module, against the singular values of the whole matrix."""

    def figures(self, delta):
        """Norm, and effective rank: of experts the mean."""
        matrices = delta.double().reshape(-1, *delta.shape[-2:]) if delta.ndim == 3 else [delta.double().flatten(1)]
        ranks = []
        for matrix in matrices:
            squares = numpy.linalg.svd(numpy.asarray(matrix), compute_uv=False) ** 2
            ranks.append(squares.sum() ** 2 / (squares**2).sum() if squares.any() else 0.0)
        return float(numpy.linalg.norm(numpy.asarray(delta.double()))), float(numpy.mean(ranks))

    def check_statistics(self, name):
        checked = 0
        for _ in range(8):
            directory, model = self.computable_adapter(name, methods.MODULE_CONFIGS[name], methods.Net)
            model.double()
            deltas = {
                key.removesuffix(".delta"): tensor
                for key, tensor in peft_references.tensors(model, dtype=torch.float64).items()
                if key.endswith(".delta")
            }
            rows = json.loads(peftkit("inspect", directory, "--modules", "--json").stdout)["modules"]
            for row in rows:
                delta = deltas.get(row["name"])
                if delta is None or row["norm"] is None:
                    continue
                norm, rank = self.figures(self.as_matrix(name, delta))
                self.assertAlmostEqual(row["norm"] / norm if norm else row["norm"] + 1, 1, 5, f"{name} {row}")
                if row["effective_rank"] is not None:
                    self.assertAlmostEqual(row["effective_rank"], rank, 4, f"{name} {row}")
                    checked += 1
        self.assertGreaterEqual(checked, 8)

    def as_matrix(self, name, delta):
        """The shape in which the rank is taken: a convolution is a matrix of its outputs, experts are several."""
        is_experts = delta.ndim == 3 and name == "lora-experts"
        return delta if is_experts else delta.flatten(1) if delta.ndim > 1 else delta


def add_tests():
    for name in list(vars(methods.VerifyMethodTests)):
        if name.startswith("test_"):
            setattr(StatisticsTests, name, None)  # these run where they are
    for name in ("lora", "lora-experts", "adalora", "loha", "lokr"):
        setattr(
            StatisticsTests, f"test_statistics_{name.replace('-', '_')}",
            lambda self, name=name: self.check_statistics(name))  # fmt: skip


add_tests()
