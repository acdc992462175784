// SPDX-License-Identifier: Apache-2.0
internal import CPlatform
internal import Synchronization

/// A block of memory for an output, and the store of free blocks.
@safe
struct OutputBlock: @unchecked Sendable {
  // SAFETY: a block has one owner at a time, which passes it on as a whole.
  let start: UnsafeMutableRawPointer
  let capacity: Int

  private static let free = Mutex<[OutputBlock]>([])
  /// The sizes of blocks that are kept. The allocator keeps smaller blocks itself; larger blocks are too
  /// large to keep.
  private static let keptSizes = 4 << 20...512 << 20
  private static let mostKept = 2

  /// A block of at least `byteCount` bytes, from the store or new; its contents are undefined.
  static func take(byteCount: Int) -> OutputBlock {
    guard byteCount >= keptSizes.lowerBound else {
      return unsafe OutputBlock(start: .allocate(byteCount: byteCount, alignment: 64), capacity: 0)
    }
    let kept = free.withLock { blocks -> OutputBlock? in
      // A block that is much too large would waste memory.
      let fits = byteCount...byteCount * 4
      return blocks.firstIndex { fits.contains($0.capacity) }.map { blocks.remove(at: $0) }
    }
    if let kept { return kept }
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 2 << 20)
    unsafe cp_prefer_large_pages(start, byteCount)
    return unsafe OutputBlock(start: start, capacity: byteCount)
  }

  /// Stores a block that is no longer used, in place of the oldest one, or frees it.
  static func give(_ block: OutputBlock) {
    guard keptSizes.contains(block.capacity) else {
      unsafe block.start.deallocate()
      return
    }
    unsafe cp_release_pages(block.start, block.capacity)
    let oldest = free.withLock { blocks -> OutputBlock? in
      blocks.append(block)
      return blocks.count > mostKept ? blocks.removeFirst() : nil
    }
    unsafe oldest?.start.deallocate()
  }

  /// Frees all stored blocks.
  static func discard() {
    let blocks = free.withLock { blocks in
      defer { blocks = [] }
      return blocks
    }
    for block in blocks { unsafe block.start.deallocate() }
  }
}
