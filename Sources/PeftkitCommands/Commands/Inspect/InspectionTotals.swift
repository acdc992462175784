// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// The number of parameters and bytes of several tensors.
struct InspectionTotals {
  /// The elements of all tensors; saturates at 63 bits, which only tensors without bytes can exceed.
  private(set) var parameterCount = 0
  /// The bytes of all tensors; cannot overflow, as a file contains them.
  private(set) var byteCount = 0

  /// Adds a tensor.
  mutating func add(_ tensor: TensorDescription) {
    let (sum, overflow) = parameterCount.addingReportingOverflow(tensor.elementCount)
    parameterCount = overflow ? .max : sum
    byteCount += tensor.byteCount
  }
}

extension TensorArchive {
  /// The bytes of all tensors.
  var tensorByteCount: Int {
    var totals = InspectionTotals()
    for index in 0..<tensorCount { describeTensor(at: index) { totals.add($0) } }
    return totals.byteCount
  }
}
