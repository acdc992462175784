# SPDX-License-Identifier: Apache-2.0
"""Make small files of other libraries, to test how peftkit names them. Run it in this directory.

usage: pip install h5py==3.16.0 onnx==1.23.2 msgpack==1.2.4 sentencepiece==0.2.3 gensim==4.4.0 \
           openvino==2026.4.1 paddlepaddle==3.3.1 ctranslate2==4.8.5 scikit-learn zstandard torch==2.13.0
       python make_foreign.py

`fasttext.bin` is the start of what fasttext-wheel 0.9.2 saved; the ncnn files were written by hand.
"""

import pickle
import tempfile
from pathlib import Path

import ctranslate2
import gensim.models
import h5py
import joblib
import msgpack
import numpy as np
import onnx
import openvino
import paddle
import sentencepiece
import torch
import zstandard
from onnx import helper
from openvino import opset8
from sklearn.linear_model import LogisticRegression

ARRAY = np.ones((2, 3), "f4")
HEAD = 2048


def hdf5():
    for name, block in (("hdf5.h5", 0), ("hdf5-user-block.h5", 512)):
        with h5py.File(name, "w", userblock_size=block) as file:
            file["a"] = ARRAY


def onnx_model():
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "g", [info("x", 1, [3])], [info("y", 1, [3])],
        [helper.make_tensor("w", 1, [3], [1, 2, 3])])
    onnx.save(helper.make_model(graph, producer_name="pytorch"), "onnx.onnx")
    unnamed = helper.make_model(graph)
    unnamed.ClearField("producer_name")
    onnx.save(unnamed, "onnx-no-producer.onnx")


def flax():
    """As flax.serialization packs arrays: an extension type with shape, dtype and bytes."""
    def array(value):
        parts = (value.shape, value.dtype.name, value.tobytes("C"))
        return msgpack.ExtType(1, msgpack.packb(parts, use_bin_type=True))
    one = {"params": {"dense": {"kernel": ARRAY}}}
    many = {f"layer{index}": {"kernel": ARRAY} for index in range(20)}
    Path("flax.msgpack").write_bytes(msgpack.packb(one, default=array))
    Path("flax-many.msgpack").write_bytes(msgpack.packb(many, default=array))


def sentence_pieces(folder):
    text = folder / "text"
    text.write_text("\n".join(f"hello world number {i} and the quick brown fox {i * 7}" for i in range(400)))
    for kind in ("unigram", "bpe"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=str(folder / kind), vocab_size=60, model_type=kind)
        Path(f"sentencepiece-{kind}.model").write_bytes((folder / f"{kind}.model").read_bytes()[:HEAD])


def word_vectors(folder):
    model = gensim.models.Word2Vec([["a", "b", "c"]] * 50, vector_size=8, min_count=1)
    model.wv.save_word2vec_format("word2vec.bin", binary=True)
    model.wv.save_word2vec_format("word2vec.vec", binary=False)
    model.save(str(folder / "gensim"))
    Path("gensim.model").write_bytes((folder / "gensim").read_bytes()[:HEAD // 2])


def paddle_files(folder):
    layer = paddle.nn.Linear(3, 2)
    paddle.save(layer.state_dict(), "paddle.pdparams")
    paddle.save(paddle.optimizer.Adam(parameters=layer.parameters()).state_dict(), "paddle.pdopt")
    spec = [paddle.static.InputSpec([1, 3], "float32")]
    paddle.jit.save(layer, str(folder / "inference"), input_spec=spec)
    Path("paddle.pdiparams").write_bytes((folder / "inference.pdiparams").read_bytes())


def runtimes(folder):
    parameter = opset8.parameter([1, 3], np.float32)
    model = openvino.Model([opset8.add(parameter, opset8.constant(np.ones((1, 3), "f4")))], [parameter], "m")
    openvino.save_model(model, "openvino.xml")

    class Spec(ctranslate2.specs.model_spec.ModelSpec):
        name, revision = "TransformerSpec", 7

        def __init__(self):
            self.w = ARRAY

    spec = Spec()
    spec.validate()
    spec._serialize("ctranslate2.bin")


def pickles():
    model = LogisticRegression().fit(np.arange(20).reshape(10, 2), [0, 1] * 5)
    joblib.dump(model, "sklearn.joblib")
    for name, value, protocol in (
        ("sklearn.pkl", model, 4),
        ("numpy.pkl", {"model": {"w": np.ones((3, 3), "f4")}, "__author__": "x"}, 2),
        ("torch-dump.pkl", {"w": torch.ones(3, 3)}, 4),
        ("torch-module.pkl", torch.nn.Linear(2, 2), 2),
        ("plain.pkl", {"a": 1}, 4),
    ):
        Path(name).write_bytes(pickle.dumps(value, protocol))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hdf5()
        onnx_model()
        flax()
        sentence_pieces(folder)
        word_vectors(folder)
        paddle_files(folder)
        runtimes(folder)
        pickles()
    Path("zstd.zst").write_bytes(zstandard.compress(b"hello" * 100))
