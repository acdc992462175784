// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import PEFT
import Testing

@Suite("Patterns of module names")
struct ModulePatternTests {
  private static let module = "model.layers.1.self_attn.q_proj"
  private static let budget = 1_000_000

  private func matches(
    _ key: String, _ module: String, _ matching: ModulePattern.Matching = .path
  ) -> Bool? {
    var budget = Self.budget
    return ModulePattern(key, matching: matching).matches(module, budget: &budget)
  }

  @Test(
    "keys that match, as re.match(rf\"(.*\\.)?({key})$\", module) does",
    arguments: [
      "q_proj", "self_attn.q_proj", module, #"model\.layers\.1\.self_attn\.q_proj"#, "......",
      ".*", #".*\.q_proj"#, #"layers\.\d+\.self_attn\..*"#, "(q|k)_proj", "[qkv]_proj", "[^x]_proj",
      #"^model\..*q_proj"#, "q_proj$", #"q_proj\Z"#, "q{1}_proj", "(?:layers.1.)self.*",
      ".*_proj|x",
      "x)|(.*", #"\w+"#, #"(?P<name>q)_(proj)"#, "q.*?j", #".*\bq_proj"#, #"\x71_proj"#,
      "q+_+proj+", "(?=q)q_proj", "(?=x)*q_proj", "(?!k)._proj", #"(?<=attn\.)q_proj"#,
      "(?<!k)_proj|q(?<=q)_.*",
      #"(?!.*layers\.2).*_proj"#,
    ])
  func matching(key: String) {
    #expect(matches(key, Self.module) == true)
  }

  @Test(
    "keys that do not match",
    arguments: [
      "proj", "_proj", "k_proj", "attn.q_proj", "q_proj.", "Q_PROJ", "model", "layers.1",
      #"layers\.\d\d\..*"#, "[kv]_proj", "^q_proj", "", "q_proj.+", #"\s"#, #"q\Bproj"#,
      "q{2,}_proj", "(?=k)q_proj", "(?!q)q_proj", "(?<=k)q_proj", #"(?<!\.)q_proj"#,
    ])
  func notMatching(key: String) {
    #expect(matches(key, Self.module) == false)
  }

  @Test(
    "keys that Python refuses, and those that are not supported, are unknown",
    arguments: [
      "(", ")", "*", "q**", "[", "[z-a]", #"\q"#, "q{3,2}", "(?<=q*)q", "(?i:q)",
      #"(q)\1"#,
      "q++", "(?>q)", "(?P<1>q)",
      String(repeating: "(", count: 200) + String(repeating: ")", count: 200),
      "(a{1000}){1000}", "q{99999999999999999999}",
    ])
  func unknown(key: String) {
    #expect(matches(key, Self.module) == nil)
  }

  @Test("expressions that would grow beyond measure are unknown", .timeLimit(.minutes(1)))
  func growth() {
    // What is looked for counts each time that it is repeated.
    let nested = (0..<4).reduce("a") { inner, _ in "(?=\(inner)){9000}" }
    #expect(matches(nested, Self.module) == nil)
    #expect(matches("(?=(?=a{90}){90}){90}", Self.module) == nil)
    #expect(matches("(?=q{1}){90}q_proj", Self.module) == true)
  }

  @Test("long expressions take time in proportion to their length", .timeLimit(.minutes(1)))
  func length() {
    let names = (0..<60_000).map { "(?P<n\($0)>)" }.joined()
    #expect(matches(names + "(?P<n0>)", Self.module) == nil)
    let scalars = (0x4E00..<0x9000).flatMap { [$0, $0] }.compactMap(Unicode.Scalar.init)
    let set = "[" + String(String.UnicodeScalarView(scalars)) + "q]"
    let module = String(repeating: "q", count: 20_000)
    #expect(matches("\(set)*", module) == true)
    #expect(matches("\(set)*x", module) == false)
  }

  @Test(
    "expressions that Python refuses are errors, those that are not evaluated notes (A43)",
    arguments: [
      ("(", "invalid-expression"), ("q)|(k", "invalid-expression"), ("q**", "invalid-expression"),
      (#"\q"#, "invalid-expression"), ("(?<=q+)k", "invalid-expression"),
      (#"(q)\2"#, "invalid-expression"), ("k(?i)q", "invalid-expression"),
      ("(?P<a>q)(?P<a>k)", "invalid-expression"), ("q{3,2}", "invalid-expression"),
      ("[k-", "invalid-expression"), ("(?i)q", "unmatched-expression"),
      (#"(q)\1"#, "unmatched-expression"), ("q++", "unmatched-expression"), (".*", nil),
      (#"(?#c)[\]a](?:q|k){,2}?\101\x61"#, nil), ("all-linear", nil),
    ] as [(String, Finding.Code?)])
  func refused(expression: String, code: Finding.Code?) {
    let document: JSONObject = ["peft_type": "LORA", "target_modules": .string(expression)]
    let findings = AdapterConfig(document: document).findings().filter {
      $0.key == "target_modules"
    }
    #expect(findings.map(\.code) == (code.map { [$0] } ?? []), "\(findings)")
  }

  @Test("`.` and `$` treat a line feed as Python does")
  func lineFeed() {
    #expect(matches("a.b", "a\nb") == nil)
    #expect(matches("(a.b)", "a\nb") == false)
    #expect(matches("(a)", "a\n") == true)
    #expect(matches(#"(a)\Z"#, "a\n") == false)
  }

  @Test("methods match in ways of their own")
  func methods() {
    #expect(matches("a", "a", .submodule) == false)
    #expect(matches("a", "b.a", .submodule) == true)
    #expect(matches("a|c", "a", .submodule) == false)
    #expect(matches("a|c", "c", .submodule) == true)
    #expect(matches("lay", "layers", .anywhere) == true)
    #expect(matches("[x-z]e", "layers", .anywhere) == true)
    #expect(matches("yex", "layers", .anywhere) == false)
    #expect(matches("layers.", "layers", .exact) == false)
  }

  @Test("matching ends with the budget, whatever the key")
  func bounded() {
    let module = String(repeating: "a", count: 10_000)
    for key in ["(a+)+$x", "(a|aa)*b", "(a?){400}a{400}x"] {
      var budget = 50_000
      #expect(ModulePattern(key, matching: .path).matches(module, budget: &budget) != true)
      #expect(budget >= -1)
    }
  }

  private func object(_ text: String) throws -> JSONObject {
    try #require(JSONValue(parsing: Array(text.utf8)).object)
  }

  @Test("the first key that matches decides, then the name itself")
  func firstMatch() throws {
    var budget = Self.budget
    func value(_ text: String, _ module: String) throws -> ModulePatterns.Value {
      ModulePatterns(try object(text), matching: .path).value(for: module, budget: &budget)
    }
    #expect(try value(#"{"q": 1, "a.q": 2}"#, "a.q") == .value(1))
    #expect(try value(#"{"a.q": 2, "q": 1}"#, "a.q") == .value(2))
    #expect(try value(#"{"k": 2}"#, "a.q") == .none)
    #expect(try value(#"{"a+b": 3}"#, "a+b") == .value(3))
    #expect(try value(#"{"(?i:q)": 1, "q": 2}"#, "q") == .unknown)
    #expect(try value(#"{"q": 2, "(?i:q)": 1}"#, "q") == .value(2))
  }

  @Test(
    "sorting matters where two keys with different values change places and may match one module",
    arguments: [
      (#"{"q_proj": 32, "layers.1.self_attn.q_proj": 4}"#, true),
      (#"{"layers.1.self_attn.q_proj": 4, "q_proj": 32}"#, false),
      (#"{"q_proj": 4, "layers.1.self_attn.q_proj": 4}"#, false),
      (#"{"q_proj": 32, "k_proj": 4}"#, false),
      (#"{"xq_proj": 32, "q_proj": 4}"#, false),
      (#"{"q_proj": 32, ".q_proj": 4}"#, true),
      (#"{"q.proj": 32, "a.q_proj": 4}"#, true),
      (#"{"z.*": 32, "a.*": 4}"#, true),
      (#"{}"#, false),
    ])
  func exchange(text: String, matters: Bool) throws {
    let patterns = ModulePatterns(try object(text), matching: .path)
    #expect((patterns.exchangeBySorting != nil) == matters)
  }
}

@Suite("Pattern objects of a config")
struct ConfigPatternTests {
  @Test("the order of keys is kept in pattern objects alone (C3)")
  func encoding() throws {
    let text = #"{"r": 1, "alpha_pattern": {"q": 1, "a": 2}, "b": {"z": 1, "y": {"d": 1, "c": 2}}}"#
    let written = try config(text).encodedKeepingPatternOrder()
    let expected = """
      {
        "alpha_pattern": {
          "q": 1,
          "a": 2
        },
        "b": {
          "y": {
            "c": 2,
            "d": 1
          },
          "z": 1
        },
        "r": 1
      }
      """
    #expect(String(decoding: written, as: UTF8.self) == expected)
  }

  @Test("what PEFT wrote is written back, byte for byte (C4)")
  func reproducesPEFT() throws {
    for path in try writtenConfigs() {
      let config = try AdapterConfig(path: path)
      #expect(config.encodedKeepingPatternOrder() == config.encoded(), "\(path)")
    }
  }

  @Test("an order matters by the modules that there are")
  func changes() throws {
    let left = try config(#"{"peft_type": "LORA", "rank_pattern": {"q": 1, "b.q": 2}}"#)
    let right = try config(#"{"peft_type": "LORA", "rank_pattern": {"b.q": 2, "q": 1}}"#)
    let found = PatternOrderChange.changes(from: left, to: right, modules: ["a.q", "b.q", "b.q"])
    #expect(found.map(\.key) == ["rank_pattern"])
    #expect(
      found.first?.modules == [PatternOrderChange.Module(name: "b.q", left: 1, right: 2)])
    #expect(PatternOrderChange.changes(from: left, to: right, modules: ["a.q", "c"]).isEmpty)
    #expect(PatternOrderChange.changes(from: left, to: left, modules: ["b.q"]).isEmpty)
    // Nothing shows that it does not matter.
    let unknown = PatternOrderChange.changes(from: left, to: right, modules: [])
    #expect(unknown.count == 1 && unknown[0].modules.isEmpty)
  }
}
