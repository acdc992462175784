# SPDX-License-Identifier: Apache-2.0
"""Digests of fixtures, by hashlib, the reference safetensors and the program in spec/digest.md."""

import json
import re
from pathlib import Path

from safetensors import deserialize

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FIXTURES = ROOT / "Fixtures"

# A key of its metadata comes twice, which peftkit refuses.
REFUSED = {"safetensors/accept/metadata-duplicate-key.safetensors"}


def specified_program():
    source = re.search(r"```python\n(.*?)```", (ROOT / "spec/digest.md").read_text(), re.S)[1]
    names = {"__name__": "digest"}
    exec(source, names)
    return names


def main():
    program = specified_program()
    files = []
    for pattern in ("safetensors/accept/*", "adapters/*/adapter_model", "torch/written/*"):
        for path in sorted(FIXTURES.glob(pattern + ".safetensors")):
            name = str(path.relative_to(FIXTURES))
            if name in REFUSED:
                continue
            tensors = sorted(deserialize(path.read_bytes()), key=lambda tensor: tensor[0].encode())
            entry = {"path": name, "digest": program["checkpoint_digest"](tensors)}
            if not name.startswith("torch/"):
                entry["tensors"] = [
                    [tensor, program["tensor_digest"](tensor, **content).hex()]
                    for tensor, content in tensors
                ]
            files.append(entry)
    lines = ",\n".join(json.dumps(entry) for entry in files)
    (HERE / "digests.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
