// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Kernels

@Suite("Products with few columns, and Jacobi rotations")
struct ThinProductTests {
  static let sets = InstructionSet.allCases.filter(\.isAvailable)

  private func numbers(_ count: Int, seed: UInt64) -> [Double] {
    var generator = SeededNormalGenerator(seed: seed)
    return (0..<count).map { _ in generator.next() }
  }

  @Test("the same bits at every instruction set", arguments: [8, 16, 24, 40, 72])
  func product(width: Int) {
    for (rows, depth) in [(1, 1), (3, 7), (13, 5), (32, 33)] {
      let block = numbers(rows * depth, seed: 1)
      let right = numbers((depth + 2) * width, seed: 2)
      for isTransposed in [false, true] {
        var results: [[UInt64]] = []
        let implementations: [KernelImplementation] =
          [.reference] + Self.sets.map { .instructionSet($0) }
        for implementation in implementations {
          var product = ThinProduct(rowCount: rows + 1, width: width)
          for _ in 0..<2 {
            product.add(
              block, isTransposed: isTransposed, to: 1..<rows + 1, depth: depth, times: right,
              from: 2, implementation: implementation)
          }
          results.append(product.values.map(\.bitPattern))
        }
        #expect(results.allSatisfy { $0 == results[0] }, "\(rows) × \(depth)")
        let value = Double(bitPattern: results[0][width])
        let exact = (0..<depth).reduce(0.0) {
          $0 + 2 * block[isTransposed ? $1 * rows : $1] * right[($1 + 2) * width]
        }
        #expect(abs(value - exact) < 1e-12)
      }
    }
  }

  @Test("rotations make columns orthogonal, with the same bits everywhere")
  func jacobi() {
    let (count, height) = (11, 16)
    let columns = numbers(count * height, seed: 3)
    var results: [[UInt64]] = []
    for set in Self.sets {
      var jacobi = JacobiColumns(columns, count: count)
      var sweeps = 0
      while jacobi.sweep(implementation: .instructionSet(set)), sweeps < 60 { sweeps += 1 }
      #expect(sweeps < 15)
      results.append((jacobi.columns + jacobi.vectors).map(\.bitPattern))
      for first in 0..<count {
        for second in 0..<first {
          let dot = (0..<height).reduce(0.0) {
            $0 + jacobi.columns[first * height + $1] * jacobi.columns[second * height + $1]
          }
          #expect(abs(dot) < 1e-13)
        }
      }
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
