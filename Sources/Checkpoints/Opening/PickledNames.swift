// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// The names that the start of a pickle imports. It is read opcode by opcode, and nothing is executed.
struct PickledNames {
  /// The imported names, in order.
  private(set) var names: [QualifiedName] = []
  /// The text values, in order.
  private(set) var texts: [String] = []

  /// The text that each memo slot contains.
  private var memo: [Int: String] = [:]
  private var memoCount = 0
  /// The latest texts, which STACK_GLOBAL takes as module and name.
  private var latest: [String] = []
  private var latestIsText = false

  /// The most names and texts that are kept.
  private static let limit = 4096

  /// Reads a pickle as far as the bytes contain it.
  ///
  /// - Returns: nil when the bytes do not start as a pickle does.
  init?(_ head: [UInt8]) {
    guard Self.startsPickle(head) else { return nil }
    let bytes = head.span.rawBytes
    var position = 0
    var count = 0
    while position < bytes.byteCount, names.count < Self.limit, texts.count < Self.limit {
      // A frame may end beyond the bytes that were read.
      if bytes.byte(at: position) == Opcode.frame.rawValue {
        position += 9
        continue
      }
      var decoder = PickleDecoder(bytes.extracting(position..<bytes.byteCount))
      guard let step = try? decoder.next() else { break }
      add(step, head[position...])
      position += decoder.position
      count += 1
      if step.opcode == .stop { break }
    }
    guard count > 1 else { return nil }
  }

  /// Whether bytes start with PROTO and another opcode, or with a container or a name of protocols 0
  /// and 1.
  private static func startsPickle(_ head: [UInt8]) -> Bool {
    guard head.count > 2 else { return false }
    if head[0] == Opcode.proto.rawValue {
      return head[1] <= PickleDecoder.highestProtocol && Opcode(rawValue: head[2]) != nil
    }
    let starts = ["(dp", "(lp", "}q", "]q", "ccopy_reg\n", "ccopyreg\n", "c__builtin__\n"]
    return starts.contains { head.starts(with: $0.utf8) }
  }

  private mutating func add(_ step: PickleInstruction, _ bytes: ArraySlice<UInt8>) {
    func text(_ range: Range<Int>) -> String {
      let start = bytes.startIndex
      return String(
        decoding: bytes[start + range.lowerBound..<start + range.upperBound], as: UTF8.self)
    }
    switch (step.opcode, step.argument) {
    case (.global, .names(let module, let name)), (.inst, .names(let module, let name)):
      names.append(QualifiedName(module: text(module), name: text(name)))
      latestIsText = false
    case (.stackGlobal, _):
      guard latest.count == 2 else { break }
      names.append(QualifiedName(module: latest[0], name: latest[1]))
      latestIsText = false
    case (.shortBinUnicode, .bytes(let range)), (.binUnicode, .bytes(let range)),
      (.unicode, .bytes(let range)), (.shortBinString, .bytes(let range)):
      let value = text(range)
      texts.append(value)
      push(value)
    case (.memoize, _):
      if latestIsText { memo[memoCount] = latest.last }
      memoCount += 1
    case (.binPut, .integer(let slot)), (.longBinPut, .integer(let slot)):
      if latestIsText { memo[slot] = latest.last }
    case (.binGet, .integer(let slot)), (.longBinGet, .integer(let slot)):
      if let value = memo[slot] { push(value) } else { latestIsText = false }
    default: latestIsText = false
    }
  }

  private mutating func push(_ value: String) {
    latest = [latest.last, value].compactMap { $0 }
    latestIsText = true
  }
}

extension Impostor {
  /// The library that a pickle belongs to, by the top package of a name that it imports.
  private static let libraries: [String: String] = [
    "sklearn": "a scikit-learn model", "xgboost": "an XGBoost model",
    "lightgbm": "a LightGBM model", "catboost": "a CatBoost model", "gensim": "a gensim model",
    "pandas": "pandas tables", "scipy": "SciPy arrays", "jax": "JAX arrays",
    "jaxlib": "JAX arrays", "tensorflow": "TensorFlow objects", "keras": "a Keras model",
    "paddle": "Paddle objects", "spacy": "a spaCy model", "fastai": "a fastai learner",
    "joblib": "a joblib dump",
  ]

  /// The packages that any pickle may name.
  private static let common: Set = [
    "numpy", "builtins", "__builtin__", "collections", "copyreg", "copy_reg", "_codecs",
  ]

  /// The key that Paddle adds to its state dicts.
  private static let paddleKey = "StructuredToParameterName@@"

  /// A pickle that torch did not write; nil for a file that does not start as a pickle does.
  ///
  /// - Parameter head: the first bytes, of which torch's magic number is not the start.
  static func pickle(_ head: [UInt8], fileName: String) -> Impostor? {
    guard let pickle = PickledNames(head) else { return nil }
    let name = fileName.lowercased()
    if pickle.texts.contains(paddleKey)
      || [".pdparams", ".pdopt", ".pdstates"].contains(where: name.hasSuffix)
    {
      return Impostor(
        "a Python pickle of Paddle parameters",
        hint: "load it with paddle.load, and save its arrays as safetensors or npz")
    }
    func package(_ name: QualifiedName) -> String { String(name.module.prefix { $0 != "." }) }
    let other = pickle.names.filter { !common.contains(package($0)) }
    if let library = other.lazy.compactMap({ libraries[package($0)] }).first {
      return Impostor("a Python pickle of \(library)", hint: trust)
    }
    if let name = other.first(where: { package($0) != "torch" }) {
      return Impostor(
        "a Python pickle that imports \(name.module.excerpt).\(name.name.excerpt)", hint: trust)
    }
    if !other.isEmpty {
      return Impostor(
        "a Python pickle of torch objects, as pickle.dump writes them",
        hint: trust
          + "; if you trust its source, load it with pickle and save its tensors with torch.save")
    }
    if pickle.names.contains(where: { package($0) == "numpy" }) {
      return Impostor(
        "a Python pickle of NumPy arrays",
        hint: trust
          + "; if you trust its source, load it with pickle and save its arrays with numpy.savez")
    }
    if let name = pickle.names.first(where: { !isPlain($0) }) {
      return Impostor(
        "a Python pickle that imports \(name.module.excerpt).\(name.name.excerpt)", hint: trust)
    }
    return Impostor(
      "a Python pickle without tensors",
      hint: "name a file with tensors, such as one that torch.save wrote")
  }

  /// Whether a name only creates a plain value.
  private static func isPlain(_ name: QualifiedName) -> Bool {
    let module = ["__builtin__": "builtins", "copy_reg": "copyreg"][name.module] ?? name.module
    return AllowedGlobal.named(module: module, name: name.name) != nil
      || module == "copyreg" && name.name == "_reconstructor"
  }

  private static let trust = "such a file can do anything when Python loads it"
}
