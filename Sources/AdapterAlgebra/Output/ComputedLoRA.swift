// SPDX-License-Identifier: Apache-2.0
internal import Bridges
public import Files
internal import JSONDocument
public import LowRank
internal import PEFT
public import Tensors

/// A LoRA adapter that was computed from others or from models, not yet written
/// (spec/adapter-algebra.md, AL1).
public struct ComputedLoRA: Sendable {
  /// The adapter, whose factors are views of computed values or of the files of its sources.
  public let adapter: LowRankAdapter
  /// The files and directories from which it was computed; an output that contains one is refused.
  let origins: [String]

  /// Describes an adapter.
  ///
  /// - Parameters:
  ///   - adapter: the modules, whose scales the config gets, and the other tensors. Its config is the
  ///     one of which everything is kept that still holds; nil for a config of its own, which names
  ///     each module in full.
  ///   - targets: how the config says which modules are adapted.
  ///   - origins: the files and directories from which it was computed.
  init(_ adapter: LowRankAdapter, targets: ComputedConfig.Targets, origins: [String]) {
    var adapter = adapter
    if let source = adapter.config {
      adapter.config = ComputedConfig.config(like: source, adapter.modules, targets: targets)
    }
    self.adapter = adapter
    self.origins = origins
  }

  /// The files of the adapter as PEFT writes it.
  ///
  /// - Throws: `unsupported` for magnitudes or biases that some modules have and others do not, and
  ///   for tensors that PEFT has no place for.
  func plan(for path: String) throws(CheckpointError) -> BridgePlan {
    try PEFTHome().plan(adapter, to: path, options: BridgeOptions())
  }

  /// Checks that an adapter may be written to a path, before long work; nothing is created.
  ///
  /// - Throws: `alreadyExists` and `invalidArgument`, as `write` does.
  public static func checkPlace(_ path: String, policy: OutputPolicy) throws(CheckpointError) {
    try AtomicDirectory.checkPlace(path, policy: policy)
  }

  /// Writes the adapter directory: `adapter_config.json` and `adapter_model.safetensors`, as PEFT
  /// writes them. It appears whole or not at all.
  ///
  /// - Parameters:
  ///   - path: the directory. With a policy that replaces, it may be a source of the adapter, and is
  ///     then replaced as a whole, model card included.
  ///   - policy: whether an existing output is replaced, and whether the output is flushed to the
  ///     drive.
  /// - Throws: `invalidArgument` when it contains a source of the adapter; `alreadyExists` and
  ///   `system` for the output; `mismatch` when a source has changed in the meantime; what reading throws.
  /// - Returns: the number of bytes written.
  @discardableResult
  public func write(
    to path: String, policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) -> Int {
    for origin in origins where PathRelation.isInside(origin, path) {
      throw CheckpointError(
        .invalidArgument, "contains \(origin), from which the adapter is computed", path: path)
    }
    return try plan(for: path).write(to: path, policy: policy)
  }
}
