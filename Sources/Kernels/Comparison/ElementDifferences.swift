// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The differences between the elements of two tensors of the same shape, in bits and in values.
///
/// Values compare as in `ValueComparison`: −0 equals +0 and NaN equals NaN. The data is added in
/// pieces, so tensors may have any size.
public struct ElementDifferences: Hashable, Sendable {
  /// The largest difference and the first element with it, in row-major order.
  public struct Largest<Value: Comparable & Hashable & Sendable>: Hashable, Sendable {
    /// The difference.
    public let value: Value
    /// The index of the element.
    public let index: Int
  }

  /// The elements that are NaN on one side only. They are unequal, and not part of the largest
  /// differences.
  public internal(set) var nanCount = 0
  /// The largest distance of floats of the same dtype, as in `FloatFormat.ulpDistance(_:_:)`; for
  /// complex numbers the larger of the parts' distances.
  public internal(set) var largestULPDistance: Largest<UInt64>?
  /// The largest |left − right| of floats, computed in F64.
  public internal(set) var largestAbsolute: Largest<Double>?
  /// The largest |left − right| / |left| of floats, computed in F64, where left is not zero and the
  /// quotient is a number.
  public internal(set) var largestRelative: Largest<Double>?
  /// The largest |left − right| of integers, exactly; 1 between false and true.
  public internal(set) var largestInteger: Largest<UInt64>?

  let rule: DifferenceRule
  var differing = 0
  var unequal = 0
  /// The bytes of the left tensor so far.
  private var leftOffset = 0
  /// The last element with different bits.
  var lastDiffering: UInt?

  /// Creates an empty comparison.
  ///
  /// - Returns: nil for different dtypes unless both are real floats of 8 bits or more.
  public init?(_ left: DType, _ right: DType) {
    guard let rule = DifferenceRule(left, right) else { return nil }
    self.rule = rule
  }

  /// The elements whose bits differ; nil for two dtypes.
  public var differentCount: Int? { rule.comparesBits ? differing : nil }

  /// The elements whose values differ; nil for floats of less than 8 bits, of which only the bits are
  /// compared.
  public var unequalCount: Int? { rule.knowsValues ? unequal : nil }

  /// Whether no difference was found.
  public var isEmpty: Bool { differing == 0 && unequal == 0 }

  /// Compares the next pieces of both tensors, little endian, at any alignment.
  ///
  /// - Parameters:
  ///   - left: a piece of the left tensor, of whole elements unless they are smaller than a byte.
  ///   - right: as many elements of the right tensor; another number traps.
  /// - Complexity: O(elements). Equal bytes are compared at the speed of memory. Different dtypes need
  ///   16 bytes of memory for each element of the pieces.
  public mutating func add(_ left: RawSpan, _ right: RawSpan) {
    switch rule {
    case .floats(let format):
      addFloats(left, right, format, from: leftOffset / format.byteCount)
    case .integers(let byteCount, let isSigned):
      addIntegers(left, right, byteCount: byteCount, isSigned: isSigned)
    case .booleans:
      addBooleans(left, right, from: leftOffset)
    case .smallFloats(let dtype):
      // The rule exists only for dtypes with a table.
      if let numbers = SmallFloats(dtype) {
        addSmallFloats(left, right, numbers, from: leftOffset)
      }
    case .complex:
      addComplex(left, right, from: leftOffset / 8)
    case .patterns(let bitCount):
      addPatterns(left, right, bitCount: UInt(bitCount), from: leftOffset)
    case .converted(let leftType, let rightType):
      addConverted(left, leftType, right, rightType, from: leftOffset / (leftType.bitCount / 8))
    }
    leftOffset += left.byteCount
  }

  private mutating func addIntegers(
    _ left: RawSpan, _ right: RawSpan, byteCount: Int, isSigned: Bool
  ) {
    let first = leftOffset / byteCount
    switch (byteCount, isSigned) {
    case (8, true): addIntegers(left, right, as: Int64.self, from: first)
    case (8, false): addIntegers(left, right, as: UInt64.self, from: first)
    case (4, true): addIntegers(left, right, as: Int32.self, from: first)
    case (4, false): addIntegers(left, right, as: UInt32.self, from: first)
    case (2, true): addIntegers(left, right, as: Int16.self, from: first)
    case (2, false): addIntegers(left, right, as: UInt16.self, from: first)
    case (1, true): addIntegers(left, right, as: Int8.self, from: first)
    default: addIntegers(left, right, as: UInt8.self, from: first)
    }
  }
}
