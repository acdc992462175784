internal import Tensors

/// Gathers what is written into chunks. A large output is written by a thread of its own, while the
/// caller reads, checks or computes the next chunk.
///
/// A failure of the thread is thrown by a later call; nothing that follows it is written.
final class ChunkWriter {
  /// The largest piece that `append` takes.
  static let largestPiece = 1 << 20

  /// The first chunk is small: most outputs are.
  private static let firstChunkByteCount = 1 << 16
  /// What the first chunk has at least.
  private static let smallestChunkByteCount = 1 << 10
  /// A thread is worth starting for what comes after so many steps.
  private static let stepsWithoutThread = 2
  /// The steps that may wait for the thread: enough that a short delay of one side does not stop the
  /// other, and few enough for the caches.
  private static let mostSteps = 4

  private let sink: FileSink
  private let queue = Monitor(WriteQueue())
  private var thread: SystemThread?
  private var stepCount = 0
  private var chunk: [UInt8] = []
  private var filled = 0
  private var firstChunkByteCount = ChunkWriter.firstChunkByteCount
  /// The tensor that the bytes belong to, for errors of the thread.
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
  func room() throws(CheckpointError) -> Int {
    try makeRoom(1)
    return chunk.count - filled
  }

  /// Appends `count` bytes, at most `largestPiece`, that `fill` puts in place and `observers` are
  /// then shown.
  func append(
    _ count: Int, observers: [any ByteObserver],
    _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try makeRoom(count)
    let range = filled..<filled + count
    // A span of an object's array could outlive the access to it; one of a variable cannot.
    var chunk: [UInt8] = []
    swap(&chunk, &self.chunk)
    defer { swap(&chunk, &self.chunk) }
    do {
      var elements = chunk.mutableSpan
      // SAFETY: every bit pattern is a valid byte.
      var bytes = unsafe elements.mutableBytes
      var piece = bytes._mutatingExtracting(range)
      try fill(&piece)
    }
    for observer in observers { observer.observe(chunk.span.rawBytes.extracting(range)) }
    filled = range.upperBound
  }

  /// Whether the kernel has not refused to copy yet.
  var canCopyInKernel: Bool { queue.withLock { $0.canCopyInKernel } }

  /// Appends a part of another file.
  func copy(from source: InputFile, _ range: Range<Int>) throws(CheckpointError) {
    try flushChunk()
    try submit(.copy(source, range))
  }

  /// Writes what has been gathered, and waits until all is written.
  func finish() throws(CheckpointError) {
    try flushChunk()
    endThread()
    if let failure = queue.withLock({ $0.failure }) { throw failure }
  }

  private func makeRoom(_ count: Int) throws(CheckpointError) {
    guard count > chunk.count - filled else { return }
    try flushChunk()
    if chunk.isEmpty { chunk = queue.withLock { $0.spareChunks.popLast() } ?? [] }
    guard count > chunk.count || stepCount > 0 && chunk.count < Self.largestPiece else { return }
    let isSmall = stepCount == 0 && count <= firstChunkByteCount
    chunk = [UInt8](repeating: 0, count: isSmall ? firstChunkByteCount : Self.largestPiece)
  }

  private func flushChunk() throws(CheckpointError) {
    guard filled > 0 else { return }
    let step = WriteStep.bytes(chunk, count: filled)
    filled = 0
    // The thread gets the chunk for itself; without one it is filled again.
    if stepCount >= Self.stepsWithoutThread { chunk = [] }
    try submit(step)
  }

  private func submit(_ step: WriteStep) throws(CheckpointError) {
    stepCount += 1
    if thread == nil, stepCount > Self.stepsWithoutThread {
      thread = SystemThread.start { [sink, queue] in WriteQueue.run(queue, sink) }
    }
    guard thread != nil else {
      _ = try queue.perform(step, sink)
      return
    }
    let failure: CheckpointError?? = queue.wait { [tensor] queue in
      if let failure = queue.failure { return .some(failure) }
      guard queue.steps.count < Self.mostSteps else { return nil }
      queue.steps.append((step, tensor))
      return .some(nil)
    }
    if let failure = failure ?? nil { throw failure }
  }

  private func endThread() {
    guard let thread = thread.take() else { return }
    queue.withLock { $0.isClosed = true }
    thread.join()
  }
}
