// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import ContentDigest
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Digests of files")
struct FileTests {
  @Test("there are vectors of each kind")
  func vectorsExist() {
    #expect(DigestVector.all.count { $0.tensors != nil } > 50)
    #expect(DigestVector.all.count { $0.tensors == nil } > 50)
  }

  @Test("digests are those that hashlib computes (D2 to D5, D7)", arguments: DigestVector.all)
  func vector(_ vector: DigestVector) throws {
    let archive = try Checkpoint.open(path: Fixtures.path(vector.path))
    #expect(try CheckpointDigest(of: archive).description == vector.digest)
    guard let tensors = vector.tensors else { return }
    #expect(archive.tensorCount == tensors.count)
    for tensor in tensors {
      let index = try #require(archive.index(of: TensorName(tensor[0])))
      let digest = try TensorDigest(of: archive, at: index)
      #expect(digest.hexadecimal == tensor[1])
      #expect(digest.description == "sha256:" + tensor[1])
    }
  }

  @Test(
    "what torch wrote has the digest of the same tensors in safetensors (D1, D3, D6)",
    arguments: DigestVector.all.filter { $0.path.hasPrefix("torch/written/") })
  func torch(_ vector: DigestVector) throws {
    let path = vector.path.replacing(".safetensors", with: ".bin")
    let archive = try Checkpoint.open(path: Fixtures.path(path))
    #expect(archive.variant.name != "safetensors")
    #expect(try CheckpointDigest(of: archive).description == vector.digest)
  }

  @Test("order, alignment and metadata do not matter (D1)", arguments: [0, 1, 4])
  func arrangement(misalignment: Int) throws {
    let vector = try #require(DigestVector.all.first { $0.path.contains("mpt-causal-lm") })
    let directory = try TemporaryDirectory()
    var file = try RawSafeTensors(path: Fixtures.path(vector.path))
    file.tensors.reverse()
    file.metadata = ["who": "somebody else"]
    let path = try directory.write(
      file.encoded(misalignment: misalignment), to: "a.safetensors")
    let archive = try Checkpoint.open(path: path)
    #expect(try CheckpointDigest(of: archive).description == vector.digest)
  }

  @Test("a file that has shrunk is an error with its path and the tensor")
  func shrunk() throws {
    let directory = try TemporaryDirectory()
    let ones = Array(repeating: Float(1), count: 50_000)
    let file = try RawSafeTensors([.init("x", [50_000], floats: ones)]).encoded()
    let path = try directory.write(file, to: "a.safetensors")
    let archive = try Checkpoint.open(path: path)
    try #require(FileHandle(forWritingAtPath: path)).truncate(atOffset: UInt64(file.count - 1))
    let error = #expect(throws: CheckpointError.self) { try CheckpointDigest(of: archive) }
    #expect(error?.code == .truncated)
    #expect(error?.path == path)
    #expect(error?.tensor == "x")
  }
}
