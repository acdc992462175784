// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// Findings about shapes that other tensors of the file contradict, one for each tensor.
  var shapeFindings: [Finding] {
    let whole = wholeTensors
    var reported: Set<TensorName> = []
    return
      (oddShapeFindings(whole) + pairFindings(whole) + widthFindings(whole)
      + headFindings(whole)).filter {
        $0.tensor.map { reported.insert($0).inserted } ?? true
      }
  }

  /// A finding about two tensors that contradict each other in an extent. It is about the first if that
  /// is certain, else about the one whose extent has the smaller power of two.
  func contradiction(
    _ first: (tensor: Int, extent: Int), _ second: (tensor: Int, extent: Int),
    isCertain: Bool = false, _ reason: String
  ) -> Finding {
    let isFirst =
      isCertain || first.extent.trailingZeroBitCount <= second.extent.trailingZeroBitCount
    let info = weights.tensor(at: isFirst ? first.tensor : second.tensor)
    let otherInfo = weights.tensor(at: isFirst ? second.tensor : first.tensor)
    return Finding(
      .error, "shape-mismatch",
      "\(info.name) has the shape \(info.shape), which \(otherInfo.name) \(otherInfo.shape) "
        + "contradicts: \(reason)", tensor: info.name)
  }
}
