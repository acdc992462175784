// SPDX-License-Identifier: Apache-2.0
import Dispatch
import PeftKit

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Memory for one output, on huge pages, and touched.
struct Memory {
  let buffer: UnsafeMutableRawBufferPointer

  init(byteCount: Int) {
    buffer = .allocate(byteCount: byteCount, alignment: 2 << 20)
    #if os(Linux)
      madvise(buffer.baseAddress, byteCount, MADV_HUGEPAGE)
    #endif
    fill()
  }

  func forward(
    _ embedding: MultitaskPromptEmbedding, _ input: PromptInput, _ dtype: DType
  ) throws {
    var output = OutputRawSpan(buffer: buffer, initializedCount: 0)
    try embedding.forward(input, dtype: dtype, into: &output)
    _ = output.finalize(for: buffer)
  }

  /// In shares of a size that keeps all CPUs busy.
  func fill() {
    let share = 256 << 10
    nonisolated(unsafe) let buffer = buffer
    DispatchQueue.concurrentPerform(iterations: (buffer.count + share - 1) / share) { index in
      let start = index * share
      memset(buffer.baseAddress! + start, 7, min(share, buffer.count - start))
    }
  }

  func write(to path: String) {
    let file = fopen(path, "w")
    fwrite(buffer.baseAddress, 1, buffer.count, file)
    fclose(file)
  }
}
