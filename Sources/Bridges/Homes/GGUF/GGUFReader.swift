// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import GGUF
internal import JSONDocument
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// Reads a GGUF adapter into canonical form (spec/gguf-adapters.md, GA11 to GA14).
struct GGUFReader {
  private let archive: GGUFArchive
  private let base: GGUFBase
  /// The α of the file; nil where llama.cpp scales by 1.
  private let alpha: Double?

  /// Checks the metadata.
  ///
  /// - Throws: `unsupported` for adapters that are not LoRA, `missing` without a base model, `mismatch`
  ///   for one of another architecture, `malformed` for an α that is not a finite number.
  init(_ archive: GGUFArchive, base: BaseModel?) throws(CheckpointError) {
    self.archive = archive
    let type = archive[GGUFHome.Key.adapterType]?.string ?? "none"
    guard type == "lora" else {
      throw CheckpointError(
        .unsupported,
        "is a GGUF adapter of the type \(type.printable), and llama.cpp loads lora alone")
    }
    self.base = try GGUFBase(base, for: archive.path)
    let architecture = archive[GGUFHome.Key.architecture]?.string ?? ""
    guard architecture == self.base.names.architecture else {
      throw CheckpointError(
        .mismatch,
        "is for \(architecture.printable) models, and the base model is a \(self.base.names.modelType) "
          + "model, whose architecture is \(self.base.names.architecture)")
    }
    switch archive[GGUFHome.Key.alpha] {
    case nil: alpha = nil
    case .float32(let value)? where value.isFinite: alpha = value == 0 ? nil : Double(value)
    case let value?:
      throw .malformed("\(GGUFHome.Key.alpha) is \(value.text.printable), not a finite F32 number")
    }
  }

  /// The adapter. Modules are in the order of layers and of the table of names.
  ///
  /// - Throws: `malformed` and `missing` for names that are no pairs, `mismatch` for shapes that do not
  ///   fit each other or the base model.
  func adapter() throws(CheckpointError) -> LowRankAdapter {
    var modules = GGUFModules(base, alpha: alpha, path: archive.path, format: archive.format)
    for pair in try GGUFPairs(readable()).pairs { try modules.add(pair) }
    return LowRankAdapter(
      path: archive.path, modules: try modules.all(), baseModelName: baseModelName, config: config)
  }

  /// The archive with quantized tensors as F32.
  private func readable() throws(CheckpointError) -> any TensorArchive {
    let dtypes = archive.tensors.map(\.dtype)
    guard dtypes.contains(where: \.isQuantized) else { return archive }
    return try CastArchive(
      archive, to: dtypes.map { $0.isQuantized ? .float32 : $0 }, record: CastRecord())
  }

  /// The name of the base model on the Hub, or the name that the file has.
  private var baseModelName: String? {
    let hub = "https://huggingface.co/"
    if let address = archive[GGUFHome.Key.baseAddress]?.string, address.hasPrefix(hub) {
      return String(address.dropFirst(hub.count))
    }
    return archive[GGUFHome.Key.baseName]?.string
  }

  /// What a config says besides modules and scales: llama.cpp generates text, and an activated LoRA has
  /// invocation tokens.
  private var config: AdapterConfig {
    var document: JSONObject = ["peft_type": "LORA", "task_type": "CAUSAL_LM"]
    let tokens = archive[GGUFHome.Key.invocationTokens]?.elements ?? []
    if !tokens.isEmpty {
      let numbers = tokens.compactMap { $0.integer.map { JSONValue($0) } }
      document["alora_invocation_tokens"] = .array(numbers)
    }
    return AdapterConfig(document: document)
  }
}
