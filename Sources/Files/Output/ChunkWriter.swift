// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Tensors

/// Collects written bytes into chunks. For a large output, a separate thread performs the steps
/// while the caller reads, checks or computes the next chunk; when too many steps are queued, the
/// caller performs some too.
///
/// A failure is thrown by the call that causes it or a later one. Of several failures, the one that is
/// first in the file is thrown; nothing after it is written.
final class ChunkWriter {
  /// The largest piece that `append` takes, and the size of the chunks of a large output, in bytes.
  static let largestPiece = 1 << 20
  /// The size of the chunks of other outputs. The system clears each page of memory that is used for the
  /// first time, so that fewer pages are faster.
  private static let smallChunkByteCount = 1 << 18
  /// The smallest output with large chunks, in bytes.
  private static let largeByteCount = 1 << 26

  /// The size of the first chunk, which is small because most outputs are.
  private static let firstChunkByteCount = 1 << 16
  /// The smallest size of the first chunk.
  private static let smallestChunkByteCount = 1 << 10
  /// The number of bytes after which a thread is worth starting.
  private static let byteCountWithoutThread = 1 << 21
  /// The largest number of queued steps: enough that a short delay of one thread does not stop the
  /// other, and few enough for the caches.
  private static let mostSteps = 4

  private let sink: FileSink
  private let queue = Monitor(WriteQueue())
  private var thread: SystemThread?
  private var stepCount = 0
  /// The current chunk: its size, 0 if there is none; its bytes, once it has any; and the number of
  /// bytes used.
  private var capacity = 0
  private var chunk = Chunk.none
  private var filled = 0
  /// The parts of the current chunk that are filled when it is written.
  private var gaps: [ChunkGap] = []
  /// Whether queued steps may contain gaps.
  private var hasGapsAhead = false
  /// The offset of the current chunk in the file.
  private var chunkOffset = 0
  private var firstChunkByteCount = ChunkWriter.firstChunkByteCount
  private var chunkByteCount = ChunkWriter.largestPiece
  /// The buffer for steps without a chunk that the caller performs.
  private var ownChunk = Chunk.none
  /// The tensor that the bytes belong to, for errors of steps that are performed later.
  var tensor: TensorName?

  init(_ sink: FileSink) {
    self.sink = sink
  }

  deinit { abandon() }

  /// Ends the thread. Queued steps are dropped.
  func abandon() {
    queue.withLock { $0.steps = [] }
    endThread()
  }

  /// Fits the chunks to the size of the output, in bytes.
  func expect(_ byteCount: Int) {
    chunkByteCount = byteCount < Self.largeByteCount ? Self.smallChunkByteCount : Self.largestPiece
    firstChunkByteCount = max(
      Self.smallestChunkByteCount, min(byteCount, Self.firstChunkByteCount))
  }

  /// The number of bytes that fit the current chunk, at least 1.
  ///
  /// Chunks end at multiples of their size in the file, so that the system gets whole large pages.
  func room() throws(CheckpointError) -> Int {
    try makeRoom(1)
    let untilBoundary = chunkByteCount - (chunkOffset + filled) % chunkByteCount
    return min(capacity - filled, untilBoundary)
  }

  /// Appends `count` bytes, at most `largestPiece`, that `fill` writes in place, and passes them to
  /// `observers`.
  func append(
    _ count: Int, observers: [any ByteObserver],
    _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try makeRoom(count)
    let range = filled..<filled + count
    // A span of a stored property of a class could outlive the access to it; a span of a local
    // variable cannot.
    var chunk = Chunk.none
    swap(&chunk, &self.chunk)
    defer { swap(&chunk, &self.chunk) }
    if chunk.byteCount == 0 { chunk = makeChunk() }
    try chunk.fill(range, fill)
    for observer in observers { observer.observe(chunk.bytes.extracting(range)) }
    filled = range.upperBound
  }

  /// False once the kernel has refused to copy.
  var canCopyInKernel: Bool { queue.withLock { $0.canCopyInKernel } }

  /// Appends a part of another file, copied in the kernel if possible.
  func copy(from source: InputFile, _ range: Range<Int>) throws(CheckpointError) {
    try flushChunk()
    let offset = chunkOffset
    chunkOffset += range.count
    try submit(.copy(source, range, at: offset))
  }

  /// Appends a part of another file, which is read and checked when the chunk is written.
  func copy(
    from source: InputFile, _ range: Range<Int>, check: any RangeCheck
  ) throws(CheckpointError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(try room(), range.upperBound - offset)
      gaps.append(
        ChunkGap(
          range: filled..<filled + count, source: source, offset: offset, check: check,
          tensor: tensor))
      filled += count
      offset += count
    }
  }

  /// Waits for the checks of all appended bytes, if there are any.
  func settleChecks() throws(CheckpointError) {
    guard hasGapsAhead || !gaps.isEmpty else { return }
    try finish()
  }

  /// Writes the current chunk, and waits until all steps are done.
  func finish() throws(CheckpointError) {
    try flushChunk()
    hasGapsAhead = false
    if thread != nil { while queue.carryOutNext(sink, &ownChunk) {} }
    endThread()
    try throwFailure()
  }

  private func throwFailure() throws(CheckpointError) {
    guard queue.withLock({ $0.failure != nil }) else { return }
    // A step that is earlier in the file may still be running, and may fail too.
    endThread()
    if let failure = queue.withLock({ $0.failure }) { throw failure.error }
  }

  private func makeRoom(_ count: Int) throws(CheckpointError) {
    let isAtBoundary = filled > 0 && (chunkOffset + filled) % chunkByteCount == 0
    guard count > capacity - filled || isAtBoundary else { return }
    try flushChunk()
    chunk = .none
    let isSmall = stepCount == 0 && count <= firstChunkByteCount
    capacity =
      isSmall ? firstChunkByteCount : count <= chunkByteCount ? chunkByteCount : Self.largestPiece
  }

  private func makeChunk() -> Chunk {
    let spare = queue.withLock { queue in
      let last = queue.spareChunks.last
      return last?.byteCount == capacity ? queue.spareChunks.popLast() : nil
    }
    return spare ?? Chunk(byteCount: capacity)
  }

  private func flushChunk() throws(CheckpointError) {
    guard filled > 0 else { return }
    hasGapsAhead = hasGapsAhead || !gaps.isEmpty
    let step = WriteStep.bytes(chunk, count: filled, gaps: gaps, at: chunkOffset)
    chunkOffset += filled
    filled = 0
    gaps = []
    // The thread that performs the step returns the chunk for reuse.
    chunk = .none
    capacity = 0
    try submit(step)
  }

  private func submit(_ step: consuming WriteStep) throws(CheckpointError) {
    try throwFailure()
    stepCount += 1
    if thread == nil, step.offset >= Self.byteCountWithoutThread {
      queue.withLock { $0.isClosed = false }
      thread = SystemThread.start { [sink, queue] in queue.run(sink) }
    }
    guard thread != nil else {
      queue.carryOut(step, of: tensor, sink, &ownChunk)
      return try throwFailure()
    }
    while queue.withLock({ $0.steps.count }) >= Self.mostSteps {
      _ = queue.carryOutNext(sink, &ownChunk)
    }
    // The queue must hold the only reference to the step, or its chunk would be copied.
    var pending: WriteStep? = consume step
    queue.withLock { queue in
      if queue.failure == nil, let step = pending.take() { queue.steps.append((step, tensor)) }
    }
    try throwFailure()
  }

  private func endThread() {
    guard let thread = thread.take() else { return }
    queue.withLock { $0.isClosed = true }
    thread.join()
  }
}
