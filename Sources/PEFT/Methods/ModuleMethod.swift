// SPDX-License-Identifier: Apache-2.0

/// A method whose weights belong to modules of the base model.
///
/// Such a method is mostly data: its sizes, and the tensors of a module. LoHa, for example:
///
/// ```swift
/// /// LoHa: a module's change is the product, element by element, of two low-rank products.
/// public struct LoHaMethod: ModuleMethod {
///   public init() {}
///   public var type: PEFTType { PEFTType(rawValue: "LOHA") }
///   public var parameterPrefix: String { "hada_" }
///   public var moduleSizes: [ModuleSize] {
///     [ModuleSize("r", default: 8, pattern: "rank_pattern")]
///   }
///
///   public func moduleForms(for config: AdapterConfig) -> [ModuleForm] {
///     let linear: [ModuleTensor] = [
///       .init("hada_w1_a", ["out", "r"]), .init("hada_w1_b", ["r", "in"]),
///       .init("hada_w2_a", ["out", "r"], untrained: .zeros), .init("hada_w2_b", ["r", "in"]),
///     ]
///     let convolution: [ModuleTensor] = [
///       .init("hada_w1_a", ["out", "r"]), .init("hada_w1_b", ["r", "in" * "k" * "k'"]),
///       .init("hada_w2_a", ["out", "r"], untrained: .zeros),
///       .init("hada_w2_b", ["r", "in" * "k" * "k'"]),
///     ]
///     return [
///       ModuleForm(.linear, tensors: linear), ModuleForm(.convolution(2), tensors: convolution),
///     ]
///   }
/// }
/// ```
///
/// Names are those in the file: without the adapter's name, below the module. Symbols that the base
/// model gives are `in` and `out` (features or channels, as PEFT counts them; of an embedding
/// `vocab` and `out`), `k`, `k'` and `k''` (the kernel, in the order of the weight's dimensions),
/// `groups`, and `experts`. Tensors that exist once are ``AdapterMethod/expectedTensors(for:)``, or
/// ``AdapterMethod/sharedTensors(for:modules:)`` if they depend on the modules. What else PEFT asks of
/// a config is ``rules``. Rules about weights that shapes cannot express go into
/// ``AdapterMethod/weightFindings(of:for:)``.
public protocol ModuleMethod: AdapterMethod where Config == AdapterConfig {
  /// The conditions on values of the config that PEFT checks, in addition to the minima of the sizes.
  var rules: [ConfigRule] { get }

  /// The keys of the config that a summary gives, besides the sizes and α.
  var summaryKeys: [SummaryKey] { get }

  /// The key of α, if the method has one.
  var alphaKey: String? { get }

  /// Whether the change of a module is multiplied by α / r, or α / √r: whether ``LoRAScales`` are its
  /// scales.
  var isScaledByRank: Bool { get }
}

extension ModuleMethod {
  public var rules: [ConfigRule] { [] }
  public var summaryKeys: [SummaryKey] { [] }
  public var alphaKey: String? { nil }
  public var isScaledByRank: Bool { false }
  public func config(_ config: AdapterConfig) -> AdapterConfig { config }
}
