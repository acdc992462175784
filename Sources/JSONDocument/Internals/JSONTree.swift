// SPDX-License-Identifier: Apache-2.0
internal import CJSONC
internal import Tensors

/// An owned json-c tree: the parsed document.
@safe
struct JSONTree: ~Copyable {
  /// The root, nil for `null`.
  private let root: OpaquePointer?

  /// Parses text that the scanner has checked, without surrounding white space.
  ///
  /// - Parameter depth: the number of nested arrays and objects.
  /// - Throws: `malformed` if json-c disagrees with the scanner, `system` when memory is short.
  init(parsing text: Span<UInt8>, depth: Int) throws(CheckpointError) {
    let tokener = try JSONTokener(depth: depth)
    // SAFETY: this value takes ownership of the tree that parsing returns.
    unsafe root = try tokener.parse(text)
  }

  deinit {
    // SAFETY: the tree is owned here and released once; nil is allowed.
    _ = unsafe json_object_put(root)
  }

  /// Copies the tree.
  ///
  /// - Parameters:
  ///   - largeIntegers: the bytes of the integers that json-c may have clamped, in order.
  ///   - bytes: the document.
  /// - Throws: `malformed` if json-c disagrees with the scanner.
  /// - Complexity: O(n), without recursion.
  func value(
    largeIntegers: [Range<Int>], in bytes: Span<UInt8>
  ) throws(CheckpointError) -> JSONValue {
    var integers = LargeIntegers(ranges: largeIntegers, bytes: bytes)
    var containers: [JSONTreeContainer] = []
    // SAFETY: here and below, nodes belong to the tree, which outlives this call.
    var node = unsafe root
    while true {
      var complete: JSONValue?
      if let container = unsafe JSONTreeContainer(node) {
        containers.append(container)
      } else {
        complete = try unsafe JSONValue(scalar: node, &integers)
      }
      // Passes the value to its container, and closes every container that is complete with it.
      while true {
        guard let last = containers.indices.last else {
          guard integers.isAtEnd, let complete else { throw .disagreement }
          return complete
        }
        if let complete { containers[last].append(complete) }
        if containers[last].advance() {
          // SAFETY: as above; the child belongs to the same tree.
          unsafe node = containers[last].child
          break
        }
        complete = containers.removeLast().value
      }
    }
  }
}

/// An owned `json_tokener`.
@safe
private struct JSONTokener: ~Copyable {
  private let handle: UnsafeMutablePointer<json_tokener>

  /// Creates a parser that accepts a depth that the scanner accepts; json-c clears memory for each level.
  init(depth: Int) throws(CheckpointError) {
    // json-c counts a scalar as a level of its own, and refuses at the limit itself.
    let depth = Int32(depth + 2)
    // SAFETY: the call takes a number; nil, when memory is short, is handled.
    guard let handle = unsafe json_tokener_new_ex(depth) else {
      throw CheckpointError(.system, "no memory for a JSON parser")
    }
    // The scanner is strict. json-c's own strict mode would only add, in newer versions, the refusal
    // of large integers.
    // SAFETY: the handle was just created.
    unsafe json_tokener_set_flags(handle, 0)
    unsafe self.handle = unsafe handle
  }

  deinit {
    // SAFETY: the handle is owned here and freed once.
    unsafe json_tokener_free(handle)
  }

  /// Parses one value.
  ///
  /// - Returns: a tree that the caller releases, nil for `null`.
  func parse(_ text: Span<UInt8>) throws(CheckpointError) -> OpaquePointer? {
    guard let count = Int32(exactly: text.count) else {
      throw CheckpointError(.unsupported, "a JSON document of \(text.count) bytes")
    }
    var root = unsafe text.withUnsafeBytes { buffer in
      // SAFETY: json-c reads `count` bytes of the buffer inside the call that lends it.
      unsafe json_tokener_parse_ex(
        handle, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), count)
    }
    // SAFETY: the handle is alive while self is.
    var error = unsafe json_tokener_get_error(handle)
    if error == json_tokener_continue {
      // A number or word that is the whole document ends only with a NUL.
      // SAFETY: the literal is one byte long, its NUL, and outlives the call.
      unsafe root = unsafe json_tokener_parse_ex(handle, "", 1)
      // SAFETY: as above.
      error = unsafe json_tokener_get_error(handle)
    }
    guard error == json_tokener_success else {
      // SAFETY: the description is a static C string.
      let reason = unsafe String(cString: json_tokener_error_desc(error))
      throw .malformed("json-c rejects the document: \(reason)")
    }
    return unsafe root
  }
}
