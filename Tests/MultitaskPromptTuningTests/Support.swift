// SPDX-License-Identifier: Apache-2.0
import Foundation
import MultitaskPromptTuning
import PEFT
import Tensors
import TestSupport
import Verification

/// An adapter of these sizes whose tensors a test spells out, in a directory of its own.
struct SmallAdapter {
  let directory: TemporaryDirectory

  /// Writes the adapter; the shapes follow from the sizes.
  init(
    tasks: Int = 1, tokens: Int = 1, rank: Int = 1, width: Int = 1, dtype: DType = .float32,
    columns: [Double], rows: [Double], embeddings: [Double], misalignment: Int = 0
  ) throws {
    directory = try TemporaryDirectory()
    let config = MultitaskPromptTuningConfig(
      virtualTokenCount: tokens, tokenDimension: width, taskCount: tasks, rank: rank,
      taskType: .causalLanguageModel)
    try directory.write(config.encoded(), to: "adapter_config.json")
    let (k, v, r, d) = (UInt64(tasks), UInt64(tokens), UInt64(rank), UInt64(width))
    let file = RawSafeTensors([
      .init("prefix_task_cols", dtype.name, [k, v, r], elements(columns, dtype)),
      .init("prefix_task_rows", dtype.name, [k, r, d], elements(rows, dtype)),
      .init("prompt_embeddings", dtype.name, [v, d], elements(embeddings, dtype)),
    ])
    try directory.write(file.encoded(misalignment: misalignment), to: "adapter_model.safetensors")
  }

  /// The embedding, opened.
  var embedding: MultitaskPromptEmbedding {
    get throws { try MultitaskPromptEmbedding(path: directory.path) }
  }

  /// Writes a reference with one case `c` and verifies it.
  func verify(
    _ output: [UInt8], dtype: DType = .float32, shape: [UInt64]? = nil, taskIDs: [Int64] = [0],
    indices: RawSafeTensors.Tensor? = nil, rule: VerificationRule = .numerics
  ) throws -> CaseVerdict {
    let embedding = try embedding
    let sizes = embedding.dimensions
    let shape = shape ?? [1, UInt64(sizes.virtualTokenCount), UInt64(sizes.tokenDimension)]
    var file = RawSafeTensors([
      .init("c.output", dtype.name, shape, output),
      .init("c.task_ids", [UInt64(taskIDs.count)], integers: taskIDs),
    ])
    if let indices { file.tensors.append(indices) }
    let path = try directory.write(file.encoded(), to: "reference.safetensors")
    let reference = try ReferenceFile(path: path, layouts: [.taskPrompts])
    return try MultitaskPromptVerifier(embedding).verify(
      reference.cases[0], of: reference, rule: rule)
  }

  /// Writes a reference of numbers that the dtype holds, and verifies it.
  func verify(
    _ values: [Double], dtype: DType = .float32, rule: VerificationRule = .numerics
  ) throws -> CaseVerdict {
    try verify(elements(values, dtype), dtype: dtype, rule: rule)
  }
}

/// Numbers that the dtype holds exactly, as its bytes.
func elements(_ values: [Double], _ dtype: DType) -> [UInt8] {
  values.flatMap { value in
    switch dtype {
    case .float64: littleEndian(value.bitPattern)
    case .float32: littleEndian(Float(value).bitPattern)
    case .bfloat16: littleEndian(UInt16(Float(value).bitPattern >> 16))
    case .float16: littleEndian(Float16(value).bitPattern)
    default: fatalError("no floats in \(dtype)")
    }
  }
}

/// The numbers that bytes of a dtype hold.
func values(_ bytes: [UInt8], _ dtype: DType) -> [Double] {
  let size = dtype.bitCount / 8
  return stride(from: 0, to: bytes.count, by: size).map { start in
    let bits = bytes[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return switch dtype {
    case .float64: Double(bitPattern: bits)
    case .float32: Double(Float(bitPattern: UInt32(bits)))
    case .bfloat16: Double(Float(bitPattern: UInt32(bits) << 16))
    case .float16: Double(Float16(bitPattern: UInt16(bits)))
    default: fatalError("no floats in \(dtype)")
    }
  }
}

/// The names of the adapters that have a reference.
let referencedAdapters: [String] = {
  let names = try? FileManager.default.contentsOfDirectory(atPath: Fixtures.path("references"))
  return (names ?? []).filter { $0.hasPrefix("mpt-") }.sorted()
}()
