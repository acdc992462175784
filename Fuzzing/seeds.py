# SPDX-License-Identifier: Apache-2.0
"""The inputs that fuzzing starts from: fixtures and test vectors, sorted by target."""

import io
import json
import pathlib
import struct
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LARGEST = 1 << 15

GLOBS = ["*\n", "*.lora_[AB].weight\nbase.layers.0.lora_A.weight", "a?c*d\nabcdd", "[!a-c]x\ndx", "[]]*\n]", "**a*?b\naab"]
RENAMES = [
    r"^base_model\.=" + "\nbase_model.a.b", r"(\w+)\.(\d+)=\2.\1" + "\nh.10", r"(?<a>x)=\g<a>y" + "\nx",
    r"(?=a)b|c=\0\\" + "\nc", r"[^.]+$=w" + "\na.b", "a{2,3}?=b\naaa", r"\bq\b=k" + "\nx.q.y",
]
EXPRESSIONS = [
    r".*\.(q|v)_proj" + "\nmodel.layers.0.q_proj", r"(?:a|b){1,3}?c$" + "\nabc", r"(?<=a)b(?!c)" + "\nab",
    r"(?P<n>x)\Ay\Z|[^\w\s.-]+" + "\nx", r"\d+\D\b\B\141" + "\n1a", r"(?#note)a*+|(?>b)|(?i)c|(?(1)a|b)\1" + "\nc",
    r"[\x41-\u0042]\N{DIGIT ONE}" + "\nA", r"^a.b$" + "\na\nb", r"(){0,5}" + "\n", r"layers\.(1[0-9]|2)\.mlp" + "\nlayers.12.mlp",
]
NAMES = ["5GB", "1.5 GiB", "100", "org/model@main", "gpt2", "hf://org/model", "0.21.2", "0.17.1.dev0", "1.0rc1", "refs/pr/1"]


def files(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and 0 < path.stat().st_size <= LARGEST and path.suffix not in (".py", ".md", ".swift"):
                yield path.read_bytes()


def pickles(data):
    """The pickles in a torch zip file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if name.endswith(".pkl"):
                    yield archive.read(name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return


def adapters():
    for path in sorted((ROOT / "Fixtures").rglob("adapter_config.json")):
        weights = path.parent / "adapter_model.safetensors"
        lines = []
        if weights.is_file():
            data = weights.read_bytes()
            header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
            lines = [
                " ".join([name, *map(str, tensor["shape"])])
                for name, tensor in header.items() if name != "__metadata__"
            ]
        yield path.read_bytes() + b"\n---\n" + "\n".join(lines[:32]).encode()


def seeds():
    """The seeds of each target."""
    torch = list(files("Fixtures/torch", "Tests/CheckpointScanTests/Vectors", "Tests/TorchCheckpointTests/Vectors"))
    zips = [data for data in torch if data[:4] == b"PK\3\4"]
    arrays = list(files("Tests/NumPyArchiveTests/Vectors", "Tests/CheckpointScanTests/Vectors/arrays"))
    distributed = list(files("Fixtures/distributed"))
    inner = [pickle for data in zips + distributed for pickle in pickles(data)]
    plain = [data for data in torch + distributed + list(files("Fixtures/foreign")) if data[:1] == b"\x80"]
    configs = [path.read_bytes() for path in sorted((ROOT / "Fixtures").rglob("*.json")) if "config" in path.as_posix() and path.stat().st_size <= LARGEST]
    documents = list(files("Fixtures/json"))
    safetensors = list(files("Fixtures/safetensors"))
    gguf = list(files("Fixtures/gguf"))
    return {
        "safetensors": safetensors + list(files("Fixtures/adapters")),
        "zip": zips + arrays,
        "torch": zips,
        "torch-legacy": [data for data in torch if data[:4] == b"\x80\2\x8a\n"],
        "torch-tar": [data for data in torch if data[257:262] == b"ustar" or b"storages" in data[:512]],
        "torch-pickle": inner,
        "scan": torch + arrays,
        "scan-pickle": inner + plain,
        "agreement": torch,
        "pickle": [bytes([number]) + data for data in inner + plain for number in (0, 3)],
        "state-dict-metadata": [data for data in distributed if data[:1] == b"\x80"],
        "zero-state": inner,
        "npy": [data for data in arrays if data[:6] == b"\x93NUMPY"],
        "npz": [data for data in arrays if data[:2] == b"PK"],
        "gguf": gguf,
        "checkpoint": list(files("Fixtures/foreign")) + safetensors[::9] + zips[::9] + arrays[::9] + gguf[::3] + documents[::9],
        "reference": list(files("Fixtures/references")),
        "json": documents + configs[::5],
        "config": configs,
        "adapter": list(adapters()),
        "shard-index": [path.read_bytes() for folder in ("Fixtures", "Tests") for path in sorted((ROOT / folder).rglob("*.index.json"))],
        "glob": [text.encode() for text in GLOBS],
        "rename": [text.encode() for text in RENAMES],
        "expression": [text.encode() for text in EXPRESSIONS],
        "module-pattern": [text.encode() for text in EXPRESSIONS],
        "name": [text.encode() for text in NAMES],
    }


if __name__ == "__main__":
    for name, inputs in seeds().items():
        print(f"{name:20} {len(inputs):5} {sum(map(len, inputs)):9}")
