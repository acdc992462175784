// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Names and messages")
struct NameTests {
  @Test("names compare and hash as bytes, not as characters")
  func equality() {
    let one: TensorName = "\u{E9}"
    let two: TensorName = "e\u{301}"
    #expect(one.string == two.string, "what String says")
    #expect(one != two)
    #expect(Set([one, two, TensorName("\u{E9}")]).count == 2)
    let metadata: ArchiveMetadata = ["\u{E9}": "1", "e\u{301}": "2"]
    #expect(metadata[one.text] == "1")
    #expect(metadata[two.text] == "2")
  }

  @Test("names sort as bytes")
  func order() {
    // 01, 41, 61, 61 62, 65 CC 81, 7A, C3 A9, EF BF AE, F0 9F 98 80: UTF-16 would put the last first.
    let names: [TensorName] = [
      "", "\u{1}", "A", "a", "ab", "e\u{301}", "h.10", "h.2", "z", "\u{E9}", "\u{FFEE}",
      "\u{1F600}",
    ]
    #expect(names.reversed().sorted() == names)
    for (index, name) in names.enumerated() {
      for other in names[..<index] { #expect(other < name && !(name < other)) }
    }
  }

  @Test("long names compare and sort as bytes, wherever they differ")
  func longNames() {
    // As Python sorts them when they are encoded.
    let names: [TensorName] = [
      "layers.0", "layers.0.k", "layers.0.mlp.down_proj.weigh", "layers.0.mlp.down_proj.weight",
      "layers.0.mlp.down_proj.weights", "layers.0.mlp.down_proj.weightt",
      "layers.0.mlp.gate_proj.weight", "layers.10.mlp.down_proj.weight",
      "layers.2.mlp.down_proj.weight", "layers.\u{7F}.mlp.down_proj.weight",
      "layers.\u{E9}.mlp.down_proj.weight", "layers.\u{1F600}.mlp.down_proj.weight",
    ]
    #expect(names.reversed().sorted() == names)
    for (index, name) in names.enumerated() {
      #expect(name == TensorName(String(decoding: Array(name.string.utf8), as: UTF8.self)))
      for other in names[..<index] { #expect(other < name && !(name < other) && name != other) }
    }
    #expect(Set(names + names).count == names.count)
  }

  @Test(
    "what could move the cursor or the text is escaped",
    arguments: [
      ("plain", "plain"), ("", ""), ("é ü 漢字 😀", "é ü 漢字 😀"), ("a\\b\"c", "a\\b\"c"),
      ("\u{1B}[31m", "\\u{1b}[31m"), ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"), ("\0", "\\u{0}"),
      ("\u{7F}\u{85}\u{9B}", "\\u{7f}\\u{85}\\u{9b}"),
      ("a\u{202E}b\u{2066}", "a\\u{202e}b\\u{2066}"),
      ("\u{200B}\u{FEFF}\u{AD}", "\\u{200b}\\u{feff}\\u{ad}"),
      ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
      ("\u{E000}\u{10FFFF}", "\\u{e000}\\u{10ffff}"), ("e\u{301}", "e\u{301}"),
    ])
  func printable(text: String, expected: String) {
    #expect(Array(text.printable.unicodeScalars) == Array(expected.unicodeScalars))
    #expect(TensorName(text).printable == text.printable)
  }

  @Test("an error says what, where and in which file")
  func errors() {
    let bare = CheckpointError.malformed("is wrong")
    #expect(bare.description == "is wrong")
    let full = CheckpointError.malformed("is wrong", at: 12).naming(tensor: "a\nb").inFile(
      "/x\u{1B}"
    )
    .inContext("tensor 1").hinting("mend it")
    #expect(full.description == #"/x\u{1b}: tensor 1: is wrong (tensor "a\u{a}b", byte 12)"#)
    #expect(full.hint == "mend it")
    // What is closest to the cause stays.
    let again = full.naming(tensor: "c").inFile("/y").hinting("other")
    #expect(again.tensor == "a\nb" && again.path == "/x\u{1B}" && again.hint == "mend it")
    let short = CheckpointError.truncated(need: 8, have: 3, at: 5)
    #expect(short.code == .truncated)
    #expect(short.description == "ends too early: 8 bytes are needed, 3 are left (byte 5)")
  }

  @Test("metadata keeps its order")
  func metadata() {
    var metadata: ArchiveMetadata = ["b": "1", "a": "2", "c": "3"]
    metadata["a"] = "4"
    metadata["d"] = "5"
    metadata["b"] = nil
    metadata["x"] = nil
    #expect(metadata.entries.map(\.key.string) == ["a", "c", "d"])
    #expect(metadata.entries.map(\.value) == ["4", "3", "5"])
    #expect(metadata["b"] == nil)
  }

  @Test("a metadata key that comes twice is a caller's bug")
  func duplicateKeys() async {
    await #expect(processExitsWith: .failure) {
      _ = ArchiveMetadata([.init(key: "a", value: "1"), .init(key: "a", value: "1")])
    }
  }
}
