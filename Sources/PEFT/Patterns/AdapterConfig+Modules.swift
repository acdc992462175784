// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
internal import Tensors

extension AdapterConfig {
  private static let modelPrefix = "base_model.model."

  /// The modules that an adapter's tensors belong to, by their names in the base model, in the
  /// order of the tensors, each once.
  ///
  /// An adapter of a parameter (`target_parameters`) has its tensors in the module that holds the
  /// parameter, and patterns match the parameter's name: both names are given.
  ///
  /// - Returns: none if the config names more parameters than any adapter has.
  /// - Complexity: O(tensors), with a bounded number of comparisons each.
  public func adaptedModules(in weights: any TensorArchive) -> [String] {
    let parameters = TargetParameters(self)
    guard !parameters.isTooLarge, let prefix = try? method.parameterPrefix, !prefix.isEmpty
    else { return [] }
    var seen: Set<UTF8Text> = []
    var modules: [String] = []
    func add(_ module: String) {
      if seen.insert(UTF8Text(module)).inserted { modules.append(module) }
    }
    for index in 0..<weights.tensorCount {
      let name = weights.tensor(at: index).name.string
      guard let module = Self.module(of: name, parameterPrefix: prefix) else { continue }
      add(module)
      for parameter in parameters.names(in: module) { add(parameter) }
    }
    return modules
  }

  /// The module of a tensor such as `base_model.model.M.lora_A.weight`; nil for tensors of none.
  ///
  /// - Parameter parameterPrefix: the prefix of the method's parameters.
  static func module(of tensor: String, parameterPrefix: String) -> String? {
    let path = tensor.hasPrefix(modelPrefix) ? tensor.dropFirst(modelPrefix.count) : tensor[...]
    var components = path.components
    guard
      let end = components.firstIndex(where: { $0.hasPrefix(parameterPrefix) })
    else { return nil }
    components.removeSubrange(end...)
    // Several parameters of one module wrap one another.
    while components.last == "base_layer" { components.removeLast() }
    // Tensors that exist once are next to the model, not in it.
    guard !components.isEmpty, components != ["base_model"] else { return nil }
    return components.dotted
  }
}
