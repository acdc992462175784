// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import NumPyArchive
import Tensors
import TestSupport
import Testing

/// A file that NumPy wrote, and what is in it.
struct ReadVector: Decodable, Sendable {
  struct Skipped: Decodable, Sendable {
    let name: String
    let is_tensor: Bool
    let shape: [UInt]?
  }

  let tensors: [TensorVector]
  let skipped: [Skipped]

  static let names: [String] =
    ((try? vectorTable("read.json", as: [String: ReadVector].self)) ?? [:]).keys.sorted()

  static func load(_ name: String) throws -> ReadVector {
    try #require(try vectorTable("read.json", as: [String: ReadVector].self)[name])
  }
}

@Suite("Reading what NumPy wrote")
struct ReadingTests {
  @Test("there are vectors of every kind")
  func census() {
    #expect(ReadVector.names.filter { $0.hasSuffix(".npy") }.count >= 35)
    #expect(ReadVector.names.filter { $0.hasSuffix(".npz") }.count == 7)
  }

  @Test("every tensor has its name, dtype, shape and bits (N1 to N18)", arguments: ReadVector.names)
  func tensors(_ name: String) throws {
    let expected = try ReadVector.load(name)
    let archive = try Checkpoint.open(path: vectors + "read/" + name)
    #expect(archive.variant == (name.hasSuffix(".npy") ? .npy : .npz))
    #expect(archive.metadata == nil)
    #expect(archive.tensors == (try expected.tensors.map { try $0.info() }))
    for (index, tensor) in expected.tensors.enumerated() {
      #expect(archive.index(of: TensorName(tensor.name)) == index)
      for data in try data(of: archive, at: index) {
        #expect(data == bytes(hexadecimal: tensor.data), "\(tensor.name)")
      }
    }
    #expect(archive.index(of: "no such tensor") == nil)
    #expect(archive.skipped.map(\.name.string) == expected.skipped.map(\.name))
    for (item, expected) in zip(archive.skipped, expected.skipped) {
      #expect(item.isTensor == expected.is_tensor, "\(item)")
      if item.type != "structured array" {
        #expect(item.shape == expected.shape.map { Shape($0) }, "\(item)")
      }
    }
  }

  @Test("a location's range holds the bits as they are shown", arguments: ReadVector.names)
  func locations(_ name: String) throws {
    let path = vectors + "read/" + name
    let archive = try Checkpoint.open(path: path)
    let file = try TestSupport.bytes(of: path)
    for (index, tensor) in try ReadVector.load(name).tensors.enumerated() {
      let location = archive.location(of: index)
      #expect(location.path == path)
      switch location.access {
      case .contiguous:
        let range = try #require(location.range)
        #expect(Array(file[range]) == bytes(hexadecimal: tensor.data))
      case .compressed:
        #expect(name.contains("compressed") || tensor.name == "x")
      case .gathered:
        #expect(
          name.contains("big") || name.contains("fortran") || tensor.name.contains("fortran")
            || tensor.name == "big" || name == "zipped.npz")
      }
    }
  }

  @Test("what is skipped says what it is")
  func skipped() throws {
    let archive = try NumPyFile(archive: InputFile(path: vectors + "read/unheld.npz"))
    let types = archive.skipped.map(\.type)
    for (type, word) in zip(
      types,
      [
        "complex128", "string", "byte string", "structured", "datetime64", "timedelta64",
        "float128",
        "void array of 5 bytes", "eight bits or fewer", "not an array",
      ])
    {
      #expect(type.contains(word), "\(type)")
    }
    #expect(types.count == 10)
  }

  @Test("a large array in Fortran order is transposed, stored and compressed alike (N13)")
  func largeTranspose() throws {
    let (rows, columns) = (3000, 1100)
    let dict = "{'descr': '>u4', 'fortran_order': True, 'shape': (\(rows), \(columns)), }"
    // The element at [row, column] is row * columns + column.
    var data: [UInt8] = []
    data.reserveCapacity(4 * rows * columns)
    for column in 0..<columns {
      for row in 0..<rows {
        let value = UInt32(row * columns + column)
        for shift in [24, 16, 8, 0] as [UInt32] {
          data.append(UInt8(truncatingIfNeeded: value >> shift))
        }
      }
    }
    let array = rawArray(dict, data: data)
    let directory = try TemporaryDirectory()
    var archives: [any TensorArchive] = [
      try NumPyFile(array: InputFile(path: directory.write(array, to: "x.npy")))
    ]
    for method in [0, 8] as [UInt16] {
      let zip = try RawZip([RawZip.Member("x.npy", array, method: method)]).bytes()
      archives.append(
        try NumPyFile(archive: InputFile(path: directory.write(zip, to: "\(method).npz"))))
    }
    for archive in archives {
      var next: UInt32 = 0
      var wrong = 0
      try archive.readTensor(at: 0) { piece throws(CheckpointError) in
        piece.withUnsafeBytes { buffer in
          for word in buffer.bindMemory(to: UInt32.self) {
            if word != next { wrong += 1 }
            next += 1
          }
        }
      }
      #expect(wrong == 0)
      #expect(next == UInt32(rows * columns))
    }
  }

  @Test("a single array is called after its file (N2)")
  func stems() throws {
    let directory = try TemporaryDirectory()
    let array = rawArray(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", data: [0, 0, 0, 0])
    for (file, name) in [
      ("embeddings.npy", "embeddings"), ("a.b.npy", "a.b"), (".npy", ".npy"), ("plain", "plain"),
    ] {
      let archive = try NumPyFile(array: InputFile(path: directory.write(array, to: file)))
      #expect(archive.tensor(at: 0).name.string == name)
    }
  }
}
