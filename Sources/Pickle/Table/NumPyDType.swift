// SPDX-License-Identifier: Apache-2.0

/// What a NumPy dtype says of its elements (spec/scan.md S34). NumPy trusts the state of a dtype: with
/// another one than it writes itself, it takes numbers of the file for addresses.
@usableFromInline
package struct NumPyDType {
  /// The kind and the size in the code: `f4`, `U5`, `V12`.
  let kind: Unicode.Scalar
  let itemSize: Int
  /// Whether elements are or contain references to objects.
  @usableFromInline
  package let holdsObjects: Bool

  /// The largest number of fields that is followed.
  package static var largestFieldCount: Int { 1000 }

  /// The bits of the flags: references, lists in pickles, pointers, and those of a struct without them.
  private static let references = 0b11
  private static let objectFlags = 63
  private static let structFlags = 0x98

  /// Reads a dtype: its code, and its state, which was accepted before.
  ///
  /// - Returns: nil for another value, and for a `V` without a state, which a later one could change.
  @usableFromInline
  init?<I: PickleInspector & ~Escapable>(_ value: I.Value, in inspector: I) {
    guard let (code, state) = inspector.dtype(value), let parsed = Self.parse(code, in: inspector)
    else { return nil }
    (kind, itemSize) = parsed
    guard kind == "V" else {
      holdsObjects = kind == "O"
      return
    }
    guard let state, let parts = inspector.elements(state), parts.count > 7,
      let flags = inspector.integer(parts[7])
    else { return nil }
    holdsObjects = flags & Self.references != 0
  }

  /// The kind and the size of elements that a code gives; nil for a text that NumPy does not write.
  @usableFromInline
  static func parse<I: PickleInspector & ~Escapable>(
    _ code: I.Value, in inspector: I
  ) -> (kind: Unicode.Scalar, itemSize: Int)? {
    guard let text = inspector.string(code), text.utf8.count <= 12,
      let kind = text.unicodeScalars.first, "biufcSUVOMm".unicodeScalars.contains(kind),
      let size = Int(text.unicodeScalars.dropFirst().map(String.init).joined()),
      text.utf8.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return (kind, kind == "U" ? 4 * size : size)
  }

  /// Whether a state is one that NumPy writes for a dtype: the version, the byte order, the type and shape
  /// of a subarray, the names and the fields of a struct, sizes, flags, and the metadata of version 4.
  static func accepts<I: PickleInspector & ~Escapable>(
    _ state: I.Value, of code: I.Value, in inspector: I
  ) -> Bool {
    guard let (kind, itemSize) = parse(code, in: inspector),
      let parts = inspector.elements(state), inspector.isPlain(state),
      parts.count == 8 && inspector.integer(parts[0]) == 3
        || parts.count == 9 && inspector.integer(parts[0]) == 4,
      let order = inspector.string(parts[1]), ["<", ">", "|", "="].contains(order),
      let size = inspector.integer(parts[5]), let alignment = inspector.integer(parts[6]),
      (-1...64).contains(alignment), let flags = inspector.integer(parts[7])
    else { return false }
    guard size == ("SUV".unicodeScalars.contains(kind) ? itemSize : -1) else { return false }
    let isNone = (2...4).map { inspector.type(of: parts[$0]) == .none }
    switch kind {
    case "V": break
    case "O": return isNone == [true, true, true] && flags == objectFlags
    case "S", "U": return isNone == [true, true, true] && (flags == 0 || flags == 8)
    default: return isNone == [true, true, true] && flags == 0
    }
    var objects = false
    if !isNone[0] {
      guard isNone[1], isNone[2], let subarray = subarray(parts[2], in: inspector),
        subarray.byteCount <= itemSize
      else { return false }
      objects = subarray.holdsObjects
    } else if !isNone[1] || !isNone[2] {
      guard let names = inspector.elements(parts[3]),
        names.allSatisfy({ inspector.type(of: $0) == .text }),
        let fields = inspector.fields(parts[4]), fields.count >= names.count
      else { return false }
      for field in fields {
        guard let field = inspector.elements(field), (2...3).contains(field.count),
          let dtype = NumPyDType(field[0], in: inspector),
          let offset = inspector.integer(field[1]), offset >= 0,
          case let (end, overflow) = offset.addingReportingOverflow(dtype.itemSize), !overflow,
          end <= itemSize
        else { return false }
        objects = objects || dtype.holdsObjects
      }
    }
    guard objects else { return flags & ~structFlags == 0 }
    if !isNone[0], flags == objectFlags { return true }
    return flags & ~(structFlags | references) == 0 && flags & references == references
  }

  /// The size of a subarray and whether it holds objects.
  private static func subarray<I: PickleInspector & ~Escapable>(
    _ value: I.Value, in inspector: I
  ) -> (byteCount: Int, holdsObjects: Bool)? {
    guard let parts = inspector.elements(value), parts.count == 2,
      let dtype = NumPyDType(parts[0], in: inspector),
      let shape = inspector.integers(parts[1]), shape.allSatisfy({ $0 >= 0 })
    else { return nil }
    var byteCount = dtype.itemSize
    for size in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard !overflow else { return nil }
      byteCount = product
    }
    return (byteCount, dtype.holdsObjects)
  }

  /// Whether a state is one that NumPy writes for an array: the version, the shape, the dtype, the order,
  /// and the elements, which are a list of objects or bytes.
  @usableFromInline
  static func acceptsArray<I: PickleInspector & ~Escapable>(
    _ state: I.Value, in inspector: I
  ) -> Bool {
    guard var parts = inspector.elements(state), inspector.isPlain(state) else { return false }
    if parts.count == 5 {
      guard inspector.type(of: parts.removeFirst()) == .integer else { return false }
    }
    guard parts.count == 4, inspector.integers(parts[0]) != nil,
      let dtype = NumPyDType(parts[1], in: inspector),
      CallRule.Parameter.flag.accepts(parts[2], in: inspector)
    else { return false }
    switch inspector.type(of: parts[3]) {
    case .list: return dtype.holdsObjects
    case .bytes, .text, .mutableData: return !dtype.holdsObjects
    default: return false
    }
  }
}
