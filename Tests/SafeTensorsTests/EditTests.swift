// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

/// Another metadata for a header, and the text that must come out, without its padding.
struct EditCase: CustomTestStringConvertible, Sendable {
  let what: String
  let header: String
  let metadata: ArchiveMetadata?
  let expected: String

  var testDescription: String { what }

  init(_ what: String, _ header: String, _ metadata: ArchiveMetadata?, _ expected: String) {
    self.what = what
    self.header = header
    self.metadata = metadata
    self.expected = expected
  }

  private static let x = #""x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}"#
  private static let odd =
    "\"x\" : {\"u\":[1e5,{\"k\":\"\\u0041\"}], \"shape\":\n[4],\"data_offsets\":[0,4],"
    + "\"dtype\":{\"U8\":null},\"u\":0}"

  static let all: [EditCase] = [
    .init("none stays none", "{\(x)}", nil, "{\(x)}"),
    .init(
      "a new member comes first", "{\(x)}", ["a": "b"], #"{"__metadata__":{"a":"b"},"# + x + "}"),
    .init(
      "a new member of empty metadata", "{ \n \(x) }", [:], "{\"__metadata__\":{}, \n \(x) }"),
    .init("white space before the header", "\t{\(x)}", [:], "\t{\"__metadata__\":{},\(x)}"),
    .init("taken out as the first", #"{"__metadata__":{"a":"b"},"# + x + "}", nil, "{\(x)}"),
    .init(
      "taken out as the last", "{\(x)\n, \"__metadata__\" : {\"a\":\"b\"} }", nil, "{\(x)\n }"),
    .init("null is taken out", #"{"__metadata__":null,"# + x + "}", nil, "{\(x)}"),
    .init(
      "null is replaced", #"{"__metadata__": null ,"# + x + "}", [:],
      #"{"__metadata__": {} ,"# + x + "}"),
    .init(
      "replaced where it stands", "{\(x),\"__metadata__\":{ }}", ["é": "\n"],
      "{\(x),\"__metadata__\":{\"é\":\"\\n\"}}"),
    .init(
      "its name keeps its spelling", #"{"__metad\u0061ta__":{},"# + x + "}", ["k": "}"],
      #"{"__metad\u0061ta__":{"k":"}"},"# + x + "}"),
    .init(
      "taken out under another spelling", #"{"\u005f_metadata__":{},"# + x + "}", nil,
      "{\(x)}"),
    .init(
      "the same metadata keeps its spelling", #"{"__metadata__":{ "\u0061":"\/"},"# + x + "}",
      ["a": "/"], #"{"__metadata__":{ "\u0061":"\/"},"# + x + "}"),
    .init(
      "a text that Swift calls equal is another one",
      "{\"__metadata__\":{\"a\":\"e\u{301}\"}," + x + "}",
      ["a": "\u{E9}"], "{\"__metadata__\":{\"a\":\"\u{E9}\"}," + x + "}"),
    .init(
      "braces, commas and the name inside values",
      #"{"__metadata__":{"__metadata__":"},{\",","a":"\\"},"# + x + "}", ["q": "\"\\"],
      #"{"__metadata__":{"q":"\"\\"},"# + x + "}"),
    .init(
      "ignored fields and odd spellings stay", "{\"__metadata__\":{},\(odd)}", ["a": "b"],
      "{\"__metadata__\":{\"a\":\"b\"},\(odd)}"),
    .init(
      "taken out beside ignored fields", "{\"__metadata__\":{},\(odd)}", nil, "{\(odd)}"),
  ]
}

@Suite("Changing the metadata (E1 to E8)")
struct EditTests {
  let directory: TemporaryDirectory
  static let quick = OutputPolicy(replacesExisting: true, synchronizes: false)

  init() throws { directory = try TemporaryDirectory() }

  /// The header of a file, padding included.
  private func header(of bytes: [UInt8]) -> [UInt8] {
    let length = bytes[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    return Array(bytes[8..<8 + length])
  }

  private func padded(_ text: String, to length: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0x20, count: length - text.utf8.count)
  }

  @Test(
    "only the member changes, at any padding (E1 to E3, E6)", arguments: EditCase.all, [0, 3, 64])
  func texts(item: EditCase, padding: Int) throws {
    let old = Array(item.header.utf8) + [UInt8](repeating: 0x20, count: padding)
    let data: [UInt8] = [1, 2, 3, 4]
    let path = try directory.write(framed(old, data), to: "x.safetensors")
    let edit = try SafeTensorsEdit(
      of: SafeTensorsFile(path: path), metadata: item.metadata)
    let count = item.expected.utf8.count
    let keepsLength = padding == 64 && count <= old.count
    let length = keepsLength ? old.count : (count + 7) / 8 * 8
    let expected = framed(padded(item.expected, to: length), data)
    #expect(edit.changesFile == (expected != framed(old, data)))
    try edit.write(to: directory.path("out"), policy: Self.quick)
    #expect(try bytes(of: directory.path("out")) == expected)
    #expect(try SafeTensorsFile(path: directory.path("out")).metadata == item.metadata)
    #expect(try bytes(of: path) == framed(old, data))

    #expect(edit.fitsInPlace == (count <= old.count))
    guard edit.fitsInPlace else {
      let error = #expect(throws: CheckpointError.self) {
        try edit.applyInPlace(synchronizes: false)
      }
      #expect(error?.code == .unsupported && error?.path == path)
      #expect(try bytes(of: path) == framed(old, data))
      return
    }
    let inPlace = padded(item.expected, to: old.count)
    #expect(try edit.applyInPlace(synchronizes: true) == (inPlace != old))
    #expect(try bytes(of: path) == framed(inPlace, data))
  }

  @Test("room that is asked for takes the place of what was there (E3, W8)", arguments: [0, 64])
  func room(before: Int) throws {
    let text = #"{"__metadata__":{"a":"b"}}"#
    let path = try directory.write(
      framed(padded(text, to: text.utf8.count + before)), to: "x.safetensors")
    for room in [0, 1, 6, 7, 8, 1000] {
      let edit = try SafeTensorsEdit(
        of: SafeTensorsFile(path: path), metadata: ["a": "b"], reservedByteCount: room)
      try edit.write(to: directory.path("out"), policy: Self.quick)
      let length = (text.utf8.count + room + 7) / 8 * 8
      #expect(try bytes(of: directory.path("out")) == framed(padded(text, to: length)), "\(room)")
    }
  }

  @Test("every file that the reference takes keeps its tensors (E1, E4)")
  func accepted() throws {
    // All but those that have a name twice, which are refused on purpose (R14).
    let opened = try files(below: Fixtures.path("safetensors/accept")).compactMap { name in
      try? SafeTensorsFile(path: Fixtures.path("safetensors/accept/" + name))
    }
    #expect(opened.count > 50)
    for file in opened {
      let name = file.path
      for metadata in [nil, [:], ["k": "v"]] as [ArchiveMetadata?] {
        for room in [nil, 24] as [Int?] {
          let edit = try SafeTensorsEdit(of: file, metadata: metadata, reservedByteCount: room)
          try edit.write(to: directory.path("out"), policy: Self.quick)
          let result = try SafeTensorsFile(path: directory.path("out"))
          #expect(result.metadata == metadata, "\(name)")
          #expect(result.tensors == file.tensors, "\(name)")
          for index in 0..<file.tensorCount where file.tensor(at: index).byteCount > 0 {
            #expect(try result.bytes(at: index) == file.bytes(at: index), "\(name)")
          }
        }
      }
    }
  }

  @Test("what the reference wrote comes out as the same bytes after there and back (E3)")
  func thereAndBack() throws {
    for name in try files(below: Fixtures.path("safetensors/written")) {
      let original = try bytes(of: Fixtures.path("safetensors/written/" + name))
      let path = try directory.write(original, to: "x")
      let metadata = try SafeTensorsFile(path: path).metadata
      // A spelling of several keys is put back from their order, which is the file's.
      for next in [["other": "text"], metadata] as [ArchiveMetadata?] {
        let edit = try SafeTensorsEdit(of: SafeTensorsFile(path: path), metadata: next)
        try edit.write(to: path, policy: Self.quick)
      }
      #expect(try bytes(of: path) == original, "\(name)")
    }
  }

  @Test("a header that no reader takes is refused, and nothing is written (E4)")
  func tooLarge() throws {
    let path = try directory.write(framed(Array("{}".utf8)), to: "x")
    let file = try SafeTensorsFile(path: path)
    // {"__metadata__":{"k":""}} has 25 bytes.
    let largest = String(repeating: "v", count: 100_000_000 - 25)
    #expect(try SafeTensorsEdit(of: file, metadata: ["k": largest]).changesFile)
    for (value, room) in [(largest + "v", nil), ("", 100_000_000), ("", .max)] as [(String, Int?)] {
      let error = #expect(throws: CheckpointError.self) {
        try SafeTensorsEdit(of: file, metadata: ["k": value], reservedByteCount: room)
      }
      #expect(error?.code == .unsupported && error?.path == path)
    }
  }
}
