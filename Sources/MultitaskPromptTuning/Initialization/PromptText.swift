internal import Archives
internal import Checkpoints
internal import Files
internal import Kernels
internal import PEFT
public import Tensors

/// The text of a TEXT initialisation: token ids, and where the base model's word embeddings stand.
///
/// PEFT runs the tokenizer of the config; here its ids are given, special tokens included.
public struct PromptText: Sendable, Hashable {
  /// The file with the word embeddings, of any size: only the rows that are used are read.
  public var path: String
  /// The tensor in it, [vocabulary, token dimension].
  public var tensor: TensorName
  /// What the tokenizer makes of the text, `input_ids`.
  public var tokenIDs: [Int]

  /// Names a text.
  public init(path: String, tensor: TensorName, tokenIDs: [Int]) {
    self.path = path
    self.tensor = tensor
    self.tokenIDs = tokenIDs
  }

  /// One row for each virtual token: the ids repeated or cut to their number.
  ///
  /// - Throws: `missing`, `mismatch` or `unsupported` for a tensor that is none of word embeddings;
  ///   `invalidArgument` for ids that it does not have, or values that are not finite.
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
        "has the shape \(view.shape), and the config asks for [vocabulary, "
          + "\(dimensions.tokenDimension)]")
    }
    if let id = tokenIDs.first(where: { $0 < 0 || UInt($0) >= extents[0] }) {
      throw .invalidArgument("there is no token \(id): the embeddings have \(extents[0])")
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
