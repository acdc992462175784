internal import Concurrency
internal import Tensors

/// Gathers what is written into chunks. Of a large output a thread of its own carries out the steps,
/// while the caller reads, checks or computes the next chunk; when too many wait, the caller carries
/// them out as well.
///
/// A failure is thrown by that call or a later one, the first in the file where there are several; nothing
/// that follows it is written.
final class ChunkWriter {
  /// The largest piece that `append` takes.
  static let largestPiece = 1 << 20

  /// The first chunk is small: most outputs are.
  private static let firstChunkByteCount = 1 << 16
  /// What the first chunk has at least.
  private static let smallestChunkByteCount = 1 << 10
  /// A thread is worth starting for what comes after so many steps.
  private static let stepsWithoutThread = 2
  /// The steps that may wait: enough that a short delay of one side does not stop the other, and few
  /// enough for the caches.
  private static let mostSteps = 4

  private let sink: FileSink
  private let queue = Monitor(WriteQueue())
  private var thread: SystemThread?
  private var stepCount = 0
  /// The chunk at hand: its size, 0 where there is none; its bytes, once there are any; how much of it
  /// is taken.
  private var capacity = 0
  private var chunk = Chunk.none
  private var filled = 0
  /// What of it is filled only when it is written.
  private var gaps: [ChunkGap] = []
  /// Whether there are gaps in steps that may still wait.
  private var hasGapsAhead = false
  /// Where the chunk goes.
  private var chunkOffset = 0
  private var firstChunkByteCount = ChunkWriter.firstChunkByteCount
  /// What steps without a chunk are carried out in.
  private var ownChunk = Chunk.none
  /// The tensor that the bytes belong to, for errors of steps that are carried out later.
  var tensor: TensorName?

  init(_ sink: FileSink) {
    self.sink = sink
  }

  deinit { abandon() }

  /// Ends the thread. What still waits is not written.
  func abandon() {
    queue.withLock { $0.steps = [] }
    endThread()
  }

  /// Makes the first chunk no larger than the output.
  func expect(_ byteCount: Int) {
    firstChunkByteCount = max(
      Self.smallestChunkByteCount, min(byteCount, Self.firstChunkByteCount))
  }

  /// The bytes that fit the chunk at hand, at least 1.
  ///
  /// Chunks end where a multiple of their size does in the file: the system then gets whole large pages.
  func room() throws(CheckpointError) -> Int {
    try makeRoom(1)
    let untilBoundary = Self.largestPiece - (chunkOffset + filled) % Self.largestPiece
    return min(capacity - filled, untilBoundary)
  }

  /// Appends `count` bytes, at most `largestPiece`, that `fill` puts in place and `observers` are
  /// then shown.
  func append(
    _ count: Int, observers: [any ByteObserver],
    _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try makeRoom(count)
    let range = filled..<filled + count
    // A span of what an object holds could outlive the access to it; one of a variable cannot.
    var chunk = Chunk.none
    swap(&chunk, &self.chunk)
    defer { swap(&chunk, &self.chunk) }
    if chunk.byteCount == 0 { chunk = makeChunk() }
    try chunk.fill(range, fill)
    for observer in observers { observer.observe(chunk.bytes.extracting(range)) }
    filled = range.upperBound
  }

  /// Whether the kernel has not refused to copy yet.
  var canCopyInKernel: Bool { queue.withLock { $0.canCopyInKernel } }

  /// Appends a part of another file, inside the kernel where it can.
  func copy(from source: InputFile, _ range: Range<Int>) throws(CheckpointError) {
    try flushChunk()
    let offset = chunkOffset
    chunkOffset += range.count
    try submit(.copy(source, range, at: offset))
  }

  /// Appends a part of another file that is read, and checked, when it is written.
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

  /// Waits for the checks of what has been appended, if there are any.
  func settleChecks() throws(CheckpointError) {
    guard hasGapsAhead || !gaps.isEmpty else { return }
    try finish()
  }

  /// Writes what has been gathered, and waits until all is written.
  func finish() throws(CheckpointError) {
    try flushChunk()
    hasGapsAhead = false
    if thread != nil { while queue.carryOutNext(sink, &ownChunk) {} }
    endThread()
    try throwFailure()
  }

  private func throwFailure() throws(CheckpointError) {
    guard queue.withLock({ $0.failure != nil }) else { return }
    // What comes earlier in the file may still be at work, and fail as well.
    endThread()
    if let failure = queue.withLock({ $0.failure }) { throw failure.error }
  }

  private func makeRoom(_ count: Int) throws(CheckpointError) {
    let isAtBoundary = filled > 0 && (chunkOffset + filled) % Self.largestPiece == 0
    guard count > capacity - filled || isAtBoundary else { return }
    try flushChunk()
    chunk = .none
    let isSmall = stepCount == 0 && count <= firstChunkByteCount
    capacity = isSmall ? firstChunkByteCount : Self.largestPiece
  }

  private func makeChunk() -> Chunk {
    let spare = capacity == Self.largestPiece ? queue.withLock { $0.spareChunks.popLast() } : nil
    return spare ?? Chunk(byteCount: capacity)
  }

  private func flushChunk() throws(CheckpointError) {
    guard filled > 0 else { return }
    hasGapsAhead = hasGapsAhead || !gaps.isEmpty
    let step = WriteStep.bytes(chunk, count: filled, gaps: gaps, at: chunkOffset)
    chunkOffset += filled
    filled = 0
    gaps = []
    // Whoever carries out the step puts the chunk aside.
    chunk = .none
    capacity = 0
    try submit(step)
  }

  private func submit(_ step: consuming WriteStep) throws(CheckpointError) {
    try throwFailure()
    stepCount += 1
    if thread == nil, stepCount > Self.stepsWithoutThread {
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
    // Nobody but the queue may hold the step: its chunk would be copied.
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
