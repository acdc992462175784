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
    "what is not matched, and what Python refuses (V10)",
    arguments: [
      ("(?(1)a)", "not a valid regular expression"), ("(?i)b", "not supported: it has a flag"),
      (#"(a)\1"#, "not supported"), ("a*+", "not supported"), ("(?>a)", "not supported"),
      ("[b", "not a valid regular expression"), ("a{3,2}", "not a valid regular expression"),
      ("(a", "not a valid regular expression"),
    ])
  func unsupported(pattern: String, message: String) {
    let error = #expect(throws: CheckpointError.self) {
      try NameReplacement(parsing: pattern + "=x")
    }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  private func rewritten(_ name: String, _ text: String) throws -> String {
    var budget = 1_000_000
    return try NameRewriter(NameReplacement(parsing: text)).rewrite(
      TensorName(name), budget: &budget
    ).string
  }

  @Test(
    "matches are those of Python's re.sub (V10)",
    arguments: [
      ("a\r\nb", "[^a]=x", "axxx"), ("a\rb\u{2028}\n", ".=x", "xxxx\n"), ("a\n", "a$=x", "x\n"),
      ("²", #"\d=x"#, "²"), ("abxd", "x*=-", "-a-b--d-"), ("aab", "a|b*=<\\0>", "<a><a><b><>"),
      ("abc", "(?<=a)b=x", "axc"), ("abab", "(a)(b)?=\\2\\1", "baba"), ("", "^=x", "x"),
      ("lora_A", "lora_(?P<s>[AB])=\\g<s>", "A"), ("aaa", "a*?=-", "-------"),
      ("xyxy", "(?=y)=.", "x.yx.y"), ("e\u{301}", ".=x", "xx"),
    ])
  func matches(name: String, replacement: String, expected: String) throws {
    #expect(try rewritten(name, replacement) == expected)
  }

  @Test("matching has a limit (V10, LM2)")
  func steps() throws {
    let name = TensorName(String(repeating: "a", count: 5_000))
    var budget = NameRewriter.budget(forByteCount: 5_000)
    let slow = try NameRewriter(NameReplacement(parsing: "(a*)*b=x"))
    #expect(try slow.rewrite(name, budget: &budget) == name)
    var few = 10_000
    let error = #expect(throws: CheckpointError.self) {
      _ = try slow.rewrite(name, budget: &few)
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("10000 steps") == true)
  }

  @Test(
    "what is a replacement is taken (V10)",
    arguments: [
      #"a=\0\\"#, #"(a)(b)=\2\1"#, #"(?P<b>a)=\g<b>\g<1>0"#, #"(a)|(b)=\2"#,
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
      #expect(error?.code == .invalidArgument)
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
