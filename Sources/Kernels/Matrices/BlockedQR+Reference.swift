// SPDX-License-Identifier: Apache-2.0

/// Reflections in plain Swift: the definition of the bits. The sums are those of the kernels, in the
/// same order.
struct ReferenceReflections {
  /// The distance of two rows of a block, and of the triangle.
  let stride: Int

  /// Reflects the rows of a block into the triangle.
  func reduce(
    _ rows: inout [Double], count: Int, triangle: inout [Double], factors: inout [Double]
  ) {
    for panel in Swift.stride(from: 0, to: stride, by: 8) {
      reducePanel(panel, &rows, count: count, &triangle, &factors)
      let vectors = self.vectors(of: panel, in: rows, count: count)
      for column in panel + 8..<max(panel + 8, stride) {
        reflect(
          column, of: &rows, stride, top: &triangle, panel: panel, by: vectors, factors,
          isTransposed: true)
      }
    }
  }

  /// Takes the reflections of a block back, of the matrix `top` above `rows`.
  func expand(
    _ block: BlockedQR.Block, _ top: inout [Double], _ rows: inout [Double], _ columns: Int
  ) {
    for panel in Swift.stride(from: stride - 8, through: 0, by: -8) {
      let vectors = self.vectors(of: panel, in: block.rows, count: block.count)
      for column in 0..<columns {
        reflect(
          column, of: &rows, columns, top: &top, panel: panel, by: vectors, block.factors,
          isTransposed: false)
      }
    }
  }

  /// The columns of a panel, [count, 8].
  private func vectors(of panel: Int, in rows: [Double], count: Int) -> [Double] {
    (0..<count * 8).map { rows[$0 / 8 * stride + panel + $0 % 8] }
  }

  /// Takes the eight columns of a panel to zero, one reflection after the other.
  private func reducePanel(
    _ panel: Int, _ rows: inout [Double], count: Int, _ triangle: inout [Double],
    _ factors: inout [Double]
  ) {
    var t = [Double](repeating: 0, count: 64)
    for j in 0..<8 {
      let dots = (0..<8).map { c in
        var sums = [0.0, 0, 0, 0]
        for i in 0..<count {
          sums[i & 3] += rows[i * stride + panel + c] * rows[i * stride + panel + j]
        }
        return (sums[0] + sums[1]) + (sums[2] + sums[3])
      }
      let line = (panel + j) * stride + panel
      var weights = [Double](repeating: 0, count: 8)
      var scale = 1.0
      if dots[j] > 0 {
        let head = triangle[line + j]
        let norm = (head * head + dots[j]).squareRoot()
        let beta = head < 0 ? norm : -norm
        let tau = (beta - head) / beta
        scale = 1 / (head - beta)
        triangle[line + j] = beta
        for c in j + 1..<8 {
          let weight = tau * (triangle[line + c] + dots[c] * scale)
          triangle[line + c] -= weight
          weights[c] = weight * scale
        }
        for c in 0..<j {
          var sum = 0.0
          for d in c..<j { sum += t[c * 8 + d] * (dots[d] * scale) }
          t[c * 8 + j] = -tau * sum
        }
        t[j * 8 + j] = tau
      }
      for i in 0..<count {
        let place = i * stride + panel
        let pivot = rows[place + j]
        for c in 0..<8 {
          rows[place + c] = rows[place + c] * (c == j ? scale : 1) - weights[c] * pivot
        }
      }
    }
    factors.replaceSubrange(panel * 8..<panel * 8 + 64, with: t)
  }

  /// Applies the reflections of a panel to one column of a matrix `top` above `rows`.
  private func reflect(
    _ column: Int, of rows: inout [Double], _ width: Int, top: inout [Double], panel: Int,
    by vectors: [Double], _ factors: [Double], isTransposed: Bool
  ) {
    let rowCount = vectors.count / 8
    let sums = (0..<8).map { c in
      var sum = 0.0
      for i in 0..<rowCount {
        sum += rows[i * width + column] * vectors[i * 8 + c]
      }
      return sum + top[(panel + c) * width + column]
    }
    let weights = (0..<8).map { c in
      var sum = 0.0
      for d in 0..<8 {
        sum += sums[d] * factors[panel * 8 + (isTransposed ? d * 8 + c : c * 8 + d)]
      }
      return sum
    }
    for c in 0..<8 { top[(panel + c) * width + column] -= weights[c] }
    for i in 0..<rowCount {
      for c in 0..<8 {
        rows[i * width + column] -= weights[c] * vectors[i * 8 + c]
      }
    }
  }
}
