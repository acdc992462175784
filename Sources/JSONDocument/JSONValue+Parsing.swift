// SPDX-License-Identifier: Apache-2.0
public import Tensors

extension JSONValue {
  /// Parses a document. Accepts what Python's `json.load` accepts, with these exceptions.
  ///
  /// Duplicate keys in an object, NUL in a key and lone surrogates are refused, because they cannot be
  /// kept without loss; so are documents beyond `JSONLimits`. `NaN`, `Infinity` and `-Infinity` are
  /// numbers; numbers beyond the largest double are infinite; `-0` is the integer 0.
  ///
  /// - Parameter bytes: the whole document in UTF-8, without a byte order mark.
  /// - Throws: `malformed` with the byte, its line and column; `unsupported` beyond the limits.
  /// - Complexity: O(n), plus sorting the k keys of each object by hash; memory is bounded by the
  ///   limits.
  public init(parsing bytes: RawSpan) throws(CheckpointError) {
    try self.init(parsing: Span<UInt8>(_bytes: bytes))
  }

  /// Parses a document; see `init(parsing:)` for `RawSpan`.
  ///
  /// - Throws: `malformed` with the byte, its line and column; `unsupported` beyond the limits.
  /// - Complexity: O(n), plus sorting the k keys of each object by hash.
  public init(parsing bytes: [UInt8]) throws(CheckpointError) {
    try self.init(parsing: bytes.span)
  }

  /// Parses a document; see `init(parsing:)` for `RawSpan`.
  ///
  /// - Throws: `malformed` with the byte, its line and column; `unsupported` beyond the limits.
  /// - Complexity: O(n), plus sorting the k keys of each object by hash.
  public init(parsing bytes: Span<UInt8>) throws(CheckpointError) {
    var scanner = JSONScanner(bytes)
    let scan = try scanner.scan()
    let tree: JSONTree
    if scan.surrogatePairs.isEmpty {
      tree = try JSONTree(parsing: bytes.extracting(scan.value), depth: scan.depth)
    } else {
      let text = scan.decodingPairs(of: scanner)
      tree = try JSONTree(parsing: text.span, depth: scan.depth)
    }
    self = try tree.value(largeIntegers: scan.largeIntegers, in: bytes)
  }
}
