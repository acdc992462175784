// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension FileScan {
  /// Scans a NumPy array: data by its format, unless its elements are Python objects; those are a
  /// pickle.
  mutating func scanArray(_ bytes: RawSpan, at start: Int, in place: Place) {
    var reader = ByteReader(bytes.extracting(start..<bytes.byteCount), baseOffset: start)
    guard let magic = try? reader.readBytes(8), magic.byteCount == 8,
      magic.has(Self.arraySignature, at: 0), (1...3).contains(magic.byte(at: 6))
    else {
      find(.malformed, "is not a NumPy array", in: place.name, at: start)
      return search(bytes, start..<bytes.byteCount, place: place)
    }
    let isShort = magic.byte(at: 6) == 1
    let count =
      isShort
      ? (try? reader.readLittleEndian(UInt16.self)).map { Int($0) }
      : (try? reader.readLittleEndian(UInt32.self)).map { Int($0) }
    guard let count, count <= 1 << 16, let header = try? reader.readBytes(count) else {
      find(.truncated, "the file ends inside its header", in: place.name, at: start)
      return
    }
    let text = String(decoding: header.array(0..<header.byteCount), as: UTF8.self)
    guard let layout = NumPyLayout(header: text) else {
      find(.malformed, "has a header that describes no plain array", in: place.name, at: start)
      // Objects are a pickle; what is behind it is searched, too.
      if text.utf8.contains(UInt8(ascii: "O")) {
        return scanRest(bytes, from: reader.offset, in: place)
      }
      return search(bytes, reader.offset..<bytes.byteCount, place: place)
    }
    guard layout.byteCount == reader.remaining else {
      find(
        .malformed, "has \(reader.remaining) bytes where its header says \(layout.byteCount)",
        in: place.name, at: reader.offset)
      return search(bytes, reader.offset..<bytes.byteCount, place: place)
    }
  }
}

/// The size of a plain array, from the header that NumPy writes.
struct NumPyLayout {
  /// The size of the data in bytes.
  let byteCount: Int

  /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`; nil for anything else.
  init?(header: String) {
    var rest = header.utf8[...]
    func take(_ text: String) -> Bool {
      guard rest.starts(with: text.utf8) else { return false }
      rest = rest.dropFirst(text.utf8.count)
      return true
    }
    func takeNumber() -> Int? {
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      rest = rest.dropFirst(digits.count)
      return Int(String(decoding: Array(digits), as: UTF8.self))
    }
    guard take("{'descr': '"), let order = rest.popFirst(), "<>|=".utf8.contains(order),
      let kind = rest.popFirst(), "fiubcSUV".utf8.contains(kind), let width = takeNumber(),
      take("', 'fortran_order': "), take("False") || take("True"), take(", 'shape': (")
    else { return nil }
    var size: Int? = kind == UInt8(ascii: "U") ? width.multipliedWithoutOverflow(by: 4) : width
    while let extent = takeNumber() {
      size = size?.multipliedWithoutOverflow(by: extent)
      guard take(", ") || take(",") || rest.first == UInt8(ascii: ")") else { return nil }
    }
    guard take("), }"), let size else { return nil }
    let padding = rest.reversed().drop { $0 == 0x0A }
    guard padding.allSatisfy({ $0 == 0x20 }) else { return nil }
    byteCount = size
  }
}
