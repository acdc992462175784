// SPDX-License-Identifier: Apache-2.0

/// The elements that are stored together, and the bytes that they take.
public struct DTypeBlock: Hashable, Sendable {
  /// The number of elements, along the innermost dimension.
  public let elementCount: Int
  /// The size of the block in bytes.
  public let byteCount: Int

  init(_ elementCount: Int, _ byteCount: Int) {
    self.elementCount = elementCount
    self.byteCount = byteCount
  }
}

extension DType {
  /// Whether elements are stored in blocks, with scales that the elements of a block share.
  @inlinable
  public var isQuantized: Bool { rawValue > Self.bool.rawValue }

  /// The smallest block of whole elements and bytes: one element of most types, two or four of the
  /// sub-byte ones, and what shares its scales of the quantized ones.
  public var block: DTypeBlock {
    switch self {
    case .q4_0, .iq4_NL: DTypeBlock(32, 18)
    case .q4_1: DTypeBlock(32, 20)
    case .q5_0: DTypeBlock(32, 22)
    case .q5_1: DTypeBlock(32, 24)
    case .q8_0: DTypeBlock(32, 34)
    case .q8_1: DTypeBlock(32, 40)
    case .mxfp4: DTypeBlock(32, 17)
    case .nvfp4: DTypeBlock(64, 36)
    case .q1_0: DTypeBlock(128, 18)
    case .q2_K: DTypeBlock(256, 84)
    case .q3_K, .iq3_S: DTypeBlock(256, 110)
    case .q4_K: DTypeBlock(256, 144)
    case .q5_K: DTypeBlock(256, 176)
    case .q6_K: DTypeBlock(256, 210)
    case .q8_K: DTypeBlock(256, 292)
    case .iq1_S: DTypeBlock(256, 50)
    case .iq1_M: DTypeBlock(256, 56)
    case .iq2_XXS, .tq2_0: DTypeBlock(256, 66)
    case .iq2_XS: DTypeBlock(256, 74)
    case .iq2_S: DTypeBlock(256, 82)
    case .iq3_XXS: DTypeBlock(256, 98)
    case .iq4_XS: DTypeBlock(256, 136)
    case .tq1_0: DTypeBlock(256, 54)
    case .float4E2M1: DTypeBlock(2, 1)
    case .float6E3M2, .float6E2M3: DTypeBlock(4, 3)
    default: DTypeBlock(1, bitCount / 8)
    }
  }

  /// The quantized type with this name, such as `Q8_0`, in either case of letters.
  public init?(quantizedName name: String) {
    let name = name.uppercased()
    guard let match = Self.allCases.first(where: { $0.isQuantized && $0.name == name }) else {
      return nil
    }
    self = match
  }
}
