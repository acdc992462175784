// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

/// The embeddings of the base model that an adapter contains whole.
///
/// PEFT saves the input and output embeddings when the vocabulary was resized, under the names that
/// the base model has for them (`save_embedding_layers`), and loads them again.
struct SavedEmbeddings {
  private let names: Set<TensorName>

  /// Looks for matrices of a width outside the numbered layers of the base model.
  ///
  /// - Parameter width: the width of the base model's embeddings.
  /// - Complexity: O(tensors).
  init(in weights: any TensorArchive, width: Int) {
    let candidates = weights.tensors.filter { Self.isOutsideLayers($0.name.string) }
    let matrices = candidates.filter {
      $0.name.string.hasSuffix(".weight") && $0.shape.rank == 2
        && $0.shape.dimensions[1] == UInt(width)
    }
    // An output embedding may have a bias of one number for each row.
    let rowCounts = Dictionary(
      matrices.map { ($0.name.string.dropLast("weight".count), $0.shape.dimensions[0]) },
      uniquingKeysWith: { first, _ in first })
    let biases = candidates.filter {
      $0.name.string.hasSuffix(".bias") && $0.shape.rank == 1
        && rowCounts[$0.name.string.dropLast("bias".count)] == $0.shape.dimensions[0]
    }
    names = Set((matrices + biases).map(\.name))
  }

  /// Whether a tensor is an embedding matrix or its bias.
  func contains(_ name: TensorName) -> Bool { names.contains(name) }

  /// A note about an embedding matrix; nil for its bias.
  func finding(about tensor: TensorInfo) -> Finding? {
    guard tensor.shape.rank == 2 else { return nil }
    return Finding(
      .note, "saved-embeddings",
      "\(tensor.name) \(tensor.shape) is an embedding matrix of the base model, which must have "
        + "\(tensor.shape.dimensions[0]) rows, too; PEFT saves it when the vocabulary was resized",
      tensor: tensor.name)
  }

  private static func isOutsideLayers(_ name: String) -> Bool {
    name.hasPrefix(AdapterConfig.baseModelPrefix)
      && !name.split(separator: ".").contains { $0.allSatisfy(\.isNumber) }
  }
}
