# SPDX-License-Identifier: Apache-2.0
"""The numbers on the pages of `peftkit report`, against NumPy on adapters that real PEFT saved."""

from html.parser import HTMLParser

import numpy
from adapter_corpus import one_of_each
from safetensors.numpy import load_file

from support import FIXTURES, InteropTest, peftkit

VOID = {"meta", "img", "br", "path", "rect", "circle"}


class Tables(HTMLParser):
    """The tables of a page, by caption: rows of numbers where a cell has one, else of texts."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.rows, self.stack = {}, None, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag in VOID:
            return
        self.stack.append(tag)
        if tag == "table":
            self.rows, self.caption = [], ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "data":
            self.rows[-1][-1] = float(dict(attributes)["value"])

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.stack.pop() == tag, (tag, self.stack)
        if tag == "table":
            self.tables[self.caption] = self.rows

    def handle_data(self, data):
        if "caption" in self.stack:
            self.caption += data
        elif "table" in self.stack and self.stack[-1] in ("td", "th", "code") and self.rows[-1]:
            if isinstance(self.rows[-1][-1], str):
                self.rows[-1][-1] += data

    def named(self, start):
        return next(rows for caption, rows in self.tables.items() if caption.startswith(start))


class ReportTests(InteropTest):
    def page(self, *paths):
        output = self.scratch / "page.html"
        run = peftkit("report", *paths, "-o", output, "--force")
        self.assertEqual((run.code, run.stdout, run.stderr), (0, b"", ""))
        return Tables(output.read_text())

    def test_every_method(self):
        """An adapter of every method has a page without findings above a note, and the values of each tensor kind."""
        seen = 0
        for case, directory, _ in one_of_each(self.scratch):
            with self.subTest(case=str(case)):
                page = self.page(directory)
                weights = load_file(directory / "adapter_model.safetensors")
                seen += 1
                if not weights:  # X-LoRA's adapters are in directories of their own
                    continue
                rows = page.named("The numbers of")
                kinds = next(rows for caption, rows in page.tables.items() if "of tensors" in caption)
                self.assertEqual(sum(row[1] for row in kinds[1:]), len([v for v in weights.values() if v.size]))
                self.assertEqual(sum(row[2] for row in kinds[1:]), sum(value.size for value in weights.values()))
                self.assertGreater(len(rows), 1)
                text = (self.scratch / "page.html").read_text()
                self.assertNotIn('class="badge error"', text)
                self.assertNotIn('class="badge warning"', text)
        self.assertGreaterEqual(seen, 44)

    def check_values(self, page, kinds):
        """The row of each kind, against the values of all its tensors together."""
        rows = {row[0]: row[1:] for row in page.named(f"The numbers of {len(kinds)} kind")[1:]}
        self.assertEqual(set(rows), set(kinds))
        for kind, tensors in kinds.items():
            values = numpy.concatenate([tensor.astype(numpy.float64).ravel() for tensor in tensors])
            expected = [len(tensors), values.size, values.mean(), values.std(), values.min(), values.max(),
                        (values == 0).sum(), 0]  # fmt: skip
            numpy.testing.assert_allclose(rows[kind], expected, rtol=1e-9, atol=1e-12, err_msg=kind)

    def test_lora(self):
        """Norms and effective ranks are those of B · A, and of `inspect --json --modules`."""
        directory = FIXTURES / "adapters" / "lora"
        page = self.page(directory)
        weights = load_file(directory / "adapter_model.safetensors")
        modules = {row["name"]: row for row in peftkit("inspect", directory, "--modules", "--json").json()["modules"]}
        rows = page.named(f"The numbers of {len(modules)} module")[1:]
        self.assertEqual([row[0] for row in rows], list(modules))
        for name, rank, alpha, scale, norm, effective in rows:
            known = modules[name]
            self.assertEqual(
                [rank, alpha, scale, norm, effective],
                [known[key] for key in ("rank", "alpha", "scale", "norm", "effective_rank")])
            prefix = f"base_model.model.{name}.lora_"
            delta = weights[prefix + "B.weight"].astype(float) @ weights[prefix + "A.weight"].astype(float)
            squares = numpy.linalg.svd(scale * delta, compute_uv=False) ** 2
            self.assertAlmostEqual(norm, squares.sum() ** 0.5, 6)
            self.assertAlmostEqual(effective, squares.sum() ** 2 / (squares**2).sum(), 5)
        leaves = {}
        for name, tensor in weights.items():
            leaves.setdefault(name[name.index("lora_"):], []).append(tensor)
        self.check_values(page, leaves)

    def test_multitask(self):
        """Cosines, norms of tasks and of virtual tokens are those of `embedding * (cols @ rows)`."""
        directory = FIXTURES / "adapters" / "mpt-rank4"
        page = self.page(directory)
        weights = {name: tensor.astype(float) for name, tensor in
                   load_file(directory / "adapter_model.safetensors").items()}
        prompts = weights["prompt_embeddings"] * (weights["prefix_task_cols"] @ weights["prefix_task_rows"])
        flat = prompts.reshape(len(prompts), -1)
        norms = numpy.linalg.norm(flat, axis=1)
        cosines = flat @ flat.T / norms[:, None] / norms
        numpy.testing.assert_allclose([row[1:] for row in page.named("The cosines")[1:]], cosines, atol=1e-9)
        tokens = [row[1:] for row in page.named("The norms of the virtual tokens")[1:]]
        numpy.testing.assert_allclose(tokens, numpy.linalg.norm(prompts, axis=2), rtol=1e-9)
        numpy.testing.assert_allclose([row[1] for row in page.named("Prompts of the tasks")[1:]], norms, rtol=1e-9)
        self.check_values(page, {name: [tensor] for name, tensor in weights.items()})

    def test_prompt(self):
        """Norms and cosines of the rows of a prompt."""
        directory = FIXTURES / "adapters" / "prompt-tuning"
        page = self.page(directory)
        prompt = load_file(directory / "adapter_model.safetensors")["prompt_embeddings"].astype(float)
        rows = [row[1:] for row in page.named(f"The numbers of {len(prompt)} virtual token")[1:]]
        norms = numpy.linalg.norm(prompt, axis=1)
        numpy.testing.assert_allclose([row[0] for row in rows], norms, rtol=1e-9)
        numpy.testing.assert_allclose(
            [row[1:] for row in rows], prompt @ prompt.T / norms[:, None] / norms, atol=1e-9)

    def test_tensors(self):
        """The norm of each tensor is NumPy's, whatever the method and the format."""
        for name in ("ia3-trained", "vera", "mpt-bf16", "lora-bin"):
            directory = FIXTURES / "adapters" / name
            page = self.page(directory)
            converted = self.scratch / f"{name}.safetensors"
            self.assertEqual(peftkit("convert", next(directory.glob("adapter_model.*")), converted, "--dtype", "float64").code, 0)
            weights = load_file(converted)
            rows = page.named(f"{len(weights)} tensor")[1:]
            self.assertEqual({row[0] for row in rows}, set(weights))
            for row in rows:
                self.assertAlmostEqual(row[-1], numpy.linalg.norm(weights[row[0]]), 9, row[0])
