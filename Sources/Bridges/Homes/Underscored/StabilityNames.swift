// SPDX-License-Identifier: Apache-2.0

/// The names that Stability's own code has for the modules of a UNet of diffusers. kohya's files for
/// SDXL use them (spec/kohya.md, KO8).
struct StabilityNames {
  /// The layers of each block, `layers_per_block`.
  private let layerCount: Int
  /// The blocks of the second half that have attentions, before whose upsampler they come.
  private let attentiveBlocks: Set<Int>

  /// Counts the layers of a UNet.
  ///
  /// - Returns: nil for modules that are not those of a UNet of diffusers.
  /// - Complexity: O(names).
  init?(_ names: [String]) {
    var layers: Set<Substring> = []
    var attentive: Set<Int> = []
    for name in names {
      let path = name.split(separator: ".", omittingEmptySubsequences: false)
      guard path.count > 3 else { continue }
      if path[0] == "down_blocks", path[1] == "0", path[2] == "resnets" { layers.insert(path[3]) }
      if path[0] == "up_blocks", path[2] == "attentions", let block = Self.number(path[1]) {
        attentive.insert(block)
      }
    }
    guard (1...Self.largestNumber).contains(layers.count) else { return nil }
    layerCount = layers.count
    attentiveBlocks = attentive
  }

  private static let largestNumber = 1_000

  private static func number(_ text: Substring) -> Int? {
    Int(text).flatMap { (0...largestNumber).contains($0) ? $0 : nil }
  }

  /// The modules outside of blocks.
  private static let outer: [String: String] = [
    "conv_in": "input_blocks.0.0", "conv_out": "out.2", "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
  ]
  /// The modules of a residual block.
  private static let residual: [String: String] = [
    "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
  ]

  /// The name of a module; nil for modules that have no other one.
  func name(of module: String) -> String? {
    if let name = Self.outer[module] { return name }
    let path = module.split(separator: ".", omittingEmptySubsequences: false)
    guard path.count > 3 else { return nil }
    let stride = layerCount + 1
    if path[0] == "mid_block", let layer = Self.number(path[2]) {
      switch path[1] {
      case "resnets": return joined("middle_block.\(2 * layer)", residual(path[3...]))
      case "attentions": return joined("middle_block.\(2 * layer + 1)", path[3...].map { $0 })
      default: return nil
      }
    }
    guard path.count > 4, let block = Self.number(path[1]), let layer = Self.number(path[3]) else {
      return nil
    }
    let rest = path[4...]
    switch (path[0], path[2]) {
    case ("down_blocks", "resnets"):
      return joined("input_blocks.\(block * stride + layer + 1).0", residual(rest))
    case ("down_blocks", "attentions"):
      return joined("input_blocks.\(block * stride + layer + 1).1", Array(rest))
    case ("down_blocks", "downsamplers"):
      return rest == ["conv"] ? "input_blocks.\((block + 1) * stride).0.op" : nil
    case ("up_blocks", "resnets"):
      return joined("output_blocks.\(block * stride + layer).0", residual(rest))
    case ("up_blocks", "attentions"):
      return joined("output_blocks.\(block * stride + layer).1", Array(rest))
    case ("up_blocks", "upsamplers"):
      let place = attentiveBlocks.contains(block) ? 2 : 1
      return joined("output_blocks.\(block * stride + layerCount).\(place)", Array(rest))
    default: return nil
    }
  }

  private func residual(_ path: ArraySlice<Substring>) -> [Substring]? {
    guard path.count == 1, let first = path.first, let name = Self.residual[String(first)] else {
      return nil
    }
    return [name[...]]
  }

  private func joined(_ start: String, _ rest: [Substring]?) -> String? {
    rest.map { start + "." + $0.joined(separator: ".") }
  }
}
