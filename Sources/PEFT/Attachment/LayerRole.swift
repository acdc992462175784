// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The place of a module in each layer of a stack of layers.
///
/// The module `model.layers.3.mlp.up_proj` has the role `mlp.up_proj` in the layer 3 of the stack
/// `model.layers`. The first number of a path is that of the layer.
package struct LayerRole: Hashable {
  /// The name of the stack: `model.layers`.
  package let stack: String
  /// The name in a layer: `mlp.up_proj`.
  package let place: String

  /// The module that an adapted layer wraps.
  private static let wrapped = "base_layer"

  /// The role and the layer of a module; nil for one outside of numbered layers.
  package static func of(_ module: String) -> (role: LayerRole, layer: Int)? {
    let path = module.components
    for (position, component) in path.enumerated() {
      guard let layer = Int(component), layer >= 0, position > 0 else { continue }
      let place = path[(position + 1)...].dotted
      // The numbered parts of a sequence are different modules.
      guard !place.isEmpty, place != Self.wrapped else { return nil }
      return (LayerRole(stack: path[..<position].dotted, place: place), layer)
    }
    return nil
  }
}
