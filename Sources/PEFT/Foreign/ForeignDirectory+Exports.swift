// SPDX-License-Identifier: Apache-2.0

extension ForeignDirectory {
  /// Files and folders of models in other libraries' formats: one of the names, and what it is.
  private static let exports: [(names: [String], kind: String)] = [
    (["saved_model.pb"], "a TensorFlow SavedModel"),
    (["tf_model.h5"], "a model of TensorFlow"),
    (["flax_model.msgpack", "flax_model.msgpack.index.json"], "a model of Flax"),
    (["model_state.pdparams", "inference.pdiparams"], "a model of Paddle"),
    (["openvino_model.xml"], "an OpenVINO model"),
    (["model.onnx", "decoder_model.onnx", "encoder_model.onnx"], "an ONNX model"),
    (["shared_vocabulary.json", "shared_vocabulary.txt"], "a CTranslate2 model"),
    (["Manifest.json", "com.apple.CoreML"], "a Core ML package"),
  ]

  /// A hint about a directory in the format of another library.
  static func exportHint(_ names: [String], _ folders: [String]) -> String? {
    for export in exports {
      if let name = export.names.first(where: { names.contains($0) || folders.contains($0) }) {
        return
          "\(name) belongs to \(export.kind), which PEFT does not load; use the checkpoint that "
          + "it was converted from"
      }
    }
    return nil
  }
}
