// SPDX-License-Identifier: Apache-2.0
import Pickle
import Tensors
import Testing

@Suite struct DecoderTests {
  /// The shortest bytes of an opcode with its argument.
  private func shortest(_ opcode: Opcode) -> [UInt8] {
    let argument: [UInt8] =
      switch opcode.layout {
      case .nothing: []
      case .unsigned(let width), .counted(let width): [UInt8](repeating: 0, count: width)
      case .signed4: [0, 0, 0, 0]
      case .double: [UInt8](repeating: 0, count: 8)
      case .line: [0x0A]
      case .twoLines: [0x0A, 0x0A]
      }
    return [opcode.rawValue] + argument
  }

  @Test(arguments: Opcode.allCases)
  func framing(opcode: Opcode) throws {
    let bytes = shortest(opcode)
    let followed = bytes + [0x4E]
    var decoder = PickleDecoder(followed.span.rawBytes, baseOffset: 100)
    let instruction = try decoder.next()
    #expect(instruction.opcode == opcode)
    #expect(instruction.offset == 100)
    #expect(decoder.position == bytes.count)
    #expect(try decoder.next().opcode == .none)
    for count in 0..<bytes.count {
      let cut = Array(bytes[..<count])
      var decoder = PickleDecoder(cut.span.rawBytes)
      var code: CheckpointError.Code?
      do throws(CheckpointError) { _ = try decoder.next() } catch { code = error.code }
      #expect(code == .truncated, "\(count) bytes")
      #expect(decoder.position == 0)
    }
  }

  @Test func bytesThatAreNoOpcode() {
    let known = Set(Opcode.allCases.map(\.rawValue))
    for byte in UInt8.min...UInt8.max where !known.contains(byte) {
      let bytes = [byte, 0, 0]
      var decoder = PickleDecoder(bytes.span.rawBytes)
      var code: CheckpointError.Code?
      do throws(CheckpointError) { _ = try decoder.next() } catch { code = error.code }
      #expect(code == .malformed)
    }
  }

  @Test(
    arguments: [
      (.emptyDict, "EMPTY_DICT"), (.shortBinUnicode, "SHORT_BINUNICODE"), (.binPersID, "BINPERSID"),
      (.newObjEx, "NEWOBJ_EX"), (.stackGlobal, "STACK_GLOBAL"), (.tuple1, "TUPLE1"),
      (.popMark, "POP_MARK"),
    ] as [(Opcode, String)])
  func names(opcode: Opcode, name: String) {
    #expect(opcode.name == name)
  }
}
