// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Tensors

/// The tensors of a model that have an entry for each token of the vocabulary, in its files
/// (spec/embedded-prompts.md, ET4).
struct VocabularyTensors: Sendable {
  /// What the entries of a tensor are.
  enum Role: Sendable, Hashable {
    /// Rows of the input embedding, or of a layer that is tied to it.
    case input
    /// Rows of an output layer of its own.
    case output
    /// Elements of the bias of the output layer.
    case bias
  }

  /// A tensor.
  struct Member: Sendable {
    let index: Int
    let role: Role
    let format: FloatFormat
    /// The number of elements of an entry.
    let width: Int
  }

  /// The tensors, in the order of the archive.
  let members: [Member]
  /// The number of entries.
  let count: Int
  /// The input embedding.
  let input: Member
  /// Whether the output layer is the input embedding.
  let isTied: Bool

  /// The names of modules in files, by their last component, besides those of the model's class.
  private static let usualInputs: Set<Substring> = [
    "embed_tokens", "wte", "word_embeddings", "shared", "embed_in", "tok_embeddings",
  ]
  private static let usualOutputs: Set<Substring> = ["lm_head", "embed_out"]
  /// The bias of the output of BART and its like, [1, vocabulary].
  private static let finalBias: TensorName = "final_logits_bias"

  /// Finds the tensors.
  ///
  /// - Throws: `missing` without an input embedding; `unsupported` for elements that are not in a
  ///   floating-point dtype of torch modules; `mismatch` when the config has another size of the
  ///   vocabulary.
  /// - Complexity: O(tensors).
  init(of archive: any TensorArchive, base: BaseModel) throws(CheckpointError) {
    let tree = base.modules()
    let tied = tree?.tied ?? []
    let output = tree?.outputEmbedding
    isTied = tied.contains { $0.module == output }
    // Files may have other names than the class, such as `embed_out`.
    let inputs = Self.usualInputs.union(
      ([tree?.inputEmbedding] + tied.filter { $0.module != output }.map(\.module)).compactMap {
        $0?.components.last
      })
    let outputs = Self.usualOutputs.union([output?.components.last].compactMap(\.self))
    let stated = base.textConfig["vocab_size"]?.integer ?? base.config["vocab_size"]?.integer
    guard let stated, stated > 0 else {
      throw CheckpointError(
        .missing, "has no \"vocab_size\" in its config, which new tokens change", path: base.path)
    }
    var members: [Member] = []
    var other: (name: TensorName, count: UInt)?
    for index in 0..<archive.tensorCount {
      let info = archive.tensor(at: index)
      let path = info.name.string.components
      guard let parameter = path.last, let module = path.dropLast().last ?? path.last else {
        continue
      }
      let extents = info.shape.dimensions
      let role: Role
      switch (parameter, extents.count) {
      case ("weight", 2) where inputs.contains(module): role = .input
      case ("weight", 2) where outputs.contains(module): role = isTied ? .input : .output
      case ("bias", 1) where outputs.contains(module) || module == "predictions": role = .bias
      case (_, 2) where info.name == Self.finalBias: role = .bias
      default: continue
      }
      let entries = info.name == Self.finalBias ? extents[1] : extents[0]
      guard entries == UInt(stated) else {
        if role == .input { other = other ?? (info.name, entries) }
        continue
      }
      guard let format = FloatFormat(info.dtype) else {
        throw CheckpointError(
          .unsupported, "cannot have rows for prompts: its dtype is \(info.dtype)",
          path: archive.path, tensor: info.name)
      }
      members.append(
        Member(
          index: index, role: role, format: format,
          width: role == .bias ? 1 : Int(clamping: extents[1])))
    }
    guard let input = members.first(where: { $0.role == .input }) else {
      if let other {
        throw CheckpointError(
          .mismatch, "has \(other.count) rows, but \"vocab_size\" of the config is \(stated)",
          path: archive.path, tensor: other.name)
      }
      throw CheckpointError(
        .missing, "has no input embedding of \(stated) rows under a known name", path: archive.path)
    }
    self.members = members
    self.input = input
    count = stated
  }

  /// Whether the files have an output layer that is not the input embedding.
  var hasOwnOutput: Bool { members.contains { $0.role == .output } }
}

/// The mean of the entries of a tensor: what an output layer has for a token that shall not be
/// generated. Its logit is then the mean of the others', which is never the largest.
enum MeanEntry {
  /// The mean, rounded once.
  ///
  /// - Complexity: O(elements); the tensor is read in pieces.
  static func bytes(
    of member: VocabularyTensors.Member, in archive: any TensorArchive
  ) throws(CheckpointError) -> [UInt8] {
    var sums = [Double](repeating: 0, count: member.width)
    var column = 0
    var total = 0
    try archive.readTensor(at: member.index) { piece in
      for place in 0..<piece.byteCount / member.format.byteCount {
        sums[column] += member.format.value(of: place, in: piece)
        column = column + 1 == member.width ? 0 : column + 1
        total += 1
      }
    }
    let entries = Double(max(1, total / max(1, member.width)))
    return member.format.bytes(rounded: sums.map { $0 / entries })
  }
}
