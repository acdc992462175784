// SPDX-License-Identifier: Apache-2.0

extension Impostor {
  private static let fetchAgain = "the download probably failed; download the file again"
  static let unpackFirst = "unpack it first"

  /// Files without contents of their own.
  static let signs: [Kind] = [
    Kind("an empty file", hint: fetchAgain, .rule { $0.head.isEmpty }),
    Kind(.appleDouble, .bytes([0x00, 0x05, 0x16, 0x07])),
    Kind(
      "an HDF5 file, such as Keras writes",
      hint: "load it with Keras or h5py, and save its arrays as safetensors or npz",
      // A block of the user's own may precede the format.
      .rule { ends in
        [0, 512, 1024, 2048].contains { ends.head.dropFirst($0).starts(with: hdf5Magic) }
      }),
    Kind(
      "a file that starts with zeros only", hint: fetchAgain,
      .rule { $0.head.prefix(512).allSatisfy { $0 == 0 } }),
  ]

  private static let hdf5Magic: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Archives and other files with a magic number.
  static let binaries: [Kind] = [
    Kind("a gzip file", hint: unpackFirst, .bytes([0x1F, 0x8B])),
    Kind("a 7z archive", hint: unpackFirst, .bytes([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C])),
    Kind("a RAR archive", hint: unpackFirst, .bytes([0x52, 0x61, 0x72, 0x21, 0x1A, 0x07])),
    Kind("an xz file", hint: unpackFirst, .bytes([0xFD, 0x37, 0x7A, 0x58, 0x5A])),
    Kind("a zstd file", hint: unpackFirst, .bytes([0x28, 0xB5, 0x2F, 0xFD])),
    Kind("an lz4 file", hint: unpackFirst, .bytes([0x04, 0x22, 0x4D, 0x18])),
    Kind("a bzip2 file", hint: unpackFirst, .ascii("BZh")),
    Kind("a Parquet file (a data set)", .ascii("PAR1")),
    Kind("a program", .bytes([0x7F, 0x45, 0x4C, 0x46])),
    Kind("a file of torch's preview format, which nothing reads", .ascii("PYTORCH1")),
  ]

  /// The way on from a file that was made for running a model.
  private static let useSource = "use the checkpoint that it was converted from"

  /// Models and vocabularies of other libraries.
  static let models: [Kind] = [
    Kind(
      "a GGML model, which came before GGUF", hint: useSource,
      .ascii("lmgg"), .ascii("fmgg"), .ascii("tjgg"), .ascii("algg")),
    Kind("a TensorFlow Lite model", hint: useSource, .ascii("TFL3", at: 4)),
    Kind("an ExecuTorch program", hint: useSource, .ascii("ET12", at: 4)),
    Kind("an ONNX Runtime model", hint: useSource, .ascii("ORTM", at: 4)),
    Kind("a TensorRT engine", hint: useSource, .rule { $0.isTensorRTEngine }),
    Kind(
      "an ncnn model", hint: useSource, .bytes([0xDD, 0x85, 0x76, 0x00]), .ascii("7767517\n"),
      .ascii("7767517\r\n")),
    Kind("a CTranslate2 model", hint: useSource, .rule { $0.isCTranslate2 }),
    Kind(
      "a fastText model",
      hint: "load it with fasttext, and save its matrices as npy",
      .bytes([0xBA, 0x16, 0x4F, 0x2F])),
    Kind(
      "a file of word vectors (word2vec)",
      hint: "load it with gensim's KeyedVectors, and save its vectors as npy",
      .rule { $0.isWordVectors }),
    Kind(
      "a file of Lua Torch (.t7)",
      hint: "load it with the torchfile package of Python, and save its arrays as npz",
      .ascii("4\n1\n3\nV 1\n"), .rule { $0.isLuaTorch }),
    Kind(
      "a file of Flax parameters (msgpack)",
      hint: "load it with flax.serialization.msgpack_restore, and save its arrays with "
        + "safetensors.flax", .rule { $0.isFlax }),
    Kind(
      "a file of Paddle parameters (.pdiparams)",
      hint: "load it with Paddle, and save its arrays as npz", .rule { $0.isPaddleParameters }),
    Kind(
      "an index of TensorFlow variables",
      hint: "load the checkpoint with tf.train.load_checkpoint, and save its arrays as npz",
      .end([0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB])),
    Kind(
      "an ONNX model",
      hint:
        "use the checkpoint that it was exported from, or save its initializers as npz with the "
        + "onnx package", .rule { ProtobufMessage($0)?.isONNX == true }),
    Kind(
      "a TensorFlow SavedModel",
      hint: "load its directory with tf.saved_model.load, and save its arrays as npz",
      .rule { ProtobufMessage($0)?.isSavedModel == true }),
    Kind(
      "a Core ML model", hint: useSource, .rule { ProtobufMessage($0)?.isCoreML == true }),
    Kind(
      "a TensorFlow graph", hint: useSource,
      .rule { ProtobufMessage($0)?.isTensorFlowGraph == true }),
    Kind(
      "a SentencePiece vocabulary (a tokenizer)", hint: "name the weights file",
      .rule { ProtobufMessage($0)?.isSentencePiece == true }),
  ]
}

extension FileEnds {
  /// A plan, or what Ultralytics writes: a length, as much JSON, and the plan.
  fileprivate var isTensorRTEngine: Bool {
    let magic = Array("ftrt".utf8)
    if head.starts(with: magic) { return true }
    guard let length = number(at: 0), head.count > 4, head[4] == UInt8(ascii: "{"),
      length <= UInt32(Self.byteCount)
    else { return false }
    return head.dropFirst(4 + Int(length)).starts(with: magic)
  }

  /// A version, and the name of a specification with a NUL at its end, after its length.
  fileprivate var isCTranslate2: Bool {
    guard let version = number(at: 0), (1...64).contains(version), head.count > 6 else {
      return false
    }
    let end = 6 + (Int(head[4]) | Int(head[5]) << 8)
    guard end > 7, end <= 6 + 128, end <= head.count, head[end - 1] == 0 else { return false }
    return printable(6..<end - 1)?.hasSuffix("Spec") == true
  }

  /// A line of two numbers, how many words and how many dimensions, and then the first word.
  fileprivate var isWordVectors: Bool {
    let line = head.prefix(24).prefix { $0 != 0x0A }
    guard line.count < head.count, line.count < 24 else { return false }
    let numbers = line.split(separator: 0x20, omittingEmptySubsequences: false)
    guard numbers.count == 2 else { return false }
    return numbers.allSatisfy { digits in
      (1...10).contains(digits.count) && digits.first != 0x30
        && digits.allSatisfy { (0x30...0x39).contains($0) }
    }
  }

  /// A tensor or module with its version, or a table whose first key is text or a number.
  fileprivate var isLuaTorch: Bool {
    guard number(at: 4) == 1, let third = number(at: 8) else { return false }
    switch number(at: 0) {
    case 4: return third == 3 && printable(12..<15) == "V 1"
    case 3:
      guard third > 0, third < 1 << 24, let key = number(at: 12) else { return false }
      if key == 1 { return head.count > 24 }
      guard key == 2, let length = number(at: 16), (1...256).contains(length) else { return false }
      return printable(20..<20 + Int(length)) != nil
    default: return false
    }
  }

  /// A map whose first key is a name, and whose first value is a map or an array of its own type.
  fileprivate var isFlax: Bool {
    var start = 1
    switch head.first ?? 0 {
    case 0x81...0x8F: break
    case 0xDE: start = 3
    case 0xDF: start = 5
    default: return false
    }
    guard start < head.count else { return false }
    let length: Int
    switch head[start] {
    case 0xA1...0xBF: length = Int(head[start] & 0x1F)
    case 0xD9 where start + 1 < head.count:
      start += 1
      length = Int(head[start])
    default: return false
    }
    let end = start + 1 + length
    guard end < head.count, length > 0, printable(start + 1..<end) != nil else { return false }
    switch head[end] {
    // A map, an extension type, or a number, as that of steps is.
    case 0x80...0x8F, 0xDE, 0xDF, 0xC7...0xC9, 0xD4...0xD8, 0xC0, 0x00...0x7F, 0xCC...0xCF:
      return true
    default: return false
    }
  }

  /// A version of 0, no levels, another version of 0, and a short description of a tensor.
  fileprivate var isPaddleParameters: Bool {
    guard head.prefix(16).allSatisfy({ $0 == 0 }), let length = number(at: 16) else { return false }
    return (2...256).contains(length) && head.count > 22 && head[20] == 0x08 && head[22] == 0x10
  }
}
