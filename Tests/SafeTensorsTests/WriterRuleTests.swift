// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("Writing: the rules (W1 to W8)")
struct WriterRuleTests {
  /// The header that a file of these tensors has, with its padding.
  private func header(
    _ tensors: [(TensorName, DType, Shape)], metadata: ArchiveMetadata? = nil
  ) throws -> String {
    let layout = try SafeTensorsLayout(
      tensors: tensors.map { try TensorInfo(name: $0, dtype: $1, shape: $2) }, metadata: metadata)
    let length = layout.prefix.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(layout.prefix.count == 8 + length)
    return String(decoding: layout.prefix.dropFirst(8), as: UTF8.self)
  }

  @Test("W1: compact JSON, metadata first, then dtype, shape and data_offsets")
  func compact() throws {
    let text = try header(
      [("b", .float32, [2, 3]), ("a", .float32, [])], metadata: ["format": "pt"])
    #expect(
      text.trimmingSpaces
        == #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"#
        + #""b":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]}}"#)
  }

  @Test("W2: by dtype, then by name as bytes")
  func order() throws {
    let dtypes =
      "U64 I64 F64 C64 F32 U32 I32 BF16 F16 U16 I16 F8_E5M2FNUZ F8_E4M3FNUZ F8_E8M0 F8_E4M3 F8_E5M2 "
      + "I8 U8 F6_E3M2 F6_E2M3 F4 BOOL"
    let inOrder = try dtypes.split(separator: " ").map {
      try #require(DType(name: String($0)))
    }
    #expect(inOrder.count == DType.allCases.count { !$0.isQuantized })
    // By bytes: "e\u{301}" starts with 65, "é" with C3; U+FFEE with EF, U+1F600 with F0.
    let names: [TensorName] = [
      "", "A", "a", "a b", "a.b", "aa", "e\u{301}", "h.10", "h.2", "\u{E9}", "\u{FFEE}",
      "\u{1F600}",
    ]
    var generator = SeededGenerator(seed: 7)
    var tensors: [TensorInfo] = []
    for dtype in inOrder {
      for name in names {
        tensors.append(
          try TensorInfo(
            name: TensorName(name.string + "/" + dtype.name), dtype: dtype, shape: [0]))
      }
    }
    let shuffled = tensors.shuffled(using: &generator)
    let layout = try SafeTensorsLayout(tensors: shuffled, metadata: nil)
    // "a" < "a b" < "a.b" holds for the names without the dtype; "/" changes the order of two.
    let expected = inOrder.flatMap { dtype in
      tensors.filter { $0.dtype == dtype }.sorted {
        Array($0.name.string.utf8).lexicographicallyPrecedes(Array($1.name.string.utf8))
      }
    }
    #expect(layout.order.map { shuffled[$0].name } == expected.map(\.name))
  }

  @Test("W3: offsets follow one another from 0, and the file ends with the last")
  func offsets() throws {
    let tensors = try [
      TensorInfo(name: "c", dtype: .uint8, shape: [3]),
      TensorInfo(name: "a", dtype: .uint8, shape: [0, 5]),
      TensorInfo(name: "b", dtype: .uint8, shape: [1]),
      TensorInfo(name: "d", dtype: .float6E2M3, shape: [4]),
      TensorInfo(name: "e", dtype: .int64, shape: [1]),
    ]
    let layout = try SafeTensorsLayout(tensors: tensors, metadata: nil)
    let text = String(decoding: layout.prefix.dropFirst(8), as: UTF8.self)
    let found = text.split(separator: "\"data_offsets\":").dropFirst().map {
      String($0.prefix { $0 != "}" })
    }
    #expect(found == ["[0,8]", "[8,8]", "[8,9]", "[9,12]", "[12,15]"])
    #expect(layout.order == [4, 1, 2, 0, 3])
    #expect(layout.byteCount == layout.prefix.count + 15)
  }

  @Test("W4: strings are escaped as the reference does")
  func strings() throws {
    // The reference's own header for this name, from safetensors 0.8.0.
    let text = try header(
      [("\0\u{8}\t\n\u{C}\r\u{1F}\u{7F}\"\\/é\u{2028}😀", .uint8, [1])],
      metadata: ["\u{1}": "\u{1B}"])
    #expect(
      text.trimmingSpaces
        == #"{"__metadata__":{"\u0001":"\u001b"},"\u0000\b\t\n\f\r\u001f"# + "\u{7F}"
        + #"\"\\/é"# + "\u{2028}" + #"😀":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#)
  }

  @Test("W5: spaces fill the header to a multiple of 8", arguments: 0..<9)
  func padding(length: Int) throws {
    let name = TensorName(String(repeating: "n", count: length))
    let text = try header([(name, .uint8, [1])])
    // Around the name stand {"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}.
    let bare = 52 + length
    #expect(text.trimmingSpaces.utf8.count == bare)
    #expect(text.utf8.count == (bare + 7) / 8 * 8)
    #expect(text.utf8.dropFirst(bare).allSatisfy { $0 == 0x20 })
  }

  @Test("W6: absent, empty and ordered metadata")
  func metadata() throws {
    #expect(try header([]) == "{}      ")
    #expect(try header([], metadata: [:]) == #"{"__metadata__":{}}     "#)
    #expect(
      try header([("x", .uint8, [1])], metadata: [:]).trimmingSpaces
        == #"{"__metadata__":{},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#)
    #expect(
      try header([], metadata: ["b": "1", "a": "2", "é": "3", "e\u{301}": "4"]).trimmingSpaces
        == "{\"__metadata__\":{\"b\":\"1\",\"a\":\"2\",\"\u{E9}\":\"3\",\"e\u{301}\":\"4\"}}")
  }

  @Test("W7: names that no reader would take")
  func refusedNames() throws {
    let x = try TensorInfo(name: "x", dtype: .uint8, shape: [1])
    let other = try TensorInfo(name: "x", dtype: .float32, shape: [0])
    let reserved = try TensorInfo(name: "__metadata__", dtype: .uint8, shape: [1])
    for (tensors, name) in [([x, other], "x"), ([reserved], "__metadata__")] {
      let error = #expect(throws: CheckpointError.self) {
        try SafeTensorsLayout(tensors: tensors, metadata: nil)
      }
      #expect(error?.code == .malformed)
      #expect(error?.tensor == TensorName(name))
    }
  }

  @Test("W7: a header of more than 100,000,000 bytes")
  func refusedHeader() throws {
    // {"__metadata__":{"k":""}} has 25 bytes.
    let largest = String(repeating: "v", count: 100_000_000 - 25)
    #expect(
      try SafeTensorsLayout(tensors: [], metadata: ["k": largest]).byteCount == 100_000_008)
    let error = #expect(throws: CheckpointError.self) {
      try SafeTensorsLayout(tensors: [], metadata: ["k": largest + "v"])
    }
    #expect(error?.code == .unsupported)
  }

  @Test("W7: shapes without a size, and sizes that no file has")
  func refusedSizes() throws {
    for (dtype, shape) in [
      (.float4E2M1, [3]), (.float6E3M2, [2]), (.uint8, [1 << 32, 1 << 32]), (.float64, [1 << 58]),
    ] as [(DType, Shape)] {
      let error = #expect(throws: CheckpointError.self) {
        try TensorInfo(name: "x", dtype: dtype, shape: shape)
      }
      #expect(error?.code == .malformed)
      #expect(error?.tensor == "x")
    }
    // Four times 2^61 - 1 is 2^63 - 4: it fits, but not with the header in front of it.
    let large = try (0..<5).map {
      try TensorInfo(name: TensorName("\($0)"), dtype: .uint8, shape: [1 << 61 - 1])
    }
    for count in [4, 5] {
      let error = #expect(throws: CheckpointError.self) {
        try SafeTensorsLayout(tensors: Array(large.prefix(count)), metadata: nil)
      }
      #expect(error?.code == .unsupported)
    }
  }

  @Test("W8: room is spaces before the padding, and nothing else", arguments: 0..<9)
  func room(length: Int) throws {
    let name = TensorName(String(repeating: "n", count: length))
    let tensors = [try TensorInfo(name: name, dtype: .uint8, shape: [1])]
    let plain = try SafeTensorsLayout(tensors: tensors, metadata: ["a": "b"])
    let text = String(decoding: plain.prefix.dropFirst(8), as: UTF8.self).trimmingSpaces
    for room in [0, 1, 7, 8, 4096] {
      let layout = try SafeTensorsLayout(
        tensors: tensors, metadata: ["a": "b"], reservedByteCount: room)
      let count = (text.utf8.count + room + 7) / 8 * 8
      #expect(layout.prefix.prefix(8) == littleEndian(UInt64(count))[...])
      #expect(
        Array(layout.prefix.dropFirst(8))
          == Array(text.utf8) + [UInt8](repeating: 0x20, count: count - text.utf8.count))
      #expect(layout.byteCount == 8 + count + 1)
      #expect(layout.order == plain.order)
    }
  }

  @Test("W8: room fills the largest header")
  func mostRoom() throws {
    let layout = try SafeTensorsLayout(tensors: [], metadata: nil, reservedByteCount: 99_999_992)
    #expect(layout.byteCount == 100_000_008)
  }

  @Test("W8: room counts towards the largest header", arguments: [99_999_993, 100_000_000, .max])
  func tooMuchRoom(room: Int) throws {
    let error = #expect(throws: CheckpointError.self) {
      try SafeTensorsLayout(
        tensors: [], metadata: ["k": "v"], reservedByteCount: room)
    }
    #expect(error?.code == .unsupported)
  }

  @Test("W3, W8: the layout says where the data goes, and the writer puts it there")
  func dataRanges() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("x.safetensors")
    let tensors = try [
      TensorInfo(name: "c", dtype: .uint8, shape: [3]),
      TensorInfo(name: "empty", dtype: .uint8, shape: [0]),
      TensorInfo(name: "a", dtype: .int64, shape: [2]),
    ]
    for room in [0, 100] {
      let layout = try SafeTensorsLayout(
        tensors: tensors, metadata: nil, reservedByteCount: room)
      var output = try AtomicFile(
        path: path, policy: OutputPolicy(replacesExisting: true, synchronizes: false))
      try SafeTensorsWriter.write(
        tensors, metadata: nil, reservedByteCount: room, to: &output
      ) { index, output throws(CheckpointError) in
        let data = [UInt8](repeating: UInt8(index + 1), count: tensors[index].byteCount)
        try output.write(data.span.rawBytes)
      }
      try output.commit()
      let written = try bytes(of: path)
      #expect(written.count == layout.byteCount)
      #expect(Array(written.prefix(layout.prefix.count)) == layout.prefix)
      let file = try SafeTensorsFile(path: path)
      for (index, tensor) in tensors.enumerated() {
        let range = layout.dataRange(of: index)
        #expect(range.count == tensor.byteCount)
        #expect(written[range].allSatisfy { $0 == UInt8(index + 1) })
        let place = try #require(file.index(of: tensor.name))
        #expect(file.location(of: place).range == range)
      }
    }
  }

  @Test("data of another size than its tensor's is a caller's bug")
  func wrongSize() async throws {
    let directory = try TemporaryDirectory()
    await #expect(processExitsWith: .failure) { [path = directory.path("out") as String] in
      // Errors end the process with success here, so that only the trap is what is expected.
      guard let info = try? TensorInfo(name: "x", dtype: .uint8, shape: [4]),
        var output = try? AtomicFile(path: path, policy: OutputPolicy())
      else { return }
      let bytes: [UInt8] = [1, 2, 3]
      try? SafeTensorsWriter.write([info], metadata: nil, to: &output) {
        _, output throws(CheckpointError) in
        try output.write(bytes.span.rawBytes)
      }
    }
  }
}

extension String {
  /// The text without the spaces at its end.
  fileprivate var trimmingSpaces: String {
    var text = self
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
