// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import SafeTensors
import Tensors
import TestSupport
import Testing

/// What the reader says of a file: its tensors, or the error with its place counted from the end.
private enum Verdict: Equatable {
  case accepted([TensorInfo])
  case refused(CheckpointError.Code, String, placeFromEnd: Int?, TensorName?)

  init(_ path: String, byteCount: Int) {
    do {
      self = .accepted(try SafeTensorsFile(path: path).tensors)
    } catch {
      self = .refused(
        error.code, error.message, placeFromEnd: error.offset.map { byteCount - $0 }, error.tensor)
    }
  }
}

@Suite("Descriptions that start like the one before")
struct UsualSpellingTests {
  /// Opens both headers with the same second tensor and expects the same of both.
  private struct Pair {
    /// Nothing is expected of what follows the first of these, and much of what follows the second.
    static let starts = [
      #"{"w":["U8",[4],[0,4]],"#, #"{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#,
    ]
    let directory: TemporaryDirectory

    func expectSame(_ rest: [UInt8], _ location: SourceLocation = #_sourceLocation) throws -> Bool {
      let verdicts = try Self.starts.map { start in
        let bytes = framed(Array(start.utf8) + rest, [UInt8](repeating: 0, count: 8))
        return Verdict(try directory.write(bytes, to: "x"), byteCount: bytes.count)
      }
      #expect(
        verdicts[0] == verdicts[1], "\(String(decoding: rest, as: UTF8.self))",
        sourceLocation: location)
      if case .accepted = verdicts[0] { return true }
      return false
    }
  }

  private static let usual = Array(
    #""x":{"dtype":"U8","shape":[2,2],"data_offsets":[4,8]}}"#.utf8)

  @Test("any byte changed means the same as after another spelling")
  func mutations() throws {
    let pair = Pair(directory: try TemporaryDirectory())
    #expect(try pair.expectSame(Self.usual))
    let values =
      Array(#" "\,:[]{}0123456789.eE-+abdfhpstyUxz_"#.utf8) + [0, 0x1F, 0x7F, 0x80, 0xC3]
    var accepted = 0
    for place in Self.usual.indices {
      for value in values {
        var changed = Self.usual
        changed[place] = value
        if try pair.expectSame(changed) { accepted += 1 }
      }
      #expect(try !pair.expectSame(Array(Self.usual[..<place])))
    }
    #expect(accepted > Self.usual.count)
  }

  @Test(
    "other descriptions mean the same as after another spelling",
    arguments: [
      #"{"dtype":"U8","shape":[],"data_offsets":[4,5]}"#,
      #"{"dtype":"U8","shape":[4],"data_offsets":[4,8],"u":[1]}"#,
      #"{"dtype":"U8","shape":[4],"data_offsets":[4,8],"dtype":"U8"}"#,
      #"{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[4,8]}"#,
      #"{"dtype":"U8","shape":[4,],"data_offsets":[4,8]}"#,
      #"{"dtype":"U8","shape":[4]}"#, #"{"dtype":"U8","shape":[4],}"#,
      #"{"dtype":"U8","shape":[ 4],"data_offsets" : [4, 8] }"#,
      #"{"dtype":"U8","shape":[4],"u":0,"data_offsets":[4,8]}"#,
      #"{"dtype":"U8","shape":[0,18446744073709551615],"data_offsets":[4,4]}"#,
      #"{"dtype":"U8","shape":[0,18446744073709551616],"data_offsets":[4,4]}"#,
      #"{"dtype":"U8","shape":[04],"data_offsets":[4,8]}"#,
      #"{"dtype":"U8","shape":[4.0],"data_offsets":[4,8]}"#,
      #"{"dtype":"U8","shape":[4],"data_offsets":[4,8,8]}"#,
      #"{"dtype":"U8","shape":[4],"data_offsets":[4]}"#,
      #"{"dtype":"U8","shape":[4],"data_offsets":[-4,8]}"#,
    ])
  func others(description: String) throws {
    let pair = Pair(directory: try TemporaryDirectory())
    _ = try pair.expectSame(Array("\"x\":\(description)}".utf8))
    // Those that come after it are read by themselves, too.
    _ = try pair.expectSame(
      Array("\"x\":\(description),".utf8)
        + Array(#""y":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}}"#.utf8))
  }

  @Test("what starts the same is read the same: fields that are ignored, escapes, white space")
  func unusualStarts() throws {
    for start in [
      #"{"u":[{"shape":[9]}],"dtype":"U8","shape":["#, #"{ "dtype" : "\u00558", "shape" : ["#,
      #"{"dtype":{"U8":null},"shape":["#,
    ] {
      let header =
        #"{"w":\#(start)4],"data_offsets":[0,4]},"x":\#(start)2,2],"data_offsets":[4,8]}}"#
      let file = try opened(framed(Array(header.utf8), [UInt8](repeating: 0, count: 8)))
      #expect(file.tensors.map(\.dtype) == [.uint8, .uint8])
      #expect(file.tensors.map(\.shape) == [[4], [2, 2]])
      #expect(file.tensors.map(\.dataOffsets) == [0..<4, 4..<8])
    }
  }
}
