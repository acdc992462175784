// SPDX-License-Identifier: Apache-2.0
internal import Conversion
internal import Files
internal import LowRank
internal import Merging
internal import PEFT
internal import Tensors

/// A merge that was planned or carried out, for people and programs (spec/merging.md, MG12 to MG14).
struct MergeRun: Report {
  let plan: MergePlan
  /// What became of the modules; nil in a dry run.
  let result: MergeReport?

  /// The most modules that are named for what they lost.
  private static let mostNamed = 5

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    guard let result else { return try writePlan(to: &output) }
    output.line("\(headline) merged into \(plan.job.destination.printable)\(manner)")
    let kinds = result.kinds
    if !kinds.isEmpty {
      output.line()
      output.table(table(of: kinds, total: result.total))
    }
    let replaced = result.modules.count { $0.survival == nil }
    if replaced > 0 {
      output.line()
      output.line("\(Sizes.count(replaced, "tensor")) replaced by values of the adapter")
    }
    writeWorst(of: result, to: &output)
    for warning in result.warnings {
      output.line()
      output.line(output.styled("warning:", .yellow) + " " + warning.text)
    }
  }

  /// `a + b × 0.5, into c`.
  private var headline: String {
    let adapters = plan.job.sources.map { source in
      source.adapter.directory.path.printable + (source.scale == 1 ? "" : " × \(source.scale)")
    }
    return ([plan.job.base.path.printable] + adapters).joined(separator: " + ")
  }

  /// The dtypes and roundings, where they are not the only possible ones.
  private var manner: String {
    let dtypes = Set(plan.modules.map(\.dtype.name)).sorted().joined(separator: ", ")
    let roundings =
      switch plan.job.options.style {
      case .once: plan.job.options.sumsFirst ? "summed first" : nil as String?
      case .plain: "as PEFT rounds"
      case .safe: "as PEFT's safe merge rounds"
      }
    let parts = [dtypes.isEmpty ? nil : dtypes, roundings].compactMap(\.self)
    return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
  }

  private func table(of kinds: [MergeReport.Kind], total: Survival) -> Table {
    var table = Table([
      ("modules", .name), ("count", .right), ("kept", .right), ("least", .right),
      ("‖added‖/‖Δ‖", .right), ("angle", .right), ("changed", .right),
    ])
    func add(_ name: String, _ count: Int, _ least: Double?, _ survival: Survival) {
      table.add([
        name.printable, Sizes.count(count), Self.percent(survival.kept), Self.percent(least),
        survival.share.map(Sizes.scientific) ?? "-", survival.angle.map(Self.degrees) ?? "-",
        Self.percent(survival.changedShare),
      ])
    }
    for kind in kinds { add(kind.name, kind.count, kind.leastKept, kind.survival) }
    if kinds.count > 1 {
      add(
        "all", kinds.reduce(0) { $0 + $1.count }, kinds.compactMap(\.leastKept).min(), total)
    }
    return table
  }

  /// Names the modules that kept the least.
  private func writeWorst(of result: MergeReport, to output: inout TextOutput) {
    let worst = result.worst
    guard !worst.isEmpty else { return }
    output.line()
    var table = Table([
      ("least is kept of", .name), ("kept", .right), ("changed", .right), ("adapter", .name),
    ])
    for module in worst.prefix(Self.mostNamed) {
      table.add([
        module.module.name.printable, Self.percent(module.survival?.kept),
        Self.percent(module.survival?.changedShare),
        plan.job.sources[module.module.adapter].adapter.directory.path.printable,
      ])
    }
    output.table(table)
    if worst.count > Self.mostNamed {
      output.line("  … and \(Sizes.count(worst.count - Self.mostNamed)) more; --json has all")
    }
  }

  /// A share in percent, with one decimal.
  static func percent(_ share: Double?) -> String {
    guard let share else { return "-" }
    guard share.magnitude < 10 else { return share < 0 ? "<-999 %" : ">999 %" }
    let percent = share * 100
    return (percent <= -0.05 ? "-" : "") + Sizes.fixed(percent.magnitude, 1) + " %"
  }

  private static func degrees(_ angle: Double) -> String {
    Sizes.fixed(angle, angle < 1 ? 2 : 1) + "°"
  }
}

extension MergeRun {
  /// What would be merged and written.
  private func writePlan(to output: inout TextOutput) throws(CheckpointError) {
    let kind = plan.conversion.isDirectory ? "directory" : "file"
    output.line("\(headline) would become the \(kind) \(plan.job.destination.printable)\(manner)")
    output.line()
    var table = Table([
      ("module", .name), ("tensor", .name), ("dtype", .left), ("shape", .left), ("change", .left),
    ])
    for module in plan.modules {
      table.add([
        module.name.printable, module.tensor.string.excerpt, module.dtype.name,
        module.shape.description, module.change.text,
      ])
    }
    output.table(table)
    output.line()
    var files = Table(alignments: [.name, .left, .right])
    for file in plan.conversion.files {
      files.add([
        file.name.string.printable, file.action,
        try plan.conversion.byteCount(of: file).map(Sizes.bytes) ?? "-",
      ])
    }
    output.table(files)
  }
}

extension ConversionPlan.File {
  /// How the file comes about.
  var action: String {
    switch contents {
    case .weights: "merge"
    case .bytes: "write"
    case .copy: "copy"
    }
  }
}

extension MergedChange {
  /// The kind of change, for programs.
  var kindName: String {
    switch kind {
    case .product(let product): product.magnitudes == nil ? "product" : "dora"
    case .other: "other"
    case .replacement: "replacement"
    case .rows: "rows"
    }
  }

  /// The largest rank of a product; nil for other changes.
  var rank: Int? {
    guard case .product(let product) = kind else { return nil }
    return product.terms.compactMap { $0.right.sizes.first }.max()
  }

  /// The scale of a product with one term; nil for other changes.
  var scale: Double? {
    guard case .product(let product) = kind, product.terms.count == 1 else { return nil }
    return product.terms[0].scale
  }

  /// The change in a few words.
  fileprivate var text: String {
    switch kind {
    case .product(let product):
      let parts = [
        "rank \(rank ?? 0)", scale.map { "scale \(Sizes.scientific($0))" },
        product.terms.count > 1 ? Sizes.count(product.terms.count, "adapter") : nil,
        product.magnitudes == nil ? nil : "DoRA",
      ]
      return parts.compactMap(\.self).joined(separator: ", ")
    case .other: return "computed"
    case .replacement: return "replaced"
    case .rows(let rows, _): return "\(Sizes.count(rows.count, "row")) replaced"
    }
  }
}

extension MergeReport.Warning {
  /// What is wrong, and what to do.
  var text: String {
    switch self {
    case .lost(let kept, let dtype, let modules):
      let advice = remedy.flatMap(\.torchName).map { "; --dtype \($0) keeps it" } ?? ""
      return
        "\(MergeRun.percent(kept)) of the change survives the rounding to \(dtype), and less than "
        + "90 % in \(Sizes.count(modules, "module"))\(advice)"
    case .notFinite(let module, let modules):
      let more = modules > 1 ? " and \(Sizes.count(modules - 1, "more module"))" : ""
      return
        "\(module.printable)\(more) has infinite or NaN elements; validate --values checks the adapter"
    }
  }
}
