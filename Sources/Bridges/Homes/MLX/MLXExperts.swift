// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import LowRank
internal import PEFT
internal import Tensors

/// Puts the projections of stacked experts together as transformers 5 has them: the gate over the up
/// projection in one parameter (spec/mlx.md, MX6).
struct MLXExperts {
  private struct Factors {
    let a: FactorView
    let b: FactorView
  }

  private let scale: Double
  private var parents: [String] = []
  private var factors: [UTF8Text: [String: Factors]] = [:]
  private var path = ""

  init(scale: Double) {
    self.scale = scale
  }

  /// Adds the factors of a projection.
  ///
  /// - Parameters:
  ///   - leaf: the projection, such as `up_proj`.
  ///   - parent: the module with the experts in transformers.
  mutating func add(
    _ a: FactorView, _ b: FactorView, leaf: String, parent: String, path: String
  ) throws(CheckpointError) {
    self.path = path
    guard ["gate_proj", "up_proj", "down_proj"].contains(leaf) else {
      throw CheckpointError(
        .unsupported, "no rule has the name of \(leaf.printable) of experts in transformers",
        path: path)
    }
    if factors[UTF8Text(parent)] == nil { parents.append(parent) }
    factors[UTF8Text(parent), default: [:]][leaf] = Factors(a: a, b: b)
  }

  /// The parameters, in the order in which a module has them.
  ///
  /// - Complexity: O(elements of A of gates and up projections), which are read.
  func modules() throws(CheckpointError) -> [LowRankModule] {
    var modules: [LowRankModule] = []
    for parent in parents {
      let own = factors[UTF8Text(parent)] ?? [:]
      if let joined = try join(own["gate_proj"], own["up_proj"], "\(parent).gate_up_proj") {
        modules.append(joined)
      }
      if let down = own["down_proj"] {
        modules.append(module("\(parent).down_proj", down.a, down.b))
      }
    }
    return modules
  }

  private func module(_ name: String, _ a: FactorView, _ b: FactorView) -> LowRankModule {
    let rank = a.sizes[1]
    return LowRankModule(
      name: name, kind: .experts(count: a.sizes[0], isTransposed: false), a: a, b: b,
      scale: LoRAScale(rank: rank, alpha: scale * Double(rank), scale: scale))
  }

  /// Joins two projections. Those that share A, and one without the other, keep its rank; others get
  /// the sum of ranks, and B has a block for each.
  private func join(
    _ gate: Factors?, _ up: Factors?, _ name: String
  ) throws(CheckpointError) -> LowRankModule? {
    guard let first = gate ?? up else { return nil }
    let second = up ?? first
    guard first.a.sizes == second.a.sizes, first.b.sizes == second.b.sizes else {
      throw CheckpointError(
        .mismatch, "the gate and the up projection of \(name.printable) have other shapes",
        path: path)
    }
    let (count, rank, out) = (first.a.sizes[0], first.a.sizes[1], first.b.sizes[1])
    var shares = gate == nil || up == nil
    if !shares { shares = try first.a.hasSameElements(as: second.a) }
    let (width, overflow) = rank.multipliedReportingOverflow(by: shares ? 1 : 2)
    let (height, isTall) = out.multipliedReportingOverflow(by: 2)
    guard !overflow, !isTall else {
      throw CheckpointError(.mismatch, "\(name.printable) is too large", path: path)
    }
    let dtype = first.b.dtype == second.b.dtype ? first.b.dtype : .float32
    var pieces: [ComposedTensor.Piece] = []
    if let gate { pieces.append(.init(gate.b, at: [0, 0, 0])) }
    if let up { pieces.append(.init(up.b, at: [0, out, shares ? 0 : rank])) }
    var tensors = [
      ComposedTensor("\(name).b", dtype: dtype, shape: [count, height, width], pieces: pieces)
    ]
    if !shares {
      tensors.append(
        ComposedTensor(
          "\(name).a", dtype: first.a.dtype == second.a.dtype ? first.a.dtype : .float32,
          shape: [count, width, first.a.sizes[2]],
          pieces: [.init(first.a), .init(second.a, at: [0, rank, 0])]))
    }
    let archive = try ComposedArchive(
      path: path, format: CheckpointFormats.standard, tensors: tensors)
    return module(
      name, shares ? first.a : try FactorView(archive, at: 1), try FactorView(archive, at: 0))
  }
}
