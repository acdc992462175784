// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// The tensors of an adapter under the names and in the layout of PEFT (spec/bridges.md, BR6).
struct PEFTTensors {
  private(set) var tensors: [ComposedTensor] = []
  /// Whether every tensor has the dtype of its source.
  private(set) var keepsDTypes = true
  private let dtype: DType?

  private static let prefix = "base_model.model."

  /// Lays the tensors out.
  ///
  /// - Parameter config: the config that is written, whose release tells the layout of experts.
  init(_ adapter: LowRankAdapter, config: AdapterConfig, dtype: DType?) {
    self.dtype = dtype
    var depths = ExpertNesting(adapter.modules)
    for module in adapter.modules {
      switch module.kind {
      case .linear:
        add(module.name, "lora_A.weight", module.a)
        add(module.name, "lora_B.weight", module.b)
      case .convolution:
        add(module.name, "lora_A.weight", module.a)
        add(module.name, "lora_B.weight", module.b)
      case .embedding:
        add(module.name, "lora_embedding_A", module.a)
        add(module.name, "lora_embedding_B", module.b)
      case .experts(let count, let isTransposed):
        let layout = ExpertLayout(config, isTransposed: isTransposed)
        let path = depths.path(of: module.name)
        let (rank, input, out) = (module.a.sizes[1], module.a.sizes[2], module.b.sizes[1])
        if layout.startsWithInputs {
          add(path, "lora_A.weight", module.a, shape: [count * rank, input])
          add(path, "lora_B.weight", module.b.permuted([1, 2, 0]), shape: [out, rank * count])
        } else {
          add(path, "lora_A.weight", module.b.transposed(1, 2), shape: [count * rank, out])
          add(path, "lora_B.weight", module.a.permuted([2, 1, 0]), shape: [input, rank * count])
        }
      }
      if let magnitude = module.magnitude {
        var shape = magnitude.sizes
        if case .convolution(let kernel) = module.kind {
          shape = [1] + shape + kernel.map { _ in 1 }
        }
        add(module.name, "lora_magnitude_vector", magnitude, shape: shape)
      }
      if let bias = module.bias { add(module.name, "lora_B.bias", bias) }
    }
    let adapted = Set(adapter.modules.map(\.name))
    for other in adapter.others { add(other, adapted: adapted) }
  }

  private mutating func add(
    _ module: String, _ leaf: String, _ view: FactorView, shape: [Int]? = nil
  ) {
    let written = dtype ?? view.dtype
    keepsDTypes = keepsDTypes && written == view.dtype
    tensors.append(
      ComposedTensor("\(Self.prefix)\(module).\(leaf)", view, dtype: written, shape: shape))
  }

  /// Adds a tensor that is not an update. Whole embeddings and biases of adapted modules are
  /// those of a base layer.
  private mutating func add(_ other: LowRankAdapter.OtherTensor, adapted: Set<String>) {
    var path = other.name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let leaf = path.removeLast()
    let module = path.joined(separator: ".")
    let isBase = [.wholeEmbedding, .bias].contains(other.kind) && adapted.contains(module)
    let isCast = other.view.dtype.isFloatingPoint
    let written = isCast ? dtype ?? other.view.dtype : other.view.dtype
    keepsDTypes = keepsDTypes && written == other.view.dtype
    tensors.append(
      ComposedTensor(
        "\(Self.prefix)\(module).\(isBase ? "base_layer." : "")\(leaf)", other.view,
        dtype: written))
  }
}

/// The paths of factors of stacked experts: of several parameters of one module the first is the
/// innermost.
struct ExpertNesting {
  private var counts: [String: Int] = [:]

  init(_ modules: [LowRankModule]) {
    for module in modules {
      guard case .experts = module.kind else { continue }
      counts[Self.parent(of: module.name), default: 0] += 1
    }
  }

  /// The path of the next parameter of a module; they must be asked for in the order of the module.
  mutating func path(of name: String) -> String {
    let parent = Self.parent(of: name)
    let left = (counts[parent] ?? 1) - 1
    counts[parent] = left
    return parent + String(repeating: ".base_layer", count: max(0, left))
  }

  /// The module of a parameter.
  static func parent(of name: String) -> String {
    name.utf8.lastIndex(of: UInt8(ascii: ".")).map { String(name[..<$0]) } ?? name
  }
}
