// SPDX-License-Identifier: Apache-2.0

/// The place of a module in each layer of a stack of layers.
///
/// The module `model.layers.3.mlp.up_proj` has the role `mlp.up_proj` in the layer 3 of the stack
/// `model.layers`. The first number of a path is that of the layer.
struct LayerRole: Hashable {
  let stack: String
  let place: String

  /// The role and the layer of a module; nil for one outside of numbered layers.
  static func of(_ module: String) -> (role: LayerRole, layer: Int)? {
    let path = module.split(separator: ".", omittingEmptySubsequences: false)
    for (position, component) in path.enumerated() {
      guard let layer = Int(component), layer >= 0, position > 0 else { continue }
      let role = LayerRole(
        stack: path[..<position].joined(separator: "."),
        place: path[(position + 1)...].joined(separator: "."))
      return (role, layer)
    }
    return nil
  }
}
