// SPDX-License-Identifier: Apache-2.0
import Archives
import SafeTensors
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

@testable import DistributedCheckpoint

@Suite("Checkpoints of DeepSpeed's ZeRO (Q17 to Q24)")
struct ZeroTests {
  static let names = ["zero1-bf16", "zero2-fp32", "zero2-bf16", "zero3-fp32", "zero3-bf16"]

  @Test("what DeepSpeed saved is what its script puts together", arguments: names)
  func real(name: String) throws {
    let path = Fixtures.path("distributed/" + name)
    let archive = try #require(try DistributedDirectory.open(existing: path))
    #expect(archive.variant == .deepSpeedZeRO)
    #expect(archive.notes.count == 1)
    try expectSame(archive, SafeTensorsFile(path: path + ".safetensors"))
    let head = try #require(archive.index(of: "head.weight"))
    #expect(archive.alias(of: head) == archive.index(of: "embedding.weight"))
    // The directory of the step is the same.
    let step = try #require(try DistributedDirectory.open(existing: path + "/global_step2"))
    #expect(step.tensors == archive.tensors)
  }

  @Test("missing files are named", arguments: names)
  func missing(name: String) throws {
    let files = try files(below: Fixtures.path("distributed/" + name))
    for file in files where file.hasSuffix(".pt") {
      let copy = try CheckpointCopy(name)
      try copy.remove(file)
      let error = failure { () throws(CheckpointError) in _ = try copy.open() }
      #expect(error?.code == .missing, "\(file)")
      #expect(error?.path?.hasPrefix(copy.directory.path) == true)
    }
  }

  @Test("a partition of another file is refused")
  func wrongPartition() throws {
    // Ranks of stage 3 have partitions of the same size; a file of stage 2 has other vectors.
    let copy = try CheckpointCopy("zero2-fp32")
    let step = "global_step2/"
    let other = Fixtures.path("distributed/zero3-fp32/global_step2/")
    try copy.directory.write(
      bytes(of: other + "zero_pp_rank_1_mp_rank_00_optim_states.pt"),
      to: step + "zero_pp_rank_1_mp_rank_00_optim_states.pt")
    let error = failure { () throws(CheckpointError) in _ = try copy.open() }
    #expect(error?.code == .missing)
    #expect(error?.path == copy.directory.path(step + "zero_pp_rank_1_mp_rank_00_optim_states.pt"))
  }

  @Test("a model that is itself divided is told, with the way on")
  func modelParallel() throws {
    let copy = try CheckpointCopy("zero2-fp32")
    let step = "global_step2/"
    try copy.directory.write(
      bytes(of: copy.directory.path(step + "zero_pp_rank_1_mp_rank_00_optim_states.pt")),
      to: step + "zero_pp_rank_0_mp_rank_01_optim_states.pt")
    let error = failure { () throws(CheckpointError) in _ = try copy.open() }
    #expect(error?.code == .unsupported)
    #expect(error?.hint?.contains("zero_to_fp32.py") == true)
  }

  @Test("the latest step is the one that the file names")
  func latest() throws {
    let copy = try CheckpointCopy("zero2-fp32")
    for tag in ["../x", "global_step3", ""] {
      try copy.directory.write(Array(tag.utf8), to: "latest")
      #expect(try copy.open() == nil)
    }
    try copy.directory.write([], to: "zero_to_fp32.py")
    #expect(failure { () throws(CheckpointError) in _ = try copy.open() }?.code == .missing)
    try copy.directory.write(Array("global_step2\n".utf8), to: "latest")
    #expect(try copy.open()?.tensorCount == 12)
  }

  @Test("a file of one process is a part, and one with a whole model is not (Q25)")
  func parts() throws {
    for (file, isPart) in [
      ("zero2-bf16/global_step2/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt", true),
      ("zero2-bf16/global_step2/mp_rank_00_model_states.pt", false),
      ("zero3-bf16/global_step2/bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt", true),
      ("zero3-bf16/global_step2/zero_pp_rank_1_mp_rank_00_model_states.pt", true),
      ("ranks/dtensor.pt", true), ("ranks/sharded.pt", true), ("ranks/local.pt", true),
    ] {
      let archive = try TorchFile(path: Fixtures.path("distributed/" + file))
      let part = CheckpointPart(archive)
      #expect((part != nil) == isPart, "\(file)")
      #expect((part?.tensor != nil) == isPart, "\(file)")
    }
  }
}
