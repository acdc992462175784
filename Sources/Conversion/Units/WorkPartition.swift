// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// A part of the work, which several machines can divide without communication: the path of a unit
/// decides which part it belongs to (spec/bulk.md, B20).
public struct WorkPartition: Sendable, Hashable {
  /// The number of the part, from 1.
  public let number: Int
  /// The number of parts.
  public let count: Int

  /// Creates part `number` of `count`.
  ///
  /// - Throws: `invalidArgument` unless 1 ≤ number ≤ count.
  public init(_ number: Int, of count: Int) throws(CheckpointError) {
    guard count >= 1, number >= 1, number <= count else {
      let most = max(1, count)
      throw CheckpointError(
        .invalidArgument,
        "there is no part \(number)/\(count): the parts are 1/\(most) to \(most)/\(most)",
        hint: number == 0
          ? "add 1 to an index that starts at 0, as in $((SLURM_ARRAY_TASK_ID + 1))/N"
          : nil)
    }
    self.number = number
    self.count = count
  }

  /// Parses `I/N`.
  ///
  /// - Throws: `invalidArgument` for another form, and for a part that does not exist.
  public init(parsing text: String) throws(CheckpointError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Self.number(parts[0]), let count = Self.number(parts[1])
    else {
      throw .invalidArgument("'\(text.excerpt)' is not a part such as 1/4")
    }
    try self.init(number, of: count)
  }

  /// Whether a unit belongs to the part.
  public func contains(_ source: RelativePath) -> Bool {
    count == 1 || Self.hash(source.bytes) % UInt64(count) == UInt64(number - 1)
  }

  /// The 64-bit FNV-1a hash.
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes {
      hash ^= UInt64(byte)
      hash &*= 0x100_0000_01B3
    }
    return hash
  }

  /// Parses digits only: `Int` accepts a sign too.
  private static func number(_ text: Substring) -> Int? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
  }
}

extension WorkPartition: CustomStringConvertible {
  /// The part as `I/N`.
  public var description: String { "\(number)/\(count)" }
}
