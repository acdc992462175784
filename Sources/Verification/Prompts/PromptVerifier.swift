// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import MultitaskPromptTuning
public import PEFT
public import Tensors

/// The prompt of an adapter of prompt tuning or P-tuning: rows of `prompt_embeddings`
/// (spec/reference-outputs.md, F10).
public struct PromptVerifier: ReferenceVerifier {
  private let embeddings: PromptEmbeddings

  /// Creates a verifier.
  ///
  /// - Throws: `missing` or `mismatch` when the weights have no prompt [V, D].
  public init(_ adapter: Adapter) throws(CheckpointError) {
    embeddings = try PromptEmbeddings(adapter)
  }

  public var layouts: [CaseLayout] { [.prompts] }
  public var rule: NumericRule { .equality }

  public func verify(
    _ reference: ReferenceFile.Case, of file: ReferenceFile, rule: VerificationRule
  ) throws(CheckpointError) -> CaseVerdict {
    do throws(CheckpointError) {
      let indices = try indices(of: reference, in: file)
      return try embeddings.compare(reference, of: file, rule: rule) { row in
        row < indices.count ? (indices[row], 0..<embeddings.width) : nil
      }
    } catch {
      throw error.inContext("case \(reference.name)").inFile(file.archive.path)
    }
  }

  /// The row of the prompt for each row of the output, [B · L].
  private func indices(
    of reference: ReferenceFile.Case, in file: ReferenceFile
  ) throws(CheckpointError) -> [Int] {
    let result = reference.result
    let shape = result.shape
    guard shape.rank == 3, shape.dimensions[2] == UInt(embeddings.width),
      let length = Int(exactly: shape.dimensions[1])
    else {
      throw CheckpointError(
        .mismatch, "has the shape \(shape), but the adapter computes [B, L, \(embeddings.width)]",
        tensor: result.name)
    }
    let tokens = embeddings.rowCount
    guard let place = reference.places["indices"] else {
      guard length == tokens else {
        throw CheckpointError(
          .mismatch, "has \(length) positions and no indices, but the prompt has \(tokens) tokens",
          tensor: result.name)
      }
      return (0..<result.elementCount / embeddings.width).map { $0 % tokens }
    }
    let indices = try file.archive.integers(
      at: place, shape: Shape(Array(shape.dimensions.prefix(2))))
    if let wrong = indices.first(where: { !(0..<tokens).contains($0) }) {
      throw .invalidArgument("there is no virtual token \(wrong): the prompt has \(tokens)")
    }
    return indices
  }
}
