# SPDX-License-Identifier: Apache-2.0
"""Digests and differences: `inspect --digest` against hashlib, `diff` against torch and numpy."""

import functools
import math
import random
import re
import shutil

import torch
from safetensors import deserialize
from safetensors.torch import load_file, save_file
from support import FIXTURES, ROOT, InteropTest, peftkit
from test_roundtrip import CONFIG, WEIGHTS, disordered, random_tensors
from test_torch import QUIET, save
from torch_cases import DTYPES, PLAIN, facts_of, plain_tensor, random_document, tensors_of

RANDOM_FILES = 60
RANDOM_PAIRS = 120
SMALL_FLOATS = [
    torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
]  # fmt: skip
FLOATS = [torch.float64, torch.float32, torch.bfloat16, torch.float16, *SMALL_FLOATS]


def specified_program():
    """What the Python text in the specification defines."""
    source = re.search(r"```python\n(.*?)```", (ROOT / "spec/digest.md").read_text(), re.S)[1]
    names = {"__name__": "digest"}
    exec(source, names)
    return names


PROGRAM = specified_program()


def digest_of_facts(facts):
    """Facts are dtype, shape and data by name."""
    return PROGRAM["checkpoint_digest"](
        (name, dict(zip(("dtype", "shape", "data"), fact))) for name, fact in facts.items()
    )


def digest(path):
    run = peftkit("inspect", path, "--digest", "--json")
    assert run.code == 0, str(run)
    return run.json()["digest"]


class DamageTest(InteropTest):
    def test_either_side(self):
        """A checksum that does not match is an error, however large the tensor and on whichever side."""
        for count in (1000, 300_000, 3_000_000):
            whole, good, bad = (self.scratch / name for name in ("a.safetensors", "a.bin", "b.bin"))
            tensor = torch.arange(count, dtype=torch.float32)
            save_file({"x": tensor}, whole)
            torch.save({"x": tensor}, good)
            content = bytearray(good.read_bytes())
            content[len(content) // 2] ^= 1
            bad.write_bytes(content)
            self.assert_code(peftkit("diff", whole, good), 0)
            for pair in [(whole, bad), (bad, whole), (good, bad), (bad, bad)]:
                run = peftkit("diff", *pair)
                self.assert_code(run, 2)
                self.assertIn(f"error: {bad}: ", run.stderr)
            run = peftkit("convert", bad, self.scratch / "o.safetensors")
            self.assert_code(run, 2)
            self.assertIn(f"error: {bad}: ", run.stderr)


class DigestTest(InteropTest):
    def test_the_specified_program_runs_by_itself(self):
        path = FIXTURES / "adapters/mpt-causal-lm" / WEIGHTS
        self.assertEqual(digest(path), PROGRAM["checkpoint_digest"](deserialize(path.read_bytes())))

    def test_random_safetensors_in_any_order(self):
        def problem(index):
            rng = random.Random(f"{seed} {index}")
            tensors = random_tensors(rng)
            paths = [self.scratch / f"{index}-{copy}.safetensors" for copy in range(2)]
            for path in paths:
                path.write_bytes(disordered(tensors, {"n": str(rng.random())}, rng))
            run = peftkit("inspect", paths[0], "--digest", "--json")
            if run.code:
                return str(run)
            expected = PROGRAM["checkpoint_digest"](deserialize(paths[0].read_bytes()))
            if run.json()["digest"] != expected or digest(paths[1]) != expected:
                return f"{paths[0]}: not {expected}"
            for tensor in run.json()["tensors"]:
                name = tensor["name"]
                fact = tensors[name]
                own = PROGRAM["tensor_digest"](name, fact.dtype, fact.shape, fact.data)
                if tensor["digest"] != "sha256:" + own.hex():
                    return f"{paths[0]}: {name!r} is not {own.hex()}"
            return None

        seed = self.random.random()
        self.check_all(range(RANDOM_FILES), problem)

    def test_torch_files_have_the_digest_of_what_torch_says_is_in_them(self):
        def problem(index):
            rng = random.Random(f"{seed} {index}")
            is_legacy = rng.random() < 0.3
            document = random_document(rng, PLAIN if is_legacy else DTYPES)
            path = self.scratch / f"{index}.bin"
            save(document, path, _use_new_zipfile_serialization=not is_legacy)
            facts = {name: facts_of(value) for name, value in tensors_of(document).items()}
            if digest(path) != digest_of_facts(facts):
                return f"{path}: another digest"
            target = self.scratch / f"{index}.safetensors"
            run = peftkit("convert", path, target, QUIET, "--allow-empty")
            if run.code or digest(target) != digest_of_facts(facts):
                return f"{target}: another digest: {run}"
            run = peftkit("diff", path, target)
            return None if run.code == 0 else str(run)

        seed = self.random.random()
        self.check_all(range(RANDOM_FILES), problem)

    def test_shared_data_counts_under_each_name(self):
        base = torch.arange(12.0).reshape(3, 4)
        shared, own = self.scratch / "shared.bin", self.scratch / "own.safetensors"
        save({"a": base, "b": base, "t": base.T}, shared)
        save_file({name: base.clone() for name in "ab"} | {"t": base.T.contiguous()}, own)
        self.assertEqual(digest(shared), digest(own))
        without = self.scratch / "without.safetensors"
        self.assert_code(peftkit("convert", shared, without, "--drop-aliases", QUIET), 0)
        self.assertNotEqual(digest(without), digest(own))
        tensors = peftkit("diff", own, without, "--json").json()["tensors"]
        self.assertEqual([tensor["name"] for tensor in tensors["removed"]], ["b"])
        self.assertEqual((tensors["same_count"], tensors["added"], tensors["changed"]), (2, [], []))

    def test_no_tensors(self):
        path = self.scratch / "empty.safetensors"
        save_file({}, path)
        self.assertIn(f"`{digest(path)}`", (ROOT / "spec/digest.md").read_text())


def changed_copy(tensor, rng):
    """A copy with other bits in some elements; NaNs and infinities may come and go."""
    copy = tensor.clone()
    size = copy.element_size()
    flat = copy.reshape(-1).view(torch.uint8).reshape(-1, size)
    for _ in range(rng.randrange(4)):
        place = rng.randrange(len(flat))
        mask = rng.choice([1, 0x80 << 8 * (size - 1), rng.getrandbits(8 * size)])
        for index, byte in enumerate(mask.to_bytes(size, "little")):
            flat[place, index] ^= byte
    return copy


def unravelled(place, shape):
    position = []
    for extent in reversed(shape):
        position.insert(0, place % extent)
        place //= extent
    return position


@functools.cache
def places(dtype):
    """The place of each number of a dtype of 1 or 2 bytes among all of them."""
    patterns = torch.arange(256 ** dtype.itemsize, dtype=torch.int32)
    whole = patterns.to(torch.uint8 if dtype.itemsize == 1 else torch.int16).view(dtype).double()
    numbers = sorted(set(whole[~whole.isnan()].tolist()))
    return {number: place for place, number in enumerate(numbers)}


def steps(left, right):
    """How many numbers of their dtype lie between two tensors of at most 2 bytes; 0 at NaNs."""
    known = places(left.dtype)
    pairs = zip(left.double().reshape(-1).tolist(), right.double().reshape(-1).tolist())
    return [abs(known.get(a, 0) - known.get(b, 0)) if a == a and b == b else 0 for a, b in pairs]


def note_largest(found, what, values, shape):
    """The largest positive value, and where it comes first."""
    place = max(range(len(values)), key=lambda index: (values[index], -index), default=None)
    if place is None or values[place] <= 0:
        found[f"largest_{what}"], found[f"largest_{what.split('_')[0]}_position"] = None, None
    else:
        found[f"largest_{what}"] = values[place]
        found[f"largest_{what.split('_')[0]}_position"] = unravelled(place, shape)


def expectation(left, right):
    """What `diff` must say of two float tensors of one shape; None where nothing differs."""
    size, shape = left.element_size(), list(left.shape)
    pairs = zip(*(facts_of(tensor)[2] for tensor in (left, right)))
    differing = {place // size for place, (l, r) in enumerate(pairs) if l != r}
    if left.dtype == right.dtype and not differing:
        return None
    a, b = left.double().reshape(-1), right.double().reshape(-1)
    unequal = ~((a == b) | (a.isnan() & b.isnan()))
    numbers = unequal & ~a.isnan() & ~b.isnan()
    found = {
        "different_count": len(differing) if left.dtype == right.dtype else None,
        "unequal_count": int(unequal.sum()),
        "nan_count": int((a.isnan() ^ b.isnan()).sum()),
    }
    difference = torch.where(numbers, (a - b).abs(), 0.0)
    note_largest(found, "absolute_difference", difference.tolist(), shape)
    share = torch.where(a != 0, difference / a.abs(), 0.0).nan_to_num(0, float("inf"))
    note_largest(found, "relative_difference", share.tolist(), shape)
    if left.dtype == right.dtype and size <= 2:
        note_largest(found, "ulp_distance", steps(left, right), shape)
    return found


def complex_expectation(left, right):
    """What `diff` must say of two tensors of complex64; None where nothing differs."""
    shape = list(left.shape)
    bits = [tensor.reshape(-1).view(torch.int64) for tensor in (left, right)]
    differing = int((bits[0] != bits[1]).sum())
    if not differing:
        return None
    parts = [torch.view_as_real(tensor.reshape(-1)).double() for tensor in (left, right)]
    same = (parts[0] == parts[1]) | (parts[0].isnan() & parts[1].isnan())
    is_nan = (parts[0].isnan() ^ parts[1].isnan()).any(-1)
    difference = torch.where(same, 0.0, parts[0] - parts[1]).square().sum(-1).sqrt()
    difference = torch.where(is_nan, 0.0, difference)
    found = {
        "different_count": differing,
        "unequal_count": int((~same).any(-1).sum()),
        "nan_count": int(is_nan.sum()),
    }
    found["largest_absolute_difference"] = float(difference.max())
    ordered = [torch.view_as_real(tensor.reshape(-1)).view(torch.int32).long() for tensor in (left, right)]
    ordered = [torch.where(place < 0, -(place & 0x7FFFFFFF), place) for place in ordered]
    distance = torch.where(same, 0, (ordered[0] - ordered[1]).abs()).amax(-1)
    note_largest(found, "ulp_distance", torch.where(is_nan, 0, distance).tolist(), shape)
    return found


class DiffTest(InteropTest):
    def test_random_floats(self):
        def problem(index):
            rng = random.Random(f"{seed} {index}")
            left, right = {}, {}
            for name in "abcdef":
                shape = [rng.randrange(1, 9) for _ in range(rng.randrange(4))]
                if rng.random() < 0.1:
                    left[name] = plain_tensor(rng, [torch.complex64], shape)
                    right[name] = changed_copy(left[name], rng)
                    continue
                tensor = left[name] = plain_tensor(rng, FLOATS, shape)
                converts = rng.random() < 0.3
                other = tensor.to(rng.choice(FLOATS)) if converts else changed_copy(tensor, rng)
                right[name] = other
            paths = [self.scratch / f"{index}{name}" for name in ("a.safetensors", "b.bin")]
            save_file(left, paths[0])
            save(right, paths[1])
            run = peftkit("diff", *paths, "--json")
            expected = {
                name: (complex_expectation if left[name].is_complex() else expectation)(left[name], right[name])
                for name in left
            }
            expected = {name: found for name, found in expected.items() if found}
            if run.code != (1 if expected else 0):
                return str(run)
            changed = {item["name"]: item for item in run.json()["tensors"]["changed"]}
            if set(changed) != set(expected):
                return f"{run}: {set(changed)} instead of {set(expected)}"
            for name, found in expected.items():
                for key, value in found.items():
                    said = changed[name][key]
                    said = float("inf") if said == "Infinity" else said
                    if left[name].is_complex() and key == "largest_absolute_difference":
                        # Squares are summed in an order of torch's own.
                        same = math.isclose(said or 0, value, rel_tol=1e-15)
                    else:
                        same = said == value
                    if not same:
                        return f"{run}: {name} {key} is {said} instead of {value}"
            return None

        seed = self.random.random()
        self.check_all(range(RANDOM_PAIRS), problem)

    def test_every_dtype_that_torch_has(self):
        rng = self.random
        for dtype in DTYPES:
            left = plain_tensor(rng, [dtype], [3, 4])
            right = left.clone()
            flat = right.reshape(-1).view(torch.uint8)
            flat[-1] = 0 if flat[-1] else 1
            paths = [self.scratch / f"{name}.safetensors" for name in "ab"]
            for path, tensor in zip(paths, (left, right)):
                save_file({"x": tensor}, path)
            run = peftkit("diff", *paths, "--json")
            self.assert_code(run, 1)
            change = run.json()["tensors"]["changed"][0]
            self.assertIn(change["different_count"], (1, 2) if DTYPES[dtype] == "F4" else (1,))
            self.assert_code(peftkit("diff", paths[0], paths[0]), 0)

    def test_what_peft_loads_the_same_is_the_same(self):
        source = FIXTURES / "adapters/lora"
        target = self.scratch / "adapter"
        self.assert_code(peftkit("convert", source, target, "--to", "torch", QUIET), 0)
        self.assert_code(peftkit("diff", source, target), 0)
        weights = torch.load(target / "adapter_model.bin")
        self.assertEqual(set(weights), set(load_file(source / WEIGHTS)))
        name = sorted(weights)[0]
        weights[name].view(-1)[0] += 1
        save(weights, target / "adapter_model.bin")
        run = peftkit("diff", source, target, "--json")
        self.assert_code(run, 1)
        self.assertEqual([item["name"] for item in run.json()["tensors"]["changed"]], [name])
        shutil.copy(FIXTURES / "adapters/ia3" / CONFIG, target / CONFIG)
        self.assertTrue(peftkit("diff", source, target, "--json").json()["config"]["changed"])
