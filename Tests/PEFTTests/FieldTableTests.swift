// SPDX-License-Identifier: Apache-2.0
import Foundation
import JSONDocument
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("The table of fields")
struct FieldTableTests {
  @Test("every method has fields, unique in each release, whose defaults have their types (C38)")
  func table() throws {
    #expect(PEFTType.all.count == 46)
    #expect(ExaminedRelease.all.count == 35)
    #expect(ExaminedRelease.newest.release == PEFTRelease(0, 21, 2))
    for type in PEFTType.all {
      let fields = try #require(MethodFields(type))
      for release in ExaminedRelease.all where fields.releases.contains(release.release) {
        let present = fields.fields(in: release.release)
        #expect(present.count >= 4, "\(type.rawValue) \(release.release)")
        #expect(Set(present.map(\.key)).count == present.count)
        for field in present {
          let hasType = field.types.contains { $0.accepts(field.defaultValue) }
          #expect(hasType, "\(type.rawValue) \(field.key) \(release.release)")
        }
      }
    }
  }

  @Test("the releases are in order, and other releases count as the one before (C38)")
  func releases() {
    let releases = ExaminedRelease.all.map(\.release)
    #expect(releases == releases.sorted())
    #expect(ExaminedRelease(PEFTRelease(0, 10, 1))?.release == PEFTRelease(0, 10, 0))
    #expect(ExaminedRelease(PEFTRelease(0, 9, 0))?.release == PEFTRelease(0, 9, 0))
    #expect(ExaminedRelease(PEFTRelease(0, 1, 0)) == nil)
    #expect(ExaminedRelease(PEFTRelease(0, 22, 0)) == nil)
  }

  @Test(
    "versions are read as peft_version has them",
    arguments: [
      ("0.21.2", PEFTRelease(0, 21, 2)), ("0.19.2.dev0@UNKNOWN", PEFTRelease(0, 19, 2)),
      ("0.9", PEFTRelease(0, 9, 0)), ("1", PEFTRelease(1, 0, 0)),
      ("0.18.1rc1", PEFTRelease(0, 18, 1)),
      ("", nil), ("main", nil), ("99999999999999999999.0", nil),
    ])
  func versions(text: String, release: PEFTRelease?) {
    #expect(PEFTRelease(parsing: text) == release)
  }

  @Test("a config that a release wrote has the keys of the table, and that release loads it (C38)")
  func writtenConfigs() throws {
    let folder = Fixtures.path("configs")
    var count = 0
    for name in try files(below: folder) where name.hasSuffix(".json") {
      let version = try #require(name.split(separator: "/").first)
      let release = try #require(PEFTRelease(parsing: version))
      let config = try AdapterConfig(path: folder + "/" + name)
      let fields = try #require(MethodFields(try config.peftType))
      let keys = Set(fields.fields(in: release).map(\.key))
      #expect(Set(config.document.map(\.key)) == keys, "\(name)")
      var options = FindingOptions()
      options.release = ExaminedRelease(release)
      let codes: Set<Finding.Code> = ["unknown-key", "lost-key", "missing-method", "wrong-type"]
      let findings = config.findings(options).filter {
        codes.contains($0.code) && !fixtureKeysOfOtherTypes.contains($0.key ?? "")
      }
      #expect(findings.isEmpty, "\(name): \(findings)")
      count += 1
    }
    #expect(count > 60)
  }
}

/// A config, a release, and what that release makes of it.
struct ReleaseCase: CustomTestStringConvertible, Sendable {
  let members: String
  let release: PEFTRelease
  let severity: Finding.Severity?
  let code: Finding.Code?
  let key: String?

  var testDescription: String { "\(release): \(members)" }

  init(
    _ members: String, _ release: (Int, Int, Int), _ severity: Finding.Severity? = nil,
    _ code: Finding.Code? = nil, key: String? = nil
  ) {
    self.members = members
    self.release = PEFTRelease(release.0, release.1, release.2)
    self.severity = severity
    self.code = code
    self.key = key
  }

  /// Scripts/config_fields measures what releases do.
  static let all: [ReleaseCase] = [
    Self(#""peft_type": "LORA", "r": 4"#, (0, 2, 0)),
    Self(#""peft_type": "LORA", "zzz": 1"#, (0, 21, 2), .warning, "unknown-key", key: "zzz"),
    Self(#""peft_type": "LORA", "zzz": null"#, (0, 21, 2), .note, "unknown-key", key: "zzz"),
    Self(#""peft_type": "LORA", "zzz": null"#, (0, 13, 2), .error, "unknown-key", key: "zzz"),
    Self(#""peft_type": "LORA", "zzz": null"#, (0, 5, 0), .note, "unknown-key", key: "zzz"),
    Self(
      #""peft_type": "LORA", "merge_weights": false"#, (0, 21, 2), .note, "unknown-key",
      key: "merge_weights"),
    Self(
      #""peft_type": "LORA", "use_dora": true"#, (0, 8, 2), .error, "unknown-key", key: "use_dora"),
    Self(#""peft_type": "LORA", "use_dora": true"#, (0, 9, 0)),
    Self(
      #""peft_type": "LORA", "use_dora": true"#, (0, 5, 0), .error, "lost-key", key: "use_dora"),
    Self(
      #""peft_type": "LORA", "use_dora": false"#, (0, 5, 0), .note, "unknown-key", key: "use_dora"),
    Self(
      #""peft_type": "LORA", "target_parameters": ["w"]"#, (0, 16, 0), .error, "lost-key",
      key: "target_parameters"),
    Self(
      #""peft_type": "LORA", "corda_config": {}"#, (0, 14, 0), .note, "unknown-key",
      key: "corda_config"),
    Self(#""peft_type": "VERA""#, (0, 9, 0), .error, "missing-method", key: "peft_type"),
    Self(#""peft_type": "BONE""#, (0, 21, 2), .error, "missing-method", key: "peft_type"),
    Self(#""peft_type": "BONE""#, (0, 18, 1)),
    Self(
      #""peft_type": "lora""#, (0, 21, 2), .error, "unknown-peft-type", key: "peft_type"),
    Self(
      #""peft_type": "LORA", "task_type": "CausalLM""#, (0, 21, 2), .error, "unknown-task-type",
      key: "task_type"),
    Self(
      #""peft_type": "LORA", "task_type": "CausalLM""#, (0, 13, 2), .warning, "unknown-task-type",
      key: "task_type"),
    Self(
      #""peft_type": "LORA", "runtime_config": {}"#, (0, 11, 1), .error, "runtime-config",
      key: "runtime_config"),
    Self(
      #""peft_type": "LORA", "runtime_config": {}"#, (0, 12, 0), .warning, "runtime-config",
      key: "runtime_config"),
    Self(
      #""peft_type": "LORA", "lora_alpha": 8.0"#, (0, 21, 2), .note, "wrong-type", key: "lora_alpha"
    ),
    Self(#""peft_type": "LORA", "r": 8.0"#, (0, 21, 2), .error, "wrong-type", key: "r"),
    Self(#""peft_type": "LORA", "r": "8""#, (0, 21, 2), .error, "wrong-type", key: "r"),
    Self(#""peft_type": "LORA", "lora_dropout": 0"#, (0, 21, 2)),
    Self(#""peft_type": "LORA", "lora_dropout": NaN"#, (0, 21, 2)),
    Self(
      #""peft_type": "LORA", "rank_pattern": null"#, (0, 21, 2), .error, "wrong-type",
      key: "rank_pattern"),
    Self(#""peft_type": "LORA", "layers_pattern": "" "#, (0, 21, 2)),
    Self(
      #""peft_type": "LORA", "layer_replication": {}"#, (0, 21, 2), .note, "wrong-type",
      key: "layer_replication"),
    Self(#""peft_type": "LORA", "init_lora_weights": "pissa_niter_16""#, (0, 21, 2)),
    Self(#""peft_type": "LORA", "init_lora_weights": "lora_ga""#, (0, 21, 2)),
    Self(
      #""peft_type": "LORA", "init_lora_weights": "pisa""#, (0, 21, 2), .error, "invalid-value",
      key: "init_lora_weights"),
    Self(
      #""peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM""#, (0, 21, 2), .error, "missing-key",
      key: "num_virtual_tokens"
    ),
  ]
}

@Suite("Configs by release")
struct ReleaseFindingTests {
  @Test(
    "a release refuses a config, loses a meaning, or loads it (C38 to C41)",
    arguments: ReleaseCase.all)
  func release(_ item: ReleaseCase) throws {
    var options = FindingOptions()
    options.release = ExaminedRelease(item.release)
    let findings = try config("{\(item.members)}").findings(options)
    #expect(findings.map(\.severity) == (item.severity.map { [$0] } ?? []), "\(findings)")
    #expect(findings.first?.code == item.code)
    #expect(findings.first?.key == item.key)
  }

  @Test(
    "the releases that load a config are those without an error (C41)", arguments: ReleaseCase.all)
  func loadingReleases(_ item: ReleaseCase) throws {
    let read = try config("{\(item.members)}")
    let expected = ExaminedRelease.all.filter { release in
      var options = FindingOptions()
      options.release = release
      let codes: Set<Finding.Code> = ["unsupported-task-type"]
      return !read.findings(options).contains { $0.severity == .error && !codes.contains($0.code) }
    }
    #expect(read.loadingReleases == expected)
  }

  @Test(
    "the releases that load a config (C41)",
    arguments: [
      (#""peft_type": "LORA""#, "0.2.0 to 0.21.2"),
      (#""peft_type": "LORA", "zzz": null"#, "0.2.0 to 0.5.0, 0.14.0 to 0.21.2"),
      (#""peft_type": "LORA", "use_dora": true"#, "0.9.0 to 0.21.2"),
      (#""peft_type": "BONE", "r": 4"#, "0.14.0 to 0.18.1"),
      (#""peft_type": "lora""#, nil),
    ])
  func loading(members: String, ranges: String?) throws {
    #expect(try config("{\(members)}").loadingReleaseRanges == ranges)
  }

  @Test("messages say what was probably meant (C20, C24)")
  func suggestions() throws {
    func message(_ members: String) throws -> String? {
      try config("{\(members)}").findings().first?.message
    }
    #expect(try message(#""peft_type": "lora""#)?.hasSuffix("did you mean LORA?") == true)
    #expect(try message(#""peft_type": "BONE""#)?.contains("MISS") == true)
    let misspelt = try message(#""peft_type": "LORA", "lora_aplha": 16"#)
    #expect(misspelt?.contains("did you mean \"lora_alpha\"?") == true)
    let task = try message(#""peft_type": "LORA", "task_type": "CausalLM""#)
    #expect(task?.hasSuffix("did you mean CAUSAL_LM?") == true)
  }

  @Test("many unknown keys take bounded work (C24)")
  func manyKeys() throws {
    let members = (0..<20_000).map { "\"key\($0)\": \($0)" }.joined(separator: ", ")
    #expect(
      try config("{\"peft_type\": \"LORA\", \(members)}").findings().count {
        $0.code == "unknown-key"
      } == 20_000)
  }
}
