# SPDX-License-Identifier: Apache-2.0
"""Save modules and other values with the torch that runs this, and their tensors as NumPy arrays.

    python old_torch_save.py OUT

Run by `old_torch.py`, with Python 3.8 at least.
"""

import ctypes
import sys
import warnings
from pathlib import Path

import module_cases
import numpy
import torch


def array(tensor):
    """The bytes of a tensor."""
    flat = tensor.detach().contiguous()
    content = ctypes.string_at(flat.data_ptr(), flat.numel() * flat.element_size()) if flat.numel() else b""
    return numpy.frombuffer(content, numpy.uint8)


def save(value, tensors, path, **options):
    try:
        torch.save(value, str(path), **options)
    except (AttributeError, TypeError):
        if path.exists():
            path.unlink()  # This torch has one format only, or cannot pickle the module.
        return
    numpy.savez(str(path.with_suffix(".npz")), **{name or "?": array(tensor) for name, tensor in tensors.items()})


def main(out):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    for name, build in module_cases.builders().items():
        try:
            module = build()
            state = module.state_dict()
        except (ArithmeticError, AttributeError, TypeError, RuntimeError):
            continue
        save(module, state, out / (name + ".pt"))
        save(module, state, out / (name + "-legacy.pt"), _use_new_zipfile_serialization=False)
        save(module, state, out / (name + "-zip.pt"), _use_new_zipfile_serialization=True)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    tensors = {"model." + name: tensor for name, tensor in model.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        for key, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors["optimizer.state.{}.{}".format(index, key)] = value
    training = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    save(training, tensors, out / "training.pt")
    for name, value in module_cases.hyper_parameters().items():
        try:
            save({"w": torch.ones(2), name: value}, {"w": torch.ones(2)}, out / ("value-" + name + ".pt"))
        except Exception as error:
            print(name, error)
    scripted = torch.jit.trace(torch.nn.Sequential(torch.nn.Linear(3, 2)), torch.ones(1, 3))
    torch.jit.save(scripted, str(out / "script.pt"))
    state = scripted.state_dict().items()
    numpy.savez(str(out / "script.npz"), **{name: array(tensor) for name, tensor in state})


if __name__ == "__main__":
    main(sys.argv[1])
