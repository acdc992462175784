// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import PEFT
internal import Tensors

/// What `inspect --base` shows: how large an adapter is next to its base model.
struct BaseInspection {
  /// The path of the base model.
  private let path: String
  private let modelType: String?
  /// The number of parameters of the base model, if its files tell it.
  private let parameterCount: Int?
  /// The parameters of the adapter, as a share of those of the base model.
  private let share: Double?

  /// Opens the base model; no tensor data is read.
  ///
  /// - Throws: `invalidArgument` for anything but an adapter, and what opening the model throws.
  init(
    _ adapter: Adapter?, of path: String, base: BaseModelSource
  ) throws(CheckpointError) {
    guard let adapter else {
      throw CheckpointError(
        .invalidArgument, "is not an adapter: it has no base model", path: path)
    }
    let model = try base.model(for: adapter.config)
    self.path = model.path
    modelType = model.modelType
    parameterCount = model.parameterCount
    var totals = InspectionTotals()
    for index in 0..<adapter.weights.tensorCount {
      adapter.weights.describeTensor(at: index) { totals.add($0) }
    }
    share = parameterCount.flatMap { count in
      count > 0 ? Double(totals.parameterCount) / Double(count) : nil
    }
  }

  /// `../base (llama), 9,520 parameters; the adapter has 2.69 % of that`.
  var text: String {
    let name = path.printable + (modelType.map { " (\($0.excerpt))" } ?? "")
    guard let parameterCount, let share else {
      return name + ", whose number of parameters its files do not tell"
    }
    return name + ", \(Sizes.count(parameterCount, "parameter")); the adapter has "
      + Sizes.scientific(100 * share) + " % of that"
  }

  /// Writes the member `base`; its schema is in spec/command-line.md.
  func writeJSON(to output: inout JSONOutput) {
    output.writer.key("base")
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("model_type", modelType)
    output.writer.member("parameter_count", parameterCount)
    output.writer.member("share", share)
    output.writer.endObject()
  }
}
