// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// The files of one step of a DeepSpeed checkpoint (spec/distributed.md, Q17 and Q18).
struct ZeroDirectory {
  /// The directory of the step.
  let path: String
  /// The files with the models' states, in the order of their ranks.
  let modelNames: [String]
  /// The files with the optimizers' states, in the order of their ranks.
  let optimizerNames: [String]

  private static let latestName = "latest"
  /// The script that DeepSpeed puts into every checkpoint.
  private static let scriptName = "zero_to_fp32.py"
  private static let modelSuffix = "_model_states.pt"
  private static let optimizerSuffix = "_optim_states.pt"
  /// The largest file, in bytes, that names a step.
  private static let largestLatest = 4096

  /// Finds the files in the directory of a step, or of the step that the file `latest` names.
  ///
  /// - Parameter names: the names of the files in the directory.
  /// - Returns: nil when there are no partitions of an optimizer.
  /// - Throws: `missing` when the step or the files of the model are missing, and what reading `latest`
  ///   and listing the step's directory throws.
  init?(_ directory: String, files names: [String]) throws(CheckpointError) {
    if names.contains(Self.latestName), !names.contains(where: Self.isPartition) {
      let file = try InputFile(path: Self.path(of: Self.latestName, in: directory))
      let text = String(decoding: try file.readAll(limit: Self.largestLatest), as: UTF8.self)
      let tag = String(text.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
      let step = Self.path(of: tag, in: directory)
      guard tag.isPlainFileName, PathKind.existing(step) == .directory else {
        guard names.contains(Self.scriptName) else { return nil }
        throw CheckpointError(
          .missing, "its directory \(tag.excerpt), which \(Self.latestName) names, is missing",
          path: directory, hint: "download the directory, or name another step's")
      }
      try self.init(step: step, DirectoryTree.files(in: step))
    } else {
      try self.init(step: directory, names)
    }
  }

  private init?(step: String, _ names: [String]) throws(CheckpointError) {
    path = step
    modelNames = Self.sorted(names.filter { $0.hasSuffix(Self.modelSuffix) })
    optimizerNames = Self.sorted(names.filter(Self.isPartition))
    guard !optimizerNames.isEmpty else { return nil }
    guard !modelNames.isEmpty else {
      throw CheckpointError(
        .missing, "has partitions of ZeRO, and no *\(Self.modelSuffix) with their names",
        path: step,
        hint: "download the missing files")
    }
  }

  /// Whether there are partitions of an optimizer, or something is missing that should lead to them.
  static func isCheckpoint(_ directory: String, files names: [String]) -> Bool {
    do throws(CheckpointError) {
      return try ZeroDirectory(directory, files: names) != nil
    } catch {
      return true
    }
  }

  /// The files of a step among the files of its directory, by their names alone.
  ///
  /// - Returns: their indices; none without partitions of an optimizer.
  static func files(among names: [String]) -> [Int] {
    guard names.contains(where: isPartition) else { return [] }
    return names.indices.filter { isPartition(names[$0]) || names[$0].hasSuffix(modelSuffix) }
  }

  private static func isPartition(_ name: String) -> Bool {
    name.hasSuffix(optimizerSuffix) && name.contains("zero_pp_rank_")
  }

  /// The names by the numbers in them, as the ranks count.
  private static func sorted(_ names: [String]) -> [String] {
    names.map { name in
      (name.split { !("0"..."9").contains($0) }.map { Int($0) ?? .max }, name)
    }.sorted { left, right in
      left.0 == right.0
        ? UTF8Text(left.1) < UTF8Text(right.1) : left.0.lexicographicallyPrecedes(right.0)
    }.map(\.1)
  }

  /// The path of a file of the step.
  func path(of name: String) -> String { Self.path(of: name, in: path) }

  private static func path(of name: String, in directory: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }

  /// The error for a checkpoint that is not put together here.
  static func unsupported(_ message: String) -> CheckpointError {
    CheckpointError(
      .unsupported, "cannot be put together: it \(message)",
      hint: "run zero_to_fp32.py in the directory of the checkpoint, with Python and DeepSpeed")
  }
}
