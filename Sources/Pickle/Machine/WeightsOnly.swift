// SPDX-License-Identifier: Apache-2.0

/// What torch's loader with `weights_only` takes of a pickle, as of torch 2.15. It refuses whole files for
/// one opcode or name (spec/torch-checkpoint.md, T32).
enum WeightsOnly {
  /// Whether it has an opcode.
  static func takes(_ opcode: Opcode) -> Bool {
    switch opcode {
    case .proto, .stop, .global, .newObj, .reduce, .build, .append, .appends, .setItem, .setItems,
      .mark, .tuple, .tuple1, .tuple2, .tuple3, .none, .newFalse, .newTrue, .emptyTuple, .emptyList,
      .emptyDict, .emptySet, .binInt, .binInt1, .binInt2, .binFloat, .binUnicode, .shortBinString,
      .binPersID, .binGet, .longBinGet, .binPut, .longBinPut, .long1:
      true
    default: false
    }
  }

  /// Whether it has a name of the table.
  static func takes(_ global: AllowedGlobal, _ name: QualifiedName) -> Bool {
    switch global.role {
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter,
      .rebuildParameterWithState, .rebuildFromTypeV2, .rebuildSparse, .rebuildQuantized,
      .rebuildMeta, .rebuildNested, .orderedDict, .counter, .set, .byteArray, .complex, .encode,
      .size, .device, .layout, .parameterClass, .tensorClass, .storageClass, .untypedStorage,
      .dtype,
      .quantizationScheme:
      !others.contains(name)
    default: false
    }
  }

  /// Names that it lacks, unlike others of their roles.
  private static let others: Set<QualifiedName> = [
    QualifiedName(module: "torch._utils", name: "_rebuild_sparse_csr_tensor"),
    QualifiedName(module: "torch.autograd.variable", name: "Variable"),
    QualifiedName(module: "torch.nn.parameter", name: "Buffer"),
    QualifiedName(module: "torch._tensor", name: "Tensor"),
  ]
}
