// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import Kernels
internal import PEFT
public import Tensors

/// The text of a TEXT initialisation: its token ids, and the word embeddings of the base model.
///
/// PEFT runs the tokenizer of the config; here the caller provides its ids, special tokens
/// included.
public struct PromptText: Sendable, Hashable {
  /// The path of a checkpoint with the word embeddings. Only the rows of the ids are read.
  public var path: String
  /// The name of the embeddings in it, [vocabulary, token dimension].
  public var tensor: TensorName
  /// The `input_ids` of the text.
  public var tokenIDs: [Int]

  /// Creates a text.
  public init(path: String, tensor: TensorName, tokenIDs: [Int]) {
    self.path = path
    self.tensor = tensor
    self.tokenIDs = tokenIDs
  }

  /// Reads one row for each virtual token: the ids are repeated or truncated to their number.
  ///
  /// - Throws: `missing`, `mismatch` or `unsupported` for a tensor that does not contain word
  ///   embeddings; `invalidArgument` for ids outside the vocabulary and values that are not finite.
  func embeddings(
    for dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) -> ComputedTensor {
    guard !tokenIDs.isEmpty else { throw .invalidArgument("TEXT needs at least one token id") }
    let archive = try Checkpoint.open(path: path)
    guard let index = archive.index(of: tensor) else {
      throw CheckpointError(.missing, "has no tensor \"\(tensor.printable)\"", path: path)
    }
    do throws(CheckpointError) {
      return try archive.withTensor(at: index) { view throws(CheckpointError) in
        try rows(of: view, for: dimensions)
      }
    } catch {
      throw error.inFile(path).naming(tensor: tensor)
    }
  }

  private func rows(
    of view: TensorView, for dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) -> ComputedTensor {
    let extents = view.shape.dimensions
    guard extents.count == 2, extents[1] == UInt(dimensions.tokenDimension) else {
      throw CheckpointError(
        .mismatch,
        "has the shape \(view.shape), but the config requires [vocabulary, "
          + "\(dimensions.tokenDimension)]")
    }
    if let id = tokenIDs.first(where: { $0 < 0 || UInt($0) >= extents[0] }) {
      throw .invalidArgument("there is no token \(id): the embeddings have \(extents[0]) rows")
    }
    var values: [Double] = []
    values.reserveCapacity(dimensions.virtualTokenCount * dimensions.tokenDimension)
    for position in 0..<dimensions.virtualTokenCount {
      let id = tokenIDs[position % tokenIDs.count]
      let row = try view.rows(id..<id + 1)
      values += try row.finiteFormat().values(of: row.bytes)
    }
    return try ComputedTensor(
      .embeddings, shape: dimensions.shape(of: .embeddings), values: values,
      format: .float32)
  }
}
