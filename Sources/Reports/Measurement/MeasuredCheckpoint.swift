// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import Kernels
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors
internal import Validation

/// An open checkpoint with everything that its page shows. Each value was read once.
struct MeasuredCheckpoint: Sendable {
  /// Figures of tasks or prompts, or why there are none.
  enum Prompts: Sendable {
    case tasks(TaskInsight)
    case prompt(PromptFigures)
    case failure(CheckpointError)
  }

  let path: String
  let checkpoint: OpenedCheckpoint
  /// The findings; an error for a file that asks Python to run code, which PEFT refuses.
  let validation: Result<Validation, CheckpointError>
  /// The figures of weight changes; nil for methods without.
  let modules: ModuleFigures?
  /// The figures of prompts; nil for methods without.
  let prompts: Prompts?
  /// The kinds of tensors, each with a histogram.
  let kinds: TensorKinds?
  let histograms: [ValueHistogram]
  /// The norm of each tensor; nil where it is not counted or not a number.
  let norms: [Double?]

  var archive: any TensorArchive { checkpoint.archive }
  var adapter: Adapter? { checkpoint.adapter }

  /// Reads and measures an open checkpoint.
  ///
  /// - Parameters:
  ///   - countsValues: whether histograms are counted.
  ///   - counter: counts the bytes that are read.
  /// - Throws: what reading the data throws.
  /// - Complexity: O(bytes), and the cost of the figures of modules and prompts.
  init(
    _ checkpoint: OpenedCheckpoint, path: String, options: FindingOptions, countsValues: Bool,
    counter: ByteCounter?
  ) throws(CheckpointError) {
    self.path = path
    self.checkpoint = checkpoint
    let method = try? checkpoint.adapter?.config.method
    kinds =
      countsValues
      ? TensorKinds(of: checkpoint.archive, prefix: method?.parameterPrefix ?? "") : nil
    let measured = MeasuredArchive(checkpoint.archive, kinds: kinds, counter: counter)
    let adapter = checkpoint.adapter.map {
      Adapter(directory: $0.directory, config: $0.config, weights: measured)
    }
    modules = try adapter.flatMap { adapter throws(CheckpointError) in
      try ModuleFigures(of: adapter)
    }
    prompts = try adapter.flatMap { adapter throws(CheckpointError) in
      try Self.prompts(of: adapter, method)
    }
    let surveys = try measured.surveyRest()
    histograms = measured.histograms
    norms = measured.norms
    if let request = checkpoint.archive.codeRequest {
      validation = .failure(request)
    } else {
      validation = .success(
        try Validation(checkpoint, path: path, options: options) { _ in surveys })
    }
  }

  /// The findings.
  var findings: [Finding] {
    switch validation {
    case .success(let validation): validation.findings
    case .failure(let error): [Finding(.error, .runsCode, error.message)]
    }
  }

  private static func prompts(
    of adapter: Adapter, _ method: (any AdapterMethod)?
  ) throws(CheckpointError) -> Prompts? {
    guard let method, method.isPromptLearning else { return nil }
    do throws(CheckpointError) {
      guard method.hasTasks else {
        return try PromptFigures(of: adapter.weights).map { .prompt($0) }
      }
      let tasks = try MultitaskPromptAdapter(adapter)
      guard tasks.insightCost <= ReportLimits.multiplications else {
        throw CheckpointError(
          .unsupported, "the figures would take \(tasks.insightCost) multiplications")
      }
      return .tasks(try tasks.insight())
    } catch {
      guard !error.isOfMachine else { throw error }
      return .failure(error)
    }
  }
}

extension Finding.Code {
  /// The code of pages for a file that asks Python to run code, of which validate has no findings.
  fileprivate static let runsCode: Self = "runs-code"
}
