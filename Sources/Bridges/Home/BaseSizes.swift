// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// The sizes of the weights of a base model, by the names of modules.
struct BaseSizes {
  private let modules: ModuleTree?
  private let path: String

  /// Reads the names of a model.
  ///
  /// - Complexity: O(tensors · conversions), bounded.
  init(_ base: BaseModel) {
    modules = base.modules(for: AdapterConfig(document: ["peft_type": "LORA"]), adapted: [])
    path = base.path
  }

  /// The outputs and inputs of a module, or of a parameter without the dimension of experts; the
  /// dimensions and tokens of an embedding. Nil if the files of the base model do not tell them.
  func sizes(of name: String, isParameter: Bool) -> [Int]? {
    guard let modules else { return nil }
    var weight: Shape?
    var isReversed = false
    if isParameter, let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) {
      let leaf = String(name[name.utf8.index(after: dot)...])
      weight = modules[String(name[..<dot])]?.shape(of: leaf)
    } else if let module = modules[name] {
      weight = module.shape(of: "weight")
      isReversed = module.kind == .transposedLinear || module.kind == .embedding
    }
    guard let dimensions = weight?.dimensions, dimensions.count > 1 else { return nil }
    let sizes = dimensions.suffix(2).map { Int(clamping: $0) }
    return isReversed ? sizes.reversed() : sizes
  }

  /// Refuses an adapter with updates that do not fit the model (spec/bridges.md, BR15).
  ///
  /// - Throws: `mismatch` for a module that the model does not have, and for other sizes.
  func check(_ adapter: LowRankAdapter) throws(CheckpointError) {
    guard let modules else { return }
    for module in adapter.modules {
      let (name, isParameter) = (module.name, module.isParameter)
      let owner = isParameter ? name.components.dropLast().dotted : name
      guard modules[owner] != nil else {
        throw CheckpointError(
          .mismatch,
          "changes \(name.printable), which the base model \(path.printable) does not have",
          path: adapter.path)
      }
      let (input, output) = (module.a.sizes.last, module.b.sizes.dropLast().last)
      guard !module.isConvolution, let input, let output,
        let expected = sizes(of: name, isParameter: isParameter),
        expected != [output, input], !(module.isTransposed && expected == [input, output])
      else { continue }
      throw CheckpointError(
        .mismatch,
        "\(name.printable) has \(input) inputs and \(output) outputs, and in the base model "
          + "\(path.printable) \(expected[1]) and \(expected[0])", path: adapter.path)
    }
  }
}

extension LowRankModule {
  fileprivate var isParameter: Bool {
    if case .experts = kind { true } else { false }
  }

  fileprivate var isTransposed: Bool {
    if case .experts(_, let isTransposed) = kind { isTransposed } else { false }
  }

  fileprivate var isConvolution: Bool {
    if case .convolution = kind { true } else { false }
  }
}
