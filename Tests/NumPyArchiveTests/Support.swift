// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import NumPyArchive
import Tensors
import TestSupport
import Testing

/// A tensor as NumPy had it; see `Vectors/README.md`.
struct TensorVector: Decodable, Sendable {
  let name: String
  let dtype: String
  let shape: [UInt]
  /// Hexadecimal digits of the data, row-major and little endian.
  let data: String

  func info() throws -> TensorInfo {
    try TensorInfo(
      name: TensorName(name), dtype: #require(DType(name: dtype)), shape: Shape(shape))
  }
}

/// The vectors' folder.
let vectors =
  #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
  .joined(separator: "/") + "/Vectors/"

/// A table of vectors.
func vectorTable<T: Decodable>(_ name: String, as type: T.Type) throws -> T {
  try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: vectors + name)))
}

/// The bytes that hexadecimal digits stand for.
func bytes(hexadecimal text: String) -> [UInt8] {
  let digits = Array(text.utf8).map { $0 < 0x60 ? $0 - 0x30 : $0 - 0x57 }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

extension RawSpan {
  /// A copy of the bytes.
  func copied() -> [UInt8] { withUnsafeBytes { Array($0) } }
}

/// What a tensor's data is by each of the ways to have it.
func data(of archive: any TensorArchive, at index: Int) throws -> [[UInt8]] {
  let lent = try archive.withTensor(at: index) { view throws(CheckpointError) in
    view.bytes.copied()
  }
  var read: [UInt8] = []
  try archive.readTensor(at: index) { piece throws(CheckpointError) in
    read += piece.copied()
  }
  let directory = try TemporaryDirectory()
  var output = try AtomicFile(
    path: directory.path("data"), policy: OutputPolicy(synchronizes: false))
  try archive.copyTensor(at: index, to: &output)
  try output.commit()
  return [lent, read, try TestSupport.bytes(of: directory.path("data"))]
}

/// Opens a file and reads every tensor.
func readAll(_ archive: any TensorArchive) throws {
  for index in 0..<archive.tensorCount {
    try archive.withTensor(at: index) { _ throws(CheckpointError) in }
    try archive.readTensor(at: index) { _ throws(CheckpointError) in }
  }
}

/// An array of version 1.0 with this dict and data, put together by hand.
func rawArray(_ dict: String, data: [UInt8] = [], version: [UInt8] = [1, 0]) -> [UInt8] {
  let length = littleEndian(UInt32(dict.utf8.count)).prefix(version[0] == 1 ? 2 : 4)
  return [0x93] + Array("NUMPY".utf8) + version + length + Array(dict.utf8) + data
}

/// Writes an archive by the writer under test.
func written(
  _ tensors: [(TensorInfo, [UInt8])], _ compression: NpzCompression = .stored
) throws -> [UInt8] {
  let directory = try TemporaryDirectory()
  var output = try AtomicFile(
    path: directory.path("x.npz"), policy: OutputPolicy(synchronizes: false))
  try NumPyWriter.writeArchive(tensors.map(\.0), compression: compression, to: &output) {
    index, sink throws(CheckpointError) in
    let data = tensors[index].1
    try sink(data.span.bytes)
  }
  try output.commit()
  return try TestSupport.bytes(of: directory.path("x.npz"))
}
