// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// The vectors beside these tests.
enum Vectors {
  static func path(_ name: String) -> String {
    Fixtures.projectRoot + "/Tests/CheckpointsTests/Vectors/" + name
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from name: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path(name))))
  }
}

/// A sharded set of the vectors and what the real libraries read from it.
struct ShardVector: Decodable, Sendable {
  struct Tensor: Decodable {
    let name: String
    let file: String
    let dtype: String
    let shape: [UInt]
    let data: Data
    let alias: String?
  }

  let index: String
  let limit: Int
  let tensors: [Tensor]
  let state_dict: [String]

  static let directories = ["llama-safetensors", "gpt2-torch"]

  init(_ directory: String) throws {
    self = try Vectors.decode(Self.self, from: directory + ".json")
  }
}

/// A sharded set in a directory of its own, for a test to damage: two shards `a` and `b` with the
/// tensors `x` and `y` of one byte each, unless the test says otherwise.
struct ShardSet {
  let directory: TemporaryDirectory
  let indexPath: String

  init(
    map: [(String, String)] = [("x", "a"), ("y", "b")],
    shards: [(String, RawSafeTensors)] = [("a", .bytes(["x"])), ("b", .bytes(["y"]))]
  ) throws {
    let members = map.map { "\"\($0)\": \"\($1)\"" }.joined(separator: ", ")
    try self.init(json: "{\"weight_map\": {\(members)}}", shards: shards)
  }

  init(json: String, shards: [(String, RawSafeTensors)] = []) throws {
    directory = try TemporaryDirectory()
    indexPath = try directory.write(Array(json.utf8), to: "model.safetensors.index.json")
    for (name, shard) in shards { try directory.write(shard.encoded(), to: name) }
  }
}

extension RawSafeTensors {
  /// Tensors of one byte, whose data is the place of the tensor.
  static func bytes(_ names: [String], metadata: [String: String]? = nil) -> Self {
    Self(
      names.enumerated().map { Tensor($1, "U8", [1], [UInt8($0)]) }, metadata: metadata)
  }
}

extension TensorArchive {
  var names: [String] { tensors.map(\.name.string) }

  /// The data of a tensor, lent and in pieces, which must be the same.
  func data(at index: Int) throws -> [UInt8] {
    let lent = try withTensor(at: index) { view throws(CheckpointError) in copy(view.bytes) }
    var pieces: [UInt8] = []
    try readTensor(at: index) { piece throws(CheckpointError) in pieces += copy(piece) }
    #expect(lent == pieces)
    return lent
  }
}

private func copy(_ bytes: RawSpan) -> [UInt8] {
  (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
}
