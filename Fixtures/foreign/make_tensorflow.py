# SPDX-License-Identifier: Apache-2.0
"""Make small files of TensorFlow, Keras and Core ML Tools, as make_foreign.py does of other libraries.

usage: pip install tensorflow-cpu==2.21.0 keras==3.15.1 coremltools==9.0
       python make_tensorflow.py
"""

import shutil
import tempfile
from pathlib import Path

import coremltools
import keras
import numpy as np
import tensorflow as tf
from coremltools.converters.mil import Builder

HEAD = 2048


class Model(tf.Module):
    def __init__(self):
        self.w = tf.Variable(np.ones((2, 3), "f4"))

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def apply(self, x):
        return x @ self.w


@Builder.program(input_specs=[Builder.TensorSpec(shape=(1, 2))])
def program(x):
    return Builder.linear(x=x, weight=np.ones((3, 2), "f4"), bias=np.zeros(3, "f4"))


def main(folder):
    model = Model()
    concrete = model.apply.get_concrete_function()
    tf.saved_model.save(model, str(folder / "saved"))
    Path("saved_model.pb").write_bytes((folder / "saved/saved_model.pb").read_bytes()[:HEAD])
    tf.train.Checkpoint(m=model).write("tensorflow")
    tf.io.write_graph(concrete.graph.as_graph_def(), ".", "tensorflow-graph.pb", as_text=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
    Path("tensorflow.tflite").write_bytes(converter.convert())
    keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)]).save("keras.keras")
    coremltools.convert(program, convert_to="neuralnetwork", source="milinternal").save("coreml.mlmodel")
    package = folder / "coreml.mlpackage"
    coremltools.convert(program, convert_to="mlprogram", source="milinternal").save(str(package))
    shutil.copyfile(next(package.rglob("*.mlmodel")), "coreml-program.mlmodel")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        main(Path(name))
