// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// The tensors of one module in a file of kohya's tools or LyCORIS (spec/kohya.md, KO4).
struct UnderscoredModule {
  /// What the name starts with: `lora_unet_`.
  let prefix: String
  /// The name of the module without the prefix, with underscores.
  let text: String
  /// The indices of the tensors by what follows the first dot of their names.
  var leaves: [String: Int] = [:]

  /// Sorts the tensors of an archive by module, in the order of the file.
  ///
  /// - Throws: `unsupported` for a tensor with another name.
  /// - Complexity: O(tensors).
  static func all(
    in archive: any TensorArchive, prefixes: [String]
  ) throws(CheckpointError) -> [UnderscoredModule] {
    var modules: [UnderscoredModule] = []
    var places: [UTF8Text: Int] = [:]
    for index in 0..<archive.tensorCount {
      let tensor = archive.tensor(at: index).name
      let name = tensor.string
      guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")),
        let prefix = prefixes.first(where: { name[..<dot].hasPrefix($0) })
      else {
        throw CheckpointError(
          .unsupported, "is not a tensor of a module that is adapted", path: archive.path,
          tensor: tensor)
      }
      let key = UTF8Text(String(name[..<dot]))
      let place = places[key] ?? modules.count
      if place == modules.count {
        places[key] = place
        modules.append(
          UnderscoredModule(prefix: prefix, text: String(name[..<dot].dropFirst(prefix.count))))
      }
      modules[place].leaves[String(name[name.utf8.index(after: dot)...])] = index
    }
    return modules
  }

  /// The tensors of a LoRA pair.
  private static let pair: Set<String> = [
    "lora_down.weight", "lora_up.weight", "alpha", "dora_scale",
  ]

  /// Whether the module has a LoRA pair, or half of one.
  var isPair: Bool { leaves["lora_down.weight"] != nil || leaves["lora_up.weight"] != nil }

  /// The update of a LoRA pair.
  ///
  /// - Parameter module: the module in the base model.
  /// - Throws: `missing` for half a pair, `unsupported` for other tensors, `mismatch` for shapes that
  ///   do not fit.
  func update(
    of module: KnownModule, in archive: any TensorArchive
  ) throws(CheckpointError) -> LowRankModule {
    try refuseOthers(Self.pair, in: archive)
    let reader = PairReader(archive: archive, module: module.name)
    return try reader.update(
      a: view("lora_down.weight", in: archive), b: view("lora_up.weight", in: archive),
      alpha: leaves["alpha"], magnitude: leaves["dora_scale"], kind: module.kind)
  }

  /// Refuses tensors beyond known ones.
  func refuseOthers(
    _ known: Set<String>, in archive: any TensorArchive
  ) throws(CheckpointError) {
    guard let other = leaves.filter({ !known.contains($0.key) }).min(by: { $0.value < $1.value })
    else { return }
    let what =
      other.key == "lora_mid.weight"
      ? "is the core of a Tucker decomposition, which LoRA in PEFT does not have"
      : "has no counterpart in PEFT"
    throw CheckpointError(
      .unsupported, what, path: archive.path, tensor: archive.tensor(at: other.value).name)
  }

  /// A tensor of the module.
  ///
  /// - Throws: `missing` without it.
  func view(_ leaf: String, in archive: any TensorArchive) throws(CheckpointError) -> FactorView {
    guard let index = leaves[leaf] else {
      throw CheckpointError(
        .missing, "module \((prefix + text).printable) has no \(leaf)", path: archive.path)
    }
    return try FactorView(archive, at: index)
  }
}
