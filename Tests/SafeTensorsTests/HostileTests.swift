// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("Hostile files")
struct HostileTests {
  /// Every kind of token, in few bytes.
  static let header =
    #"{"__metadata__":{"k":"é\n"},"a\u0062":{"dtype":"F4","shape":[2],"data_offsets":[0,1],"#
    + #""u":[-1.5e2,{"v":null}]},"c":["U8",[3],[1,4]]}"#
  static let data: [UInt8] = [1, 2, 3, 4]

  /// Opens a file and, if it is accepted, looks at all that it has and writes it anew: what the
  /// reader takes, the writer can write, and the reader takes that, too.
  private func exercise(_ path: String, in directory: TemporaryDirectory) throws -> Bool {
    guard let file = try? SafeTensorsFile(path: path) else { return false }
    let copy = try opened(rewritten(path, in: directory))
    #expect(copy.metadata == file.metadata)
    #expect(copy.tensorCount == file.tensorCount)
    for (index, tensor) in file.tensors.enumerated() {
      #expect(file.index(of: tensor.name) == index)
      let place = try #require(copy.index(of: tensor.name))
      let copied = copy.tensor(at: place)
      #expect(copied.dtype == tensor.dtype && copied.shape == tensor.shape)
      #expect(try copy.bytes(at: place) == file.bytes(at: index))
    }
    return true
  }

  @Test("every prefix of a valid file is refused")
  func prefixes() throws {
    let directory = try TemporaryDirectory()
    let bytes = framed(Array(Self.header.utf8), Self.data)
    #expect(try exercise(directory.write(bytes, to: "x"), in: directory))
    for count in bytes.indices {
      let path = try directory.write(Array(bytes[..<count]), to: "x")
      let error = #expect(throws: CheckpointError.self) { try SafeTensorsFile(path: path) }
      #expect(error?.code == .truncated, "\(count)")
      #expect(error?.path == path)
    }
  }

  /// Every byte gets a fifth of the other values, and every value is tried at a fifth of the bytes.
  @Test("no byte of the header, changed to another, brings the reader down")
  func mutations() throws {
    let directory = try TemporaryDirectory()
    var bytes = framed(Array(Self.header.utf8), Self.data)
    let path = try directory.write(bytes, to: "x")
    let handle = try #require(FileHandle(forWritingAtPath: path))
    var accepted = 0
    for place in 0..<8 + Self.header.utf8.count {
      let original = bytes[place]
      for number in stride(from: place % 5, through: 255, by: 5) {
        let value = UInt8(number)
        guard value != original else { continue }
        bytes[place] = value
        try handle.seek(toOffset: UInt64(place))
        try handle.write(contentsOf: [value])
        if try exercise(path, in: directory) { accepted += 1 }
      }
      bytes[place] = original
      try handle.seek(toOffset: UInt64(place))
      try handle.write(contentsOf: [original])
    }
    // Names, metadata and ignored values have many valid neighbours; sizes and dtypes have none.
    #expect(accepted > 100 && accepted < 1000)
  }

  @Test("every truncated header with a length that fits is refused")
  func truncatedHeaders() throws {
    let header = Array(Self.header.utf8)
    for count in header.indices {
      let error = #expect(throws: CheckpointError.self) {
        try opened(framed(Array(header[..<count]), Self.data))
      }
      #expect(error?.code == .malformed, "\(count)")
      // Inside the header, or inside a character that was cut.
      let offset = try #require(error?.offset)
      #expect(offset >= 8 && offset <= 8 + count)
    }
  }

  @Test("random edits of valid headers never trap, and what is accepted can be rewritten")
  func randomEdits() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of the random edits: \(seed)")
    var generator = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    let pieces = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d800", "0", "18446744073709551615", "-",
      "e9",
      "null", "\"dtype\":\"F6_E2M3\"", "\"shape\":[]", "\"data_offsets\":[0,0]", "\u{0}", "é", " ",
      "\"__metadata__\":null", "[[[[[[[[", "{\"a\":",
    ].map { Array($0.utf8) }
    for _ in 0..<1000 {
      var header = Array(Self.header.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let start = Int.random(in: 0...header.count, using: &generator)
        let end = min(header.count, start + Int.random(in: 0...6, using: &generator))
        let piece = try #require(pieces.randomElement(using: &generator))
        header.replaceSubrange(start..<end, with: piece)
      }
      let path = try directory.write(framed(header, Self.data), to: "x")
      _ = try exercise(path, in: directory)
    }
  }

  @Test("errors print names escaped, and name the file")
  func printable() throws {
    let text = "{\"a\\u001b[31m\\u202e\":\(info("\"U8\"", "[5]"))}"
    let error = #expect(throws: CheckpointError.self) {
      try opened(framed(Array(text.utf8), Self.data))
    }
    let description = try #require(error?.description)
    #expect(description.contains(#"(tensor "a\u{1b}[31m\u{202e}")"#))
    #expect(description.contains(#"x.safetensors: U8 [5] takes 5 bytes, its data has 4"#))
  }

  @Test("a file that shrinks after it was opened is an error where it is read")
  func shrinking() throws {
    let directory = try TemporaryDirectory()
    let text =
      #"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},"#
      + #""b":{"dtype":"U8","shape":[99991],"data_offsets":[9,100000]}}"#
    let data = [UInt8](repeating: 7, count: 100_000)
    let path = try directory.write(framed(Array(text.utf8), data), to: "x")
    let file = try SafeTensorsFile(path: path)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: 8)
    let mapping = #expect(throws: CheckpointError.self) { try file.withTensor(at: 1) { _ in } }
    #expect(mapping?.code == .truncated)
    var output = try AtomicFile(path: directory.path("out"), policy: OutputPolicy())
    let copying = #expect(throws: CheckpointError.self) {
      try file.copyTensor(at: 1, to: &output)
    }
    #expect(copying?.code == .truncated)
    #expect(copying?.path == path)
  }

  @Test("what is no file is refused", arguments: ["/dev/zero", "/dev/null", "/", "/nowhere/x"])
  func noFile(path: String) {
    let error = #expect(throws: CheckpointError.self) { try SafeTensorsFile(path: path) }
    #expect(error?.code == (path == "/nowhere/x" ? .missing : .invalidArgument))
    #expect(error?.path == path)
  }
}
