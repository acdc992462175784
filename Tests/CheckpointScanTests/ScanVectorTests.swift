// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import TestSupport
import Testing
import CheckpointScan

@Suite struct ScanVectorTests {
  @Test func vectorsAreThere() {
    #expect(ScanVectors.names("good").count >= 18)
    #expect(ScanVectors.names("code").count >= 70)
    #expect(ScanVectors.names("damaged").count >= 18)
  }

  @Test(arguments: ScanVectors.names("good"))
  func whatTorchWritesIsDataOnly(name: String) throws {
    let report = try ScanVectors.scan("good/" + name)
    #expect(report.findings.map(\.message) == [])
    #expect(report.verdict == .dataOnly)
    #expect(report.pickleCount >= 1)
  }

  @Test(arguments: ScanVectors.names("code"))
  func attacksAskForCode(name: String) throws {
    let report = try ScanVectors.scan("code/" + name)
    #expect(report.verdict == .asksForCode)
  }

  @Test(arguments: ScanVectors.names("damaged"))
  func damageIsNoCode(name: String) throws {
    let report = try ScanVectors.scan("damaged/" + name)
    #expect(report.verdict == .damaged)
  }

  @Test(
    arguments: [
      "reduce.bin", "global-only.bin", "stack-global.bin", "stack-global-memo.bin",
      "stack-global-memoize.bin", "stack-global-escaped.bin", "inst.bin", "obj.bin", "newobj.bin",
      "newobj-ex.bin", "build-setstate.bin", "call-result.bin", "frame-straddle.bin",
      "nested.bin", "nested-twice.bin", "nested-zip.bin", "nested-protocol-0.bin",
      "payload-then-truncated.bin", "payload-then-garbage.bin", "second-pickle.bin",
      "second-pickle-protocol-0.bin", "cut-short.bin", "deflated.bin", "unknown-record.bin",
      "unknown-record-deflated.bin", "duplicate.bin", "duplicate-last.bin", "case-duplicate.bin",
      "case-only.bin", "two-folders.bin", "comment.bin", "prefix.bin", "suffix.bin", "gap.bin",
      "extra-field.bin", "method-mismatch.bin", "offset-mismatch.bin", "legacy-magic.bin",
      "legacy-magic-hidden.bin", "legacy-magic-first.bin", "legacy-version-first.bin",
      "legacy-sys-info-first.bin", "legacy-object-first.bin", "legacy-keys-first.bin",
      "legacy-trailing.bin", "legacy-tar.bin", "legacy-zip.bin", "tar-sys-info.tar",
      "tar-pickle.tar", "tar-storages.tar",
      "tar-extra.tar", "persistent-module.bin",
    ])
  func theHiddenNameIsFound(name: String) throws {
    let report = try ScanVectors.scan("code/" + name)
    #expect(unknownNames(report).contains("peftkit_hostile_fixture.run"))
  }

  /// The reader's own fixtures, from four versions of torch.
  @Test func whatOlderTorchesWroteIsDataOnly() throws {
    let root = Fixtures.path("torch/written/")
    let names = try files(below: root).filter {
      !$0.hasSuffix(".json") && !$0.hasSuffix(".safetensors")
    }
    #expect(names.count >= 100)
    for name in names where name != "handmade-torchscript.bin" {
      let report = try CheckpointScanner.scan(InputFile(path: root + name))
      #expect(report.verdict == .dataOnly, "\(name): \(report.findings.map(\.message))")
    }
  }

  /// And the files that it must refuse: those of the categories that ask for code are never data only.
  @Test func whatTheReaderRefusesForCodeIsNotDataOnly() throws {
    let root = Fixtures.path("torch/hostile/")
    let names = try files(below: root).filter { $0.hasSuffix(".bin") }
    #expect(names.count >= 250)
    for name in names {
      let report = try CheckpointScanner.scan(InputFile(path: root + name))
      guard ["01", "02", "03", "04", "05", "16", "17", "18", "21", "22"].contains(name.prefix(2))
      else { continue }
      #expect(report.verdict != .dataOnly, "\(name)")
    }
  }

  @Test func namesSayWhereAndWhoCallsThem() throws {
    let report = try ScanVectors.scan("code/reduce.bin")
    let pickle = try #require(report.pickles.first)
    #expect(pickle.place == "archive/data.pkl")
    #expect(pickle.offsetBase == .file)
    #expect(pickle.isComplete)
    let name = try #require(pickle.names.first { !$0.isAllowed })
    let bytes = try bytes(of: ScanVectors.root + "code/reduce.bin")
    #expect(bytes[name.offset...].starts(with: Array("cpeftkit_hostile_fixture\nrun\n".utf8)))
    #expect(name.calls.map(\.opcode) == ["REDUCE"])
    #expect(name.calls.map(\.count) == [1])
    let tensors = try #require(pickle.names.first { $0.name == "_rebuild_tensor_v2" })
    #expect(tensors.calls.map(\.count) == [2])
  }

  @Test func compressedRecordsCountFromTheirOwnStart() throws {
    let report = try ScanVectors.scan("code/deflated.bin")
    let pickle = try #require(report.pickles.first)
    #expect(pickle.offsetBase == .record)
    #expect(pickle.offset == 0)
  }

  @Test(arguments: ["reduce.bin", "second-pickle.bin", "legacy-magic.bin", "tar-pickle.tar"])
  func safetensorsThatAreSomethingElseTooAreNotTrusted(name: String) throws {
    let file = try InputFile(path: ScanVectors.root + "code/" + name)
    let report = try CheckpointScanner.scan(
      file, acceptedAs: FormatVariant("safetensors"))
    #expect(report.verdict == .asksForCode)
    #expect(report.findings.first?.code == .container)
  }

  @Test func torchScriptAsksForNothingButItsProgram() throws {
    let report = try ScanVectors.scan("code/script.pt")
    #expect(report.format.name == "torchscript")
    #expect(Set(report.findings.map(\.code)) == [.program])
    #expect(unknownNames(report) == [])
  }

  @Test(
    arguments: [
      "lora-bin", "mpt-causal-lm-bin", "mpt-f16-bin", "mpt-f64-bin", "mpt-rank4-bf16-bin",
      "mpt-seq-cls-bin", "mpt-seq2seq-bin", "mpt-unicode-bin", "prompt-tuning-bin",
    ])
  func adaptersThatPEFTSavedAreDataOnly(name: String) throws {
    let path = Fixtures.adapter(name) + "/adapter_model.bin"
    let report = try CheckpointScanner.scan(InputFile(path: path))
    #expect(report.findings.map(\.message) == [])
    #expect(report.verdict == .dataOnly)
  }
}
