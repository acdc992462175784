// SPDX-License-Identifier: Apache-2.0

/// A reason why PEFT does not find the module of a tensor's name.
enum NameFault: Hashable, Sendable {
  /// The name does not begin with PEFT's prefix.
  case missingPrefix
  /// The prefix is there more than once; the number of surplus ones.
  case repeatedPrefix(Int)
  /// Something comes before the prefix.
  case strayPrefix(String)
  /// A wrapper of the model is in the path.
  case wrapper(String)
  /// `model.` is there twice after the prefix.
  case repeatedModel
  /// `model.` follows the prefix, where no class of transformers has it.
  case surplusModel
  /// The name of an adapter is in the name; PEFT takes it where it puts the name itself.
  case adapterName(String, isTaken: Bool)
  /// `.weight` is missing, or surplus.
  case suffix
  /// The name of a module beside a prompt does not begin with PEFT's prefix for it.
  case noPromptPrefix
  /// A module beside a prompt has the prefix of modules that a method adapts.
  case modulePrefix

  /// Wrappers that training tools put around modules, by the names that they add.
  static let wrappers: Set<Substring> = [
    "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module", "_fpw_module",
  ]
}
