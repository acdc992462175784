// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import PEFT
import SafeTensors
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

@Suite("The order in which PEFT saves tensors")
struct StateDictOrderTests {
  /// Adapters of which `Fixtures/adapters` has both formats, saved from one model.
  static let twins = [
    "mpt-causal-lm", "mpt-f16", "mpt-f64", "mpt-rank4-bf16", "mpt-seq-cls", "mpt-seq2seq",
    "mpt-unicode", "prompt-tuning",
  ]

  @Test("a safetensors adapter becomes the .bin that PEFT saves, byte for byte", arguments: twins)
  func twin(name: String) throws {
    let directory = try TemporaryDirectory()
    let archive = try SafeTensorsFile(
      path: Fixtures.adapter(name) + "/adapter_model.safetensors")
    let path = directory.path("adapter_model.bin")
    var output = try AtomicFile(path: path, policy: OutputPolicy(synchronizes: false))
    try TorchWriter.write(
      archive, order: AdapterMethods.stateDictOrder(of: archive), path: path, to: &output)
    try output.commit()
    let expected = try bytes(of: Fixtures.adapter(name + "-bin") + "/adapter_model.bin")
    #expect(try bytes(of: path) == expected)
  }

  let method = MultitaskPromptTuningMethod()

  private func info(_ name: String, _ dtype: DType = .float32) throws -> TensorInfo {
    try TensorInfo(name: TensorName(name), dtype: dtype, shape: [1])
  }

  @Test("the three come first, as Parameters, and heads in module order")
  func order() throws {
    // As safetensors sorts them: by dtype, then by name.
    let sorted = try [
      info("prompt_embeddings", .float64), info("base_model.classifier.0.bias"),
      info("base_model.classifier.0.weight"), info("base_model.classifier.10.weight"),
      info("base_model.classifier.2.weight"), info("base_model.classifier.scale"),
      info("base_model.pre_classifier.bias"), info("base_model.pre_classifier.weight"),
      info("prefix_task_rows"), info("prefix_task_cols", .float16),
    ]
    let order = try #require(method.stateDictOrder(of: sorted, isSorted: true))
    #expect(order.indices == [9, 8, 0, 7, 6, 5, 2, 1, 4, 3])
    #expect(order.parameters == [9, 8, 0])
  }

  @Test("DistilBERT creates pre_classifier before classifier")
  func distilBERT() throws {
    let names = ["prefix_task_cols", "prefix_task_rows", "prompt_embeddings"]
    let heads = ["m.classifier.bias", "m.classifier.weight", "m.pre_classifier.weight"]
    let tensors = try (heads + names).map { try info($0) }
    let order = try #require(method.stateDictOrder(of: tensors, isSorted: true))
    #expect(
      order.indices.dropFirst(3).map { tensors[$0].name.string }
        == ["m.pre_classifier.weight", "m.classifier.weight", "m.classifier.bias"])
  }

  @Test("an order that means something is kept, and so is that of other methods")
  func keptOrder() throws {
    let names = ["b", "prompt_embeddings", "a", "prefix_task_rows", "prefix_task_cols"]
    let tensors = try names.map { try info($0) }
    let order = try #require(method.stateDictOrder(of: tensors, isSorted: false))
    #expect(order.indices == Array(0..<5))
    #expect(order.parameters == [1, 3, 4])
    #expect(method.stateDictOrder(of: Array(tensors.dropLast()), isSorted: true) == nil)
  }
}
