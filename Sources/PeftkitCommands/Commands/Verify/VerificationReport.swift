// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Tensors
internal import Verification

/// The result of `verify`.
struct VerificationReport: Report {
  let adapter: String
  /// What PEFT refuses, ignores or leaves at fresh values when it loads the adapter.
  let errors: [Finding]
  let reference: String
  let numericRule: NumericRule
  let rule: VerificationRule
  let verdicts: [CaseVerdict]
  let uncoveredModules: [String]

  var holds: Bool { verdicts.allSatisfy(\.holds) }

  /// The rule in one word, for programs.
  private var ruleName: String {
    switch rule {
    case .numerics: numericRule == .equality ? "equal" : "rounding-bound"
    case .allClose: "allclose"
    }
  }
}

extension VerificationReport {
  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    var table = Table([
      ("case", .name), ("dtype", .left), ("shape", .left), ("elements", .right),
      ("equal", .right), ("max ULP", .right), ("bound used", .right), ("verdict", .left),
    ])
    for verdict in verdicts {
      let report = verdict.report
      table.add([
        verdict.title.printable, verdict.reference.result.dtype.name,
        verdict.reference.result.shape.description,
        Sizes.count(report.elementCount), Sizes.count(report.equalCount),
        String(report.largestDistance),
        report.largestShare.map(percentage) ?? "-",
        verdict.holds ? "holds" : "differs",
      ])
    }
    output.table(table)
    for verdict in detailed.prefix(Self.mostDetailed) { addDetails(of: verdict, to: &output) }
    if detailed.count > Self.mostDetailed {
      let rest = Sizes.count(detailed.count - Self.mostDetailed, "more case")
      output.line("--json has the details of \(rest)")
    }
    addUncovered(to: &output)
    addErrors(to: &output)
    let cases = Sizes.count(verdicts.count, "case")
    if holds {
      output.line(output.styled("verified:", .green) + " \(cases), \(meaning)")
    } else {
      let wrong = verdicts.count { !$0.holds }
      output.line(output.styled("differs:", .red) + " \(wrong) of \(cases), \(meaning)")
    }
  }

  /// The largest number of cases whose details are text: a model has hundreds of modules.
  private static let mostDetailed = 8

  /// The cases whose details matter: those that do not hold, if there are any.
  private var detailed: [CaseVerdict] {
    holds ? verdicts : verdicts.filter { !$0.holds }
  }

  private var meaning: String {
    switch rule {
    case .numerics:
      numericRule == .equality
        ? "every value must be equal"
        : (holds ? "within" : "beyond") + " the rounding error of any order of summation"
    case .allClose(let relative, let absolute):
      "by torch.allclose with rtol \(relative), atol \(absolute)"
    }
  }

  /// The modules without a case, of which the first few are named.
  private func addUncovered(to output: inout TextOutput) {
    guard let first = uncoveredModules.first else { return }
    let count = uncoveredModules.count
    output.line(
      "\(Sizes.count(count, "module")) of the adapter \(count == 1 ? "has" : "have") no case: "
        + first.printable + (count > 1 ? " and \(Sizes.count(count - 1)) more" : ""))
  }

  /// The errors of `validate`, of which the first is given: PEFT may compute something else.
  private func addErrors(to output: inout TextOutput) {
    guard let first = errors.first else { return }
    let more = errors.count == 1 ? "" : " (and \(Sizes.count(errors.count - 1, "more error")))"
    output.line(
      output.styled("note:", .cyan) + " PEFT does not load the adapter as it was verified: "
        + first.message.printable + more + "; peftkit validate lists all findings")
  }

  private func addDetails(of verdict: CaseVerdict, to output: inout TextOutput) {
    let report = verdict.report
    if let element = report.largestDistanceElement, verdict.holds {
      output.line(
        "\(verdict.title.printable): largest distance \(report.largestDistance) ULP at "
          + place(element, verdict))
    }
    for (count, reason) in [
      (report.notComparableCount, "not comparable: a factor is infinite or NaN"),
      (report.flushedCount, "accepted: a CPU may flush subnormal numbers to zero"),
      (report.overflowedCount, "accepted: an intermediate result may overflow"),
    ] where count > 0 {
      output.line("\(verdict.title.printable): \(Sizes.count(count, "element")) \(reason)")
    }
    guard !verdict.holds else { return }
    for element in verdict.offenders {
      output.line(
        "\(verdict.title.printable): at \(place(element, verdict)) the reference has "
          + "\(element.reference), computed is \(element.computed)")
    }
    if report.ownOffenderCount > 0 {
      output.line(
        "\(verdict.title.printable): \(Sizes.count(report.ownOffenderCount, "value")) computed here "
          + "outside the bound, which is a bug in peftkit: please report it")
    }
    let rest = verdict.offenderCount - verdict.offenders.count
    if rest > 0 { output.line("\(verdict.title.printable): and \(Sizes.count(rest)) more") }
  }

  /// A share in percent, rounded up; above 999%, infinity included, only that.
  private func percentage(_ share: Double) -> String {
    share <= 9.99 ? "\(Int((share * 100).rounded(.up)))%" : ">999%"
  }

  private func place(_ element: NumericReport.Element, _ verdict: CaseVerdict) -> String {
    "\(verdict.reference.position(of: element.index))"
  }
}

extension VerificationReport {
  /// The schema is in spec/command-line.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", adapter)
    output.writer.member("reference", reference)
    output.writer.member("rule", ruleName)
    if case .allClose(let relative, let absolute) = rule {
      output.writer.member("rtol", relative)
      output.writer.member("atol", absolute)
    }
    output.writer.member("holds", holds)
    output.writer.key("cases")
    output.writer.beginArray()
    for verdict in verdicts { output.writer.verdict(verdict) }
    output.writer.endArray()
    output.writer.key("errors")
    output.writer.beginArray()
    for error in errors { output.writer.finding(error) }
    output.writer.endArray()
    output.writer.key("uncovered_modules")
    output.writer.beginArray()
    for module in uncoveredModules { output.writer.string(module) }
    output.writer.endArray()
    output.writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func verdict(_ verdict: CaseVerdict) {
    let report = verdict.report
    beginObject()
    member("name", verdict.title)
    member("dtype", verdict.reference.result.dtype.name)
    key("shape")
    integers(verdict.reference.result.shape.dimensions)
    member("holds", verdict.holds)
    member("element_count", report.elementCount)
    member("equal_count", report.equalCount)
    key("largest_ulp_distance")
    integer(report.largestDistance)
    key("largest_ulp_position")
    position(report.largestDistanceElement, verdict)
    member("largest_bound_share", report.largestShare)
    member("not_comparable_count", report.notComparableCount)
    member("flushed_count", report.flushedCount)
    member("overflowed_count", report.overflowedCount)
    member("offender_count", verdict.offenderCount)
    key("offenders")
    beginArray()
    for element in verdict.offenders {
      beginObject()
      key("position")
      position(element, verdict)
      member("reference", element.reference)
      member("computed", element.computed)
      endObject()
    }
    endArray()
    endObject()
  }

  private mutating func position(_ element: NumericReport.Element?, _ verdict: CaseVerdict) {
    if let element {
      integers(verdict.reference.position(of: element.index))
    } else {
      null()
    }
  }
}

extension CaseVerdict {
  /// The name of the case; a bias has the name of its module as well.
  fileprivate var title: String {
    reference.layout == .biasDelta ? reference.name + ".bias" : reference.name
  }
}
