// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

/// A dict of tensors and what releases of torch save for it; see `Vectors/README.md`.
struct WritingVector: Decodable, Sendable {
  struct Entry: Decodable, Sendable {
    let name: String
    let dtype: String
    let shape: [UInt]
    let kind: String
  }

  struct Release: Decodable, Sendable {
    let layout: String
    let size: Int
    let sha256: String
  }

  /// The name of the file that was saved.
  let file: String
  private let entries: [Entry]?
  private let count: Int?
  /// What each release saved.
  let releases: [String: Release]

  static func load() throws -> [String: WritingVector] {
    try JSONDecoder().decode(
      [String: WritingVector].self, from: writingVectorData("writing.json"))
  }

  private static let plainDTypes = [
    "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "C64",
  ]

  /// The dict, in its order.
  func torchEntries() throws -> [TorchEntry] {
    let entries =
      entries
      ?? (0..<(count ?? 0)).map { index in
        Entry(
          name: "layers.\(index).w", dtype: Self.plainDTypes[index % Self.plainDTypes.count],
          shape: [UInt(index % 4)], kind: "tensor")
      }
    return try entries.map { entry in
      let info = try TensorInfo(
        name: TensorName(entry.name), dtype: #require(DType(name: entry.dtype)),
        shape: Shape(entry.shape))
      return TorchEntry(info, kind: try kind(entry.kind))
    }
  }

  private func kind(_ name: String) throws -> TorchEntry.Kind {
    switch name {
    case "tensor": .tensor
    case "fixed parameter": .parameter(requiresGradient: false)
    case "trained parameter": .parameter(requiresGradient: true)
    default: throw CheckpointError(.unrecognized, name)
    }
  }

  /// The data of the tensor with this index.
  static func data(of tensor: TensorInfo, index: Int) -> [UInt8] {
    let mask: UInt8 = tensor.dtype == .bool ? 1 : 255
    return (0..<tensor.byteCount).map { UInt8(truncatingIfNeeded: 31 * index + 7 * $0) & mask }
  }
}

/// A file made by torch beyond 4 GiB: everything but the data, which is all zeros.
struct WideVector: Decodable, Sendable {
  struct Record: Decodable, Sendable {
    let offset: Int
    let size: Int
    let checksum: UInt32
    let header: String
    let descriptor: String
  }

  struct Size: Decodable, Sendable {
    let name: String
    let byteCount: UInt

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      name = try container.decode(String.self)
      byteCount = try container.decode(UInt.self)
    }
  }

  let file: String
  let sizes: [Size]
  let records: [Record]
  let serialization_id: String
  let directory: String

  static func load() throws -> WideVector {
    try JSONDecoder().decode(WideVector.self, from: writingVectorData("writing-wide.json"))
  }
}

private func writingVectorData(_ name: String) throws -> Data {
  try Data(
    contentsOf: URL(
      fileURLWithPath: Fixtures.projectRoot + "/Tests/TorchCheckpointTests/Vectors/" + name))
}

/// Writes a dict and gives the bytes of the file, which is removed.
func written(
  _ entries: [TorchEntry], to path: String, layout: TorchLayout = .newest,
  data: (Int) -> [UInt8]
) throws -> [UInt8] {
  var output = try AtomicFile(
    path: path, policy: OutputPolicy(replacesExisting: true, synchronizes: false))
  try TorchWriter.write(entries, path: path, layout: layout, to: &output) {
    index, output throws(CheckpointError) in
    try output.write(data(index).span.rawBytes)
  }
  try output.commit()
  return try bytes(of: path)
}
