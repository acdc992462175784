/// What a forward computed: [batchCount, sequenceLength, width] in its format.
///
/// The memory starts at a multiple of 64. That of a large output is on huge pages, and is kept for
/// the next large output when this one ends (`discardUnusedMemory`): to get as much memory anew takes
/// longer than to compute into it.
public final class ForwardOutput: Sendable {
  // Nothing writes to it after `init`, and `deinit` alone gives it back.
  private let block: OutputBlock
  /// The size in bytes.
  public let byteCount: Int

  /// Memory of which `body` initializes all bytes.
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

  /// Gives the memory of earlier outputs back to the system.
  ///
  /// At most two blocks are kept, of at most 512 MB each. Under pressure the system may take their
  /// pages by itself where it knows how (Linux).
  public static func discardUnusedMemory() {
    OutputBlock.discard()
  }
}
