// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Pickle
internal import Files
internal import Tensors

/// What the pickle of a zip archive says, before anybody looks for the records of its storages.
struct PickledTensors: Sendable {
  let storages: [TorchStorage]
  let table: TensorTable
}

/// All that decides what comes of the pickle of a zip archive without compressed storages.
struct PickleSource: Sendable {
  let bytes: [UInt8]
  /// Where it starts in the file.
  let base: Int
  let dialect: PickleDialect
  /// What it may ask for.
  let limits: PickleLimits
  /// The size of the file.
  let fileByteCount: Int
}

extension PickleSource: Hashable {
  /// The bytes as a whole, not one by one.
  func hash(into hasher: inout Hasher) {
    hasher.combine(fileByteCount)
    bytes.span.hash(into: &hasher)
  }
}

/// Remembers what came of pickles that come again and again.
///
/// The adapters of a training run differ in nothing but their data, and going through its pickle is
/// half of what opening a small file takes. Where each file has its own, nothing is kept.
struct PickleMemory: Sendable {
  /// The memory of the process.
  static let shared = Self()

  /// The largest pickle that is remembered.
  private static let largestByteCount = 1 << 16
  /// The largest table that is remembered, in bytes: lists that are met many times make large ones.
  private static let largestTableByteCount = 1 << 20
  private let recent = RecentValues<PickleSource, PickledTensors>(capacity: 8)

  /// What came of this very pickle, if that is remembered.
  func tensors(of source: PickleSource) -> PickledTensors? {
    source.bytes.count <= Self.largestByteCount ? recent[source] : nil
  }

  /// Notes that a pickle is gone through.
  ///
  /// - Returns: whether what comes of it is worth remembering.
  func note(_ source: PickleSource) -> Bool {
    source.bytes.count <= Self.largestByteCount && recent.note(source)
  }

  /// Remembers what came of a pickle, unless that is too much.
  func remember(_ tensors: PickledTensors, of source: PickleSource) {
    guard tensors.table.memory <= Self.largestTableByteCount else { return }
    recent.keep(tensors, of: source)
  }
}
