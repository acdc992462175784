internal import Files
internal import Tensors

/// What the tensors of an archive come to.
struct InspectionTotals {
  /// Elements of all tensors; beyond 63 bits, which only tensors of no bytes can reach, the largest.
  private(set) var parameterCount = 0
  /// Bytes of all tensors; a file holds them, so that they can be counted.
  private(set) var byteCount = 0

  /// Adds a tensor.
  mutating func add(_ tensor: TensorDescription) {
    let (sum, overflow) = parameterCount.addingReportingOverflow(tensor.elementCount)
    parameterCount = overflow ? .max : sum
    byteCount += tensor.byteCount
  }
}
