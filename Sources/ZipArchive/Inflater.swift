// SPDX-License-Identifier: Apache-2.0
internal import CZlib
package import Tensors

/// Raw DEFLATE, decompressed piece by piece.
@safe
package struct Inflater: ~Copyable {
  /// zlib's state points to the stream, which therefore must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  /// Whether the end of the compressed data was reached.
  package private(set) var isAtEnd = false

  /// Starts a stream.
  ///
  /// - Throws: `system` when there is no memory.
  package init() throws(CheckpointError) {
    // SAFETY: freed in `deinit`, or below when it is not taken into use.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard unsafe czlib_inflate_init_raw(stream) == Z_OK else {
      unsafe stream.deallocate()
      throw CheckpointError(.system, "cannot start decompressing: out of memory")
    }
    unsafe self.stream = stream
  }

  deinit {
    // SAFETY: the stream was set up in `init` and is not used again.
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Decompresses until `input` is empty or `output` is full.
  ///
  /// - Returns: the number of bytes read from `input`, and of those written to `output`.
  /// - Throws: `malformed` when the compressed data is damaged.
  package mutating func inflate(
    _ input: RawSpan, into output: inout MutableRawSpan
  ) throws(CheckpointError) -> (consumed: Int, produced: Int) {
    let inputCount = UInt32(clamping: input.byteCount)
    let outputCount = UInt32(clamping: output.byteCount)
    // SAFETY: both buffers outlive the one call that uses them; zlib only reads from its input, and
    // no pointer into them is left in the stream.
    let status = unsafe input.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes { destination in
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
          mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.pointee.avail_in = inputCount
        unsafe stream.pointee.next_out =
          destination.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = outputCount
        let status = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.next_out = nil
        return status
      }
    }
    let consumed = unsafe Int(inputCount - stream.pointee.avail_in)
    let produced = unsafe Int(outputCount - stream.pointee.avail_out)
    switch status {
    case Z_STREAM_END: isAtEnd = true
    case Z_OK, Z_BUF_ERROR: break
    default: throw .malformed("the compressed data is damaged")
    }
    return (consumed, produced)
  }
}
