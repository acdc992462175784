// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import PEFT
internal import Tensors

/// The quantization of a base model, which an adapter cannot be merged into (spec/merging.md, MG40).
enum QuantizedBase {
  /// The endings that repositories of quantized models have.
  private static let endings = [
    "-unsloth-bnb-4bit", "-bnb-4bit", "-bnb-8bit", "-gptq-int4", "-gptq-int8", "-awq-int4", "-gptq",
    "-awq", "-gguf", "-fp8-dynamic", "-fp8", "-4bit", "-8bit", "-int4", "-int8", "-w4a16", "-w8a8",
    "-nf4", "-mxfp4", "-nvfp4", "-eetq", "-hqq", "-aqlm",
  ]

  /// Refuses a quantized base model by the name of its scheme.
  ///
  /// - Throws: `unsupported`, with the model to merge into as far as config and adapter name it.
  static func refuse(_ base: BaseModel, for adapter: Adapter) throws(CheckpointError) {
    guard let scheme = scheme(of: base) else { return }
    let names = [
      adapter.config.document["base_model_name_or_path"]?.string,
      base.config["_name_or_path"]?.string,
    ].compactMap(\.self).filter { !$0.isEmpty && $0 != base.path }
    let plain = names.first { unquantized($0) == nil } ?? names.lazy.compactMap(unquantized).first
    throw CheckpointError(
      .unsupported,
      "is quantized (\(scheme)): a merged weight would have to be quantized again", path: base.path,
      hint: "merge into the unquantized model"
        + (plain.map { ", by its name \($0.excerpt)" } ?? "")
        + ", and quantize the result")
  }

  private static func scheme(of base: BaseModel) -> String? {
    if base.weights?.format.name == "gguf" { return "GGUF" }
    guard
      let config = (base.config["quantization_config"] ?? base.config["compression_config"])?
        .object
    else { return nil }
    let method = config["quant_method"]?.string ?? ""
    switch method {
    case "bitsandbytes":
      return "bitsandbytes, \(config["load_in_4bit"]?.bool == true ? 4 : 8) bits"
    case "fp8", "fbgemm_fp8": return "FP8 with scales, \(method)"
    case "": return "\"quantization_config\" without a method"
    default:
      let bits = (config["bits"] ?? config["w_bit"])?.integer
      return method.printable + (bits.map { ", \($0) bits" } ?? "")
    }
  }

  /// The name of a model without the ending of quantized ones; nil for one that has none.
  private static func unquantized(_ name: String) -> String? {
    let lowercased = name.lowercased()
    guard lowercased.utf8.count == name.utf8.count,
      let ending = endings.first(where: lowercased.hasSuffix)
    else { return nil }
    return String(name.dropLast(ending.count))
  }
}
