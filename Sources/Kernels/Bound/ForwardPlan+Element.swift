// SPDX-License-Identifier: Apache-2.0
extension ForwardPlan {
  /// Both values of one element.
  ///
  /// - Parameters:
  ///   - index: the element, counted through [batchCount, sequenceLength, width]; another one
  ///     traps.
  ///   - reference: the reference output in `format`.
  ///   - computed: the output of this forward.
  public func element(
    at index: Int, reference: RawSpan, computed: RawSpan
  ) -> NumericReport.Element {
    NumericReport.Element(
      index: index, reference: format.value(of: index, in: reference),
      computed: format.value(of: index, in: computed))
  }
}
