# SPDX-License-Identifier: Apache-2.0
"""`peftkit convert --recursive` on trees of adapters that real PEFT and torch saved."""

import json
import shutil

from support import FIXTURES, InteropTest, peftkit

COPIES = 6
MANIFEST = "peftkit-manifest.jsonl"


class Trees(InteropTest):
    def setUp(self):
        super().setUp()
        self.tree, self.out = self.scratch / "tree", self.scratch / "out"
        adapters = [path for path in sorted((FIXTURES / "adapters").iterdir()) if path.is_dir()]
        self.units = set()
        for number in range(COPIES):
            for adapter in adapters:
                name = f"group-{number % 2}/{adapter.name}-{number}"
                shutil.copytree(adapter, self.tree / name)
                self.units.add(name)

    def convert(self, *arguments, code=0):
        run = peftkit("convert", "--recursive", self.tree, self.out, "--no-sync", *arguments)
        self.assert_code(run, code)
        return run

    def records(self, name=MANIFEST):
        return [json.loads(line) for line in (self.out / name).read_text().splitlines()]

    def tensors(self, directory):
        import torch
        from safetensors.torch import load_file

        weights = directory / "adapter_model.safetensors"
        if weights.exists():
            return load_file(weights)
        return torch.load(directory / "adapter_model.bin", weights_only=True)

    def assert_converted(self, names):
        import torch

        for name in names:
            expected, result = self.tensors(self.tree / name), self.tensors(self.out / name)
            self.assertTrue((self.out / name / "adapter_model.safetensors").exists(), name)
            self.assertEqual(set(result), set(expected), name)
            for key, tensor in result.items():
                self.assertTrue(torch.equal(tensor, expected[key].detach()), f"{name}: {key}")

    def test_everything_is_converted_and_noted(self):
        self.convert("--jobs", "4")
        self.assert_converted(self.units)
        records = self.records()
        self.assertEqual({record["destination"] for record in records}, self.units)
        for record in records:
            self.assertEqual(record["outcome"], "converted")
            run = peftkit("inspect", self.out / record["destination"], "--digest", "--json")
            self.assertEqual(run.json()["digest"], record["digest"])
            run = peftkit("inspect", self.tree / record["source"], "--digest", "--json")
            self.assertEqual(run.json()["digest"], record["digest"])

    def test_peft_loads_what_comes_out(self):
        from peft import PeftConfig

        self.convert()
        for name in self.units:
            before = PeftConfig.from_pretrained(self.tree / name).to_dict()
            self.assertEqual(PeftConfig.from_pretrained(self.out / name).to_dict(), before)

    def test_transformers_loads_what_comes_out(self):
        """A model with one weights file stays a model, in a directory inside an adapter's as well."""
        import torch
        from transformers import AutoModel, BertConfig, BertModel

        adapter = sorted(self.units)[0]
        names = ["base", f"{adapter}/base"]
        config = BertConfig(vocab_size=11, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                            intermediate_size=4, max_position_embeddings=6)
        for name in names:
            model = BertModel(config)
            model.save_pretrained(self.tree / name)
            (self.tree / name / "model.safetensors").unlink()
            torch.save(model.state_dict(), self.tree / name / "pytorch_model.bin")
        self.convert()
        self.assertEqual({record["destination"] for record in self.records()}, self.units | {"base"})
        for name in names:
            written = {path.name for path in (self.out / name).iterdir()}
            self.assertEqual(written, {"config.json", "model.safetensors"})
            expected = torch.load(self.tree / name / "pytorch_model.bin", weights_only=True)
            result = AutoModel.from_pretrained(self.out / name).state_dict()
            for key, tensor in expected.items():
                self.assertTrue(torch.equal(result[key], tensor), key)
        (self.out / names[1] / "model.safetensors").write_bytes(b"damaged")
        run = self.convert("--resume", code=1)
        self.assertIn(f"error: {self.out / names[1]}/model.safetensors: ", run.stderr)
        self.convert("--resume", "--force")
        AutoModel.from_pretrained(self.out / names[1])

    def test_parts_are_the_whole(self):
        for part in range(1, 4):
            self.convert("--shard", f"{part}/3", "--jobs", "2")
        names = [f"peftkit-manifest-{part}-of-3.jsonl" for part in range(1, 4)]
        done = [record["destination"] for name in names for record in self.records(name)]
        self.assertEqual(sorted(done), sorted(self.units))
        self.assert_converted(self.units)

    def test_a_bad_one_stops_nobody(self):
        bad = self.tree / "group-0/bad"
        bad.mkdir()
        (bad / "adapter_model.bin").write_bytes(b"not a checkpoint")
        (bad / "adapter_config.json").write_text("{}")
        run = self.convert(code=1)
        self.assertIn(f"error: {bad}/adapter_model.bin: ", run.stderr)
        self.assert_converted(self.units)
        self.assertEqual([r["source"] for r in self.records() if r["outcome"] == "failed"],
                         ["group-0/bad"])

    def test_resuming_checks_what_is_there(self):
        self.convert()
        names = sorted(self.units)
        gone, changed = self.out / names[0], self.out / names[1] / "adapter_model.safetensors"
        shutil.rmtree(gone)
        data = bytearray(changed.read_bytes())
        data[-1] ^= 1
        changed.write_bytes(data)
        run = self.convert("--resume", code=1)
        self.assertIn(names[1], run.stderr)
        self.assert_converted(set(names) - {names[1]})
        run = self.convert("--resume", "--force")
        self.assert_converted(self.units)
        last = {record["destination"]: record["outcome"] for record in self.records()}
        self.assertEqual(last[names[1]], "converted")
        self.assertEqual(list(last.values()).count("unchanged"), len(names) - 1)
