// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Tensors
import TestSupport
import Testing

/// A file that is not a checkpoint, and what it is called.
struct NamedFile: CustomTestStringConvertible, Sendable {
  let file: String
  let name: String
  let hint: String?

  init(_ file: String, _ name: String, hint: String?) {
    (self.file, self.name, self.hint) = (file, name, hint)
  }

  var testDescription: String { file }

  private static let source = "use the checkpoint that it was converted from"
  private static let trust = "such a file can do anything when Python loads it"

  /// Files that the libraries themselves saved.
  static let saved = [
    Self(
      "hdf5.h5", "an HDF5 file, such as Keras writes",
      hint: "load it with Keras or h5py, and save its arrays as safetensors or npz"),
    Self(
      "hdf5-user-block.h5", "an HDF5 file, such as Keras writes",
      hint: "load it with Keras or h5py, and save its arrays as safetensors or npz"),
    Self(
      "onnx.onnx", "an ONNX model",
      hint: "use the checkpoint that it was exported from, or save its initializers as npz with "
        + "the onnx package"),
    Self(
      "onnx-no-producer.onnx", "an ONNX model",
      hint: "use the checkpoint that it was exported from, or save its initializers as npz with "
        + "the onnx package"),
    Self(
      "flax.msgpack", "a file of Flax parameters (msgpack)",
      hint: "load it with flax.serialization.msgpack_restore, and save its arrays with "
        + "safetensors.flax"),
    Self(
      "flax-many.msgpack", "a file of Flax parameters (msgpack)",
      hint: "load it with flax.serialization.msgpack_restore, and save its arrays with "
        + "safetensors.flax"),
    Self(
      "sentencepiece-bpe.model", "a SentencePiece vocabulary (a tokenizer)",
      hint: "name the weights file"),
    Self(
      "sentencepiece-unigram.model", "a SentencePiece vocabulary (a tokenizer)",
      hint: "name the weights file"),
    Self(
      "coreml.mlmodel", "a Core ML model",
      hint: "use the checkpoint that it was converted from"),
    Self(
      "coreml-program.mlmodel", "a Core ML model",
      hint: "use the checkpoint that it was converted from"),
    Self(
      "tensorflow.tflite", "a TensorFlow Lite model",
      hint: "use the checkpoint that it was converted from"),
    Self(
      "tensorflow-graph.pb", "a TensorFlow graph",
      hint: "use the checkpoint that it was converted from"),
    Self(
      "saved_model.pb", "a TensorFlow SavedModel",
      hint: "load its directory with tf.saved_model.load, and save its arrays as npz"),
    Self(
      "tensorflow.index", "an index of TensorFlow variables",
      hint: "load the checkpoint with tf.train.load_checkpoint, and save its arrays as npz"),
    Self(
      "tensorflow.data-00000-of-00001", "a file of TensorFlow variables",
      hint: "load the checkpoint with tf.train.load_checkpoint, and save its arrays as npz"),
    Self(
      "keras.keras", "a Keras model (.keras)",
      hint: "load it with Keras, and save its weights as safetensors or npz"),
    Self(
      "fasttext.bin", "a fastText model",
      hint: "load it with fasttext, and save its matrices as npy"),
    Self(
      "word2vec.bin", "a file of word vectors (word2vec)",
      hint: "load it with gensim's KeyedVectors, and save its vectors as npy"),
    Self(
      "word2vec.vec", "a file of word vectors (word2vec)",
      hint: "load it with gensim's KeyedVectors, and save its vectors as npy"),
    Self("ctranslate2.bin", "a CTranslate2 model", hint: source),
    Self("openvino.xml", "an OpenVINO model", hint: source),
    Self(
      "openvino.bin", "the weights file of an OpenVINO model, which openvino.xml describes",
      hint: source),
    Self("ncnn.param", "an ncnn model", hint: source),
    Self(
      "ncnn.bin", "the weights file of an ncnn model, which ncnn.param describes", hint: source),
    Self(
      "paddle.pdiparams", "a file of Paddle parameters (.pdiparams)",
      hint: "load it with Paddle, and save its arrays as npz"),
    Self("zstd.zst", "a zstd file", hint: "unpack it first"),
  ]

  /// Pickles, which `open` also says it did not execute.
  static let pickled = [
    Self(
      "paddle.pdparams", "a Python pickle of Paddle parameters",
      hint: "load it with paddle.load, and save its arrays as safetensors or npz"),
    Self(
      "paddle.pdopt", "a Python pickle of Paddle parameters",
      hint: "load it with paddle.load, and save its arrays as safetensors or npz"),
    Self("sklearn.pkl", "a Python pickle of a scikit-learn model", hint: trust),
    Self("sklearn.joblib", "a Python pickle of a scikit-learn model", hint: trust),
    Self("gensim.model", "a Python pickle of a gensim model", hint: trust),
    Self(
      "numpy.pkl", "a Python pickle of NumPy arrays",
      hint: trust
        + "; if you trust its source, load it with pickle and save its arrays with numpy.savez"),
    Self(
      "torch-dump.pkl", "a Python pickle of torch objects, as pickle.dump writes them",
      hint: trust
        + "; if you trust its source, load it with pickle and save its tensors with torch.save"),
    Self(
      "torch-module.pkl", "a Python pickle of torch objects, as pickle.dump writes them",
      hint: trust
        + "; if you trust its source, load it with pickle and save its tensors with torch.save"),
    Self(
      "plain.pkl", "a Python pickle without tensors",
      hint: "name a file with tensors, such as one that torch.save wrote"),
  ]
}

@Suite("What is not a checkpoint is called by its name (spec/command-line.md, L4)")
struct ImpostorTests {
  @Test("files of other libraries", arguments: NamedFile.saved)
  func saved(_ file: NamedFile) throws {
    let error = try #require(Self.failure(Fixtures.path("foreign/" + file.file)))
    #expect(error.message == "is \(file.name), not a checkpoint")
    #expect(error.hint == file.hint)
    #expect(error.code == .unrecognized)
  }

  @Test("pickles by what they contain, under any name", arguments: NamedFile.pickled)
  func pickled(_ file: NamedFile) throws {
    let path = Fixtures.path("foreign/" + file.file)
    let error = try #require(Self.failure(path))
    #expect(error.message == "is \(file.name), not a checkpoint; nothing was executed")
    #expect(error.hint == file.hint)
    let directory = try TemporaryDirectory()
    let copy = try directory.write(try bytes(of: path), to: "pytorch_model.bin")
    let same = try #require(Self.failure(copy))
    // Only a name tells arrays of Paddle from others.
    if file.file != "paddle.pdparams" { #expect(same.message == error.message) }
  }

  /// Files by their first bytes, as their formats define them.
  static let starts: [(String, [UInt8], String)] = [
    ("a.engine", Array("ftrt".utf8) + [0, 0, 0, 0], "a TensorRT engine"),
    (
      "b.engine", [2, 0, 0, 0] + Array("{}ftrt".utf8) + [0, 0, 0, 0], "a TensorRT engine"
    ),
    ("a.tflite", [28, 0, 0, 0] + Array("TFL3".utf8) + [1, 2, 3], "a TensorFlow Lite model"),
    ("a.pte", [28, 0, 0, 0] + Array("ET12".utf8) + [1, 2, 3], "an ExecuTorch program"),
    ("a.bin", Array("tjgg".utf8) + [3, 0, 0, 0], "a GGML model, which came before GGUF"),
    (
      "a.t7",
      [4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0] + Array("V 1".utf8) + [17, 0, 0, 0]
        + Array("torch.FloatTensor".utf8), "a file of Lua Torch (.t7)"
    ),
    (
      "table.t7", [3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0x61, 0x62, 1, 0],
      "a file of Lua Torch (.t7)"
    ),
    ("text.t7", Array("4\n1\n3\nV 1\n17\ntorch.FloatTensor\n".utf8), "a file of Lua Torch (.t7)"),
    (
      "m.index", [0, 1, 2] + [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB],
      "an index of TensorFlow variables"
    ),
    ("m.data-00000-of-00001", [1, 2, 3, 4], "a file of TensorFlow variables"),
    (
      "checkpoint", Array("model_checkpoint_path: \"m\"\n".utf8),
      "a list of TensorFlow's variable files"
    ),
    ("a.rar", [0x52, 0x61, 0x72, 0x21, 0x1A, 0x07, 1, 0], "a RAR archive"),
    ("a.lz4", [0x04, 0x22, 0x4D, 0x18, 0x60], "an lz4 file"),
    (
      "a.safetensors", Array("# xet version 0\nfilesize = 5\nhash = 'ab'\n".utf8), "a Xet pointer"
    ),
    ("b.bin", Array("/annex/objects/SHA256E-s5--ab.bin\n".utf8), "a git-annex pointer"),
    ("c.bin", Array("outs:\n- md5: ab\n  path: c.bin\n".utf8), "a DVC pointer"),
    (
      "d.bin", Array("../../blobs/abcdef0123456789".utf8),
      "a link of the Hub's cache that was saved as text"
    ),
    (
      "e.bin", Array("{\"error\":\"Repository not found\"}".utf8),
      "a server's error message (\"Repository not found\")"
    ),
    ("f.bin", Array("Entry not found".utf8), "a server's error message (\"Entry not found\")"),
    (
      "g.bin", Array("<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>".utf8),
      "a server's error message (XML)"
    ),
    ("h.bin", Array("<?xml version=\"1.0\"?><!DOCTYPE html><html>".utf8), "a web page"),
    ("i.bin", Array("<?xml version=\"1.0\"?><a/>".utf8), "an XML file"),
    (
      "a.safetensors.aria2", [0, 1, 0, 0, 0, 0],
      "a list that aria2 keeps of an unfinished download"
    ),
  ]

  @Test("files by their first bytes", arguments: starts)
  func made(name: String, contents: [UInt8], called: String) throws {
    let directory = try TemporaryDirectory()
    let error = try #require(Self.failure(try directory.write(contents, to: name)))
    #expect(error.message == "is \(called), not a checkpoint")
  }

  @Test("archives by the names in them")
  func archives() throws {
    let directory = try TemporaryDirectory()
    for (members, called) in [
      (
        ["lora/adapter_config.json", "lora/adapter_model.safetensors"],
        "a zip archive that contains lora/adapter_model.safetensors"
      ),
      (["metadata.json", "config.json", "model.weights.h5"], "a Keras model (.keras)"),
      (
        ["m/version", "m/byteorder"],
        "what torch.save leaves when it fails, a zip archive without data.pkl"
      ),
      (["m/saved_model.pb"], "a zip archive with a TensorFlow SavedModel"),
      (["a.txt", "b/c"], "a zip archive of other files, such as a.txt"),
    ] {
      let zip = RawZip(try members.map { try RawZip.Member($0, [1, 2]) })
      let error = try #require(Self.failure(try directory.write(zip.bytes(), to: "a.bin")))
      #expect(error.message == "is \(called), not a checkpoint")
    }
    for (member, called) in [
      ("./model_weights.ckpt", "a NeMo model (a tar archive)"),
      ("adapter_model.bin", "a tar archive that contains adapter_model.bin"),
      ("notes.txt", "a tar archive of other files, such as notes.txt"),
    ] {
      let error = try #require(Self.failure(try directory.write(tar(member), to: "a.bin")))
      #expect(error.message == "is \(called), not a checkpoint")
      #expect(error.hint?.hasPrefix("unpack it") == true)
    }
  }

  /// A tar archive of an empty file.
  private func tar(_ name: String) -> [UInt8] {
    var header = Array(name.utf8) + [UInt8](repeating: 0, count: 512 - name.utf8.count)
    header.replaceSubrange(124..<136, with: Array("00000000000\0".utf8))
    header.replaceSubrange(148..<156, with: Array("        ".utf8))
    header[156] = UInt8(ascii: "0")
    let sum = header.reduce(0) { $0 + Int($1) }
    let octal = String(sum, radix: 8)
    let digits = String(repeating: "0", count: 6 - octal.count) + octal
    header.replaceSubrange(148..<156, with: Array((digits + "\0 ").utf8))
    return header + [UInt8](repeating: 0, count: 1024)
  }

  static func failure(_ path: String) -> CheckpointError? {
    TestSupport.failure { () throws(CheckpointError) in _ = try Checkpoint.open(path: path) }
  }
}
