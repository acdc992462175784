// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Kernels
internal import LowRank
internal import Tensors

/// The files of an adapter for a home, before anything is written.
public struct BridgePlan: Sendable {
  /// A file to write.
  public struct File: Sendable {
    /// The contents of a file.
    public enum Contents: Sendable {
      /// The given bytes.
      case bytes([UInt8])
      /// Tensors, and the format with its settings.
      case weights(any TensorArchive, any CheckpointFormat)
    }

    /// The name in the destination; unused if that is a file.
    public let name: String
    /// The contents.
    public let contents: Contents

    /// Describes a file.
    public init(_ name: String, _ contents: Contents) {
      self.name = name
      self.contents = contents
    }
  }

  /// Whether the destination is a directory.
  public let isDirectory: Bool
  /// The files, in the order of writing; one for a destination that is a file.
  public let files: [File]
  /// What the result has otherwise than the source, each one line.
  public internal(set) var notes: [String]
  /// Whether the result gives the factors of the source back bit by bit: no scale was folded, no rank
  /// padded, and nothing rounded.
  public let isExact: Bool

  /// Whether tensors are quantized, so that the result is not within one rounding of the source.
  public var isQuantized: Bool {
    files.contains { file in
      guard case .weights(let archive, _) = file.contents else { return false }
      return archive.tensors.contains(where: \.dtype.isQuantized)
    }
  }

  /// Plans a directory.
  public init(directory files: [File], notes: [String] = [], isExact: Bool) {
    isDirectory = true
    self.files = files
    self.notes = notes
    self.isExact = isExact
  }

  /// Plans a single file.
  public init(
    file archive: any TensorArchive, as format: any CheckpointFormat, notes: [String] = [],
    isExact: Bool
  ) {
    isDirectory = false
    files = [File("", .weights(archive, format))]
    self.notes = notes
    self.isExact = isExact
  }
}

extension BridgePlan {
  /// The number of bytes to write, about: those of the tensors.
  public var tensorByteCount: Int {
    var sum = 0
    for case .weights(let archive, _) in files.map(\.contents) {
      for index in 0..<archive.tensorCount {
        sum = sum.addingReportingOverflow(archive.tensor(at: index).byteCount).partialValue
      }
    }
    return sum
  }

  /// Notes on values that the dtypes of the files could not hold, known after they are written.
  public var castNotes: [String] {
    var count = 0
    for case .weights(let archive, _) in files.map(\.contents) {
      count += (archive as? ComposedArchive)?.castCounts.infiniteFromFinite ?? 0
    }
    guard count > 0 else { return [] }
    return ["\(Sizes.count(count, "element")) became infinite: the dtype has no such large numbers"]
  }
}
