// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Pickle
internal import Files
internal import Tensors

/// The result of reading the pickle of a zip archive, before the records of its storages are found.
struct PickledTensors: Sendable {
  let storages: [TorchStorage]
  let table: TensorTable
}

/// Everything that the result of reading a pickle depends on, in a zip archive without compressed
/// storages.
struct PickleSource: Sendable {
  let bytes: [UInt8]
  /// The offset in the file.
  let base: Int
  let dialect: PickleDialect
  /// The limits.
  let limits: PickleLimits
  /// The size of the file in bytes.
  let fileByteCount: Int
}

extension PickleSource: Hashable {
  // Hashes all bytes in one call.
  func hash(into hasher: inout Hasher) {
    hasher.combine(fileByteCount)
    bytes.span.hash(into: &hasher)
  }
}

/// A cache of the results for pickles that many files have in common.
///
/// The adapters of a training run differ only in their data, and reading the pickle is half of the
/// time to open a small file. Where each file has a pickle of its own, nothing is kept.
struct PickleMemory: Sendable {
  /// The cache of the process.
  static let shared = Self()

  /// The largest pickle that is kept, in bytes.
  private static let largestByteCount = 1 << 16
  /// The largest table that is kept, in bytes. A pickle that uses a list many times has a large one.
  private static let largestTableByteCount = 1 << 20
  private let recent = RecentValues<PickleSource, PickledTensors>(capacity: 8)

  /// The result for a pickle with the same bytes, limits and place; nil when it is not kept.
  func tensors(of source: PickleSource) -> PickledTensors? {
    source.bytes.count <= Self.largestByteCount ? recent[source] : nil
  }

  /// Records that a pickle is being read.
  ///
  /// - Returns: whether its result should be kept.
  func note(_ source: PickleSource) -> Bool {
    source.bytes.count <= Self.largestByteCount && recent.note(source)
  }

  /// Keeps the result for a pickle, unless it is too large.
  func remember(_ tensors: PickledTensors, of source: PickleSource) {
    guard tensors.table.memory <= Self.largestTableByteCount else { return }
    recent.keep(tensors, of: source)
  }
}
