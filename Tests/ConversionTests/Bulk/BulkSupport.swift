// SPDX-License-Identifier: Apache-2.0
import Archives
import Conversion
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport

/// A tree to convert, and a place for its conversions.
final class BulkTree: @unchecked Sendable {
  let directory: TemporaryDirectory
  let source: String
  let destination: String

  init() throws {
    directory = try TemporaryDirectory()
    source = directory.path("in")
    destination = directory.path("out")
    try makeDirectory("")
  }

  func makeDirectory(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: source + "/" + name, withIntermediateDirectories: true)
  }

  /// Writes a file, the directories above it too.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try makeDirectory((name as NSString).deletingLastPathComponent)
    return try directory.write(bytes, to: "in/" + name)
  }

  /// Writes a safetensors file of one tensor.
  @discardableResult
  func addFile(_ name: String, _ value: Float = 1) throws -> String {
    try write(name, RawSafeTensors([.init("t", [2], floats: [value, 2])]).encoded())
  }

  /// Copies an adapter of the fixtures.
  func addAdapter(_ name: String, of fixture: String = "mpt-one-token") throws {
    try makeDirectory((name as NSString).deletingLastPathComponent)
    try FileManager.default.copyItem(
      atPath: Fixtures.adapter(fixture), toPath: source + "/" + name)
  }

  /// Names that are not UTF-8 cannot be written in Swift's strings, but renamed to.
  func rename(_ name: String, to bytes: [UInt8]) {
    let target = Array((source + "/").utf8) + bytes + [0]
    target.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { target in
      _ = Foundation.rename(source + "/" + name, target.baseAddress!)
    }
  }

  func conversion(
    force: Bool = false, resume: Bool = false, jobs: Int = 2, shard: WorkPartition? = nil,
    digest: @escaping BulkConversion.Digest = contents
  ) -> BulkConversion {
    let policy = OutputPolicy(replacesExisting: force, synchronizes: false)
    var conversion = BulkConversion(
      source: source, destination: destination,
      options: ConversionOptions(format: .safetensors, policy: policy), digest: digest)
    conversion.resumes = resume
    conversion.jobs = jobs
    conversion.shard = shard
    return conversion
  }

  /// The lines of a manifest, parsed by Foundation, by source.
  func manifest(_ name: String = "peftkit-manifest.jsonl") throws -> [String: [String: Any]] {
    let text = try String(contentsOfFile: destination + "/" + name, encoding: .utf8)
    var records: [String: [String: Any]] = [:]
    for line in text.split(separator: "\n") {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let source = object?["source"] as? String ?? ""
      records[source] = object
    }
    return records
  }

  /// The outcomes of a manifest, by source.
  func outcomes(_ name: String = "peftkit-manifest.jsonl") throws -> [String: String] {
    try manifest(name).compactMapValues { $0["outcome"] as? String }
  }
}

/// A digest that tells everything: the contents themselves.
@Sendable func contents(of archive: any TensorArchive) throws(CheckpointError) -> String {
  var parts: [String] = []
  for index in 0..<archive.tensorCount {
    let info = archive.tensor(at: index)
    var text = "\(info.name.string) \(info.dtype.name) \(info.shape)"
    try archive.readTensor(at: index) { piece throws(CheckpointError) in
      for offset in piece.byteOffsets {
        text += " \(piece.unsafeLoad(fromByteOffset: offset, as: UInt8.self))"
      }
    }
    parts.append(text)
  }
  return parts.sorted().joined(separator: "; ")
}

/// Counts what it is told of, from any thread.
final class EventCounter: @unchecked Sendable {
  private let lock = NSLock()
  private var paths: [String] = []

  func note(_ path: String) {
    lock.lock()
    defer { lock.unlock() }
    paths.append(path)
  }

  var all: [String] {
    lock.lock()
    defer { lock.unlock() }
    return paths.sorted()
  }
}
