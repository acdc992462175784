internal import CKernels
internal import Synchronization

/// A piece of memory for an output, and the store of those that are free.
@safe
struct OutputBlock: @unchecked Sendable {
  // SAFETY: a block has one owner at a time, which hands it on as a whole.
  let start: UnsafeMutableRawPointer
  let capacity: Int

  private static let free = Mutex<[OutputBlock]>([])
  /// The sizes that are kept. Smaller ones the allocator keeps by itself; larger ones are too much to
  /// hold on to.
  private static let keptSizes = 4 << 20...512 << 20
  private static let mostKept = 2

  /// A block of at least `byteCount` bytes, from the store or new; its contents are undefined.
  static func take(byteCount: Int) -> OutputBlock {
    guard byteCount >= keptSizes.lowerBound else {
      return unsafe OutputBlock(start: .allocate(byteCount: byteCount, alignment: 64), capacity: 0)
    }
    let kept = free.withLock { blocks -> OutputBlock? in
      // One that is much too large would keep the rest from others.
      let fits = byteCount...byteCount * 4
      return blocks.firstIndex { fits.contains($0.capacity) }.map { blocks.remove(at: $0) }
    }
    if let kept { return kept }
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 2 << 20)
    unsafe ck_advise_huge_pages(start, byteCount)
    return unsafe OutputBlock(start: start, capacity: byteCount)
  }

  /// Keeps a block that is no longer used, the oldest making room for it, or frees it.
  static func give(_ block: OutputBlock) {
    guard keptSizes.contains(block.capacity) else {
      unsafe block.start.deallocate()
      return
    }
    unsafe ck_advise_unused(block.start, block.capacity)
    let oldest = free.withLock { blocks -> OutputBlock? in
      blocks.append(block)
      return blocks.count > mostKept ? blocks.removeFirst() : nil
    }
    unsafe oldest?.start.deallocate()
  }

  /// Frees what is kept.
  static func discard() {
    let blocks = free.withLock { blocks in
      defer { blocks = [] }
      return blocks
    }
    for block in blocks { unsafe block.start.deallocate() }
  }
}
