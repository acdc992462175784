// SPDX-License-Identifier: Apache-2.0
import Testing
import TestSupport

@testable import Kernels

@Suite("QR decomposition of blocks of rows")
struct BlockedQRTests {
  static let shapes = [(1, 1), (3, 8), (7, 3), (64, 9), (65, 16), (200, 17), (130, 40)]

  private func matrix(_ rowCount: Int, _ width: Int, seed: UInt64) -> [Double] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<rowCount * width).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Double(Int64(bitPattern: state)) * 0x1p-63
    }
  }

  private func bits(_ values: [Double]) -> [UInt64] { values.map(\.bitPattern) }

  private func decompose(
    _ values: [Double], _ rowCount: Int, _ width: Int, _ implementation: KernelImplementation
  ) -> BlockedQR {
    var qr = BlockedQR(width: width, keepsBasis: true, implementation: implementation)
    var row = 0
    while row < rowCount {
      let count = min(BlockedQR.blockRowCount, rowCount - row)
      var rows = [Double](repeating: 0, count: count * qr.stride)
      for index in 0..<count {
        for column in 0..<width {
          rows[index * qr.stride + column] = values[(row + index) * width + column]
        }
      }
      qr.add(&rows, count: count)
      row += count
    }
    return qr
  }

  @Test("Q · T is the matrix, and T′ · T its Gram matrix", arguments: shapes)
  func product(rowCount: Int, width: Int) {
    let values = matrix(rowCount, width, seed: UInt64(rowCount * 100 + width))
    let qr = decompose(values, rowCount, width, .automatic)
    let product = qr.basis(times: qr.triangle, columns: qr.stride)
    var worst = 0.0
    for row in 0..<rowCount {
      for column in 0..<width {
        let difference = product[row * qr.stride + column] - values[row * width + column]
        worst = max(worst, difference.magnitude)
      }
    }
    #expect(worst < 1e-13)
    for (row, column) in [(0, 0), (width - 1, 0), (width / 2, width - 1)] {
      let gram = (0..<rowCount).reduce(0.0) {
        $0 + values[$1 * width + row] * values[$1 * width + column]
      }
      let square = (0..<qr.stride).reduce(0.0) {
        $0 + qr.triangle[$1 * qr.stride + row] * qr.triangle[$1 * qr.stride + column]
      }
      #expect(abs(gram - square) < 1e-12)
    }
    for row in 0..<qr.stride {
      for column in 0..<row { #expect(qr.triangle[row * qr.stride + column] == 0) }
    }
  }

  @Test("every instruction set computes the bits of the definition", arguments: shapes)
  func bits(rowCount: Int, width: Int) {
    let values = matrix(rowCount, width, seed: UInt64(width * 100 + rowCount))
    let definition = decompose(values, rowCount, width, .reference)
    let basis = definition.basis(times: definition.triangle, columns: definition.stride)
    for set in InstructionSet.allCases where set.isAvailable {
      let qr = decompose(values, rowCount, width, .instructionSet(set))
      #expect(bits(qr.triangle) == bits(definition.triangle))
      #expect(bits(qr.basis(times: qr.triangle, columns: qr.stride)) == bits(basis))
    }
  }

  @Test("columns of zeros, and equal columns")
  func singular() {
    var values = matrix(70, 10, seed: 5)
    for row in 0..<70 {
      values[row * 10 + 3] = 0
      values[row * 10 + 7] = values[row * 10 + 1]
    }
    let qr = decompose(values, 70, 10, .automatic)
    let isZero = (0..<qr.stride).allSatisfy { qr.triangle[$0 * qr.stride + 3] == 0 }
    #expect(isZero)
    #expect(qr.triangle[7 * qr.stride + 7].magnitude < 1e-14)
    let isFinite = qr.triangle.allSatisfy { $0.isFinite }
    #expect(isFinite)
  }
}
