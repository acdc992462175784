// SPDX-License-Identifier: Apache-2.0
import Files
import SafeTensors
import Tensors
import TestSupport
import Testing

/// Writes tensors with these bytes, each dtype, shape and data as given.
private func write(
  _ tensors: [(info: TensorInfo, data: [UInt8])], metadata: ArchiveMetadata? = nil,
  in directory: TemporaryDirectory
) throws -> SafeTensorsFile {
  let path = directory.path("written.safetensors")
  var output = try AtomicFile(
    path: path, policy: OutputPolicy(replacesExisting: true, synchronizes: false))
  try SafeTensorsWriter.write(tensors.map(\.info), metadata: metadata, to: &output) {
    index, output throws(CheckpointError) in
    let data = tensors[index].data
    try output.write(data.span.rawBytes)
  }
  try output.commit()
  return try SafeTensorsFile(path: path)
}

@Suite("Files as archives")
struct ArchiveTests {
  @Test("files with one header share it, and each is checked against its own size")
  func sharedHeaders() throws {
    let last = info("\"U8\"", "[4]", "[4,8]")
    let header = Array("{\"a\":\(info()),\"b\":\(last)}".utf8)
    let first = try opened(framed(header, [1, 2, 3, 4, 5, 6, 7, 8]))
    let second = try opened(framed(header, [8, 7, 6, 5, 4, 3, 2, 1]))
    let other = try opened(framed(header + [0x20], [1, 2, 3, 4, 5, 6, 7, 8]))
    let layouts = [first, second, other].map { file in
      file.layout.map { ObjectIdentifier($0 as AnyObject) }
    }
    #expect(layouts[0] != nil)
    #expect(layouts[0] == layouts[1])
    #expect(layouts[0] != layouts[2])
    #expect(try first.bytes(at: 1) == [5, 6, 7, 8])
    #expect(try second.bytes(at: 1) == [4, 3, 2, 1])
    for count in [0, 7, 9] {
      let error = #expect(throws: CheckpointError.self) {
        try opened(framed(header, [UInt8](repeating: 1, count: count)))
      }
      #expect(error?.code == (count < 8 ? .truncated : .malformed))
    }
  }

  @Test("what is written is read again: random tensors of all dtypes")
  func roundTrip() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of the random tensors: \(seed)")
    var generator = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    for _ in 0..<40 {
      let tensors = try (0..<Int.random(in: 0...40, using: &generator)).map { number in
        try randomTensor(number, &generator)
      }
      let metadata: ArchiveMetadata? =
        Bool.random(using: &generator) ? nil : ["format": "pt", "é\n\"": "\0\u{1F600}"]
      let file = try write(tensors, metadata: metadata, in: directory)
      #expect(file.metadata == metadata)
      #expect(file.tensorCount == tensors.count)
      for (info, data) in tensors {
        let index = try #require(file.index(of: info.name))
        let found = file.tensor(at: index)
        #expect(found.dtype == info.dtype && found.shape == info.shape)
        #expect(found.byteCount == data.count && found.dataOffsets?.count == data.count)
        #expect(try file.bytes(at: index) == data, "\(info)")
        file.describeTensor(at: index) { lent in
          #expect(TensorInfo(copying: lent) == found)
          #expect(lent.elementCount == found.elementCount)
        }
      }
    }
  }

  private func randomTensor(
    _ number: Int, _ generator: inout SeededGenerator
  ) throws -> (info: TensorInfo, data: [UInt8]) {
    let dtype = try #require(
      DType.allCases.filter { !$0.isQuantized }.randomElement(using: &generator))
    var extents = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
      UInt.random(in: 0...5, using: &generator)
    }
    if dtype.byteCount == nil { extents.append(4 * UInt.random(in: 0...3, using: &generator)) }
    // Sometimes larger than the writer's buffer.
    if Int.random(in: 0..<300, using: &generator) == 0 { extents.insert(100_000, at: 0) }
    let letters = ["a", "Z", "é", "e\u{301}", "\0", "\"", "\\", "😀", "\u{7F}", " "]
    let word = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
      letters.randomElement(using: &generator) ?? ""
    }
    let info = try TensorInfo(
      name: TensorName(word.joined() + String(number)), dtype: dtype, shape: Shape(extents))
    let bits = extents.reduce(UInt(dtype.bitCount)) { $0 * $1 }
    let seed = UInt8.random(in: 0...255, using: &generator)
    return (info, (0..<bits / 8).map { UInt8(truncatingIfNeeded: $0 &* 31) ^ seed })
  }

  @Test("100,000 tensors are found by name, and others are not")
  func manyTensors() throws {
    let directory = try TemporaryDirectory()
    let names = (0..<100_000).map { number in
      "base_model.model.model.layers.\(number / 14).mlp.\(number % 14).lora_A.weight"
    }
    let tensors = try names.enumerated().map { number, name in
      (
        info: try TensorInfo(name: TensorName(name), dtype: .uint8, shape: [1]),
        data: [UInt8(truncatingIfNeeded: number)]
      )
    }
    let file = try write(tensors, in: directory)
    #expect(file.tensorCount == 100_000)
    var wrong = 0
    for (number, name) in names.enumerated() {
      guard let index = file.index(of: TensorName(name)) else {
        wrong += 1
        continue
      }
      if try file.bytes(at: index) != [UInt8(truncatingIfNeeded: number)] { wrong += 1 }
      if file.index(of: TensorName(name + " ")) != nil { wrong += 1 }
      if file.index(of: TensorName(String(name.dropLast()))) != nil { wrong += 1 }
    }
    #expect(wrong == 0)
    #expect(file.index(of: "") == nil)
  }

  @Test("names are found by their bytes")
  func lookup() throws {
    let names = ["", "é", "e\u{301}", "a", "A", "a\0", "\0a", "a\0\0", "n" + "\u{0}n"]
    let long = (1...40).map { String(repeating: "n", count: $0) }
    let tensors = try (names + long).map {
      (info: try TensorInfo(name: TensorName($0), dtype: .uint8, shape: [0]), data: [UInt8]())
    }
    let file = try write(tensors, in: TemporaryDirectory())
    #expect(file.tensorCount == names.count + long.count)
    for (info, _) in tensors {
      let index = try #require(file.index(of: info.name))
      #expect(file.tensor(at: index).name == info.name)
    }
    for name in ["b", "\0", "e", "\u{301}", "É", String(repeating: "n", count: 41), "nnnnnnno"] {
      #expect(file.index(of: TensorName(name)) == nil, "\(name)")
    }
  }

  @Test("tensors are lent in place, and their rows")
  func rows() throws {
    let data = (0..<24).map { UInt8($0) }
    let file = try write(
      [
        (try TensorInfo(name: "x", dtype: .uint16, shape: [3, 4]), data),
        (try TensorInfo(name: "f4", dtype: .float4E2M1, shape: [3, 2, 2]), [1, 2, 3, 4, 5, 6]),
        (try TensorInfo(name: "empty", dtype: .float32, shape: [0, 4]), []),
        (try TensorInfo(name: "scalar", dtype: .float32, shape: []), [1, 2, 3, 4]),
      ], in: TemporaryDirectory())
    func rows(_ name: TensorName, _ range: Range<Int>) throws -> (Shape, [UInt8]) {
      let index = try #require(file.index(of: name))
      return try file.withTensor(at: index) { view throws(CheckpointError) in
        let rows = try view.rows(range)
        return (rows.shape, rows.bytes.array)
      }
    }
    #expect(try rows("x", 1..<3) == ([2, 4], Array(data[8...])))
    #expect(try rows("x", 0..<0) == ([0, 4], []))
    #expect(try rows("f4", 1..<2) == ([1, 2, 2], [3, 4]))
    #expect(try rows("empty", 0..<0) == ([0, 4], []))
    #expect(throws: CheckpointError.self) { try rows("x", 2..<4) }
    #expect(throws: CheckpointError.self) { try rows("scalar", 0..<1) }
  }

  @Test("one file serves many threads")
  func threads() async throws {
    let tensors = try (0..<64).map { number in
      (
        info: try TensorInfo(name: TensorName("\(number)"), dtype: .uint8, shape: [1000]),
        data: [UInt8](repeating: UInt8(number), count: 1000)
      )
    }
    let file = try write(tensors, in: TemporaryDirectory())
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<64 {
        group.addTask {
          let index = file.index(of: TensorName("\(number)")) ?? -1
          return try file.bytes(at: index) == [UInt8](repeating: UInt8(number), count: 1000)
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }
}

extension TensorInfo {
  /// What was lent.
  fileprivate init(copying lent: TensorDescription) {
    let name = lent.name.indices.map { lent.name[$0] }
    self.init(
      name: TensorName(String(decoding: name, as: UTF8.self)), dtype: lent.dtype,
      shape: Shape(lent.dimensions.indices.map { lent.dimensions[$0] }),
      byteCount: lent.byteCount, dataOffsets: lent.dataOffsets)
  }
}
