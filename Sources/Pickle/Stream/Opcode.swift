// SPDX-License-Identifier: Apache-2.0

/// The opcodes of Python's pickle, protocols 0 to 5, by their names in `pickletools`.
package enum Opcode: UInt8, CaseIterable, Sendable {
  // Protocol 0: text.
  case mark = 0x28  // (
  case stop = 0x2E  // .
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
  case dup = 0x32  // 2
  case float = 0x46  // F
  case int = 0x49  // I
  case binInt = 0x4A  // J
  case binInt1 = 0x4B  // K
  case long = 0x4C  // L
  case binInt2 = 0x4D  // M
  case none = 0x4E  // N
  case persID = 0x50  // P
  case binPersID = 0x51  // Q
  case reduce = 0x52  // R
  case string = 0x53  // S
  case binString = 0x54  // T
  case shortBinString = 0x55  // U
  case unicode = 0x56  // V
  case binUnicode = 0x58  // X
  case append = 0x61  // a
  case build = 0x62  // b
  case global = 0x63  // c
  case dict = 0x64  // d
  case appends = 0x65  // e
  case get = 0x67  // g
  case binGet = 0x68  // h
  case inst = 0x69  // i
  case longBinGet = 0x6A  // j
  case list = 0x6C  // l
  case obj = 0x6F  // o
  case put = 0x70  // p
  case binPut = 0x71  // q
  case longBinPut = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case setItems = 0x75  // u
  case emptyDict = 0x7D  // }
  case emptyList = 0x5D  // ]
  case emptyTuple = 0x29  // )
  case binFloat = 0x47  // G
  case binBytes = 0x42  // B
  case shortBinBytes = 0x43  // C
  // Protocol 2.
  case proto = 0x80
  case newObj = 0x81
  case ext1 = 0x82
  case ext2 = 0x83
  case ext4 = 0x84
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long1 = 0x8A
  case long4 = 0x8B
  // Protocol 4.
  case shortBinUnicode = 0x8C
  case binUnicode8 = 0x8D
  case binBytes8 = 0x8E
  case emptySet = 0x8F
  case addItems = 0x90
  case frozenSet = 0x91
  case newObjEx = 0x92
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
  // Protocol 5.
  case byteArray8 = 0x96
  case nextBuffer = 0x97
  case readOnlyBuffer = 0x98
}

extension Opcode {
  /// The name that `pickletools` gives it, for example `SHORT_BINUNICODE`.
  package var name: String { Self.names[Int(rawValue)] }

  /// The names by opcode, made once: the scan of a hostile pickle asks for one at each byte.
  private static let names = (0...UInt8.max).map { Opcode(rawValue: $0)?.spelledName ?? "" }

  private var spelledName: String {
    switch self {
    case .binInt: "BININT"
    case .binInt1: "BININT1"
    case .binInt2: "BININT2"
    case .persID: "PERSID"
    case .binPersID: "BINPERSID"
    case .binString: "BINSTRING"
    case .binUnicode: "BINUNICODE"
    case .binUnicode8: "BINUNICODE8"
    case .binBytes: "BINBYTES"
    case .binBytes8: "BINBYTES8"
    case .binGet: "BINGET"
    case .binPut: "BINPUT"
    case .binFloat: "BINFLOAT"
    case .setItem: "SETITEM"
    case .setItems: "SETITEMS"
    case .newObj: "NEWOBJ"
    case .newTrue: "NEWTRUE"
    case .newFalse: "NEWFALSE"
    case .shortBinString: "SHORT_BINSTRING"
    case .shortBinUnicode: "SHORT_BINUNICODE"
    case .shortBinBytes: "SHORT_BINBYTES"
    case .longBinGet: "LONG_BINGET"
    case .longBinPut: "LONG_BINPUT"
    case .newObjEx: "NEWOBJ_EX"
    case .addItems: "ADDITEMS"
    case .frozenSet: "FROZENSET"
    case .byteArray8: "BYTEARRAY8"
    case .readOnlyBuffer: "READONLY_BUFFER"
    default: Self.separated("\(self)")
    }
  }

  /// `emptyDict` as `EMPTY_DICT`.
  private static func separated(_ caseName: String) -> String {
    var name = ""
    for character in caseName {
      if character.isUppercase { name += "_" }
      name += character.uppercased()
    }
    return name
  }

  /// The layout of the argument after the opcode's byte.
  package enum Layout: Sendable {
    /// Nothing.
    case nothing
    /// An unsigned, little-endian number of this many bytes.
    case unsigned(Int)
    /// A signed, little-endian number of 4 bytes.
    case signed4
    /// A big-endian double of 8 bytes.
    case double
    /// A length in this many bytes, then as many bytes as it says.
    case counted(Int)
    /// Text up to a newline.
    case line
    /// Two lines of text: a module and a name.
    case twoLines
  }

  /// The layout of the argument after the opcode's byte.
  package var layout: Layout {
    switch self {
    case .binInt1, .binGet, .binPut, .ext1, .proto: .unsigned(1)
    case .binInt2, .ext2: .unsigned(2)
    case .longBinGet, .longBinPut: .unsigned(4)
    case .frame: .unsigned(8)
    case .binInt, .ext4: .signed4
    case .binFloat: .double
    case .shortBinString, .shortBinUnicode, .shortBinBytes, .long1: .counted(1)
    case .binString, .binUnicode, .binBytes, .long4: .counted(4)
    case .binUnicode8, .binBytes8, .byteArray8: .counted(8)
    case .float, .int, .long, .string, .unicode, .persID, .get, .put: .line
    case .global, .inst: .twoLines
    default: .nothing
    }
  }
}
