// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import CheckpointScan

@Suite struct ScanTextTests {
  @Test(
    arguments: [
      ("'abc'", "abc"), (#""a\"b""#, "a\"b"), (#"'\x6fs'"#, "os"), (#"'\157s'"#, "os"),
      (#"'a\nb'"#, "a\nb"), ("'a", "'a"), (#"'\'"#, "\\"), (#"'\x'"#, "\u{FD}"),
    ])
  func literals(written: String, meant: String) {
    let bytes = Array(written.utf8)
    let text = ScanText(0..<bytes.count, .literal)
    #expect(text.string(in: bytes.span.rawBytes) == meant)
  }

  @Test(
    arguments: [
      (#"\u006fs"#, "os"), (#"\U0000006fs"#, "os"), (#"a\u00"#, #"a\u00"#), ("é", "Ã©"),
      (#"\n"#, #"\n"#),
    ])
  func escapes(written: String, meant: String) {
    let bytes = Array(written.utf8)
    let text = ScanText(0..<bytes.count, .escaped)
    #expect(text.string(in: bytes.span.rawBytes) == meant)
  }

  @Test func latin1() {
    let bytes: [UInt8] = Array("é€".utf8)
    #expect(ScanText(0..<2, .utf8).latin1Bytes(in: bytes.span.rawBytes) == [0xE9])
    #expect(ScanText(0..<bytes.count, .utf8).latin1Bytes(in: bytes.span.rawBytes) == nil)
    #expect(ScanText(0..<2, .latin1).latin1Bytes(in: bytes.span.rawBytes) == [0xC3, 0xA9])
  }
}
