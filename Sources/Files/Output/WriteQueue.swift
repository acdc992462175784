// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Tensors

/// One step of writing an output.
enum WriteStep: Sendable {
  /// Writes the first `count` bytes of a chunk, after filling its gaps. A chunk that consists of
  /// gaps only is `Chunk.none`.
  case bytes(Chunk, count: Int, gaps: [ChunkGap], at: Int)
  /// Copies a part of another file, in the kernel if possible.
  case copy(InputFile, Range<Int>, at: Int)

  /// The offset in the output.
  var offset: Int {
    switch self {
    case .bytes(_, _, _, let offset), .copy(_, _, let offset): offset
    }
  }
}

/// A part of a chunk that will be read from another file.
struct ChunkGap: Sendable {
  /// The range in the chunk.
  let range: Range<Int>
  let source: InputFile
  /// The offset of its bytes in the source.
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

/// The queued steps of an output, which may be performed in any order: each has its own offset.
struct WriteQueue {
  /// The steps, each with the tensor that it belongs to.
  var steps: [(step: WriteStep, tensor: TensorName?)] = []
  /// Chunks that have been written and can be reused.
  var spareChunks: [Chunk] = []
  /// Whether no more steps will be added.
  var isClosed = false
  /// The failure with the smallest offset in the file; nothing after it is written.
  var failure: (error: CheckpointError, offset: Int)?
  /// False once the kernel has refused to copy.
  var canCopyInKernel = true
}

extension Monitor<WriteQueue> {
  /// Performs steps until the queue is closed and empty.
  func run(_ sink: FileSink) {
    var chunk = Chunk.none
    while let (step, tensor) = waitForStep() { carryOut(step, of: tensor, sink, &chunk) }
  }

  /// Performs the next queued step.
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

  /// Waits for the next step; nil when the queue is closed and empty.
  private func waitForStep() -> (step: WriteStep, tensor: TensorName?)? {
    wait { queue in
      if !queue.steps.isEmpty { return .some(queue.steps.removeFirst()) }
      return queue.isClosed ? .some(nil) : nil
    }
  }

  /// Performs a step, and records its failure.
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

  /// Performs a step and consumes it: a chunk with a second reference would be copied when its gaps
  /// are filled.
  ///
  /// - Parameter own: the thread's own chunk, which is in the caches of its CPU, for steps without one;
  ///   created here when it is empty.
  private func perform(
    _ step: consuming WriteStep, _ sink: FileSink, _ own: inout Chunk
  ) throws(CheckpointError) {
    switch consume step {
    case .bytes(var chunk, let count, let gaps, let offset):
      guard chunk.byteCount > 0 else {
        if own.byteCount < count { own = Chunk(byteCount: count) }
        for gap in gaps { try gap.fill(&own) }
        return try sink.write(own.bytes.extracting(0..<count), at: offset)
      }
      for gap in gaps { try gap.fill(&chunk) }
      try sink.write(chunk.bytes.extracting(0..<count), at: offset)
      withLock { $0.spareChunks.append(chunk) }
    case .copy(let source, let range, let offset):
      let isCopied = try sink.copy(from: source, range, to: offset)
      if !isCopied { withLock { $0.canCopyInKernel = false } }
    }
  }
}
