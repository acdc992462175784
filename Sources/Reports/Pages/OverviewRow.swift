// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

/// An adapter, a model or a file in an overview.
struct OverviewRow: Sendable {
  /// What is known of one that was read.
  struct Subject: Sendable {
    let kind: OpenedCheckpoint.Kind
    let method: String
    let base: String
    let parameterCount: Int
    let byteCount: Int
    let tensorCount: Int
    let verdict: ReportVerdict
    let codes: [String]
    /// The norm of all changes or of the prompt; nil if there is none.
    let norm: Double?
    let effectiveRank: Double?
    /// The norms by layer or by virtual token.
    let profile: [Double?]
    let profileLabel: String
  }

  let path: String
  let result: Result<Subject, CheckpointError>
}

extension OverviewRow.Subject {
  /// The most points of a line.
  private static let mostPoints = 32

  init(_ measured: MeasuredCheckpoint) {
    let sizes = ArchiveSizes(measured.archive)
    kind = measured.checkpoint.kind
    let config = measured.adapter?.config
    method = config.map { (try? $0.peftType.rawValue) ?? "unknown" } ?? kind.rawValue
    base = config?.document["base_model_name_or_path"]?.string ?? ""
    parameterCount = sizes.parameterCount
    byteCount = sizes.byteCount
    tensorCount = measured.archive.tensorCount
    let findings = measured.findings
    verdict = findings.verdict
    var codes: [String] = []
    for finding in findings where !codes.contains(finding.code.rawValue) {
      codes.append(finding.code.rawValue)
    }
    self.codes = codes
    let (norm, rank, profile, what) = Self.figures(of: measured)
    (self.norm, effectiveRank) = (norm, rank)
    self.profile = Self.thinned(profile)
    let present = profile.compactMap { $0 }
    profileLabel =
      present.min().flatMap { least in
        present.max().map { largest in
          "by \(what): \(ReportNumber.significant(least)) to \(ReportNumber.significant(largest))"
        }
      } ?? "none"
  }

  private static func figures(
    of measured: MeasuredCheckpoint
  ) -> (norm: Double?, rank: Double?, profile: [Double?], what: String) {
    switch measured.prompts {
    case .tasks(let insight)?:
      let ranks = insight.tasks.map(\.effectiveRank)
      let norms = insight.tasks.map(\.norm)
      return (
        total(norms), ranks.isEmpty ? nil : ranks.reduce(0, +) / Double(ranks.count), norms, "task"
      )
    case .prompt(let figures)?:
      return (total(figures.norms.compactMap { $0 }), nil, figures.norms, "virtual token")
    case .failure?, nil:
      guard let modules = measured.modules else { return (nil, nil, [], "") }
      return (modules.norm, modules.effectiveRank, modules.grids.first?.profile ?? [], "layer")
    }
  }

  private static func total(_ norms: [Double]) -> Double? {
    norms.isEmpty ? nil : norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// As many values of a profile as a small line has room for.
  private static func thinned(_ profile: [Double?]) -> [Double?] {
    guard profile.count > mostPoints else { return profile }
    return (0..<mostPoints).map { profile[$0 * (profile.count - 1) / (mostPoints - 1)] }
  }
}
