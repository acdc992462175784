# SPDX-License-Identifier: Apache-2.0
"""The pages of `report` in a real browser."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import html5lib

import adapters
from browser import Browser

ROOT = Path(__file__).resolve().parent.parent.parent
PEFTKIT = Path(os.environ.get("PEFTKIT", ROOT / ".build/release/peftkit")).resolve()
TREE_COUNT = 2000


def setUpModule():
    global browser, work, pages
    work = Path(tempfile.mkdtemp(prefix="pages-"))
    unittest.addModuleCleanup(shutil.rmtree, work, ignore_errors=True)
    browser = Browser()
    unittest.addModuleCleanup(browser.__exit__)

    def louder(tensors):
        for name in list(tensors):
            shape, values = tensors[name]
            if ".layers.3." in name and "lora_B" in name:
                tensors[name] = (shape, [1.4 * value for value in values])
            if ".layers.31.mlp.down_proj" in name:
                tensors[name.removeprefix("base_model.model.")] = tensors.pop(name)

    before = adapters.lora(work / "support-bot")
    after = adapters.lora(work / "support-bot-v2", strength=1.1, change=louder, lora_dropout=0.1)
    tree = work / "adapters"
    for place in range(TREE_COUNT):
        adapters.small(tree / f"team-{place % 40:02}" / f"run-{place:04}", place)
    pages = {
        "lora": report(before), "multitask": report(adapters.multitask(work / "glue-tasks")),
        "comparison": report(before, after), "tree": report(tree),
        "hostile": report(adapters.hostile(work / "hostile")),
        "prompt": report(ROOT / "Fixtures/adapters/prompt-tuning"),
        "file": report(ROOT / "Fixtures/adapters/lora-bin/adapter_model.bin"),
        "findings": report(after)}


def report(*paths):
    page = work / f"{len(list(work.glob('*.html')))}.html"
    names = [path.relative_to(work) if path.is_relative_to(work) else path for path in paths]
    subprocess.run([PEFTKIT, "report", *names, "-o", page], check=True, timeout=300, cwd=work)
    return page


def each(test):
    """Runs a test for each page."""
    def run(self):
        for name, path in pages.items():
            with self.subTest(name):
                test(self, path)
    return run


class EveryPage(unittest.TestCase):
    @each
    def test_no_error_and_no_request(self, path):
        """Nothing is refused, nothing throws, and only the page itself is loaded (J1, J2)."""
        browser.open(path)
        self.assertEqual(browser.problems(), [])
        self.assertEqual(browser.requests(), [f"file://{path}"])

    @each
    def test_valid_html(self, path):
        """A strict parser accepts the page, whose identifiers are unique."""
        text = path.read_text()
        html5lib.HTMLParser(strict=True).parse(text)
        found = re.findall(r' id="([^"]+)"', text)
        self.assertEqual(len(found), len(set(found)))
        for names in re.findall(r'aria-labelledby="([^"]+)"', text):
            self.assertLessEqual(set(names.split()), set(found))

    @each
    def test_policy(self, path):
        """The policy allows the page's own text by its hash, and nothing else (J2)."""
        text = path.read_text()
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
        self.assertTrue(policy.startswith("default-src 'none'; "))
        for element in ("style", "script"):
            bodies = re.findall(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
            hashes = [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
                      for body in bodies]
            self.assertEqual(re.findall(f"{element}-src ([^;]+)", policy),
                             [f"'sha256-{digest}'" for digest in hashes])
        self.assertNotIn("unsafe", policy)

    @each
    def test_without_scripts(self, path):
        """Without JavaScript the text is the same, but for nothing (J1)."""
        browser.open(path)
        text = browser.evaluate("document.body.textContent.replace(/\\s+/g, ' ')")
        browser.open(path, scripts=False)
        bare = re.sub(r"<script>.*?</script>", "", browser.markup(), flags=re.DOTALL)
        plain = "".join(html5lib.parse(bare, namespaceHTMLElements=False).find("body").itertext())
        text = re.sub(r"for \(const table of.*", "", text)
        self.assertEqual(re.sub(r"\s+", " ", plain).strip(), text.strip())

    @each
    def test_fits(self, path):
        """The page never scrolls sideways, on a phone or a desk."""
        for width in (360, 1120):
            browser.size(width, 800)
            browser.open(path)
            self.assertLessEqual(
                browser.evaluate("document.documentElement.scrollWidth"), width, width)
        browser.size(1120, 900)

    @each
    def test_contrast(self, path):
        """Texts have a contrast of at least 4.5 in the light and in the dark (J6)."""
        for scheme in ("light", "dark"):
            browser.open(path, scheme=scheme)
            self.assertEqual(browser.evaluate(CONTRAST), [], scheme)

    @each
    def test_prints(self, path):
        """The page prints, in light colors whatever the screen has (J6)."""
        browser.open(path, scheme="dark", media="print")
        color = browser.evaluate("getComputedStyle(document.body).color")
        self.assertEqual(color, "rgb(28, 32, 38)")

    @each
    def test_charts_are_labelled(self, path):
        """Each chart has a role, a name and, but for small lines, a description (J5)."""
        browser.open(path)
        self.assertEqual(browser.evaluate("""
            [...document.querySelectorAll("svg")].filter(svg => svg.getAttribute("role") != "img"
              || !(svg.getAttribute("aria-label") || svg.querySelector("title")?.textContent
                   && svg.querySelector("desc")?.textContent)).length"""), 0)


# The texts with too little contrast. Texts in charts are judged by the color below them.
CONTRAST = """(() => {
  const parse = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = color => {
    const part = color.slice(0, 3).map(value => {
      value /= 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const background = element => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = new Set();
  for (let count = 0; walker.nextNode() && count < 20000; count++) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, title, desc")) continue;
    const isDrawn = parent instanceof SVGElement;
    const style = getComputedStyle(parent);
    const ink = light(parse(isDrawn ? style.fill : style.color));
    let below = background(parent);
    if (isDrawn && parent.classList.contains("v")) {
      below = parse(getComputedStyle(parent.previousElementSibling).fill);
    }
    const paper = light(below);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) {
      poor.add(`${parent.tagName}.${parent.getAttribute("class")} ${contrast.toFixed(2)}`);
    }
  }
  return [...poor].slice(0, 20);
})()"""


class Overview(unittest.TestCase):
    def test_size_and_time(self):
        """2,000 adapters stay under 5 MB, and are drawn in less than 2 s."""
        self.assertLess(pages["tree"].stat().st_size, 5_000_000)
        self.assertLess(min(browser.open(pages["tree"]) for _ in range(2)), 2)
        self.assertEqual(browser.evaluate(
            "document.querySelectorAll('table.sortable tbody tr').length"), TREE_COUNT)

    def test_sorting(self):
        """A click sorts by a column, the next one the other way round (J33)."""
        browser.open(pages["tree"])
        values = """(column => [...document.querySelectorAll("table.sortable tbody tr")].map(row => {
            const data = row.cells[column].querySelector("data");
            return data ? Number(data.value) : row.cells[column].textContent; }))"""
        click = "document.querySelectorAll('table.sortable thead button')[%d].click()"
        original = browser.evaluate(values + "(0)")
        for column in (3, 4, 6, 7):
            for isDown in (True, False):
                browser.evaluate(click % column)
                found = browser.evaluate(f"{values}({column})")
                numbers = [value for value in found if not isinstance(value, str)]
                self.assertEqual(numbers, sorted(numbers, reverse=isDown))
                self.assertTrue(all(isinstance(value, str) for value in found[len(numbers):]))
                state = browser.evaluate(
                    f"document.querySelectorAll('table.sortable th')[{column}].ariaSort")
                self.assertEqual(state, "descending" if isDown else "ascending")
        browser.evaluate(click % 5)
        severities = browser.evaluate(f"{values}(5)")
        self.assertEqual(severities, sorted(severities))
        self.assertGreater(len(set(severities)), 1)
        browser.evaluate(click % 0)
        self.assertEqual(browser.evaluate(values + "(0)"), sorted(original))
        self.assertEqual(browser.problems(), [])


class Hostile(unittest.TestCase):
    def test_nothing_runs(self):
        """No text of a file becomes markup or runs, and the page is small (J3, J4)."""
        browser.open(pages["hostile"])
        self.assertIsNone(browser.evaluate("window.harmed"))
        self.assertEqual(
            browser.evaluate("document.querySelectorAll('script, img, iframe, link, b:not(.badge b)').length"), 0)
        self.assertLess(pages["hostile"].stat().st_size, 3_000_000)


def screenshots(directory):
    """Writes the images of docs/report.md."""
    setUpModule()
    directory.mkdir(parents=True, exist_ok=True)
    for name, page, scheme, size in [
            ("report-lora", "lora", "light", (1000, 1560)),
            ("report-multitask", "multitask", "dark", (1000, 1000)),
            ("report-comparison", "comparison", "light", (1000, 1000)),
            ("report-tree", "tree", "light", (1000, 760))]:
        browser.size(*size)
        browser.open(pages[page], scheme=scheme)
        anchor = {"multitask": "#s3", "tree": "#s3"}.get(page)
        if anchor:
            browser.evaluate(f"document.querySelector('{anchor}').scrollIntoView()")
        browser.screenshot(directory / f"{name}.png")
    unittest.doModuleCleanups()


if __name__ == "__main__":
    if len(sys.argv) > 1 and "/" in sys.argv[1]:
        screenshots(Path(sys.argv[1]))
    else:
        unittest.main(verbosity=2)
