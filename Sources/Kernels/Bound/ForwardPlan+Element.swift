// SPDX-License-Identifier: Apache-2.0
extension ForwardPlan {
  /// Both values of one element, with its position.
  ///
  /// - Parameters:
  ///   - index: the element, counted through [batchCount, sequenceLength, width]; another one
  ///     traps.
  ///   - reference: the reference output in `format`.
  ///   - computed: the output of this forward.
  public func element(
    at index: Int, reference: RawSpan, computed: RawSpan
  ) -> ForwardReport.Element {
    element(
      row: index / factors.width, component: index % factors.width,
      reference: format.bits(of: index, in: reference),
      computed: format.bits(of: index, in: computed))
  }

  /// Both values of the element with these bits, with its position.
  func element(
    row: Int, component: Int, reference: UInt64, computed: UInt64
  ) -> ForwardReport.Element {
    ForwardReport.Element(
      batch: row / sequenceLength, position: row % sequenceLength, component: component,
      reference: format.value(ofBits: reference), computed: format.value(ofBits: computed))
  }
}
