// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Reading bytes")
struct ByteReaderTests {
  let bytes: [UInt8] = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88, 0x99]

  @Test("integers are little endian, at any alignment")
  func integers() throws {
    var reader = ByteReader(bytes.span.rawBytes, baseOffset: 100)
    #expect(try reader.readLittleEndian(UInt8.self) == 0x01)
    #expect(try reader.readLittleEndian(UInt16.self) == 0x0302)
    #expect(try reader.readLittleEndian(UInt32.self) == 0x0706_0504)
    #expect(reader.position == 7 && reader.offset == 107 && reader.remaining == 2)
    #expect(try reader.readLittleEndian(Int16.self) == Int16(bitPattern: 0x9988))
    #expect(reader.remaining == 0)
    var whole = ByteReader(bytes.span.rawBytes)
    #expect(try whole.readLittleEndian(Int64.self) == Int64(bitPattern: 0x8807_0605_0403_0201))
  }

  @Test("a read that fails says where, and leaves the cursor", arguments: 0...9)
  func failures(start: Int) throws {
    var reader = ByteReader(bytes.span.rawBytes, baseOffset: 1000)
    _ = try reader.readBytes(start)
    let left = 9 - start
    for count in [left + 1, left + 100, Int.max, -1, Int.min] {
      do throws(CheckpointError) {
        _ = try reader.readBytes(count)
        Issue.record("read \(count) of \(left)")
      } catch {
        #expect(error == .truncated(need: count, have: left, at: 1000 + start))
      }
      #expect(reader.position == start)
    }
    if left < 8 {
      do throws(CheckpointError) {
        _ = try reader.readLittleEndian(UInt64.self)
        Issue.record("read 8 of \(left)")
      } catch {
        #expect(error == .truncated(need: 8, have: left, at: 1000 + start))
      }
      #expect(reader.position == start)
    }
    #expect(try reader.readBytes(left).byteCount == left)
  }

  @Test("no bytes can be read of none")
  func empty() throws {
    let none: [UInt8] = []
    var reader = ByteReader(none.span.rawBytes)
    #expect(try reader.readBytes(0).byteCount == 0)
    #expect(reader.remaining == 0)
  }
}
