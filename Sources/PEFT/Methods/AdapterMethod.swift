// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Tensors

/// A PEFT method: the tensors of its weights, and the rules between them and its configs.
///
/// ``MethodFields`` has the fields of its configs, by release.
/// Each method is one value in a folder of its own, and one line of ``AdapterMethods/all``.
public protocol AdapterMethod: Sendable {
  /// The config of the method with typed fields.
  associatedtype Config: Sendable

  /// The name of the method in `peft_type`.
  var type: PEFTType { get }

  /// Names that earlier releases of PEFT gave the method.
  var formerTypes: [PEFTType] { get }

  /// How PEFT matches the keys of the method's pattern objects, such as `rank_pattern`, with
  /// modules.
  var patternMatching: ModulePattern.Matching { get }

  /// Reads a config of the method.
  ///
  /// - Throws: `mismatch` when a key contains JSON of another type than its field.
  func config(_ config: AdapterConfig) throws(CheckpointError) -> Config

  /// PEFT's prefix of the method's parameters, `lora_`. A component of a tensor's name that begins
  /// with it ends the path of the module. Empty for methods without one, such as those of prompts.
  var parameterPrefix: String { get }

  /// Whether the method learns a prompt, so that its tensors belong to no module of the base model
  /// (PEFT's `is_prompt_learning`).
  var isPromptLearning: Bool { get }

  /// Whether the method learns several tasks, each with factors of its own.
  var hasTasks: Bool { get }
  /// Whether PEFT adapts the modules that are tied to a target along with it.
  var adaptsTiedModules: Bool { get }
  /// Whether PEFT adapts transformers' `Conv1D`, a linear layer whose weight is [in, out].
  var adaptsTransposedLayers: Bool { get }

  /// Whether PEFT leaves targets that the method cannot adapt as they are, and does not refuse them.
  var leavesOtherLayers: Bool { get }

  /// What is before the names of a module's own tensors, where the method trains a copy of the module.
  var copyPrefix: String? { get }

  /// The sizes that a config gives modules, such as `r`.
  var moduleSizes: [ModuleSize] { get }

  /// The keys of the config that call for tensors of a module, by the names of the tensors below it.
  var tensorKeys: [String: String] { get }

  /// The tensors of a module that the method adapts, for each kind of layer.
  ///
  /// - Returns: none for methods whose tensors belong to no module.
  func moduleForms(for config: Config) -> [ModuleForm]

  /// The values of a module's symbols, as far as the config tells them.
  ///
  /// - Parameters:
  ///   - config: the config of the adapter.
  ///   - module: the module's name in the base model.
  ///   - sizes: the sizes of the config; looking up a module takes from their budget.
  func values(
    of config: Config, in module: String, sizes: inout ModuleSizes
  ) -> ExtentValues

  /// Findings about several fields of a config together.
  func crossFieldFindings(of config: Config) -> [Finding]

  /// The tensors that a config calls for.
  ///
  /// - Parameter config: nil for a config that cannot be read. Extents that depend on it have no
  ///   value then.
  func expectedTensors(for config: Config?) -> [ExpectedTensor]

  /// The tensors that exist once and depend on the adapted modules, such as VeRA's shared factors.
  ///
  /// - Parameters:
  ///   - config: the config of the adapter.
  ///   - modules: the modules, in the order of their tensors.
  /// - Complexity: O(modules).
  func sharedTensors(for config: Config, modules: [AdaptedModule]) -> [ExpectedTensor]

  /// Whether a tensor that belongs to no module, and that the method does not expect, is the
  /// method's nevertheless: a part of a network whose layers the config does not tell.
  func ownsSharedTensor(_ name: TensorName) -> Bool

  /// Findings about weights beyond the presence and the shapes of the expected tensors.
  ///
  /// - Parameters:
  ///   - weights: the tensors of the adapter.
  ///   - config: nil for a config that cannot be read.
  func weightFindings(of weights: any TensorArchive, for config: Config?) -> [Finding]

  /// The order in which PEFT saves the method's tensors.
  ///
  /// - Parameters:
  ///   - tensors: the tensors of an archive.
  ///   - isSorted: whether a file format sorted them, so that their own order has no meaning.
  /// - Returns: nil when the tensors are not those of the method.
  func stateDictOrder(of tensors: [TensorInfo], isSorted: Bool) -> StateDictOrder?

  /// The sizes of an adapter, for a summary in one line.
  func summary(of config: Config, weights: any TensorArchive) -> [String]
}

extension AdapterMethod {
  public var formerTypes: [PEFTType] { [] }
  public var parameterPrefix: String { "" }
  public var isPromptLearning: Bool { false }
  public var hasTasks: Bool { false }
  public var adaptsTiedModules: Bool { false }
  public var copyPrefix: String? { nil }
  public var leavesOtherLayers: Bool { false }
  public var adaptsTransposedLayers: Bool { true }
  public var moduleSizes: [ModuleSize] { [] }
  public var tensorKeys: [String: String] { [:] }
  public func moduleForms(for config: Config) -> [ModuleForm] { [] }
  public var patternMatching: ModulePattern.Matching { .path }
  public func values(
    of config: Config, in module: String, sizes: inout ModuleSizes
  ) -> ExtentValues {
    sizes.values(for: module)
  }
  public func crossFieldFindings(of config: Config) -> [Finding] { [] }
  public func expectedTensors(for config: Config?) -> [ExpectedTensor] { [] }
  public func sharedTensors(for config: Config, modules: [AdaptedModule]) -> [ExpectedTensor] {
    []
  }
  public func ownsSharedTensor(_ name: TensorName) -> Bool { false }
  public func weightFindings(of weights: any TensorArchive, for config: Config?) -> [Finding] { [] }
  public func stateDictOrder(of tensors: [TensorInfo], isSorted: Bool) -> StateDictOrder? { nil }
  public func summary(of config: Config, weights: any TensorArchive) -> [String] { [] }
}
