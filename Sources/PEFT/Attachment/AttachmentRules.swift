// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

/// The description of the weights of one config by its method, without the type of its configs.
struct AttachmentRules: Sendable {
  let type: PEFTType
  let parameterPrefix: String
  let isPromptLearning: Bool
  let adaptsTiedModules: Bool
  let adaptsTransposedLayers: Bool
  let leavesOtherLayers: Bool
  let forms: [ModuleForm]
  /// The tensors that exist once.
  let expected: [ExpectedTensor]
  /// The tensors that exist once and depend on the modules.
  let sharedTensors: @Sendable ([AdaptedModule]) -> [ExpectedTensor]
  /// Whether a tensor that belongs to no module and is not expected is nevertheless the method's.
  let ownsSharedTensor: @Sendable (TensorName) -> Bool
  let copyPrefix: String?
  let moduleSizes: [ModuleSize]
  let tensorKeys: [String: String]
  let patternMatching: ModulePattern.Matching
  let config: AdapterConfig
  /// The findings of the method itself about weights.
  let weightFindings: @Sendable (any TensorArchive) -> [Finding]
  private var sizes: ModuleSizes
  private let lookup: @Sendable (String, inout ModuleSizes) -> ExtentValues

  /// Creates the rules of a config.
  init<Method: AdapterMethod>(_ method: Method, _ adapterConfig: AdapterConfig) {
    let config = try? method.config(adapterConfig)
    type = method.type
    parameterPrefix = method.parameterPrefix
    isPromptLearning = method.isPromptLearning
    adaptsTiedModules = method.adaptsTiedModules
    adaptsTransposedLayers = method.adaptsTransposedLayers
    leavesOtherLayers = method.leavesOtherLayers
    forms = config.map(method.moduleForms) ?? []
    expected = method.expectedTensors(for: config)
    sharedTensors = { modules in
      config.map { method.sharedTensors(for: $0, modules: modules) } ?? []
    }
    ownsSharedTensor = { method.ownsSharedTensor($0) }
    copyPrefix = method.copyPrefix
    moduleSizes = method.moduleSizes
    tensorKeys = method.tensorKeys
    patternMatching = method.patternMatching
    self.config = adapterConfig
    weightFindings = { method.weightFindings(of: $0, for: config) }
    sizes = ModuleSizes(
      method.moduleSizes, of: adapterConfig, matching: method.patternMatching)
    lookup = { module, sizes in
      config.map { method.values(of: $0, in: module, sizes: &sizes) } ?? ExtentValues()
    }
  }

  /// Whether the method's tensors are described, so that others do not belong to it.
  var isDescribed: Bool { !forms.isEmpty || !expected.isEmpty }

  /// The values of a module's symbols that the config gives.
  mutating func values(for module: String) -> ExtentValues { lookup(module, &sizes) }

  /// What PEFT puts in front of a module's name in the base model.
  var modelPrefix: String {
    isPromptLearning ? AdapterConfig.baseModelPrefix : TensorPath.modelPrefix
  }

  /// Whether PEFT trains and saves biases of the base model.
  var learnsBias: Bool { (config.document["bias"]?.string ?? "none") != "none" }

  /// The key of the config that calls for a tensor of a module; numbered ones have one key together.
  func tensorKey(of leaf: String) -> String? {
    if let key = tensorKeys[leaf] { return key }
    let last = NumberedName.last(of: leaf)
    return Int(last) == nil ? nil : tensorKeys[String(NumberedName.parent(of: leaf))]
  }

  /// The key of the config that a symbol comes from, if it does.
  func key(of symbol: String) -> String? {
    moduleSizes.first { $0.symbol == symbol }?.key
  }
}
