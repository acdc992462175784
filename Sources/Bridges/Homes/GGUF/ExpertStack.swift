// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// The factors of separate experts of a layer, which are one tensor in GGUF (spec/gguf-adapters.md, GA9).
struct ExpertStack {
  private let name: String
  private var experts: [(index: Int, module: LowRankModule)] = []

  /// Describes a tensor without experts.
  init(_ name: String) { self.name = name }

  /// Adds an expert.
  mutating func add(_ module: LowRankModule, at index: Int) { experts.append((index, module)) }

  /// The factors [experts, r, in] and [experts, out, r]. Smaller ranks are padded with zeros, and the
  /// factors of experts without an update are 0.
  ///
  /// - Throws: `missing` when the base model's config has no number of experts, `mismatch` for experts
  ///   of different sizes, or that the base model does not have.
  func tensors(
    _ base: GGUFBase, alpha: CommonAlpha, dtype: DType
  ) throws(CheckpointError) -> [ComposedTensor] {
    guard let count = base.expertCount, count > 0 else {
      throw CheckpointError(
        .missing, "the base model's config has no number of experts, which \(name) needs")
    }
    let (input, output) = (experts[0].module.a.sizes[1], experts[0].module.b.sizes[0])
    let rank = experts.map(\.module.scale.rank).max() ?? 1
    var (a, b): ([ComposedTensor.Piece], [ComposedTensor.Piece]) = ([], [])
    for (index, module) in experts {
      guard index < count, module.a.sizes[1] == input, module.b.sizes[0] == output else {
        throw CheckpointError(
          .mismatch,
          "\(module.name.printable) is not one of \(count) experts with \(input) inputs and \(output) "
            + "outputs")
      }
      // llama.cpp divides α by the padded rank.
      let padding = Double(rank) / Double(module.scale.rank)
      let factor = alpha.value == nil ? module.scale.scale : padding
      a.append(.init(try module.a.reshaped([1] + module.a.sizes), at: [index, 0, 0]))
      b.append(
        .init(try module.b.reshaped([1] + module.b.sizes), at: [index, 0, 0], factor: factor))
    }
    if let place = base.names.place(ofTensor: name.dropLast(".weight".count)) {
      let parts = base.names.entries[place.index].tensors.count
      let (rows, overflow) = output.multipliedReportingOverflow(by: parts)
      guard !overflow else {
        throw CheckpointError(.mismatch, "\(name) would have too many rows")
      }
      try base.check(place, input: input, output: rows, experts: count)
    }
    return [
      ComposedTensor(name + ".lora_a", dtype: dtype, shape: [count, rank, input], pieces: a),
      ComposedTensor(name + ".lora_b", dtype: dtype, shape: [count, output, rank], pieces: b),
    ]
  }
}
