# SPDX-License-Identifier: Apache-2.0
"""Keys of rank_pattern and alpha_pattern match as Python's `re` and PEFT match them, and their order is kept."""

import json
import re
import warnings

import numpy
from peft.utils.other import get_pattern_key
from safetensors.numpy import save_file
from support import InteropTest, peftkit

RANDOM_PATTERNS = 400
RANDOM_CONFIGS = 100
MODULES = [
    "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj", "model.layers.11.self_attn.k_proj",
    "model.layers.1.mlp.up_proj", "q_proj", "xq_proj", "lm_head", "model.embed_tokens", "a", "a.b", "aab", "1.1", "a-b",
    "model.é.q_proj", "model.x²", "blocks.٣", "v p", "transformer.h.0.attn.c_attn", "layers.10", "layers.1",
]  # fmt: skip
ATOMS = [
    "q_proj", "k_proj", "layers", "self_attn", "model", "a", "b", "1", "0", ".", r"\.", r"\d", r"\w", r"\s", r"\D", r"\W",
    r"\S", r"\b", r"\B", "^", "$", r"\A", r"\Z", "[ab]", "[^ab]", "[0-9]", r"[\d.]", r"[^\w]", "[]a]", "[a-]", "-", "_", "é", "²",
    "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "{,}", "{", "}", "{a", "|", "(", ")", "(?:", "(?P<n>",
    "(?=", "(?!", "(?<=", "(?<!", "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", r"\x61", r"\u0061", r"\t", r"\-", "[z-a]", "[", "]", "\\",
]  # fmt: skip
# What peftkit does not match: the answer must be that it is unknown, never a wrong one.
UNSUPPORTED = ["(?i:A)", "(?P=n)", r"\1", "(?>a)", "a++", "(?#a)", r"\N{DIGIT ONE}", r"\101"]


def compiled(pattern):
    """The expression that PEFT matches, or None where Python refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(rf"(.*\.)?({pattern})$")
        except (re.error, OverflowError, RecursionError):
            return None


class Patterns(InteropTest):
    def adapter(self, name, patterns, modules=MODULES, key="alpha_pattern"):
        directory = self.scratch / name
        directory.mkdir()
        config = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, key: patterns}
        (directory / "adapter_config.json").write_text(json.dumps(config))
        tensors = {f"base_model.model.{module}.lora_A.weight": numpy.zeros((1, 1), numpy.float32) for module in modules}
        save_file(tensors, directory / "adapter_model.safetensors")
        return directory

    def reordered(self, number, left, right, modules=MODULES):
        """The modules that `diff` names, by what the two orders give each, and the run."""
        run = peftkit("diff", self.adapter(f"a{number}", left, modules), self.adapter(f"b{number}", right, modules), "--json")
        if run.code not in (0, 1):
            return None, run
        found = run.json()["config"]["reordered"]
        return {module["name"]: (module["a"], module["b"]) for entry in found for module in entry["modules"]}, run

    def pattern_of(self, module):
        """A pattern that often matches the end of a module's name."""
        start = self.random.choice([0, *(at + 1 for at, c in enumerate(module) if c == "."), len(module) // 2])
        pattern = ""
        for c in module[start:]:
            kind = self.random.random()
            if kind < 0.7:
                pattern += re.escape(c)
            elif kind < 0.95:
                pattern += self.random.choice([".", r"\w", r"[\w.]", f"[^{c}]", f"({c}|x)", f"(?:{c})", c + "+", c + "{1}", c + "?"])
            else:
                pattern += self.random.choice(ATOMS)
        return pattern

    def random_pattern(self):
        if self.random.random() < 0.05:
            return self.random.choice(UNSUPPORTED)
        if self.random.random() < 0.5:
            return self.pattern_of(self.random.choice(MODULES))
        return "".join(self.random.choice(ATOMS) for _ in range(self.random.choice([1, 2, 3, 5, 8])))

    def test_random_patterns(self):
        counts = {"matched": 0, "refused": 0}

        def problem(item):
            number, pattern = item
            # `.*` comes first on one side: a module differs exactly where the pattern matches it.
            expression = compiled(pattern)
            found, run = self.reordered(number, {pattern: 1, ".*": 2}, {".*": 2, pattern: 1})
            if found is None:
                return f"{pattern!r}: {run}"
            unknown = run.code == 1 and not found
            if expression is None:
                counts["refused"] += 1
                return None if unknown else f"{pattern!r} is refused by Python, and peftkit matched {sorted(found)}"
            expected = {name: (1, 2) for name in MODULES if expression.match(name)}
            if unknown:
                # Octal escapes, references to groups and possessive quantifiers are not supported.
                return None if pattern in UNSUPPORTED or re.search(r"\\[0-9]|[*+?}]\+", pattern) else f"{pattern!r} is unknown, and Python matches {sorted(expected)}"
            counts["matched"] += bool(expected)
            return None if found == expected else f"{pattern!r}: peftkit {sorted(found)}, Python {sorted(expected)}"

        patterns = {self.random_pattern() for _ in range(RANDOM_PATTERNS)} - {".*"}
        self.check_all(enumerate(sorted(patterns)), problem)
        print(counts, end=" ", flush=True)

    def test_random_orders_as_peft(self):
        keys = ["q_proj", r".*\.q_proj", "self_attn.q_proj", "layers.1.self_attn.q_proj", r"layers\.\d+\..*", "a", "a.b", "b",
                r"model.*", "layers.1", r"[ab]", "lm_head", r"^model.layers.(0|1).*$"]  # fmt: skip

        def problem(number):
            chosen = self.random.sample(keys, self.random.randint(2, 6))
            values = [self.random.randint(1, 3) for _ in chosen]
            left = dict(zip(chosen, values))
            right = dict(self.random.sample(sorted(left.items()), len(left)))
            expected = {}
            for module in MODULES:
                values = [config.get(get_pattern_key(config.keys(), module)) for config in (left, right)]
                if values[0] != values[1]:
                    expected[module] = tuple(values)
            found, run = self.reordered(number, left, right)
            if found != expected or run.code != (1 if expected else 0):
                return f"{left} and {right}: {run} {found}, PEFT {expected}"

        self.check_all(range(RANDOM_CONFIGS), problem)

    def test_conversion_keeps_the_order(self):
        patterns = {"q_proj": 32, "layers.1.self_attn.q_proj": 4}
        source = self.adapter("source", patterns)
        self.assert_code(peftkit("convert", source, self.scratch / "out"), 0)
        written = (self.scratch / "out" / "adapter_config.json").read_text()
        self.assertEqual(list(json.loads(written)["alpha_pattern"]), list(patterns))
        self.assert_code(peftkit("diff", source, self.scratch / "out"), 0)
        printed = peftkit("config", source)
        self.assert_code(printed, 0)
        self.assertIn('sorting changes the meaning of "alpha_pattern"', printed.stderr)

    def test_no_pattern_takes_exponential_time(self):
        for number, pattern in enumerate(["(a+)+$x", "(a|aa)*b", "(a*)*b", "(.*)*x", "a{0,5000}{0,1}", "(a?){500}a{500}"]):
            module = "a" * 5000
            found, run = self.reordered(number, {pattern: 1, ".*": 2}, {".*": 2, pattern: 1}, [module])
            self.assertIsNotNone(found, str(run))


if __name__ == "__main__":
    import unittest

    unittest.main()
