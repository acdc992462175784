# SPDX-License-Identifier: Apache-2.0
"""What scan and convert say of the checkpoint that a real Trainer saves."""

import torch
from support import InteropTest, peftkit
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments


class Numbers(torch.utils.data.Dataset):
    """A few sequences of numbers."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"input_ids": torch.arange(8), "labels": torch.arange(8)}


class TrainerTests(InteropTest):
    def setUp(self):
        super().setUp()
        model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=32, n_positions=16))
        settings = TrainingArguments(
            str(self.scratch / "out"), max_steps=1, save_steps=1, report_to=[], use_cpu=True, disable_tqdm=True)
        Trainer(model, settings, train_dataset=Numbers()).train()
        self.checkpoint = self.scratch / "out" / "checkpoint-1"

    def scan(self, name):
        run = peftkit("scan", self.checkpoint / name, "--json")
        return run.code, run.json()["files"][0]

    def test_plain_data_is_data_only(self):
        for name in ["rng_state.pth", "optimizer.pt", "scheduler.pt", "model.safetensors"]:
            with self.subTest(name):
                code, file = self.scan(name)
                self.assertEqual((code, file["verdict"], file["findings"], file["code"]), (0, "data only", [], []))

    def test_settings_are_code_by_their_class(self):
        code, file = self.scan("training_args.bin")
        self.assertEqual((code, file["verdict"]), (1, "asks for code"))
        first = file["code"][0]
        self.assertEqual(
            (first["module"], first["name"], first["kind"], first["library"], first["certainty"]),
            ("transformers.training_args", "TrainingArguments", "library", "transformers", "called"))
        self.assertEqual({entry["kind"] for entry in file["code"]}, {"library"})
        text = peftkit("scan", self.checkpoint / "training_args.bin").stdout.decode()
        self.assertIn("Python would run", text)
        self.assertIn("the settings of a training run", text)

    def test_a_tree_with_it_is_converted(self):
        """Files without tensors are copied; the rest is converted."""
        tree = self.scratch / "tree"
        tree.mkdir()
        for name in ["training_args.bin", "scheduler.pt", "optimizer.pt"]:
            (tree / name).write_bytes((self.checkpoint / name).read_bytes())
        out = self.scratch / "converted"
        run = peftkit("convert", "--recursive", tree, out)
        self.assert_code(run, 0)
        self.assertEqual(
            sorted(path.name for path in out.iterdir()),
            ["optimizer.safetensors", "peftkit-manifest.jsonl", "scheduler.pt", "training_args.bin"])
        for name in ["training_args.bin", "scheduler.pt"]:
            self.assertEqual((out / name).read_bytes(), (tree / name).read_bytes())
            self.assertIn(f"{name}: contains no tensors, and was copied", run.stderr)
