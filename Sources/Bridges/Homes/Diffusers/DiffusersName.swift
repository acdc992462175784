// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

/// The name of a tensor in a LoRA file of diffusers, in any of the spellings that it has written
/// (spec/kohya.md, KO16).
struct DiffusersName {
  /// What a tensor is in its module.
  enum Role: Hashable {
    case a, b, bias, magnitude, alpha
  }

  /// The module in the base model.
  let module: String
  let role: Role

  /// A spelling: what the name ends with.
  private struct Spelling: Sendable {
    let ending: String
    let role: Role
    /// Whether the last part of the module has its layer in the old spelling: `to_q_lora`.
    var isOfProcessor = false

    init(_ ending: String, _ role: Role, isOfProcessor: Bool = false) {
      self.ending = ending
      self.role = role
      self.isOfProcessor = isOfProcessor
    }
  }

  private static let spellings: [Spelling] = [
    Spelling(".lora_A.weight", .a), Spelling(".lora_B.weight", .b),
    Spelling(".lora_B.bias", .bias),
    Spelling(".lora_magnitude_vector", .magnitude),
    Spelling(".lora_magnitude_vector.weight", .magnitude),
    Spelling(".lora.down.weight", .a), Spelling(".lora.up.weight", .b),
    Spelling(".lora_down.weight", .a), Spelling(".lora_up.weight", .b),
    Spelling(".lora_linear_layer.down.weight", .a), Spelling(".lora_linear_layer.up.weight", .b),
    Spelling(".lora_linear_layer.up.bias", .bias),
    Spelling("_lora.down.weight", .a, isOfProcessor: true),
    Spelling("_lora.up.weight", .b, isOfProcessor: true),
    Spelling(".alpha", .alpha),
  ]

  /// The layers of the old spelling: in a UNet, and in a text encoder.
  private static let layers: [(old: String, unet: String, text: String)] = [
    ("to_q", "to_q", "q_proj"), ("to_k", "to_k", "k_proj"), ("to_v", "to_v", "v_proj"),
    ("to_out", "to_out.0", "out_proj"),
  ]

  /// Reads a name without the component in front.
  ///
  /// - Returns: nil for a name in no such spelling.
  init?(_ name: Substring, in component: PipelineComponent?) {
    guard let spelling = Self.spellings.first(where: { name.hasSuffix($0.ending) }) else {
      return nil
    }
    var path = name.dropLast(spelling.ending.count).split(
      separator: ".", omittingEmptySubsequences: false)
    path.removeAll { $0 == "processor" }
    if spelling.isOfProcessor {
      guard let layer = Self.layers.first(where: { $0.old[...] == path.last ?? "" }) else {
        return nil
      }
      path[path.count - 1] = (component?.isTextEncoder ?? false) ? layer.text[...] : layer.unet[...]
    }
    guard !path.isEmpty, path.allSatisfy({ !$0.isEmpty }) else { return nil }
    module = path.joined(separator: ".")
    role = spelling.role
  }

  /// The names below a module that are written: PEFT's, or for text encoders those that diffusers
  /// knows them by, which it needs where no attention has a pair.
  static func written(_ role: Role, isTextEncoder: Bool, hasAttention: Bool) -> String {
    let isOld = isTextEncoder && !hasAttention
    switch role {
    case .a: return isOld ? "lora_linear_layer.down.weight" : "lora_A.weight"
    case .b: return isOld ? "lora_linear_layer.up.weight" : "lora_B.weight"
    case .bias: return isOld ? "lora_linear_layer.up.bias" : "lora_B.bias"
    // transformers, which loads the text encoders, drops magnitudes without `.weight`.
    case .magnitude: return isTextEncoder ? "lora_magnitude_vector.weight" : "lora_magnitude_vector"
    case .alpha: return "alpha"
    }
  }

  /// Whether diffusers takes a module of a text encoder for one of an attention.
  static func isAttention(_ module: String) -> Bool {
    [".q_proj", ".k_proj", ".v_proj", ".out_proj"].contains(where: module.hasSuffix)
  }
}
