// SPDX-License-Identifier: Apache-2.0
import Pickle
import Tensors
import Testing

/// A pickle, and what the machine reads in it or says of it.
struct OpcodeCase: Sendable, CustomTestStringConvertible {
  let opcode: Opcode
  let bytes: [UInt8]
  /// The value as Python prints it, or words of the refusal after `!`.
  let expected: String

  init(_ opcode: Opcode, _ text: String, _ expected: String) {
    self.init(opcode, Array(text.utf8), expected)
  }

  init(_ opcode: Opcode, _ bytes: [UInt8], _ expected: String) {
    self.opcode = opcode
    self.bytes = bytes
    self.expected = expected
  }

  var testDescription: String { opcode.name }

  static let all: [OpcodeCase] = [
    .init(.none, "N.", "None"), .init(.newTrue, [0x88, 0x2E], "True"),
    .init(.newFalse, [0x89, 0x2E], "False"), .init(.int, "I-7\n.", "-7"),
    .init(.int, "I01\n.", "True"), .init(.int, "Ix\n.", "!not a number"),
    .init(.long, "L123456789012345678901L\n.", "big"), .init(.long, "L5\n.", "5"),
    .init(.float, "F-1.5\n.", "-1.5"), .init(.float, "Finf\n.", "inf"),
    .init(.float, "Fx\n.", "!not a number"),
    .init(.binInt, [0x4A, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E], "-1"),
    .init(.binInt1, [0x4B, 200, 0x2E], "200"), .init(.binInt2, [0x4D, 1, 2, 0x2E], "513"),
    .init(.long1, [0x8A, 1, 0xFF, 0x2E], "-1"), .init(.long1, [0x8A, 0, 0x2E], "0"),
    .init(.long1, [0x8A, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x2E], "1"),
    .init(.long4, [0x8B, 2, 0, 0, 0, 0, 1, 0x2E], "256"),
    .init(.long4, [0x8B, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E], "!negative length"),
    .init(.binFloat, [0x47, 0x40, 0x09, 0, 0, 0, 0, 0, 0, 0x2E], "3.125"),
    .init(.string, "S'ab'\n.", "'ab'"), .init(.string, "Sab\n.", "!no quotes"),
    .init(.string, "S'\\x41'\n.", "!escapes"),
    .init(.binString, [0x54, 1, 0, 0, 0, 0x61, 0x2E], "'a'"),
    .init(.shortBinString, [0x55, 1, 0x61, 0x2E], "'a'"),
    .init(.shortBinString, [0x55, 1, 0xFF, 0x2E], "b'\\xff'"),
    .init(.unicode, "V\\u0041b\n.", "'Ab'"),
    .init(.unicode, "V\\u00\n.", "!damaged escape"),
    .init(.binUnicode, [0x58, 2, 0, 0, 0, 0xC3, 0xA9, 0x2E], "'é'"),
    .init(.binUnicode, [0x58, 1, 0, 0, 0, 0xFF, 0x2E], "!UTF-8"),
    .init(.shortBinUnicode, [0x8C, 1, 0x61, 0x2E], "'a'"),
    .init(.binUnicode8, [0x8D, 1, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x2E], "'a'"),
    .init(.binBytes, [0x42, 1, 0, 0, 0, 0, 0x2E], "b'\\x00'"),
    .init(.shortBinBytes, [0x43, 0, 0x2E], "b''"),
    .init(.binBytes8, [0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x2E], "b'a'"),
    .init(.byteArray8, [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x2E], "bytearray(b'a')"),
    .init(.emptyTuple, ").", "()"), .init(.emptyList, "].", "[]"), .init(.emptyDict, "}.", "{}"),
    .init(.emptySet, [0x8F, 0x2E], "set()"), .init(.mark, "(NN.", "!left over"),
    .init(.tuple, "(NNt.", "(None, None)"), .init(.tuple, "t.", "!no mark"),
    .init(.tuple1, [0x4E, 0x85, 0x2E], "(None,)"),
    .init(.tuple2, [0x4E, 0x4E, 0x86, 0x2E], "(None, None)"),
    .init(.tuple3, [0x4E, 0x4E, 0x4E, 0x87, 0x2E], "(None, None, None)"),
    .init(.tuple3, [0x4E, 0x4E, 0x87, 0x2E], "!nothing to work on"), .init(.list, "(Nl.", "[None]"),
    .init(.dict, "(I1\nNd.", "{1: None}"), .init(.dict, "(Nd.", "!without a value"),
    .init(.append, "]Na.", "[None]"), .init(.append, "}Na.", "!where it does not belong"),
    .init(.appends, "](NNe.", "[None, None]"), .init(.setItem, "}I1\nNs.", "{1: None}"),
    .init(.setItem, "}]Ns.", "!as a key"), .init(.setItems, "}(I1\nNI2\nNu.", "{1: None, 2: None}"),
    .init(.addItems, [0x8F, 0x28, 0x4E, 0x90, 0x2E], "set(None)"),
    .init(.addItems, [0x28, 0x91, 0x28, 0x4E, 0x90, 0x2E], "!where it does not belong"),
    .init(.frozenSet, [0x28, 0x4E, 0x91, 0x2E], "frozenset(None)"),
    .init(.put, "]p0\ng0\na.", "[[[...]]]"), .init(.put, "]p5\n.", "!out of range"),
    .init(.get, "g0\n.", "!out of range"),
    .init(.binPut, "](Nq\0e.", "[None]"), .init(.binGet, "Nq\0h\0\u{56}x\n.", "!left over"),
    .init(.longBinPut, [0x4E, 0x72, 0, 0, 0, 0, 0x2E], "None"),
    .init(.longBinGet, [0x4E, 0x71, 0, 0x6A, 1, 0, 0, 0, 0x86, 0x2E], "!out of range"),
    .init(.memoize, [0x5D, 0x4E, 0x94, 0x61, 0x2E], "[None]"),
    .init(.proto, [0x80, 5, 0x4E, 0x2E], "None"),
    .init(.proto, [0x80, 6, 0x4E, 0x2E], "!protocol"),
    .init(.proto, [0x4E, 0x80, 2, 0x2E], "!inside the pickle"),
    .init(.frame, [0x95, 2, 0, 0, 0, 0, 0, 0, 0, 0x4E, 0x2E], "None"),
    .init(.frame, [0x95, 9, 0, 0, 0, 0, 0, 0, 0, 0x4E, 0x2E], "!too early"),
    .init(.global, "ctorch\nfloat32\n.", "torch.float32"),
    .init(
      .global, "cpeftkit_hostile_fixture\nrun\n.", "!asks Python to run peftkit_hostile_fixture.run"
    ),
    .init(.global, "ctorch._utils\n_rebuild_tensor_v2\n.", "!as a value"),
    .init(
      .stackGlobal,
      [0x8C, 5] + Array("torch".utf8) + [0x8C, 4] + Array("int8".utf8) + [0x93, 0x2E], "torch.int8"),
    .init(.stackGlobal, [0x4E, 0x4E, 0x93, 0x2E], "!finds no names"),
    .init(.reduce, "ctorch\nSize\n((I2\nI3\nttR.", "torch.Size((2, 3),)"),
    .init(.reduce, "ctorch\nSize\n(NtR.", "!must be a tuple of integers"),
    .init(.reduce, "N)R.", "!asks Python to run None"),
    .init(.reduce, "ctorch\nFloatStorage\n(I4\ntR.", "!no data in the file"),
    .init(.reduce, "ctorch\nfloat32\n)R.", "!asks Python to run torch.float32"),
    .init(.binPersID, "NQ.", "storage(None)"),
    .init(.build, "ccollections\nOrderedDict\n)R}b.", "{}"),
    .init(.build, "ccollections\nOrderedDict\n)R}V__class__\nNsb.", "!special attributes"),
    .init(.build, "]}b.", "!__setstate__ of a list"), .init(.pop, "NN0.", "!uses POP"),
    .init(.popMark, "N(N1.", "!uses POP_MARK"), .init(.dup, [0x4E, 0x32, 0x86, 0x2E], "!uses DUP"),
    .init(.persID, "P0\n.", "!PERSID"),
    .init(.inst, "(ipeftkit_hostile_fixture\nrun\n.", "!asks Python to run"),
    .init(.obj, "(ctorch\nSize\no.", "!asks Python to run torch.Size"),
    .init(.newObj, [0x4E, 0x29, 0x81, 0x2E], "!asks Python to run None"),
    .init(.newObjEx, [0x4E, 0x29, 0x7D, 0x92, 0x2E], "!asks Python to run None"),
    .init(.ext1, [0x82, 1, 0x2E], "!extension 1"),
    .init(.ext2, [0x83, 1, 1, 0x2E], "!extension 257"),
    .init(.ext4, [0x84, 1, 0, 0, 0, 0x2E], "!extension 1"),
    .init(.nextBuffer, [0x97, 0x2E], "!buffers"),
    .init(.readOnlyBuffer, [0x98, 0x2E], "!buffers"), .init(.stop, ".", "!without a value"),
    .init(.stop, "NN.", "!left over"),
  ]
}

@Suite struct OpcodeTests {
  @Test func everyOpcodeHasACase() {
    #expect(Set(OpcodeCase.all.map(\.opcode)) == Set(Opcode.allCases))
  }

  @Test(arguments: OpcodeCase.all)
  func result(_ test: OpcodeCase) {
    do throws(CheckpointError) {
      let (graph, end) = try PickleMachine.run(
        test.bytes, baseOffset: 0, dialect: .torch, limits: PickleLimits())
      if let request = graph.codeRequest { throw request }
      #expect(end == test.bytes.count)
      #expect(graph.shown(graph.root) == test.expected)
    } catch {
      guard let words = test.expected.hasPrefix("!") ? test.expected.dropFirst() : nil else {
        Issue.record(error)
        return
      }
      #expect(error.message.contains(words), "\(error)")
      #expect(error.offset != nil)
    }
  }

  /// What a pickle of a dialect may not contain.
  @Test func dialects() {
    func refusal(_ text: String, _ dialect: PickleDialect) -> String? {
      do throws(CheckpointError) {
        let (graph, _) = try PickleMachine.run(
          Array(text.utf8), baseOffset: 0, dialect: dialect, limits: PickleLimits())
        return graph.codeRequest?.message
      } catch {
        return error.message
      }
    }
    #expect(refusal("ctorch\nint8\n.", .names) == nil)
    #expect(refusal("ctorch\nint8\n.", .plain)?.contains("asks Python to run torch.int8") == true)
    #expect(refusal("NQ.", .names)?.contains("does not belong") == true)
    #expect(refusal("NQ.", .torchTar)?.contains("not text") == true)
    #expect(refusal("V1\nQ.", .torchTar) == nil)
    #expect(refusal("c__torch__\nM\n.", .torch)?.contains("__torch__.M") == true)
  }

  @Test func limits() {
    func refusal(_ bytes: [UInt8], _ change: (inout PickleLimits) -> Void) -> String? {
      var limits = PickleLimits()
      change(&limits)
      do throws(CheckpointError) {
        _ = try PickleMachine.run(bytes, baseOffset: 0, dialect: .torch, limits: limits)
        return nil
      } catch {
        return error.message
      }
    }
    let marks = [UInt8](repeating: 0x28, count: 20)
    #expect(refusal(marks) { $0.depth = 10 }?.contains("nested too deeply") == true)
    let values = [0x5D, 0x28] + [UInt8](repeating: 0x4E, count: 10_000) + [0x65, 0x2E]
    #expect(refusal(values) { _ in } == nil)
    #expect(refusal(values) { $0.stack = 4000 }?.contains("waiting to be used") == true)
    let lists = [0x5D, 0x28] + [UInt8](repeating: 0x5D, count: 10_000) + [0x65, 0x2E]
    #expect(
      refusal(lists) { $0 = $0.with(graphByteCount: 1 << 10, tableByteCount: 1 << 10) }?
        .contains("more items than a file of its size may") == true)
  }
}

extension PickleGraph {
  /// A value as Python prints it.
  func shown(_ value: PickleValue, depth: Int = 0) -> String {
    switch value.kind {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): "\(value)"
    case .bigInt: "big"
    case .float(let value): "\(value)"
    case .text, .escapedText: "'\(string(value) ?? "?")'"
    case .bytes(let range):
      "b'"
        + bytes(range).map { byte in
          (0x20..<0x7F).contains(byte)
            ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined() + "'"
    case .foreign(let index): "\(foreignNames[index])"
    case .name(let name): name.qualifiedName.module + "." + name.qualifiedName.name
    case .node(let node): depth > 2 ? "..." : shown(node: node, depth: depth + 1)
    }
  }

  private func shown(node: Int, depth: Int) -> String {
    let parts = allParts(of: node).map { shown($0, depth: depth) }
    let list = parts.joined(separator: ", ")
    switch nodes[node].kind {
    case .tuple: return parts.count == 1 ? "(\(list),)" : "(\(list))"
    case .list: return depth > 2 ? "[...]" : "[\(list)]"
    case .dict:
      let entries = stride(from: 0, to: parts.count, by: 2).map { parts[$0] + ": " + parts[$0 + 1] }
      return "{" + entries.joined(separator: ", ") + "}"
    case .set: return "\(typeName(.node(node)))(\(list))"
    case .call: return typeName(.node(node)) + (list.hasPrefix("(") ? list : "(\(list))")
    case .object: return "object(\(list))"
    case .persistent: return "storage(\(list))"
    }
  }
}
