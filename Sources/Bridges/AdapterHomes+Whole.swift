// SPDX-License-Identifier: Apache-2.0
public import LowRank
internal import PEFT
public import Tensors

extension AdapterHomes {
  /// Reads an adapter that is to be converted: PEFT itself must load all of it (spec/bridges.md, BR13).
  ///
  /// - Throws: what `open` throws; `mismatch` for tensors that PEFT ignores or refuses, which would
  ///   have an effect in another home that they do not have in PEFT, and for updates that do not fit
  ///   the base model.
  public static func openWhole(
    _ source: BridgeSource
  ) throws(CheckpointError) -> (home: any AdapterHome, adapter: LowRankAdapter) {
    let opened = try open(source)
    guard opened.home is PEFTHome else {
      // Names in the files of other homes than MLX are resolved by the base model as they are read.
      if let base = source.base, opened.home is MLXHome {
        try BaseSizes(base).check(opened.adapter)
      }
      return opened
    }
    for part in opened.adapter.parts.isEmpty ? [opened.adapter] : opened.adapter.parts {
      let base = part.component.map { component in
        source.base?.components.first { $0.component == component }?.model
      }
      try refuseUnloaded(in: part.path, base: base ?? source.base)
    }
    return opened
  }

  private static func refuseUnloaded(
    in path: String, base: BaseModel?
  ) throws(CheckpointError) {
    let adapter = try Adapter(path: path)
    var options = FindingOptions()
    options.base = base.map { .model($0) }
    // Canonical form has the experts of every release.
    options.release = adapter.config.parameterRelease.flatMap { ExaminedRelease($0.release) }
    let findings = try adapter.findings(options, readsValues: false)
    // A module without tensors has no effect anywhere.
    guard
      let error = findings.first(where: { $0.severity == .error && $0.code != "missing-module" })
    else { return }
    throw CheckpointError(
      .mismatch, "PEFT does not load all of this adapter: \(error.message)", path: path,
      tensor: error.tensor, remedy: .validate(path))
  }
}
