# SPDX-License-Identifier: Apache-2.0
"""The table of config fields has the classes of the installed PEFT, and what it says of values holds."""

import dataclasses
import json
import re
import sys
import warnings
from pathlib import Path

import peft
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from support import InteropTest, peftkit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Scripts/config_fields"))

import describe_release  # noqa: E402
import make_fields  # noqa: E402

CONFIG = "adapter_config.json"
TABLE = ROOT / "Sources/PEFT/Fields/FieldTableText.swift"
# Values of every JSON type, none of which PEFT uses as a default.
VALUES = [None, True, 3, 2.5, "zz", [1], ["zz"], {"zz": 1}]


def table():
    """The newest release's rows by method: key → (types, default)."""
    text = TABLE.read_text()
    parts = re.split(r'case "(\w+)":', text)
    common = re.search(r'var common: String \{\s+#"""(.*?)"""#', parts[0], re.DOTALL)[1]
    rows = {}
    for name, body in zip(parts[1::2], parts[2::2]):
        lines = (common + re.search(r'#"""(.*?)"""#', body, re.DOTALL)[1]).strip().split("\n")
        fields = [line.split(maxsplit=4) for line in lines if len(line.split()) >= 5]
        if re.search(r"^\s*[\d.]+-$", body, re.MULTILINE):
            rows[name] = {
                key: (types, json.loads(default))
                for key, releases, _, types, default in fields
                if releases.endswith("-")
            }
    return rows


def classes():
    return {str(key.value): cls for key, cls in PEFT_TYPE_TO_CONFIG_MAPPING.items()}


class FieldsTest(InteropTest):
    def findings(self, config, *arguments):
        (self.scratch / CONFIG).write_text(json.dumps(config))
        return peftkit("validate", self.scratch / CONFIG, "--json", *arguments).json()["findings"]

    def test_the_table_is_that_of_the_installed_release(self):
        self.assertEqual(make_fields.RELEASES[-1], peft.__version__)
        expected = {}
        for name, cls in classes().items():
            described = describe_release.fields(cls)
            expected[name] = {key: tuple(make_fields.completed(key, described)) for key in described}
        found = table()
        self.assertEqual(sorted(found), sorted(expected))
        for name, fields in expected.items():
            self.assertEqual(found[name], fields, name)

    def test_a_config_of_every_class_has_no_finding_about_its_keys(self):
        codes = {"unknown-key", "lost-key", "unknown-peft-type", "missing-method", "unknown-task-type"}
        for name, cls in classes().items():
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                names = {field.name for field in dataclasses.fields(cls)}
                needed = {"total_step": 10, "task_type": "CAUSAL_LM"}
                try:
                    config = cls(**{key: value for key, value in needed.items() if key in names})
                except ImportError as error:  # a class that needs what is not installed
                    self.skipTest(str(error))
                config.save_pretrained(self.scratch)
                found = json.loads((self.scratch / CONFIG).read_text())
                bad = [f for f in self.findings(found) if f["code"] in codes | {"wrong-type", "invalid-value"}]
                self.assertEqual([f for f in bad if f["severity"] != "note"], [])

    def test_what_a_class_refuses_by_its_type_is_an_error(self):
        """Values of any type in each field: where the class itself raises an error, validate has one, too."""
        count = 0
        for name, cls in classes().items():
            fields = describe_release.fields(cls)
            needed = {"task_type": "CAUSAL_LM"} | ({"total_step": 10} if "total_step" in fields else {})
            for key in fields:
                for value in VALUES:
                    config = {"peft_type": name, **needed, key: value}
                    if key == "peft_type" or not self.is_type_error(cls, config):
                        continue
                    count += 1
                    found = [f for f in self.findings(config) if f["severity"] == "error"]
                    self.assertTrue(any(f["key"] == key for f in found), (name, key, value, found))
        self.assertGreater(count, 60)

    def is_type_error(self, cls, config):
        """Whether the class raises TypeError or AttributeError, as it does for a wrong type."""
        (self.scratch / CONFIG).write_text(json.dumps(config))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                cls.from_pretrained(self.scratch)
            except (TypeError, AttributeError):
                return True
            except Exception:  # a rule between fields
                return False
        return False

    def test_an_unknown_key_is_dropped_with_a_warning(self):
        config = {"peft_type": "LORA", "r": 4, "target_modules": ["q"], "lora_aplha": 16}
        (self.scratch / CONFIG).write_text(json.dumps(config))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            peft.LoraConfig.from_pretrained(self.scratch)
        self.assertTrue(any("lora_aplha" in str(warning.message) for warning in caught))
        found = self.findings(config)
        self.assertEqual([(f["code"], f["key"]) for f in found], [("unknown-key", "lora_aplha")])
