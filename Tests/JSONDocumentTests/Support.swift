// SPDX-License-Identifier: Apache-2.0
import Foundation
import JSONDocument
import Tensors

/// The documents of one folder under Fixtures, by name.
func fixtures(_ folder: String, suffix: String) -> [String] {
  let root = fixturesRoot.appendingPathComponent(folder)
  guard let paths = FileManager.default.enumerator(atPath: root.path) else { return [] }
  return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(suffix) }.sorted()
    .map { folder + "/" + $0 }
}

func fixture(_ name: String) throws -> [UInt8] {
  try Array(Data(contentsOf: fixturesRoot.appendingPathComponent(name)))
}

/// The lines of a file under Vectors, split at the first space.
func vectors(_ name: String) -> [(String, String)] {
  let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Vectors/" + name)
  let text = (try? String(contentsOf: path, encoding: .utf8)) ?? ""
  return text.split(separator: "\n").map { line in
    let parts = line.split(separator: " ", maxSplits: 1)
    return (String(parts[0]), String(parts[1]))
  }
}

private let fixturesRoot = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures")

func parse(_ text: String) throws(CheckpointError) -> JSONValue {
  try JSONValue(parsing: Array(text.utf8))
}

/// What a document is refused with, or nil.
func refusal(_ bytes: [UInt8]) -> CheckpointError? {
  do throws(CheckpointError) {
    _ = try JSONValue(parsing: bytes)
    return nil
  } catch {
    return error
  }
}

func refusal(_ text: String) -> CheckpointError? {
  refusal(Array(text.utf8))
}

extension JSONValue {
  func text(_ style: JSONStyle) -> String {
    String(decoding: encoded(style), as: UTF8.self)
  }
}

/// SplitMix64: small, and the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
