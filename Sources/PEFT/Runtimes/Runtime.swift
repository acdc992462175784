// SPDX-License-Identifier: Apache-2.0

/// A program that loads PEFT adapters by itself: what it refuses and ignores, as read in one
/// version of it (spec/runtimes.md).
///
/// A table says what a runtime does not do. What no rule covers is unknown.
public struct Runtime: Sendable {
  /// The name on a command line: `vllm`.
  public let name: String
  /// The program and the version that the table was read from: "vLLM 0.33.0".
  public let title: String
  /// The month in which it was read: "2026-11".
  public let date: String
  /// The methods that it loads.
  let methods: Methods
  /// What it does with the keys of a config.
  let keys: [RuntimeKeyRule]
  /// The keys that it reads as PEFT does, or that have no effect on the result.
  let honoredKeys: Set<String>
  /// What it does with tensors, by name: the first rule that matches counts.
  let tensors: [RuntimeTensorRule]
  /// What decides besides the adapter.
  let limits: String
  /// The program that makes a model of the runtime from one of transformers; nil if it loads that.
  var converter: String?
  /// The home of adapters that it loads, into which LoRA adapters of PEFT can be converted.
  var home: String?

  /// The methods that a runtime loads.
  enum Methods: Sendable {
    /// These alone.
    case only([PEFTType])
    /// All but these.
    case except([PEFTType])

    /// Whether a method is loaded.
    func contains(_ type: PEFTType) -> Bool {
      switch self {
      case .only(let types): types.contains(type)
      case .except(let types): !types.contains(type)
      }
    }
  }

  /// The runtimes, by name.
  public static let all: [Runtime] = [.llamaCpp, .mlx, .transformers, .vLLM]
}

/// The reaction of a runtime to something that it does not do.
enum RuntimeReaction: Sendable {
  /// It raises an error.
  case refuses
  /// It goes on, and computes something else.
  case ignores
}

/// A value of a key that a runtime does not handle as PEFT does.
struct RuntimeKeyRule: Sendable {
  /// When a value is not handled.
  enum Condition: Sendable {
    /// It is absent or null.
    case absent
    /// It is not absent, null, false, 0 or empty.
    case set
    /// It is 0.
    case zero
    /// It is a text, or a list with a text, that is not one of these.
    case otherThan([String])
  }

  let key: String
  let condition: Condition
  let reaction: RuntimeReaction
  /// What happens, after the name of the runtime: "does not load DoRA".
  let effect: String
  /// Whether the value keeps its effect in an adapter that is converted to the runtime's home.
  let isConverted: Bool

  init(
    _ key: String, _ condition: Condition, _ reaction: RuntimeReaction, _ effect: String,
    isConverted: Bool = false
  ) {
    self.key = key
    self.condition = condition
    self.reaction = reaction
    self.effect = effect
    self.isConverted = isConverted
  }
}

/// What a runtime does with the tensors of some names.
struct RuntimeTensorRule: Sendable {
  /// What a name ends with or contains; one of them.
  let endings: [String]
  let parts: [String]
  /// Nil where it loads them, or skips what changes nothing.
  let reaction: RuntimeReaction?

  init(endings: [String] = [], parts: [String] = [], _ reaction: RuntimeReaction? = nil) {
    self.endings = endings
    self.parts = parts
    self.reaction = reaction
  }

  /// Whether a tensor has such a name. A rule without names is about all tensors.
  func matches(_ name: String) -> Bool {
    endings.isEmpty && parts.isEmpty || endings.contains(where: name.hasSuffix)
      || parts.contains(where: name.contains)
  }
}
