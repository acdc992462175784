# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of several processes against what torch puts together: state dicts, slices, parts alone."""

import shutil
import sys
import unittest

from support import FIXTURES, InteropTest, peak_memory, peftkit

sys.path.insert(0, str(FIXTURES / "distributed"))

import distributed_cases as cases  # noqa: E402

PROCESSES = [2, 3, 4]
WRITERS = [{}, {"thread_count": 3}, {"single_file_per_rank": False}]
DTYPES = ["float32", "bfloat16", "float16", "float64", "int64", "int8", "bool"]


def random_tensors(seed, count):
    """Tensors of random shapes and dtypes, each with a random kind of division."""
    import random

    import torch

    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for number in range(count):
        rank = rng.randrange(4)
        shape = [rng.choice([0, 1, 2, 3, 5, 8, 17]) for _ in range(rank)]
        values = torch.randint(0, 100, shape, generator=generator).to(getattr(torch, rng.choice(DTYPES)))
        kinds = ["plain", "copies"] + ["rows"] * (rank > 0) * 2 + ["columns", "inner", "grid"] * (rank > 1)
        if rng.random() < 0.2 and rank > 1:
            values = values.transpose(0, 1)
        found[f"part.{number}"] = (values, rng.choice(kinds))
    return found


def sliced(tensors):
    """Those that torch can write into safetensors files of slices, by name."""
    return {name: tensor for name, (tensor, _) in tensors.items() if tensor.numel() and tensor.is_contiguous()}


def save_random(rank, count, seed, scratch):
    """Save random state dicts with every writer, and slices of the same."""
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

    tensors = random_tensors(seed, 12)
    state = cases.sharded(tensors, count)
    for number, options in enumerate(WRITERS):
        path = f"{scratch}/writer-{number}-{count}"
        dcp.save({"model": state, "epoch": 3, "rest": [1.5, "x"]}, storage_writer=dcp.FileSystemWriter(path, **options))
    whole = {name: state[name] for name in sliced(tensors)}
    writer = HuggingFaceStorageWriter(f"{scratch}/slices-{count}", save_distributed=True)
    dcp.save(whole, storage_writer=writer)
    if rank == 1:
        import torch

        torch.save(state, f"{scratch}/rank-{count}.pt")


def save_large(rank, count, scratch):
    """Save tensors that are larger than any buffer."""
    import torch
    import torch.distributed.checkpoint as dcp

    torch.manual_seed(0)
    tensors = {"rows": (torch.randn(2048, 8192), "rows"), "columns": (torch.randn(2048, 8192), "columns")}
    dcp.save(cases.sharded(tensors, count), checkpoint_id=f"{scratch}/large")


def same(found, expected):
    """Whether two dicts have the same tensors, to the bit."""
    import torch

    def bits(tensor):
        return tensor.contiguous().reshape(-1).view(torch.uint8)

    return found.keys() == expected.keys() and all(
        found[name].dtype == tensor.dtype
        and found[name].shape == tensor.shape
        and torch.equal(bits(found[name]), bits(tensor))
        for name, tensor in expected.items()
    )


class DistributedTest(InteropTest):
    def load(self, source):
        """What `convert` makes of a checkpoint."""
        from safetensors.torch import load_file

        target = self.scratch / "converted.safetensors"
        self.assert_code(peftkit("convert", source, target, "--force"), 0)
        return load_file(target)

    def test_random_state_dicts(self):
        for count in PROCESSES:
            seed = self.random.randrange(2**32)
            cases.run(count, save_random, seed, str(self.scratch))
            tensors = random_tensors(seed, 12)
            for number in range(len(WRITERS)):
                path = self.scratch / f"writer-{number}-{count}"
                whole = cases.whole(path, self.scratch)
                self.assertTrue(same(whole, {f"model.{name}": tensor for name, (tensor, _) in tensors.items()}))
                self.assertTrue(same(self.load(path), whole), f"{path}, seed {seed}")
                digest = peftkit("inspect", "--digest", "--json", path).json()["digest"]
                direct = peftkit("inspect", "--digest", "--json", self.scratch / "whole.pt").json()["digest"]
                self.assertEqual(digest, direct)
                self.assert_code(peftkit("diff", path, self.scratch / "whole.pt"), 0)
            slices = sliced(tensors)
            self.assertTrue(same(self.load(self.scratch / f"slices-{count}"), slices), f"seed {seed}")
            part = self.scratch / f"rank-{count}.pt"
            if any(kind != "plain" for _, kind in tensors.values()):
                self.assert_refused(peftkit("convert", part, self.scratch / "part.safetensors"), part)
                self.assertIn("DTensor", peftkit("inspect", part).stdout.decode())

    def test_memory(self):
        cases.run(4, save_large, str(self.scratch))
        target = self.scratch / "large.safetensors"
        code, peak, errors = peak_memory("convert", self.scratch / "large", target, "--no-sync")
        self.assertEqual(code, 0, errors)
        self.assertLess(peak, 64 << 20)
        from safetensors.torch import load_file

        self.assertTrue(same(load_file(target), cases.whole(self.scratch / "large", self.scratch)))

    def test_a_single_process(self):
        import torch
        import torch.distributed.checkpoint as dcp

        state = {"a": {"b": torch.arange(6).reshape(2, 3), "c": [torch.ones(1)]}, "optim": {"lr": 0.1}}
        path = self.scratch / "alone"
        cases.quietly(dcp.save, state, checkpoint_id=path, no_dist=True)
        self.assertTrue(same(self.load(path), cases.whole(path, self.scratch)))
        self.assertTrue(same(self.load(path / ".metadata"), cases.whole(path, self.scratch)))

    def test_damage(self):
        source = FIXTURES / "distributed" / "state-dict"
        for name in ["__0_0.distcp", "__3_0.distcp"]:
            path = self.scratch / name
            shutil.copytree(source, path)
            file = path / name
            content = bytearray(file.read_bytes())
            place = self.random.randrange(len(content))
            content[place] ^= 1 << self.random.randrange(8)
            file.write_bytes(content)
            target = self.scratch / "damaged.safetensors"
            run = peftkit("convert", path, target, "--force")
            # A bit of the padding, or of what nothing reads, may be any.
            if run.code == 0:
                run = peftkit("diff", target, FIXTURES / "distributed" / "state-dict.safetensors")
                self.assert_code(run, 0)
            else:
                self.assert_code(run, 2)
                self.assertIn(str(file), run.stderr)

    def test_zstandard(self):
        try:
            import zstandard  # noqa: F401
        except ImportError:
            self.skipTest("zstandard is not installed")
        import torch
        import torch.distributed.checkpoint as dcp
        from torch.distributed.checkpoint._extension import ZStandard

        path = self.scratch / "compressed"
        writer = dcp.FileSystemWriter(path, _extensions=[ZStandard()])
        cases.quietly(dcp.save, {"x": torch.ones(9)}, storage_writer=writer, no_dist=True)
        self.assertIn("stream.zstd", peftkit("inspect", path).stdout.decode())
        self.assert_refused(peftkit("convert", path, self.scratch / "x.safetensors"))


if __name__ == "__main__":
    unittest.main()
