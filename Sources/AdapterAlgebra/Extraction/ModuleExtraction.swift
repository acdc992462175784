// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The update of one module, taken out of two models.
struct ModuleExtraction: Sendable {
  let module: LowRankModule
  /// ‖Δ‖.
  let norm: Double
  /// The measured distance of the update to Δ, in parts of the norm.
  let error: Double

  /// - Returns: nil where the weights do not differ.
  /// - Throws: `malformed` for elements that are not finite, `unsupported` for factors that their dtype
  ///   cannot hold, and what reading throws.
  init?(
    _ parameter: ModelPair.Parameter, _ options: ExtractionOptions, _ factors: ComputedFactors
  ) throws(CheckpointError) {
    let difference = parameter.difference
    let (rowCount, width) = (difference.rowCount, difference.width)
    let name = parameter.module.name
    let svd = try DifferenceSVD(difference, options: options, stream: Self.stream(of: name))
    let rank = svd.rank(upTo: min(options.rank, rowCount, width), keeping: options.energy)
    guard let pair = svd.factors(rank: rank) else { return nil }
    // transformers' Conv1D has the inputs as its rows.
    let isTransposed = parameter.module.kind == .transposedLinear
    let (a, b) =
      isTransposed
      ? (Self.transposed(pair.left, rowCount, rank), Self.transposed(pair.right, rank, width))
      : (pair.right, pair.left)
    var kernel: [Int] = []
    if case .convolution = parameter.module.kind {
      let shape = parameter.module.shape(of: "weight")?.dimensions ?? []
      kernel = shape.dropFirst(2).map { Int(clamping: $0) }
    }
    let inputs = isTransposed ? rowCount : width / max(1, kernel.reduce(1, *))
    let outputs = isTransposed ? width : rowCount
    module = LowRankModule(
      name: name, kind: kernel.isEmpty ? .linear : .convolution(kernel: kernel),
      a: try factors.view(
        "\(name): A", a, sizes: [rank, inputs] + kernel, dtype: options.dtype),
      b: try factors.view(
        "\(name): B", b, sizes: [outputs, rank] + kernel.map { _ in 1 }, dtype: options.dtype),
      scale: LoRAScale(rank: rank, alpha: Double(rank), scale: 1))
    norm = svd.norm
    let written = (try module.a.values(in: .float64), try module.b.values(in: .float64))
    let distance =
      isTransposed
      ? try difference.distance(
        to: Self.transposed(written.0, rank, rowCount),
        Self.transposed(written.1, width, rank), rank: rank)
      : try difference.distance(to: written.1, written.0, rank: rank)
    error = distance / norm
  }

  /// The transpose of a matrix [rowCount, width].
  private static func transposed(_ values: [Double], _ rowCount: Int, _ width: Int) -> [Double] {
    var result = [Double](repeating: 0, count: values.count)
    for row in 0..<rowCount {
      for column in 0..<width { result[column * rowCount + row] = values[row * width + column] }
    }
    return result
  }

  /// The stream of a module's random numbers: the FNV-1a hash of its name, so that it does not depend
  /// on other modules.
  private static func stream(of name: String) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
