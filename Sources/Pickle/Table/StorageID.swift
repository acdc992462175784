// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The storage that a persistent id names: `("storage", class, key, location, count)`, and in legacy
/// files a view as a sixth field.
@usableFromInline
package struct StorageID: Sendable {
  /// The name of the storage in the file.
  package let key: String
  /// The element type of the storage class; nil for an untyped storage, whose count is in bytes.
  package let dtype: TorchDType?
  /// The number of elements.
  package let count: Int
  /// The part of the storage that is used, in elements; nil for all of it. Only torch before 0.4 wrote
  /// views.
  package let view: (first: Int, count: Int)?

  /// The size of an element in bytes.
  package var elementByteCount: Int { dtype?.byteCount ?? 1 }

  /// The size in bytes.
  package var byteCount: Int { count * elementByteCount }

  /// Reads a persistent id.
  ///
  /// - Parameter fieldCounts: the numbers of fields that it may have (`PickleDialect`).
  /// - Throws: `unsupported` when it names the code of a module, `malformed` when it does not name a
  ///   storage.
  @inlinable
  package init<I: PickleInspector & ~Escapable>(
    _ id: I.Value, fieldCounts: ClosedRange<Int>, in inspector: I
  ) throws(CheckpointError) {
    guard inspector.type(of: id) == .tuple else {
      throw .malformed("a persistent id is not a tuple")
    }
    let count = inspector.elementCount(of: id)
    let kind = count > 0 ? inspector.string(inspector.element(0, of: id)) : nil
    if kind == "module" { throw Self.module() }
    guard fieldCounts.contains(count), kind == "storage" else {
      throw .malformed("a persistent id does not name a storage")
    }
    let type = inspector.global(of: inspector.element(1, of: id))
    guard type?.role == .storageClass || type?.role == .untypedStorage else {
      throw .malformed("a storage has no class")
    }
    guard let key = inspector.string(inspector.element(2, of: id)) else {
      throw .malformed("a storage has a key that is not text")
    }
    guard Self.isKey(key) else {
      throw .malformed("\"\(key.excerpt)\" is an invalid storage key")
    }
    guard inspector.type(of: inspector.element(3, of: id)) == .text else {
      throw .malformed("the storage \"\(key)\" has no location")
    }
    let dtype = type?.dtype
    guard let elements = inspector.integer(inspector.element(4, of: id)), elements >= 0,
      !elements.multipliedReportingOverflow(by: dtype?.byteCount ?? 1).overflow
    else { throw .malformed("the storage \"\(key)\" has an impossible size") }
    var view: (first: Int, count: Int)?
    if count > 5 {
      let field = inspector.element(5, of: id)
      if inspector.type(of: field) != .none { view = try Self.view(field, in: inspector) }
    }
    self.init(key: key, dtype: dtype, count: elements, view: view)
  }

  @usableFromInline
  init(key: String, dtype: TorchDType?, count: Int, view: (first: Int, count: Int)?) {
    self.key = key
    self.dtype = dtype
    self.count = count
    self.view = view
  }

  /// Parses a view: its own key, its first element and the number of elements.
  @inlinable
  static func view<I: PickleInspector & ~Escapable>(
    _ field: I.Value, in inspector: I
  ) throws(CheckpointError) -> (first: Int, count: Int) {
    guard inspector.type(of: field) == .tuple, inspector.elementCount(of: field) == 3,
      inspector.type(of: inspector.element(0, of: field)) == .text,
      let first = inspector.integer(inspector.element(1, of: field)),
      let count = inspector.integer(inspector.element(2, of: field))
    else { throw .malformed("a view of a storage is damaged") }
    return (first, count)
  }

  /// Whether a text may be a key. torch writes numbers; names that could lead out of the archive are
  /// refused.
  @usableFromInline
  static func isKey(_ key: String) -> Bool {
    guard !key.isEmpty, key != ".", key != "..", key.utf8.count <= 255 else { return false }
    return key.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
  }

  /// The class that the persistent id `("module", class, file, source)` names; nil for another id.
  package static func moduleClass<I: PickleInspector & ~Escapable>(
    _ id: I.Value, in inspector: I
  ) -> I.Value? {
    guard inspector.type(of: id) == .tuple, inspector.elementCount(of: id) == 4,
      inspector.string(inspector.element(0, of: id)) == "module"
    else { return nil }
    return inspector.element(1, of: id)
  }

  @usableFromInline @inline(never)
  static func module(at offset: Int? = nil) -> CheckpointError {
    CheckpointError(
      .unsupported, "asks Python to run the code of a whole model; nothing was executed",
      offset: offset, hint: "save the model's state_dict() instead of the model")
  }
}
