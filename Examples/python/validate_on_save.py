# SPDX-License-Identifier: Apache-2.0
"""A callback of transformers' Trainer that checks every checkpoint as it is saved.

    trainer = Trainer(model, ..., callbacks=[ValidateOnSave()])

Training ends at the first checkpoint that PEFT would not load as it was trained, and not hours later. A check reads
the files of the adapter, which takes milliseconds, and nothing of the model.
"""

import logging
from pathlib import Path

import peftkit
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

logger = logging.getLogger(__name__)


class ValidateOnSave(TrainerCallback):
    """Logs the findings about each checkpoint, and ends training at one with errors.

    Args:
        stop: whether an error ends training; otherwise it is logged.
        options: those of `peftkit.validate`, such as `base`, `runtime="vllm"` or `ignore`.
    """

    def __init__(self, stop=True, **options):
        self.stop = stop
        self.options = options

    def on_save(self, args, state, control, **kwargs):
        # One process writes a checkpoint.
        if not state.is_world_process_zero:
            return
        path = Path(args.output_dir, f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")
        check = peftkit.validate(path, **self.options)
        for finding in check.findings:
            logger.log(logging.INFO if finding.severity == "note" else logging.WARNING, "%s: %s", path.name, finding)
        if check.errors and self.stop:
            raise RuntimeError(f"the checkpoint is not usable\n{check}")
