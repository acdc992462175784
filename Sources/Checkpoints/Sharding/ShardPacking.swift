// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Assigns tensors to files in order, and never returns to a full one.
struct ShardPacking {
  /// A file: its tensors and their size in bytes.
  struct File {
    var tensors: [Int] = []
    var byteCount = 0
  }

  let limit: Int
  /// The size of all files in bytes.
  private(set) var byteCount = 0
  private var files: [File] = []
  private var current = File()

  init(limit: Int) {
    self.limit = limit
  }

  /// Assigns the next tensor.
  ///
  /// - Throws: `unsupported` when the total is beyond `Int`.
  mutating func append(_ index: Int, byteCount size: Int) throws(CheckpointError) {
    let (sum, overflow) = byteCount.addingReportingOverflow(size)
    guard !overflow else {
      throw CheckpointError(.unsupported, "the tensors have more bytes than can be counted")
    }
    byteCount = sum
    guard size <= limit else {
      // The current file stays open for the smaller tensors that follow.
      files.append(File(tensors: [index], byteCount: size))
      return
    }
    if size > limit - current.byteCount {
      files.append(current)
      current = File()
    }
    current.tensors.append(index)
    current.byteCount += size
  }

  /// The files; a single empty one when there are no tensors.
  func finish() -> [File] {
    current.tensors.isEmpty && !files.isEmpty ? files : files + [current]
  }
}

/// Groups of tensors that share their data and therefore must be in one file.
struct SharingGroups {
  /// For each tensor the first one of its group, often itself.
  let leaders: [Int]

  init(_ tensors: [TensorInfo], sharing: (Int) -> Int?) {
    var leaders: [Int] = []
    leaders.reserveCapacity(tensors.count)
    var firstEmpty: Int?
    for (index, tensor) in tensors.enumerated() {
      if tensor.byteCount == 0 {
        leaders.append(firstEmpty ?? index)
        firstEmpty = firstEmpty ?? index
      } else if let first = sharing(index) {
        precondition(first >= 0 && first < index, "what a tensor shares must come before it")
        leaders.append(leaders[first])
      } else {
        leaders.append(index)
      }
    }
    self.leaders = leaders
  }

  /// Appends the other tensors of each group to the file of the first one, group after group.
  func addFollowers(to files: inout [ShardPacking.File]) {
    var followers: [Int: [Int]] = [:]
    for (index, leader) in leaders.enumerated() where leader != index {
      followers[leader, default: []].append(index)
    }
    guard !followers.isEmpty else { return }
    for file in files.indices {
      // The leaders of a file are in ascending order, which is the order of the groups.
      let added = files[file].tensors.flatMap { followers[$0] ?? [] }
      files[file].tensors += added
    }
  }
}
