// SPDX-License-Identifier: Apache-2.0

/// The tensors of one adapted module.
///
/// A method has one form for each kind of layer, and several for one kind where the sizes decide
/// (LoKr's factors are full or low-rank). A module's tensors take the form that fits best; where
/// two fit equally, the first.
public struct ModuleForm: Sendable {
  /// The kinds of layers of the base model that have this form.
  public let layers: [LayerKind]
  /// The tensors, in the order of the module's state dict.
  public let tensors: [ModuleTensor]
  /// Whether PEFT uses the form for a module with these sizes; nil when that depends on a size that
  /// is unknown. It is asked again with the sizes that the module's tensors have.
  public let applies: @Sendable (ExtentValues) -> Bool?

  /// Describes a form.
  public init(
    _ layers: LayerKind..., tensors: [ModuleTensor],
    applies: @escaping @Sendable (ExtentValues) -> Bool? = { _ in true }
  ) {
    self.layers = layers
    self.tensors = tensors
    self.applies = applies
  }
}

/// A kind of layer of a base model, as far as adapters differ by it.
public enum LayerKind: Sendable, Hashable {
  /// A `Linear`, or transformers' `Conv1D`, whose adapters are the same.
  case linear
  /// An `Embedding`.
  case embedding
  /// A convolution of one, two or three spatial dimensions.
  case convolution(Int)
  /// The input projection of a `MultiheadAttention`.
  case attention
  /// A parameter of stacked experts, adapted by `target_parameters`.
  case experts
  /// A normalization layer: a vector of weights.
  case normalization
  /// A module that the method adapts as a whole, such as a block of attention.
  case block
}

/// A tensor of an adapted module.
public struct ModuleTensor: Sendable {
  /// The name below the module, without the adapter's name: `lora_A.weight`.
  public let name: String
  /// Another name in the file that PEFT takes for it; nil if there is none.
  public let otherName: String?
  /// The shape, outermost extent first.
  public let shape: [Extent]
  /// Whether PEFT loads a module without it in full: it is not a parameter of every such module.
  public let isOptional: Bool
  /// What the tensor is before training, if the adapter has no effect while it is so.
  public let untrained: UntrainedValue?
  /// Whether the tensor has integers, such as indices, and not floating-point numbers.
  public let isInteger: Bool
  /// Whether PEFT also takes the name that the tensor has in a model, with the name of the adapter.
  public let isTakenByNameInModel: Bool

  /// Describes a tensor.
  public init(
    _ name: String, _ shape: [Extent], isOptional: Bool = false,
    untrained: UntrainedValue? = nil, isInteger: Bool = false, otherName: String? = nil,
    isTakenByNameInModel: Bool = true
  ) {
    self.name = name
    self.isTakenByNameInModel = isTakenByNameInModel
    self.otherName = otherName
    self.shape = shape
    self.isOptional = isOptional
    self.untrained = untrained
    self.isInteger = isInteger
  }
}

/// The value of all elements of a tensor before training, with which an adapter changes nothing.
public enum UntrainedValue: Sendable, Hashable {
  /// All elements are 0, as in LoRA's B.
  case zeros
  /// All elements are 1, as in IA3's factors.
  case ones
}
