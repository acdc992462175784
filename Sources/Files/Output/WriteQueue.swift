internal import Tensors

/// Something to be appended to an output.
enum WriteStep: Sendable {
  /// The first `count` bytes of a chunk.
  case bytes([UInt8], count: Int)
  /// A part of another file.
  case copy(InputFile, Range<Int>)
}

/// What waits to be appended to an output.
struct WriteQueue {
  /// In order, each with the tensor that it belongs to.
  var steps: [(step: WriteStep, tensor: TensorName?)] = []
  /// Chunks that have been written and can be filled again.
  var spareChunks: [[UInt8]] = []
  /// Whether nothing more will come.
  var isClosed = false
  /// The first failure, after which nothing is written.
  var failure: CheckpointError?
  /// False once the kernel has refused to copy.
  var canCopyInKernel = true

  /// Appends what comes until the queue is closed and empty.
  static func run(_ queue: Monitor<WriteQueue>, _ sink: FileSink) {
    while let (step, tensor) = queue.next() {
      do throws(CheckpointError) {
        let chunk = try queue.perform(step, sink)
        if let chunk { queue.withLock { $0.spareChunks.append(chunk) } }
      } catch {
        let failure = tensor.map(error.naming(tensor:)) ?? error
        queue.withLock { queue in
          queue.failure = failure
          queue.steps = []
        }
      }
    }
  }
}

extension Monitor<WriteQueue> {
  /// Waits for the next step; nil when there is none and none will come.
  fileprivate func next() -> (step: WriteStep, tensor: TensorName?)? {
    wait { queue in
      if !queue.steps.isEmpty { return .some(queue.steps.removeFirst()) }
      return queue.isClosed ? .some(nil) : nil
    }
  }

  /// Carries out a step.
  ///
  /// - Returns: the chunk that is free again.
  func perform(_ step: WriteStep, _ sink: FileSink) throws(CheckpointError) -> [UInt8]? {
    switch step {
    case .bytes(let chunk, let count):
      try sink.write(chunk.span.rawBytes.extracting(0..<count))
      return chunk
    case .copy(let source, let range):
      let isCopied = try sink.copy(from: source, range)
      if !isCopied { withLock { $0.canCopyInKernel = false } }
      return nil
    }
  }
}
