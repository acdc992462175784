// SPDX-License-Identifier: Apache-2.0

/// Orders of the rows of B that converters mistake for each other.
struct RowOrders {
  /// The number of rows.
  let count: Int

  /// The most numbers of heads that are tried; numbers of rows have a few dozen divisors.
  private static let largestHeadCount = 96

  /// An order: the row of the first update that each row of the second one is.
  struct Order {
    let slip: DeltaSlip
    let source: (Int) -> Int
  }

  /// The orders, in which rows are rarely where they were.
  var all: [Order] {
    var orders: [Order] = []
    let heads = headCounts
    for count in heads {
      orders.append(
        Order(slip: .rotaryRows(heads: count, side: 2), source: interleaved(heads: count)))
      orders.append(
        Order(slip: .rotaryRows(heads: count, side: 1), source: halved(heads: count)))
    }
    if count.isMultiple(of: 2) {
      let half = count / 2
      orders.append(Order(slip: .exchangedHalves) { ($0 + half) % (2 * half) })
    }
    for written in heads {
      for read in heads where read != written {
        let (outer, inner) = (halved(heads: read), interleaved(heads: written))
        orders.append(Order(slip: .rotaryHeads(written, read)) { inner(outer($0)) })
      }
    }
    return orders
  }

  /// The numbers of heads whose size is even and above 2.
  private var headCounts: [Int] {
    var counts: [Int] = []
    for heads in 1...max(1, min(count / 4, 4096)) where counts.count < Self.largestHeadCount {
      if heads <= count / 4, count.isMultiple(of: heads), (count / heads).isMultiple(of: 2) {
        counts.append(heads)
      }
    }
    return counts
  }

  /// The row of weights in halves that is at a place of interleaved weights.
  private func interleaved(heads: Int) -> (Int) -> Int {
    let size = count / heads
    return { row in
      let (head, place) = row.quotientAndRemainder(dividingBy: size)
      return head * size + place % 2 * (size / 2) + place / 2
    }
  }

  /// The row of interleaved weights that is at a place of weights in halves.
  private func halved(heads: Int) -> (Int) -> Int {
    let size = count / heads
    return { row in
      let (head, place) = row.quotientAndRemainder(dividingBy: size)
      return head * size + place % (size / 2) * 2 + place / (size / 2)
    }
  }
}
