// SPDX-License-Identifier: Apache-2.0
import Archives
import Bridges
import Files
import JSONDocument
import Kernels
import LowRank
import PEFT
import SafeTensors
import Tensors
import TestSupport
import Testing

@testable import AdapterAlgebra

@Suite("Adapters out of models (AL20 to AL26)")
struct ExtractionTests {
  /// A weights file of F32 tensors.
  static func write(
    _ tensors: [(name: String, shape: [Int], values: [Double])], to path: String
  ) throws {
    let infos = try tensors.map {
      try TensorInfo(name: TensorName($0.name), dtype: .float32, shape: Shape($0.shape))
    }
    var file = try AtomicFile(path: path, policy: OutputPolicy())
    try SafeTensorsWriter.write(infos, metadata: ["format": "pt"], to: &file) {
      index, file throws(CheckpointError) in
      var bytes: [UInt8] = []
      for value in tensors[index].values {
        bytes.appendLittleEndian(Float(value).bitPattern)
      }
      try file.write(bytes.span.rawBytes)
    }
    try file.commit()
  }

  static func numbers(_ count: Int, seed: UInt64) -> [Double] {
    var generator = SeededNormalGenerator(seed: seed)
    // Multiples of 2⁻¹⁰: sums of few are exact in F32.
    return (0..<count).map { _ in (generator.next() * 256).rounded() / 1024 }
  }

  /// Two models whose difference has rank 2 in two layers, and a norm.
  static func models(
    in directory: borrowing TemporaryDirectory, norm: Double = 1
  ) throws -> (base: BaseModel, tuned: BaseModel) {
    let shapes = [("a.proj", [24, 40]), ("b.proj", [40, 24]), ("b.other", [24, 24])]
    var base: [(name: String, shape: [Int], values: [Double])] = []
    var tuned = base
    for (index, (name, shape)) in shapes.enumerated() {
      let (rows, width) = (shape[0], shape[1])
      let weight = numbers(rows * width, seed: UInt64(index))
      let (left, right) = (numbers(rows * 2, seed: 10), numbers(2 * width, seed: 11))
      base.append((name + ".weight", shape, weight))
      let changed = weight.indices.map { place in
        let (row, column) = place.quotientAndRemainder(dividingBy: width)
        return weight[place]
          + (index == 2
            ? 0 : left[row * 2] * right[column] + left[row * 2 + 1] * right[width + column])
      }
      tuned.append((name + ".weight", shape, changed))
    }
    base.append(("norm.weight", [4], [1, 1, 1, 1]))
    tuned.append(("norm.weight", [4], [1, 1, 1, norm]))
    try write(base, to: directory.path("base.safetensors"))
    try write(tuned, to: directory.path("tuned.safetensors"))
    return (
      try BaseModel(path: directory.path("base.safetensors")),
      try BaseModel(path: directory.path("tuned.safetensors"))
    )
  }

  @Test("a difference of rank 2 comes back", arguments: [true, false])
  func lowRank(scratches: Bool) throws {
    let directory = try TemporaryDirectory()
    let (base, tuned) = try Self.models(in: directory)
    let out = directory.path("out")
    let options = ExtractionOptions(rank: 2, output: scratches ? out : nil)
    let extraction = try ModelExtraction(of: tuned, from: base, options: options)
    #expect(extraction.modules.map(\.name) == ["a.proj", "b.proj"])
    #expect(extraction.modules.allSatisfy { $0.rank == 2 && $0.error < 1e-6 })
    #expect(extraction.unchangedCount == 1 && extraction.others.isEmpty)
    try extraction.result.write(to: out)
    let document = try Adapter(path: out).config.document
    #expect(document["target_modules"] == ["proj"])
    #expect(document["r"]?.integer == 2 && document["lora_alpha"]?.integer == 2)
    var findingOptions = FindingOptions()
    findingOptions.base = .model(base)
    let findings = try Adapter(path: out).findings(findingOptions)
    #expect(!findings.contains { $0.severity != .note }, "\(findings)")
    let adapter = try OutputTests.open(out)
    for (module, result) in zip(extraction.result.adapter.modules, adapter.modules) {
      #expect(try module.a.values(in: .float32) == result.a.values(in: .float32))
    }
  }

  @Test("the energy chooses the rank, and the seed the bits")
  func options() throws {
    let directory = try TemporaryDirectory()
    let (base, tuned) = try Self.models(in: directory)
    var factors: [[Double]] = []
    for seed: UInt64 in [0, 0, 1] {
      let options = ExtractionOptions(rank: 16, energy: 0.999_999, seed: seed)
      let extraction = try ModelExtraction(of: tuned, from: base, options: options)
      #expect(extraction.modules.map(\.rank) == [2, 2])
      factors.append(
        try extraction.result.adapter.modules.flatMap { try $0.a.values(in: .float32) })
    }
    #expect(factors[0] == factors[1])
    #expect(zip(factors[0], factors[2]).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test("other parameters that differ are refused, saved or left out")
  func others() throws {
    let directory = try TemporaryDirectory()
    let (base, tuned) = try Self.models(in: directory, norm: 2)
    let error = #expect(throws: CheckpointError.self) {
      try ModelExtraction(of: tuned, from: base, options: ExtractionOptions(rank: 2))
    }
    #expect(error?.code == .unsupported && error?.message.contains("norm.weight") == true)
    for others: ExtractionOptions.Others in [.saved, .skipped] {
      let extraction = try ModelExtraction(
        of: tuned, from: base, options: ExtractionOptions(rank: 2, others: others))
      #expect(extraction.others == ["norm.weight"])
      #expect(extraction.savesOthers == (others == .saved))
      let adapter = extraction.result.adapter
      #expect(adapter.others.map(\.name) == (others == .saved ? ["norm.weight"] : []))
      let saved: JSONValue = others == .saved ? ["norm"] : .null
      #expect(adapter.config?.document["modules_to_save"] == saved)
    }
  }

  @Test("what cannot be taken apart is refused")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let (base, tuned) = try Self.models(in: directory)
    func code(_ tuned: BaseModel, _ options: ExtractionOptions) -> CheckpointError.Code? {
      let error = #expect(throws: CheckpointError.self) {
        try ModelExtraction(of: tuned, from: base, options: options)
      }
      return error?.code
    }
    #expect(code(tuned, ExtractionOptions(rank: 0)) == .invalidArgument)
    #expect(code(base, ExtractionOptions(rank: 1)) == .missing)
    try Self.write([("a.proj.weight", [2, 2], [1, 2, 3, 4])], to: directory.path("small"))
    let small = try BaseModel(path: directory.path("small"))
    #expect(code(small, ExtractionOptions(rank: 1)) == .mismatch)
    let names = [("a.proj.weight", [24, 40], [Double](repeating: .nan, count: 960))]
    try Self.write(names, to: directory.path("nan"))
    let nan = try BaseModel(path: directory.path("nan"))
    let error = #expect(throws: CheckpointError.self) {
      try ModelExtraction(of: nan, from: nan, options: ExtractionOptions(rank: 1))
    }
    #expect(error?.code == .malformed)
  }
}
