// SPDX-License-Identifier: Apache-2.0
extension ForwardPlan {
  /// The rows by the definition, one element at a time.
  @_lifetime(output: copy output)
  func runReference(rows: Range<Int>, into output: inout OutputRawSpan) {
    for row in rows {
      let place = place(ofRow: row)
      for component in 0..<factors.width {
        let bits: UInt64
        if format == .float64 {
          bits = element(place, component, accumulator: Double.self)
        } else {
          bits = element(place, component, accumulator: Float.self)
        }
        for byte in 0..<format.byteCount {
          output.append(UInt8(truncatingIfNeeded: bits >> (8 * byte)))
        }
      }
    }
  }

  /// One element of the output, as bits of `format`.
  private func element<Accumulator: BinaryFloatingPoint>(
    _ place: RowPlace, _ component: Int, accumulator: Accumulator.Type
  ) -> UInt64 {
    var sum: Accumulator = 0
    for r in 0..<factors.rank {
      let column = operand(factors.columns, factors.columnsFormat, place.columns + r)
      let row = operand(
        factors.rows, factors.rowsFormat, place.rows + r * factors.width + component)
      let term = Accumulator(column) * Accumulator(row)
      sum = r == 0 ? term : sum + term
    }
    let product = Accumulator(format.rounding(Double(sum)))
    let embedding = operand(
      factors.embeddings, factors.embeddingsFormat, place.embedding + component)
    let value = Accumulator(embedding) * product
    return format.bits(rounding: value.isNaN ? .nan : Double(value))
  }

  /// One element of a factor, converted to the format of the computation.
  private func operand(_ bytes: RawSpan, _ stored: FloatFormat, _ index: Int) -> Double {
    format.rounding(stored.value(of: index, in: bytes))
  }
}
