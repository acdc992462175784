internal import Concurrency
internal import Tensors

/// Something that is to become a part of an output.
enum WriteStep: Sendable {
  /// The first `count` bytes of a chunk, when its gaps are filled; of one that is all gaps nothing has
  /// been made yet.
  case bytes(Chunk, count: Int, gaps: [ChunkGap], at: Int)
  /// A part of another file, inside the kernel where it can.
  case copy(InputFile, Range<Int>, at: Int)

  /// Where it goes.
  var offset: Int {
    switch self {
    case .bytes(_, _, _, let offset), .copy(_, _, let offset): offset
    }
  }
}

/// A part of a chunk that is still to be read from another file.
struct ChunkGap: Sendable {
  /// Where it lies in the chunk.
  let range: Range<Int>
  let source: InputFile
  /// Where its bytes start in the source.
  let offset: Int
  let check: any RangeCheck
  /// The tensor that it belongs to.
  let tensor: TensorName?

  /// Fills the gap.
  func fill(_ chunk: inout Chunk) throws(CheckpointError) {
    do throws(CheckpointError) {
      try chunk.fill(range) { bytes throws(CheckpointError) in
        try source.read(at: offset, into: &bytes)
        try check.check(bytes.bytes, at: offset)
      }
    } catch {
      throw tensor.map(error.naming(tensor:)) ?? error
    }
  }
}

/// What waits to become a part of an output, in any order: every step knows its place.
struct WriteQueue {
  /// The steps, each with the tensor that it belongs to.
  var steps: [(step: WriteStep, tensor: TensorName?)] = []
  /// Chunks that have been written and can be filled again.
  var spareChunks: [Chunk] = []
  /// Whether nothing more will come.
  var isClosed = false
  /// The failure that is the first in the file, after which nothing is written.
  var failure: (error: CheckpointError, offset: Int)?
  /// False once the kernel has refused to copy.
  var canCopyInKernel = true
}

extension Monitor<WriteQueue> {
  /// Carries out what comes, until the queue is closed and empty.
  func run(_ sink: FileSink) {
    var chunk = Chunk.none
    while let (step, tensor) = waitForStep() { carryOut(step, of: tensor, sink, &chunk) }
  }

  /// Carries out a step that waits.
  ///
  /// - Parameter chunk: as for `perform`.
  /// - Returns: whether there was one.
  func carryOutNext(_ sink: FileSink, _ chunk: inout Chunk) -> Bool {
    if let (step, tensor) = withLock({ $0.steps.isEmpty ? nil : $0.steps.removeFirst() }) {
      carryOut(step, of: tensor, sink, &chunk)
      return true
    }
    return false
  }

  /// The next step; nil when there is none and none will come.
  private func waitForStep() -> (step: WriteStep, tensor: TensorName?)? {
    wait { queue in
      if !queue.steps.isEmpty { return .some(queue.steps.removeFirst()) }
      return queue.isClosed ? .some(nil) : nil
    }
  }

  /// Carries out a step, and notes its failure.
  func carryOut(
    _ step: consuming WriteStep, of tensor: TensorName?, _ sink: FileSink,
    _ chunk: inout Chunk
  ) {
    let offset = step.offset
    do throws(CheckpointError) {
      try perform(step, sink, &chunk)
    } catch {
      let failure = tensor.map(error.naming(tensor:)) ?? error
      withLock { queue in
        if offset < queue.failure?.offset ?? .max { queue.failure = (failure, offset) }
        queue.steps = []
      }
    }
  }

  /// Carries out a step and consumes it: a chunk that somebody else holds too would be copied when
  /// its gaps are filled.
  ///
  /// - Parameter own: a chunk of the thread's own, which is in the caches of its CPU, for steps that come
  ///   without one; made here when it is empty.
  private func perform(
    _ step: consuming WriteStep, _ sink: FileSink, _ own: inout Chunk
  ) throws(CheckpointError) {
    switch consume step {
    case .bytes(var chunk, let count, let gaps, let offset):
      guard chunk.byteCount > 0 else {
        if own.byteCount == 0 { own = Chunk(byteCount: ChunkWriter.largestPiece) }
        for gap in gaps { try gap.fill(&own) }
        return try sink.write(own.bytes.extracting(0..<count), at: offset)
      }
      for gap in gaps { try gap.fill(&chunk) }
      try sink.write(chunk.bytes.extracting(0..<count), at: offset)
      if chunk.byteCount == ChunkWriter.largestPiece { withLock { $0.spareChunks.append(chunk) } }
    case .copy(let source, let range, let offset):
      let isCopied = try sink.copy(from: source, range, to: offset)
      if !isCopied { withLock { $0.canCopyInKernel = false } }
    }
  }
}
