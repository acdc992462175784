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
UNSUPPORTED = ["(?i:A)", "(?P=n)", r"\1", "(?>a)", "a++", r"\N{DIGIT ONE}"]
# Syntax that is rare in configs, most of it refused somewhere.
RARE = [
    *UNSUPPORTED, "(?#a)", r"\101", r"\0", r"\400", r"\8", r"\08", r"\12", "(?i)", "(?u)", "(?L)", "(?au:a)", "(?-i:a)", "(?i-i:a)",
    "(?-u:a)", "(?i-s:a)", "(?", "(?P", "(?P<", "(?P<>a)", "(?P<1>a)", "(?P>n)", "(?<n>a)", "(?(1)a|b)", "(?(n)a)", "(?(9)a)",
    "(?(0)a)", "(?(1)a|b|c)", "(?#", r"\x6", r"\u006", r"\U0011ffff", r"\ud800", r"\N", r"\q", r"[\A]", r"[\b]", r"[\1]", r"[\8]",
    r"[\d-a]", r"[a-\d]", "[^]", "a{5,3}", "a{4294967295}", "a{99999999999", "(?<=a+)", r"(?<=\b*)a", "(?<=a|bc)", "(?<=(a)|b)",
]  # fmt: skip
# What is not read to its end, so that a mistake behind it is not found; and what is read, and not matched.
UNREAD = re.compile(r"\\N|\\ud800|\(\?[a-z-]*x|\\z")
NOT_MATCHED = re.compile(r"\\N|\\ud800|\\[1-9]|\(\?[a-z>(-]|\(\?P=|[*+?}]\+|é")


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
                # References to groups, flags and possessive quantifiers are not supported.
                return None if NOT_MATCHED.search(pattern) else f"{pattern!r} is unknown, and Python matches {sorted(expected)}"
            counts["matched"] += bool(expected)
            return None if found == expected else f"{pattern!r}: peftkit {sorted(found)}, Python {sorted(expected)}"

        patterns = {self.random_pattern() for _ in range(RANDOM_PATTERNS)} - {".*"}
        self.check_all(enumerate(sorted(patterns)), problem)
        print(counts, end=" ", flush=True)

    def test_refused_expressions_are_errors(self):
        """Each of the places where PEFT gives a text to Python's `re`, as PEFT does it."""
        places = {
            "target_modules": (lambda text: text, lambda text: text),
            "exclude_modules": (lambda text: text, lambda text: text),
            "alpha_pattern": (lambda text: {text: 2}, lambda text: rf"(.*\.)?({text})$"),
            "modules_to_save": (lambda text: [text], lambda text: rf"(^|.*\.){text}($|\..*)"),
        }
        counts = {"refused": 0, "accepted": 0, "unknown": 0}
        items, expected = [], {}
        atoms = [*ATOMS, *RARE]
        for number in range(RANDOM_PATTERNS):
            pattern = RARE[number] if number < len(RARE) else "".join(self.random.choice(atoms) for _ in range(self.random.choice([1, 2, 3, 4, 6])))
            for key, (value, expression) in places.items():
                if pattern == "" or pattern.lower() == "all-linear":
                    continue
                directory = self.scratch / f"{number}-{key}"
                directory.mkdir()
                config = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["a"], key: value(pattern)}
                (directory / "adapter_config.json").write_text(json.dumps(config))
                save_file({"base_model.model.a.lora_A.weight": numpy.zeros((1, 1), numpy.float32)}, directory / "adapter_model.safetensors")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        re.compile(expression(pattern))
                        expected[directory.name] = (pattern, None)
                    except (re.error, OverflowError) as error:
                        expected[directory.name] = (pattern, str(error))
        lines = [json.loads(line) for line in peftkit("validate", self.scratch, "--recursive", "--json").stdout.splitlines()]
        problems = []
        for line in lines:
            name = line.get("path", "").rstrip("/").rpartition("/")[2]
            if name not in expected:
                continue
            pattern, refusal = expected.pop(name)
            key = name.partition("-")[2]
            codes = {one["code"] for one in line["findings"] if one.get("key") == key}
            refused, unknown = "invalid-expression" in codes, "unmatched-expression" in codes
            counts["refused" if refusal else "accepted"] += 1
            counts["unknown"] += unknown
            if refused != (refusal is not None) and not (unknown and UNREAD.search(pattern)):
                problems.append(f"{key} {pattern!r}: Python says {refusal}, peftkit {sorted(codes)}")
            if unknown and not refusal and not NOT_MATCHED.search(pattern):
                problems.append(f"{key} {pattern!r} is unknown")
        print(counts, end=" ", flush=True)
        self.assertFalse(expected)
        self.assertFalse(problems, "\n".join(problems))

    def test_refused_expressions_are_refused_by_peft(self):
        import peft
        import torch

        for key, value in [("target_modules", "(q"), ("exclude_modules", "q)"), ("rank_pattern", {"q*+?": 2}), ("modules_to_save", ["q("]),
                           ("layers_pattern", ["h["])]:  # fmt: skip
            values = {"r": 1, "target_modules": ["0"], key: value, **({"layers_to_transform": [0]} if key == "layers_pattern" else {})}
            model = torch.nn.ModuleDict({"h": torch.nn.Sequential(torch.nn.Linear(2, 2))})
            model = torch.nn.ModuleDict({"m": torch.nn.ModuleDict({"h": torch.nn.ModuleList([torch.nn.Sequential(torch.nn.Linear(2, 2))])})})
            with self.assertRaises(re.error, msg=key):
                peft.get_peft_model(model, peft.LoraConfig(**values))

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
