// SPDX-License-Identifier: Apache-2.0
import CheckpointScan
import TestSupport
import Testing

@Suite("What would run, and whose code it is (spec/scan.md, S30, S31)")
struct CodeOriginTests {
  @Test(
    "names are looked up, exact ones before packages",
    arguments: [
      ("os", "system", "dangerous", nil), ("posix", "system", "dangerous", nil),
      ("subprocess", "Popen", "dangerous", nil), ("builtins", "exec", "dangerous", nil),
      ("__builtin__", "eval", "dangerous", nil), ("builtins", "getattr", "dangerous", nil),
      ("urllib.request", "urlopen", "dangerous", nil), ("torch", "load", "dangerous", nil),
      ("operator", "methodcaller", "dangerous", nil),
      ("transformers.training_args", "TrainingArguments", "library", "transformers"),
      ("ultralytics.nn.tasks", "DetectionModel", "library", "ultralytics"),
      ("torch.nn.modules.linear", "Linear", "library", "torch"),
      ("torchvision.models.resnet", "ResNet", "library", "torchvision"),
      ("pytorch_lightning.callbacks", "ModelCheckpoint", "library", "Lightning"),
      ("functools", "partial", "library", "Python"),
      ("torchevil", "x", "unknown", nil), ("osx", "system", "unknown", nil),
      ("my_project.models", "Net", "unknown", nil), ("", "", "unknown", nil),
      (nil, "system", "unknown", nil),
    ] as [(String?, String, String, String?)])
  func lookup(module: String?, name: String, kind: String, library: String?) {
    let origin = CodeOrigin(module: module, name: name)
    #expect(origin.kind.rawValue == kind)
    #expect(origin.library == library)
    if kind == "dangerous" || kind == "library" { #expect(origin.meaning?.isEmpty == false) }
  }

  @Test("what the Trainer saves is data, except its settings, which are known by their class")
  func trainer() throws {
    for name in ["rng_state.pth", "scheduler.pt"] {
      let report = try ScanVectors.scan("trainer/" + name)
      #expect(report.findings.map(\.message) == [], "\(name)")
      #expect(report.verdict == .dataOnly)
      #expect(report.codeRequests.isEmpty)
    }
    let report = try ScanVectors.scan("trainer/training_args.bin")
    #expect(report.verdict == .asksForCode)
    let first = try #require(report.codeRequests.first)
    #expect(first.qualifiedName == "transformers.training_args.TrainingArguments")
    #expect(first.origin.library == "transformers")
    #expect(first.certainty == .called)
    #expect(report.codeRequests.allSatisfy { $0.origin.kind == .library })
  }

  @Test("hostile names come first, and say how sure it is that they run")
  func hostile() throws {
    let called = try ScanVectors.scan("code/reduce.bin").codeRequests
    #expect(called.map(\.qualifiedName) == ["peftkit_hostile_fixture.run"])
    #expect(called.map(\.certainty) == [.called])
    #expect(called.map(\.origin.kind) == [.unknown])
    let imported = try ScanVectors.scan("code/global-only.bin").codeRequests
    #expect(imported.map(\.certainty) == [.imported])
    let directory = try TemporaryDirectory()
    let pickle: [UInt8] =
      [0x80, 2] + Array("ctorch.nn.modules.linear\nLinear\n0cos\nsystem\nX".utf8) + [
        1, 0, 0, 0, 0x61,
      ]
      + [0x85] + Array("R.".utf8)
    let report = try scan(pickle, in: directory)
    #expect(report.codeRequests.map(\.qualifiedName).first == "os.system")
    #expect(report.codeRequests.map(\.origin.kind) == [.dangerous, .library])
    // In bytes that nothing reads as a pickle.
    let hidden = try scan([UInt8](repeating: 0x20, count: 64) + pickle, in: directory)
    #expect(
      hidden.codeRequests.contains { $0.qualifiedName == "os.system" && $0.certainty == .hidden })
  }

  @Test(
    "arrays of fields, and archives that Info-ZIP packed, are data only (S14, S21)",
    arguments: ScanVectors.names("arrays"))
  func arrays(name: String) throws {
    let report = try ScanVectors.scan("arrays/" + name)
    #expect(report.findings.map(\.message) == [])
    #expect(report.verdict == .dataOnly)
  }

  @Test("the size of an array of fields is checked, and odd fields are not passed over")
  func structured() throws {
    let whole = try bytes(of: ScanVectors.root + "arrays/struct.npy")
    let directory = try TemporaryDirectory()
    #expect(try scan(whole + [0], in: directory).verdict == .damaged)
    #expect(try scan(whole.dropLast(), in: directory).verdict == .damaged)
    let text = String(decoding: whole.prefix(192), as: UTF8.self)
    #expect(text.contains("('x', '<f4')"))
    for other in ["('x', '<f5')", "('x', '|O8')", "('x', <f4 )", "('x' '<f4',)", "[('x','f4')]"] {
      let from = Array("('x', '<f4')".utf8)
      guard
        let start = (0..<whole.count - from.count).first(where: { whole[$0...].starts(with: from) })
      else { continue }
      var changed = whole
      changed.replaceSubrange(start..<start + from.count, with: Array(other.utf8))
      #expect(try scan(changed, in: directory).verdict != .dataOnly, "\(other)")
    }
  }

  @Test("a field of times or owners with other contents is found")
  func stamps() throws {
    let whole = try bytes(of: ScanVectors.root + "arrays/infozip.npz")
    let directory = try TemporaryDirectory()
    let place = try #require(
      (0..<whole.count - 4).first { whole[$0...].starts(with: [0x55, 0x54, 9, 0]) })
    for (offset, value) in [(4, 0xFF), (1, 0x99), (2, 8)] as [(Int, UInt8)] {
      var changed = whole
      changed[place + offset] = value
      #expect(try scan(changed, in: directory).verdict == .damaged, "byte \(offset)")
    }
  }
}
