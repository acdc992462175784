# SPDX-License-Identifier: Apache-2.0
"""`peftkit config` writes what Python's json writes, byte for byte, and refuses what it refuses."""

import json
import random
import warnings

from support import FIXTURES, InteropTest, peftkit, refusal_problem

RANDOM_DOCUMENTS = 200
ROUNDS_OF_CONFIGS = 3

NUMBERS = (
    "0 -0 7 -12 9007199254740993 18446744073709551616 -340282366920938463463374607431768211456 "
    "1.0e-5 1E400 -1E400 -0.0 5e-324 1e16 1e15 123456789012345680.0 1e22 1e23 0.1 2.5E+3 1e-7 "
    "NaN Infinity -Infinity 1.7976931348623157e308 2.4703282292062328e-324 0.0001 0.00001 100.0"
).split()
LETTERS = [
    *"abz AZ09_./\x7f\x80é€",
    "e\u0301", "\u2028", "\uffee", "\U0001f600",
    r"\n", r"\"", r"\\", r"\/", r"\u0041", r"\u00e9", r"\ud83d\ude00", r"\u001f", r"\u007F",
]  # fmt: skip


def random_string(rng):
    return '"' + "".join(rng.choice(LETTERS) for _ in range(rng.choice([0, 1, 1, 3, 12]))) + '"'


def random_number(rng):
    """A number of any spelling; every double is as likely as another."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return str(rng.randrange(-(10 ** rng.randrange(1, 40)), 10 ** rng.randrange(1, 40)))
    digits = str(rng.randrange(10 ** rng.randrange(1, 25)))
    fraction = str(rng.randrange(10 ** rng.randrange(1, 25)))
    exponent = f"{rng.choice('eE')}{rng.choice(['', '+', '-'])}{rng.randrange(330)}"
    return f"{rng.choice(['', '-'])}{digits}.{fraction}{exponent if kind == 3 else ''}"


def unique_keys(rng, count):
    """Key texts that differ once their escapes are read."""
    return list(
        {json.loads(key): key for key in (random_string(rng) for _ in range(count))}.values()
    )


def random_json(rng, depth=0):
    """A JSON text with whitespace in odd places."""

    def space():
        return "".join(rng.choice(" \t\r\n") for _ in range(rng.choice([0, 0, 0, 1, 3])))

    kind = rng.randrange(5 if depth < 6 else 3)
    if kind == 0:
        text = random_number(rng)
    elif kind == 1:
        text = random_string(rng)
    elif kind == 2:
        text = rng.choice(["true", "false", "null", "[]", "{}", "[ ]", "{\n}"])
    else:
        count = rng.choice([0, 1, 2, 3, 6])
        values = [random_json(rng, depth + 1) for _ in range(count)]
        if kind == 3:
            text = f"[{','.join(values) or space()}]"
        else:
            keys = unique_keys(rng, count)
            pairs = [
                f"{space()}{key}{space()}:{value}" for key, value in zip(keys, values, strict=False)
            ]
            text = f"{{{','.join(pairs) or space()}}}"
    return space() + text + space()


def expected(path):
    with open(path, encoding="utf-8") as file:
        return json.dumps(json.load(file), indent=2, sort_keys=True).encode()


def encoding_problem(path):
    """Why `peftkit config` does not agree with Python about a file, or None."""
    run = peftkit("config", path)
    if run.code != 0:
        return str(run)
    if run.stdout != expected(path):
        return f"{path}: {run.stdout[:300]!r} is not {expected(path)[:300]!r}"
    return None


def saved_configs(directory, rng):
    """Configs of every class of the installed PEFT, saved by PEFT."""
    from peft_configs import config_classes, sample_config

    for number in range(ROUNDS_OF_CONFIGS):
        for peft_type, cls in config_classes().items():
            config = sample_config(cls, random.Random(rng.random()))
            if config is not None:
                config.save_pretrained(directory / f"{peft_type}-{number}")
                yield directory / f"{peft_type}-{number}" / "adapter_config.json"


class ConfigTests(InteropTest):
    def test_config_fixtures(self):
        self.check_all(sorted((FIXTURES / "configs").rglob("*.json")), encoding_problem)

    def test_adapter_fixtures(self):
        paths = sorted((FIXTURES / "adapters").rglob("adapter_config.json"))
        self.check_all(paths, encoding_problem)

    def test_accepted_json(self):
        paths = sorted((FIXTURES / "json/accept").glob("*.json"))
        for path in paths:
            self.assertEqual(path.with_suffix(".expected").read_bytes(), expected(path), path)
        self.check_all(paths, encoding_problem)

    def test_refused_json(self):
        paths = sorted((FIXTURES / "json/refuse").glob("*.json"))
        self.check_all(paths, lambda path: refusal_problem(peftkit("config", path), path))

    def test_missing_file(self):
        path = self.scratch / "missing.json"
        self.assert_refused(peftkit("config", path), path)

    def test_random_documents(self):
        paths = []
        for number in range(RANDOM_DOCUMENTS):
            paths.append(self.scratch / f"{number}.json")
            paths[-1].write_bytes(random_json(self.random).encode())
        self.check_all(paths, encoding_problem)

    def test_live_configs(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            paths = list(saved_configs(self.scratch, self.random))
        self.check_all(paths, encoding_problem)
