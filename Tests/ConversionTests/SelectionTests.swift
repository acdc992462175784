// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing

@testable import Conversion

@Suite("Selection and names (V8 to V14)")
struct SelectionTests {
  /// What Python's `fnmatch.fnmatchcase` says.
  @Test(
    "patterns match as the shell's do (V8)",
    arguments: [
      ("*", "a.b.c", true), ("a.*", "a.b.c", true), ("*.c", "a.b.c", true), ("a", "a.b.c", false),
      ("a.?.c", "a.b.c", true), ("a.[bc].c", "a.b.c", true), ("a.[!b].c", "a.b.c", false),
      ("a/*", "a/b/c", true), ("", "", true), ("", "a", false), ("?", "", false),
      ("*lora_A*", "h.0.lora_A.weight", true), ("[", "[", true), ("a.[0-9].w", "a.7.w", true),
      ("*.*", ".hidden", true), ("A*", "a", false), ("?", "é", true), ("?", "e\u{301}", false),
      ("[é-ü]", "ß", false), ("[é-ü]", "ê", true), ("[^a]", "^", true), ("[]a]", "]", true),
      ("[!]a]", "b", true), ("[a-]", "-", true), ("[b-a]", "b", false), ("[!b-a]", "b", true),
      ("\\a", "\\a", true), ("[!", "[!", true), ("*a*b*c", "xaxbbxc", true), ("**", "", true),
      ("*a*b*c", "xaxcbx", false), ("[a", "[a", true),
    ])
  func glob(pattern: String, name: String, matches: Bool) {
    #expect(GlobPattern(pattern).matches(TensorName(name)) == matches)
  }

  @Test("a name with a NUL is matched to its end (V8)")
  func nul() {
    let name = TensorName("a\0b")
    #expect(GlobPattern("a*").matches(name) && GlobPattern("a?b").matches(name))
    #expect(!GlobPattern("a").matches(name))
  }

  @Test(
    "what is no replacement is refused (V10)",
    arguments: [
      "no sign", "(=x", "[a=", "*=x", #"a=\1"#, #"(a)=\2"#, #"(a)=\g<b>"#, #"(?<b>a)=\g<c>"#,
      #"(a)=\g<2>"#, #"(a)=\g<-1>"#,
      #"(a)=\g<1"#, #"a=\n"#, #"a=\."#, #"a=\"#, #"(a)=\10"#, #"(?x)(a) # b)=\2"#,
    ])
  func brokenReplacement(text: String) {
    let error = #expect(throws: CheckpointError.self) { try NameReplacement(parsing: text) }
    #expect(error?.code == .invalidArgument)
  }

  @Test(
    "what Python takes and Swift does not is called unsupported (V10)",
    arguments: [
      ("(?<=a)b", "'(?<=a)b' is not supported: lookbehind"),
      ("(?(1)a)", "'(?(1)a)' is not supported: conditional"),
      ("(?a)b", "'(?a)b' is not supported: unknown group kind '(?a'"),
      ("[b", "'[b' is not a valid regular expression: expected ']'"),
    ])
  func unsupported(pattern: String, message: String) {
    let error = #expect(throws: CheckpointError.self) {
      try NameReplacement(parsing: pattern + "=x")
    }
    #expect(error?.message == message)
  }

  @Test("how the expressions differ from Python's (V10)")
  func dialect() throws {
    func rewritten(_ name: String, _ text: String) throws -> String {
      try NameRewriter(NameReplacement(parsing: text)).rewrite(TensorName(name)).string
    }
    #expect(try rewritten("a\r\nb", "[^a]=x") == "axxx")
    #expect(try rewritten("a\rb\u{2028}\n", ".=x") == "x\rx\u{2028}\n")
    #expect(try rewritten("a\n", "a$=x") == "a\n")
    #expect(try rewritten("²", #"\d=x"#) == "x")
    #expect(try rewritten("ab-", #"\p{L}=x"#) == "xx-")
  }

  @Test(
    "what is a replacement is taken (V10)",
    arguments: [
      #"a=\0\\"#, #"(a)(b)=\2\1"#, #"(?P<b>a)=\g<b>\g<1>0"#, #"(?x)(a) # (b=\1"#, #"(a)|(b)=\2"#,
      "a=",
      #"((((((((((a))))))))))=\g<10>"#,
    ])
  func replacement(text: String) throws {
    _ = try NameReplacement(parsing: text)
  }

  @Test("a regular expression has few brackets: its parser calls itself (V10)")
  func nesting() {
    for bracket in ["[", "("] {
      let error = #expect(throws: CheckpointError.self) {
        try NameReplacement(parsing: String(repeating: bracket, count: 100_000) + "=x")
      }
      #expect(error?.message.contains("more than 250 brackets") == true)
    }
  }

  @Test("pattern and replacement are parted at the last sign (V10)")
  func parting() throws {
    let replacement = try NameReplacement(parsing: "a(?=b)=c")
    #expect(replacement.pattern == "a(?=b)")
    #expect(replacement.replacement == "c")
  }

  @Test(
    "dtypes are spelled as torch spells them (V13, V14)",
    arguments: [
      ("float16", nil, DType.float16), ("torch.bfloat16", nil, .bfloat16),
      ("*.weight=float8_e4m3fn", "*.weight", .float8E4M3FN), ("a=b=int8", "a=b", .int8),
    ] as [(String, String?, DType)])
  func castRule(text: String, pattern: String?, dtype: DType) throws {
    let rule = try CastRule(parsing: text)
    #expect(rule.pattern?.text == pattern)
    #expect(rule.dtype == dtype)
  }

  @Test("other dtypes are refused (V14)", arguments: ["", "float17", "F16", "x=", "float16="])
  func brokenCastRule(text: String) {
    #expect(throws: CheckpointError.self) { try CastRule(parsing: text) }
  }
}
