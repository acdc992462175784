// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
public import PEFT
public import Tensors

/// The keys and values of a prefix tuning adapter: `prompt_embeddings`, [V, layers · 2 · heads ·
/// head_dim], in another order (spec/reference-outputs.md, F11).
public struct PrefixVerifier: ReferenceVerifier {
  private let embeddings: PromptEmbeddings
  private let headCount: Int?

  /// Creates a verifier.
  ///
  /// - Throws: `missing` or `mismatch` when the weights have no prefix.
  public init(_ adapter: Adapter) throws(CheckpointError) {
    embeddings = try PromptEmbeddings(adapter)
    headCount = adapter.config.document["num_attention_heads"]?.integer
  }

  public var layouts: [CaseLayout] { [.keyValues] }
  public var rule: NumericRule { .equality }

  public func verify(
    _ reference: ReferenceFile.Case, of file: ReferenceFile, rule: VerificationRule
  ) throws(CheckpointError) -> CaseVerdict {
    do throws(CheckpointError) {
      let sizes = try sizes(of: reference.result)
      // Runs of keys or values: of all layers, prompts, heads and tokens.
      let runCount = reference.result.elementCount / sizes[4]
      let (batch, heads, tokens, size) = (sizes[1], sizes[2], sizes[3], sizes[4])
      let layers = embeddings.width / (heads * size)
      return try embeddings.compare(reference, of: file, rule: rule) { run in
        guard run < runCount else { return nil }
        let head = run / tokens % heads
        let layer = run / tokens / heads / batch % layers
        let start = (layer * heads + head) * size
        return (run % tokens, start..<start + size)
      }
    } catch {
      throw error.inContext("case \(reference.name)").inFile(file.archive.path)
    }
  }

  /// The extents of a result that fits the prefix: [layers · 2, B, heads, V, head_dim], the first
  /// twice as large for a model of encoder and decoder.
  private func sizes(of result: TensorInfo) throws(CheckpointError) -> [Int] {
    let sizes = result.shape.dimensions.compactMap { Int(exactly: $0) }
    guard sizes.count == 5, sizes.allSatisfy({ $0 > 0 }), sizes[3] == embeddings.rowCount,
      headCount.map({ $0 == sizes[2] }) ?? true,
      case let (width, overflow) = sizes[2].multipliedReportingOverflow(by: sizes[4]), !overflow,
      embeddings.width % width == 0,
      [1, 2].contains(where: { sizes[0] == $0 * (embeddings.width / width) })
    else {
      let heads = headCount.map { String($0) } ?? "heads"
      let tokens = embeddings.rowCount
      throw CheckpointError(
        .mismatch,
        "has the shape \(result.shape), but the prefix [\(tokens), \(embeddings.width)] makes"
          + " [layers · 2, B, \(heads), \(tokens), head_dim]", tensor: result.name)
    }
    return sizes
  }
}
