// SPDX-License-Identifier: Apache-2.0

extension ExtentValues {
  /// Whether the kernel of a convolution has one element; nil while an extent of it is unknown.
  func isPointwise(_ dimensionCount: Int) -> Bool? {
    let kernel = ["k", "k'", "k''"].prefix(dimensionCount).map { self[$0] }
    if kernel.contains(where: { ($0 ?? 1) != 1 }) { return false }
    return kernel.contains(nil) ? nil : true
  }
}
