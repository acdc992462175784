// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import NumPyArchive
import Tensors
import TestSupport
import Testing

/// What NumPy writes.
struct WrittenVectors: Decodable, Sendable {
  struct Array: Decodable, Sendable {
    let name: String
    let dtype: String
    let shape: [UInt]
    let data: String
    let file: String

    var tensor: TensorVector {
      TensorVector(name: name, dtype: dtype, shape: shape, data: data)
    }
  }

  struct Archive: Decodable, Sendable {
    let name: String
    let tensors: [TensorVector]
    let file: String
  }

  struct Wide: Decodable, Sendable {
    struct Member: Decodable, Sendable {
      let name: String
      let byte_count: UInt
      let offset: Int
      let checksum: UInt32
    }

    let members: [Member]
    let file: String
  }

  let arrays: [Array]
  let archives: [Archive]
  let wide: Wide

  static func load() throws -> WrittenVectors {
    try vectorTable("written.json", as: WrittenVectors.self)
  }
}

@Suite("Writing what NumPy writes")
struct WritingTests {
  @Test("an array is NumPy's, byte for byte (N19, N20)")
  func arrays() throws {
    let directory = try TemporaryDirectory()
    let vectors = try WrittenVectors.load().arrays
    #expect(vectors.count >= 26)
    for (index, vector) in vectors.enumerated() {
      let path = directory.path("\(index).npy")
      let info = try vector.tensor.info()
      let data = bytes(hexadecimal: vector.data)
      var output = try AtomicFile(path: path, policy: OutputPolicy())
      try NumPyWriter.writeArray(info, to: &output) { output throws(CheckpointError) in
        try output.write(data.span.bytes)
      }
      try output.commit()
      let file = try TestSupport.bytes(of: path)
      #expect(file == bytes(hexadecimal: vector.file), "\(vector.name)")
      let layout = try NpyLayout(info)
      #expect(layout.byteCount == file.count)
      #expect(Array(file[layout.dataRange]) == data)
      #expect(layout.prefix == Array(file[..<layout.dataRange.lowerBound]))
      #expect(layout.substitution == nil)
    }
  }

  @Test("an archive is what savez writes to a pipe, byte for byte (N21, N22)")
  func archives() throws {
    for vector in try WrittenVectors.load().archives {
      let tensors = try vector.tensors.map { (try $0.info(), bytes(hexadecimal: $0.data)) }
      let file = try written(tensors)
      #expect(file == bytes(hexadecimal: vector.file), "\(vector.name)")
      let layout = try NpzLayout(tensors: tensors.map(\.0))
      #expect(layout.byteCount == file.count)
      for (index, tensor) in tensors.enumerated() {
        let range = try #require(layout.dataRange(of: index))
        #expect(Array(file[range]) == tensor.1)
      }
    }
  }

  @Test("what is written reads back, from any archive", arguments: NpzCompression.allCases)
  func roundTrip(_ compression: NpzCompression) throws {
    let directory = try TemporaryDirectory()
    let source = try NumPyFile(archive: InputFile(path: vectors + "read/savez-compressed.npz"))
    var output = try AtomicFile(path: directory.path("y.npz"), policy: OutputPolicy())
    try NumPyWriter.writeArchive(source, compression: compression, to: &output)
    try output.commit()
    let copy = try NumPyFile(archive: InputFile(path: directory.path("y.npz")))
    #expect(copy.tensorCount == source.tensorCount)
    for index in 0..<source.tensorCount {
      let info = source.tensor(at: index)
      let isBrain = info.dtype == .bfloat16
      #expect(copy.tensor(at: index).name == info.name)
      #expect(copy.tensor(at: index).shape == info.shape)
      #expect(copy.tensor(at: index).dtype == (isBrain ? .uint16 : info.dtype))
      #expect(try data(of: copy, at: index)[0] == data(of: source, at: index)[0])
    }
    let layout = try NpzLayout(tensors: source.tensors, compression: compression)
    #expect(
      layout.substitutions == [
        NumPySubstitution(tensor: "bf", dtype: .bfloat16, written: .uint16)
      ])
    if compression == .deflated {
      #expect(layout.byteCount == nil)
      #expect(layout.dataRange(of: 0) == nil)
      #expect(copy.location(of: 0).access == .compressed)
    }
  }

  @Test("data in many pieces, and more than zlib's window, is compressed as a whole")
  func deflatedPieces() throws {
    var generator = SeededGenerator(seed: 11)
    let count = 3_000_000
    let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 700) ^ UInt8($0 % 5 == 0 ? 1 : 0) }
    let random = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let tensors = [
      try TensorInfo(name: "regular", dtype: .uint8, shape: [UInt(count)]),
      try TensorInfo(name: "random", dtype: .uint8, shape: [UInt(random.count)]),
      try TensorInfo(name: "none", dtype: .float32, shape: [0]),
    ]
    let directory = try TemporaryDirectory()
    var output = try AtomicFile(path: directory.path("x.npz"), policy: OutputPolicy())
    try NumPyWriter.writeArchive(tensors, compression: .deflated, to: &output) {
      index, sink throws(CheckpointError) in
      let bytes = [data, random, []][index]
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + 77_777)
        try sink(bytes.span.bytes.extracting(start..<end))
        start = end
      }
    }
    try output.commit()
    let size = try TestSupport.bytes(of: directory.path("x.npz")).count
    #expect(size < random.count + count / 20)
    let archive = try NumPyFile(archive: InputFile(path: directory.path("x.npz")))
    for (index, bytes) in [data, random, []].enumerated() {
      for read in try NumPyArchiveTests.data(of: archive, at: index) { #expect(read == bytes) }
    }
  }

  @Test("every dtype is written, stood in for, or refused (N23)", arguments: DType.allCases)
  func dtypes(_ dtype: DType) throws {
    let info = try TensorInfo(name: "x", dtype: dtype, shape: dtype.isQuantized ? [256] : [8])
    let data = (0..<info.byteCount).map { UInt8(truncatingIfNeeded: $0) }
    guard let expected = NumPyWriter.dtype(for: dtype) else {
      #expect(dtype.isQuantized || [.float4E2M1, .float6E2M3, .float6E3M2].contains(dtype))
      let error = #expect(throws: CheckpointError.self) { try written([(info, data)]) }
      #expect(error?.code == .unsupported)
      #expect(error?.tensor == "x")
      return
    }
    let directory = try TemporaryDirectory()
    let archive = try NumPyFile(
      archive: InputFile(path: directory.write(written([(info, data)]), to: "x.npz")))
    #expect(archive.tensor(at: 0).dtype == expected)
    #expect(try NumPyArchiveTests.data(of: archive, at: 0)[0] == data)
    let substitution = try NpyLayout(info).substitution
    #expect(substitution?.written == (expected == dtype ? nil : expected))
    #expect(expected.bitCount == dtype.bitCount)
  }

  @Test("names that no archive can hold, or NumPy would confuse, are refused (N24)")
  func names() throws {
    func info(_ name: String) throws -> TensorInfo {
      try TensorInfo(name: TensorName(name), dtype: .uint8, shape: [0])
    }
    for names in [
      ["/a"], ["a//b"], ["../a"], ["a/./b"], ["a\\b"], ["a\0b"], ["x", "x.npy"],
      [String(repeating: "n", count: 65_532)],
    ] {
      let error = #expect(throws: CheckpointError.self, "\(names[0].prefix(20))") {
        try NpzLayout(tensors: names.map(info))
      }
      #expect(error?.code == .unsupported)
      #expect(error?.tensor == TensorName(names[0]))
    }
    let twice = #expect(throws: CheckpointError.self) {
      try NpzLayout(tensors: [info("x"), info("x")])
    }
    #expect(twice?.code == .malformed)
    let good = ["", "x.npy", "a/b", "ünï", " ", String(repeating: "n", count: 65_531)]
    let directory = try TemporaryDirectory()
    let file = try written(good.map { (try info($0), []) })
    let archive = try NumPyFile(archive: InputFile(path: directory.write(file, to: "x.npz")))
    #expect(archive.tensors.map(\.name.string) == good)
  }

  @Test("extents that NumPy cannot count are refused")
  func extents() throws {
    for shape in [Shape([0, UInt.max]), Shape([UInt](repeating: 1, count: 65))] {
      let error = #expect(throws: CheckpointError.self) {
        try NpyLayout(TensorInfo(name: "x", dtype: .uint8, shape: shape))
      }
      #expect(error?.code == .unsupported)
    }
  }

  @Test("an array file takes exactly one tensor (N19)")
  func oneTensor() throws {
    let directory = try TemporaryDirectory()
    for name in ["savez.npz", "nothing.npz"] {
      let source = try NumPyFile(archive: InputFile(path: vectors + "read/" + name))
      let error = #expect(throws: CheckpointError.self) {
        var output = try AtomicFile(path: directory.path("x.npy"), policy: OutputPolicy())
        try NumPyWriter.writeArray(source, to: &output)
      }
      #expect(error?.code == .unsupported)
    }
    let source = try NumPyFile(array: InputFile(path: vectors + "read/fortran.npy"))
    var output = try AtomicFile(path: directory.path("fortran.npy"), policy: OutputPolicy())
    try NumPyWriter.writeArray(source, to: &output)
    try output.commit()
    let copy = try NumPyFile(array: InputFile(path: directory.path("fortran.npy")))
    #expect(copy.location(of: 0).access == .contiguous)
    #expect(copy.tensors == source.tensors)
    #expect(try data(of: copy, at: 0)[0] == data(of: source, at: 0)[0])
  }

  @Test("an error of the source names the tensor, and nothing is left")
  func failingSource() throws {
    let directory = try TemporaryDirectory()
    let info = try TensorInfo(name: "x", dtype: .uint8, shape: [3])
    let error = #expect(throws: CheckpointError.self) {
      var output = try AtomicFile(path: directory.path("x.npz"), policy: OutputPolicy())
      try NumPyWriter.writeArchive([info], to: &output) { _, _ throws(CheckpointError) in
        throw CheckpointError(.system, "no such luck")
      }
    }
    #expect(error?.tensor == "x")
    #expect(try directory.names.isEmpty)
  }
}
