// SPDX-License-Identifier: Apache-2.0
internal import CKernels
public import Tensors

/// What one read of a tensor's values shows: how many are NaN or infinite, and whether all are zero.
///
/// The results are the same at every instruction set. F64, F32, BF16, F16 and the floats of 8 bits
/// have values that are NaN or infinite; of all other dtypes only zeros are told, from their bits. An
/// element of less than 8 bits is counted with the others of its byte.
public struct ValueSurvey: Hashable, Sendable {
  /// The number of elements so far.
  public private(set) var elementCount = 0
  /// The number of elements that are NaN or infinite.
  public private(set) var nonFiniteCount = 0
  /// The index of the first of them.
  public private(set) var firstNonFinite: Int?
  /// One more than the index of the last element that is not zero; 0 if all are.
  public private(set) var nonzeroEnd = 0

  /// Whether an element is not the number 1.
  private var hasOther = false

  private let element: SurveyedElement

  /// Starts a survey of a tensor.
  public init(of dtype: DType) {
    element = SurveyedElement(dtype)
  }

  /// Whether there are elements, all of them zero.
  public var isZero: Bool { elementCount > 0 && nonzeroEnd == 0 }

  /// Whether there are elements, all of them the number 1, in F64, F32, BF16 or F16.
  public var isOne: Bool { elementCount > 0 && element.one != nil && !hasOther }

  /// The number of zeros after the last element that is not zero.
  public var trailingZeroCount: Int { elementCount - nonzeroEnd }

  /// Adds the next elements of the tensor.
  ///
  /// - Parameters:
  ///   - bytes: whole elements, little endian, at any alignment.
  ///   - instructionSet: the vector instructions to use; the result does not depend on it.
  /// - Complexity: O(elements), at the speed of memory; no allocation.
  public mutating func add(_ bytes: RawSpan, instructionSet: InstructionSet = .best) {
    let size = element.byteCount
    precondition(bytes.byteCount.isMultiple(of: size), "a survey takes whole elements")
    precondition(instructionSet.isAvailable, "this CPU lacks the instruction set")
    var survey = ck_value_survey()
    survey.special_mask = element.specialMask
    survey.special_bits = element.specialBits
    survey.value_mask = element.valueMask
    survey.one = element.one ?? 0
    // SAFETY: the kernel reads the counted elements, at any alignment, before the closure returns.
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe ck_survey_values(
        buffer.baseAddress, Int32(size), buffer.count / size, &survey, instructionSet.rawValue)
    }
    var part = Self(element)
    part.elementCount = survey.count
    part.nonFiniteCount = survey.special_count
    part.firstNonFinite = survey.special_count > 0 ? survey.first_special : nil
    part.nonzeroEnd = survey.nonzero_end
    part.hasOther = survey.other_count > 0
    append(part)
  }

  /// Adds the survey of the elements that follow.
  public mutating func append(_ next: ValueSurvey) {
    if let first = next.firstNonFinite, firstNonFinite == nil {
      firstNonFinite = elementCount + first
    }
    if next.nonzeroEnd > 0 { nonzeroEnd = elementCount + next.nonzeroEnd }
    hasOther = hasOther || next.hasOther
    nonFiniteCount += next.nonFiniteCount
    elementCount += next.elementCount
  }

  private init(_ element: SurveyedElement) {
    self.element = element
  }
}
