// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension AttachmentRules {
  /// The form of a method that trains a copy of the layer; nil for other methods.
  func copy(of module: BaseModule) -> ModuleForm? {
    guard type.rawValue == "LN_TUNING", !module.parameters.isEmpty else { return nil }
    return ModuleForm(
      module.layerKind ?? .block,
      tensors: module.parameters.map { parameter in
        ModuleTensor(
          parameterPrefix + "layers." + parameter.name,
          parameter.shape?.dimensions.map { Extent("size", value: Int(exactly: $0)) } ?? [])
      })
  }

  /// The forms for a kind of layer; a method that adapts whole blocks takes modules of any kind.
  func forms(for kind: LayerKind?) -> [ModuleForm] {
    let fitting = forms.filter { form in kind.map(form.layers.contains) ?? false }
    return fitting.isEmpty ? forms.filter { $0.layers.contains(.block) } : fitting
  }

  /// The path of the module that a tensor of the method belongs to by its name, also without PEFT's
  /// prefix; nil for a tensor that is not the method's.
  func module(of name: String) -> String? {
    guard !parameterPrefix.isEmpty else { return nil }
    let start = name.hasPrefix(modelPrefix) ? modelPrefix.count : 0
    let path = name.dropFirst(start).components
    guard let end = path.lastIndex(where: { $0.hasPrefix(parameterPrefix) }), end > 0 else {
      return nil
    }
    var module = path[..<end]
    while module.last == "base_layer" { module.removeLast() }
    return module.isEmpty ? nil : module.dotted
  }
}
