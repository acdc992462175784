// SPDX-License-Identifier: Apache-2.0

/// The output of a forward: [batchCount, sequenceLength, width] in its format.
///
/// The memory starts at a multiple of 64. The memory of a large output is on huge pages, and is kept
/// for the next large output (`discardUnusedMemory`): allocating new memory takes longer than
/// computing into it.
public final class ForwardOutput: Sendable {
  // It is not written after `init`, and only `deinit` releases it.
  private let block: OutputBlock
  /// The size in bytes.
  public let byteCount: Int

  /// Allocates memory, of which `body` initializes all bytes.
  init(byteCount: Int, initializing body: (inout OutputRawSpan) -> Void) {
    let block = OutputBlock.take(byteCount: byteCount)
    let room = unsafe UnsafeMutableRawBufferPointer(start: block.start, count: byteCount)
    // SAFETY: the block has room for as many bytes and no other user.
    var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
    body(&output)
    let count = unsafe output.finalize(for: room)
    precondition(count == byteCount, "all bytes must be initialized")
    self.block = block
    self.byteCount = byteCount
  }

  deinit { OutputBlock.give(block) }

  /// The elements, row-major and little endian.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: the block is initialized, and lives while `self`, which owns it, is borrowed.
      let span = unsafe RawSpan(_unsafeStart: block.start, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Returns the memory of earlier outputs to the system.
  ///
  /// At most two blocks of at most 512 MB each are kept. On Linux the system may take their pages when
  /// memory is short.
  public static func discardUnusedMemory() {
    OutputBlock.discard()
  }
}
