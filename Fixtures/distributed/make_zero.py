# SPDX-License-Identifier: Apache-2.0
"""Make checkpoints of DeepSpeed's ZeRO, and what DeepSpeed's zero_to_fp32 puts together.

    DS_BUILD_OPS=0 pip install deepspeed
    python make_zero.py

Trains a small model for two steps in several processes on the CPU. See ../README.md for what the files are.
"""

import contextlib
import io
import os
import shutil
import tempfile
from pathlib import Path

import distributed_cases

HERE = Path(__file__).resolve().parent
# Name, stage, processes, dtype, smallest parameter that stage 3 divides.
CASES = [
    ("zero1-bf16", 1, 2, "bf16", 0),
    ("zero2-fp32", 2, 3, "fp32", 0),
    ("zero2-bf16", 2, 2, "bf16", 0),
    ("zero3-fp32", 3, 2, "fp32", 20),
    ("zero3-bf16", 3, 3, "bf16", 0),
]


def model():
    """Two groups of parameters, some of them frozen or shared, and a buffer."""
    import torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(11, 6)
            self.first = torch.nn.Linear(6, 7)
            self.frozen = torch.nn.Linear(7, 5).requires_grad_(False)
            self.norm = torch.nn.LayerNorm(5)
            self.back = torch.nn.Linear(5, 6)
            self.head = torch.nn.Linear(6, 11, bias=False)
            self.head.weight = self.embedding.weight
            self.register_buffer("counts", torch.arange(4))
            self.register_buffer("scales", torch.rand(3))

        def forward(self, ids):
            hidden = self.first(self.embedding(ids).mean(1))
            return self.head(self.back(self.norm(self.frozen(hidden)))) * self.scales.sum().to(hidden.dtype)

    torch.manual_seed(0)
    return Model()


def train(rank, count, name, stage, dtype, threshold):
    os.environ |= {"LOCAL_RANK": str(rank), "LOCAL_SIZE": str(count), "DS_ACCELERATOR": "cpu"}
    import deepspeed
    import torch

    network = model()
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.dim() > 1], "weight_decay": 0.1},
        {"params": [parameter for parameter in trained if parameter.dim() == 1], "weight_decay": 0.0},
    ]
    config = {
        "train_micro_batch_size_per_gpu": 3,
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": threshold},
    }
    if dtype == "bf16":
        config["bf16"] = {"enabled": True}
    engine, *_ = deepspeed.initialize(
        model=network, optimizer=torch.optim.AdamW(groups, lr=0.01), config=config
    )
    generator = torch.Generator().manual_seed(rank)
    for _ in range(2):
        output = engine(torch.randint(0, 11, (3, 4), generator=generator))
        engine.backward(output.float().pow(2).mean())
        engine.step()
    engine.save_checkpoint(name)


def main():
    from deepspeed.utils.zero_to_fp32 import convert_zero_checkpoint_to_fp32_state_dict
    from safetensors.torch import save_file
    import torch

    os.chdir(HERE)
    for name, stage, count, dtype, threshold in CASES:
        shutil.rmtree(name, ignore_errors=True)
        distributed_cases.run(count, train, name, stage, dtype, threshold)
        for script in Path(name).glob("*.py"):
            script.unlink()  # DeepSpeed's own, copied into every checkpoint.
        with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
            convert_zero_checkpoint_to_fp32_state_dict(name, scratch, max_shard_size=None)
            whole = torch.load(Path(scratch) / "pytorch_model.bin")
        save_file({key: tensor.clone() for key, tensor in whole.items()}, f"{name}.safetensors")


if __name__ == "__main__":
    main()
