// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing
import ZipArchive

@Suite struct CompressionTests {
  @Test(arguments: [0, 1, 100, 1 << 16, (1 << 17) + 3])
  func roundTrip(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) }
    let compressed = try deflated(bytes)
    var inflater = try Inflater()
    var output = [UInt8](repeating: 0, count: count + 1)
    var elements = output.mutableSpan
    var room = elements.mutableBytes
    let step = try inflater.inflate(compressed.span.rawBytes, into: &room)
    let isAtEnd = inflater.isAtEnd
    #expect(isAtEnd)
    #expect(step.consumed == compressed.count)
    #expect(step.produced == count)
    #expect(output.dropLast().elementsEqual(bytes))
  }

  @Test func damage() throws {
    var inflater = try Inflater()
    let garbage = [UInt8](repeating: 0xFF, count: 20)
    var output = [UInt8](repeating: 0, count: 100)
    var elements = output.mutableSpan
    var room = elements.mutableBytes
    var code: CheckpointError.Code?
    do throws(CheckpointError) {
      _ = try inflater.inflate(garbage.span.rawBytes, into: &room)
    } catch {
      code = error.code
    }
    #expect(code == .malformed)
  }

  @Test(arguments: [0, 1, 15, 16, 63, 64, 65, 1000, 100_003])
  func checksumsOfParts(split: Int) {
    let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 7) }
    var whole = Checksum()
    whole.update(bytes.span.rawBytes)
    var first = Checksum()
    first.update(bytes.span.rawBytes.extracting(0..<split))
    var inTwo = first
    inTwo.update(bytes.span.rawBytes.extracting(split..<bytes.count))
    #expect(inTwo == whole)
    var rest = Checksum()
    rest.update(bytes.span.rawBytes.extracting(split..<bytes.count))
    first.append(rest, of: bytes.count - split)
    #expect(first == whole)
  }

  @Test func knownChecksum() {
    var checksum = Checksum()
    checksum.update(Array("123456789".utf8).span.rawBytes)
    #expect(checksum.value == 0xCBF4_3926)
  }
}
