// SPDX-License-Identifier: Apache-2.0
import PeftKit

/// What the benchmarks read; files that are made stand in the folder for temporary ones.
enum Inputs {
  /// A file of an adapter that ships with the sources.
  static func fixture(_ name: String) -> String {
    let sources = #filePath.split(separator: "/").dropLast(5).joined(separator: "/")
    return "/\(sources)/Fixtures/adapters/\(name)"
  }

  /// The bytes of a small file.
  static func contents(of path: String) throws -> [UInt8] {
    try InputFile(path: path).readAll(limit: 1 << 20)
  }

  /// Numbers between -1 and 1, as F32 in little endian, the same in every run.
  static func floats(byteCount: Int) -> [UInt8] {
    var state: UInt64 = 2024
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    for _ in 0..<byteCount / 4 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
      let bits = value.bitPattern
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    return bytes
  }

  /// A file of many tensors of 64 bytes each.
  static func manyTensors(_ count: Int) throws -> String {
    try write("many-tensors") { output in
      let tensors = try (0..<count).map { index in
        try TensorInfo(
          name: TensorName(
            "base_model.model.layers.\(index / 512).mlp.experts.\(index % 512).lora_A.weight"),
          dtype: .bfloat16, shape: [4, 8])
      }
      let data = [UInt8](repeating: 0, count: 64)
      try SafeTensorsWriter.write(tensors, metadata: ["format": "pt"], to: &output) {
        _, output throws(CheckpointError) in
        try output.write(data.span.bytes)
      }
    }
  }

  /// A file of one tensor.
  static func oneTensor(byteCount: Int) throws -> String {
    try write("one-tensor") { output in
      let data = floats(byteCount: byteCount)
      let tensor = try TensorInfo(
        name: "weight", dtype: .float32, shape: Shape([byteCount / 4]))
      try SafeTensorsWriter.write([tensor], metadata: nil, to: &output) {
        _, output throws(CheckpointError) in
        try output.write(data.span.bytes)
      }
    }
  }

  private static func write(
    _ name: String, _ body: (inout AtomicFile) throws -> Void
  ) throws -> String {
    let path = "\(temporaryFolder)/peftkit-benchmark-\(name).safetensors"
    var output = try AtomicFile(
      path: path, policy: OutputPolicy(replacesExisting: true, synchronizes: false))
    try body(&output)
    try output.commit()
    return path
  }
}
