// SPDX-License-Identifier: Apache-2.0
import Archives
import Foundation
import JSONDocument
import PEFT
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("What is not PEFT's")
struct ForeignTests {
  @Test(
    "configs of others are called by their name (C43)",
    arguments: [
      (#""lora_parameters": {"rank": 8}, "num_layers": 16"#, "MLX"),
      (#""adapter_path": "adapters", "lora_layers": -1, "model": "m""#, "MLX"),
      (#""fine_tune_type": "dora""#, "MLX"),
      (
        #""config": {"leave_out": []}, "model_class": "M", "model_name": "bert""#,
        "AdapterHub adapter"
      ),
      (#""config": {"layers": 2}, "model_class": "M", "model_name": "b", "num_labels": 2"#, "head"),
      (#""model_type": "chatglm", "architectures": ["A"]"#, "base model (chatglm)"),
      (#""type": "act", "input_features": {}, "output_features": {}"#, "LeRobot policy (act)"),
      (#""_class_name": "UNet2DConditionModel""#, "diffusers model (UNet2DConditionModel)"),
    ])
  func configs(members: String, name: String) throws {
    let findings = try config("{\(members)}").findings()
    #expect(findings.map(\.code) == ["foreign-config"])
    #expect(findings.first?.message.contains(name) == true, "\(findings)")
    let typed = try config("{\"peft_type\": \"LORA\", \(members)}").findings()
    #expect(!typed.contains { $0.code == "foreign-config" })
  }

  @Test("a config without a method names the method with its keys (C43)")
  func likelyMethod() throws {
    let lora = try config(
      #"{"r": 8, "lora_alpha": 16, "lora_dropout": 0.1, "target_modules": ["q"]}"#)
    #expect(lora.findings().first?.message.contains("its keys are those of LORA") == true)
    let nothing = try config(#"{"r": 8, "x": 1}"#)
    #expect(nothing.findings().map(\.code) == ["peft-type"])
    #expect(nothing.findings().first?.message.contains("keys are those") == false)
  }

  @Test(
    "base models that other machines cannot find (C42)",
    arguments: [
      (#""org/model""#, nil), (#""gpt2""#, nil), ("null", Finding.Severity.note), (#""""#, .note),
      (#""/data/llama""#, .note), (#""../../llama/""#, .note), (#""a/b/c""#, .note),
      (#""D:\\models\\llama""#, .note), (#""/home/me/llama""#, .warning),
      (#""/Users/me/llama""#, .warning), (#""~/llama""#, .warning), (#""/root/llama""#, .warning),
      (#""C:\\Users\\me\\llama""#, .warning), (#""C:/Users/me""#, .warning), ("5", .note),
      (#""/home/me/llama", "r": 4"#, .warning),
    ])
  func baseModels(value: String, severity: Finding.Severity?) throws {
    let read = try config(#"{"peft_type": "LORA", "base_model_name_or_path": \#(value)}"#)
    #expect(read.findings().map(\.severity) == (severity.map { [$0] } ?? []))
  }

  @Test(
    "tensors of others are called by their name (C44)",
    arguments: [
      (["lora_unet_down_blocks_0.lora_down.weight", "lora_unet_down_blocks_0.alpha"], "kohya"),
      (["unet.mid.to_q.lora_A.weight", "unet.mid.to_q.lora_B.weight"], "diffusers"),
      (
        ["model.layers.0.self_attn.q_proj.lora_a", "model.layers.0.self_attn.q_proj.lora_b"], "MLX"
      ),
      (["bert.encoder.layer.0.query.loras.a.lora_A"], "AdapterHub"),
      (["base_model.model.q.lora_A.default.weight"], "adapter's name"),
      (["base_model.model.q.lora_A.weight", "base_model.model.q.lora_B.weight"], "a PEFT adapter"),
      (["lycoris_unet_a.hada_w1_a"], "LyCORIS"),
      (["model.embed_tokens.weight", "model.layers.0.q.weight", "x.lora_a"], nil),
    ])
  func weights(names: [String], library: String?) throws {
    let archive = try archive(names)
    let findings = archive.foreignFindings(in: .file).filter { $0.code == "foreign-weights" }
    #expect(findings.map(\.severity) == (library == nil ? [] : [.note]))
    if let library { #expect(findings.first?.message.contains(library) == true, "\(findings)") }
    let isPEFT = library.map { $0.contains("PEFT") || $0.contains("adapter's name") } ?? true
    #expect(archive.foreignFindings(in: .adapter).isEmpty == isPEFT)
    #expect(archive.foreignFindings(in: .model).isEmpty == (library == nil))
  }

  @Test(
    "a factor without the other is an error (C44)",
    arguments: [
      (["blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b"], nil),
      (["blk.0.attn_q.weight.lora_a"], "blk.0.attn_q.weight.lora_b"),
      (["a.lora_b", "b.lora_a", "b.lora_b"], "a.lora_a"),
      (["lora_unet_a.lora_down.weight", "lora_unet_a.alpha"], "lora_unet_a.lora_up.weight"),
      (["model.embed_tokens.weight", "model.layers.0.q.weight", "x.lora_a"], nil),
    ])
  func halfPairs(names: [String], missing: String?) throws {
    let archive = try archive(names)
    let findings = archive.foreignFindings(in: .file).filter { $0.code == "missing-tensor" }
    #expect(findings.map { $0.tensor?.string } == (missing.map { [$0] } ?? []))
    #expect(!archive.foreignFindings(in: .adapter).contains { $0.code == "missing-tensor" })
  }

  /// A file of tensors of these names, one byte each.
  private func archive(_ names: [String]) throws -> SafeTensorsFile {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/x.safetensors"
    let header = names.enumerated().map {
      "\"\($1)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[\($0),\($0 + 1)]}"
    }.joined(separator: ",")
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count + 2).littleEndian) { Array($0) }
    bytes += Array("{\(header)}".utf8) + Array(repeating: 1, count: names.count)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try SafeTensorsFile(path: path)
  }

  @Test(
    "directories of others are called by their name (C32)",
    arguments: [
      (["adapter_config.json", "adapters.safetensors"], "MLX"),
      (["adapter_config.json", "pytorch_adapter.bin"], "AdapterHub"),
      (["pytorch_lora_weights.safetensors"], "diffusers"),
      (["lora_config.json", "lora_model_state.pdparams"], "PaddleNLP"),
      (["zero_to_fp32.py", "latest"], "DeepSpeed"),
      (["saved_model.pb"], "TensorFlow SavedModel"),
      (["config.json", "model.onnx"], "ONNX"),
      (["model.bin", "shared_vocabulary.json"], "CTranslate2"),
      ([".metadata", "__0_0.distcp"], "torch.distributed.checkpoint"),
      (["trainer_state.json", "optimizer.pt"], "Trainer"),
      (["train_config.json"], "LeRobot"),
      (["adapter_config.json", "model.safetensors"], "a model's weights"),
      (["adapter_config.json", "adapter_model.safetensors.index.json"], "does not load shards"),
      (["adapter_config.json", "adapter_model-00001-of-00002.safetensors"], "index is missing"),
      (["Adapter_Config.json", "adapter_model.safetensors"], "must be adapter_config.json"),
      (["adapter_config.json", "adapter-model.safetensors"], "must be adapter_model.safetensors"),
      (["adapter_config.json.txt", "adapter_model.bin"], "must be adapter_config.json"),
      (["adapter_model.bin"], nil),
      (["sentiment/adapter_config.json"], "there is an adapter in"),
      (["a/adapter_config.json", "b/adapter_config.json"], "there are 2 adapters"),
      (["snapshots/0123/adapter_config.json", "refs/x"], "snapshots/0123"),
      (["README.md"], nil),
    ])
  func directories(names: [String], part: String?) throws {
    let folder = try TemporaryDirectory()
    for name in names {
      let url = URL(fileURLWithPath: folder.path + "/" + name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: url)
    }
    let error = #expect(throws: CheckpointError.self) { try AdapterDirectory(path: folder.path) }
    #expect((error?.hint == nil) == (part == nil), "\(error?.hint ?? "")")
    if let part { #expect(error?.hint?.contains(part) == true, "\(error?.hint ?? "none")") }
  }
}
