// SPDX-License-Identifier: Apache-2.0

/// The two matrices of LoKr's Kronecker product.
struct LoKrFactors: Sendable {
  /// How the large matrix is saved.
  enum Large: CaseIterable { case full, flat, effective }

  /// `decompose_factor`; nil when the config has none that can be read.
  let factor: Int?
  /// Whether the small matrix may be low-rank, `decompose_both`.
  let splitsSmall: Bool

  /// The tensors of the small matrix.
  func small(isFull: Bool, _ isZero: Bool, isGrouped: Bool) -> [ModuleTensor] {
    let rows = extent("out_l", isGrouped), columns = extent("in_m", isGrouped)
    let untrained: UntrainedValue? = isZero ? .zeros : nil
    return isFull
      ? [.init("lokr_w1", [rows, columns], untrained: untrained)]
      : [
        .init("lokr_w1_a", [rows, "r"], untrained: untrained), .init("lokr_w1_b", ["r", columns]),
      ]
  }

  /// The tensors of the large matrix.
  func large(_ kind: Large, kernel: [Extent], _ isZero: Bool) -> [ModuleTensor] {
    let rows = extent("out_k", !kernel.isEmpty), columns = extent("in_n", !kernel.isEmpty)
    let untrained: UntrainedValue? = isZero ? .zeros : nil
    switch kind {
    case .full: return [.init("lokr_w2", [rows, columns] + kernel, untrained: untrained)]
    case .flat:
      return [
        .init("lokr_w2_a", [rows, "r"]),
        .init("lokr_w2_b", ["r", kernel.reduce(columns, *)], untrained: untrained),
      ]
    case .effective:
      let core: [Extent] = ["r", "r"] + kernel + (kernel.count == 1 ? [1] : [])
      return [
        .init("lokr_t2", core), .init("lokr_w2_a", ["r", rows]),
        .init("lokr_w2_b", ["r", columns], untrained: untrained),
      ]
    }
  }

  /// Whether PEFT saves a module in these tensors; nil while a size is unknown.
  func isUsed(
    _ isSmallFull: Bool, _ large: Large, isEffective: Bool, kernel: Int, _ values: ExtentValues
  ) -> Bool? {
    let isGrouped = kernel > 0
    func value(_ symbol: String) -> Int? { extent(symbol, isGrouped).value(in: values) }
    let rank = values["r"]
    var answers: [Bool?] = []
    if splitsSmall {
      answers.append(isFull(rank, value("out_l"), value("in_m")).map { $0 == isSmallFull })
    } else {
      answers.append(isSmallFull)
    }
    answers.append(isFull(rank, value("out_k"), value("in_n")).map { $0 == (large == .full) })
    if large != .full && isEffective && isGrouped {
      answers.append(values.isPointwise(kernel).map { $0 == (large == .flat) })
    }
    for (first, second) in [("out_l", "out_k"), ("in_m", "in_n")] {
      answers.append(isFactorization(value(first), value(second)))
    }
    if answers.contains(false) { return false }
    return answers.contains(nil) ? nil : true
  }

  /// Whether a matrix is full: the rank is at least half of its longer side.
  private func isFull(_ rank: Int?, _ rows: Int?, _ columns: Int?) -> Bool? {
    guard let rank, let rows, let columns else { return nil }
    return KroneckerFactors.isFull(.init(rows: rows, columns: columns), rank: rank)
  }

  /// Whether PEFT factors the product of two extents into them.
  private func isFactorization(_ first: Int?, _ second: Int?) -> Bool? {
    guard let first, let second else { return nil }
    let (product, overflow) = first.multipliedReportingOverflow(by: second)
    return overflow ? nil : factors(of: product).map { $0 == (first, second) }
  }

  /// An extent of the module's weight, by its part.
  private func extent(_ symbol: String, _ isGrouped: Bool) -> Extent {
    Extent(symbol) { values in
      switch symbol {
      case "out_l": values["out"].flatMap { factors(of: $0)?.0 }
      case "out_k": values["out"].flatMap { factors(of: $0)?.1 }
      default:
        (isGrouped ? "in" / "groups" : "in" as Extent).value(in: values)
          .flatMap { factors(of: $0) }.map { symbol == "in_m" ? $0.0 : $0.1 }
      }
    }
  }

  /// The two factors of an extent.
  private func factors(of extent: Int) -> (Int, Int)? {
    factor.flatMap { KroneckerFactors(of: extent, by: $0) }.map { ($0.small, $0.large) }
  }
}
