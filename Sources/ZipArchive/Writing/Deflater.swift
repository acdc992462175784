// SPDX-License-Identifier: Apache-2.0
internal import CZlib
package import Tensors

/// Raw DEFLATE at zlib's default level, compressed piece by piece.
@safe
package struct Deflater: ~Copyable {
  /// zlib's state points to the stream, which therefore must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private var output = [UInt8](repeating: 0, count: Self.outputByteCount)

  private static let outputByteCount = 1 << 16
  private static let largestInput = 1 << 30

  /// Starts a stream.
  ///
  /// - Throws: `system` when there is no memory.
  package init() throws(CheckpointError) {
    // SAFETY: freed in `deinit`, or below when it is not taken into use.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard unsafe czlib_deflate_init_raw(stream, Z_DEFAULT_COMPRESSION) == Z_OK else {
      unsafe stream.deallocate()
      throw CheckpointError(.system, "cannot start compressing: out of memory")
    }
    unsafe self.stream = stream
  }

  deinit {
    // SAFETY: the stream was set up in `init` and is not used again.
    _ = unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Compresses the next bytes, and passes the output to a sink.
  ///
  /// - Throws: what `sink` throws.
  package mutating func deflate(
    _ input: RawSpan, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var offset = 0
    while offset < input.byteCount {
      let end = min(input.byteCount, offset + Self.largestInput)
      try run(input.extracting(offset..<end), Z_NO_FLUSH, to: sink)
      offset = end
    }
  }

  /// Passes the rest of the output to a sink.
  ///
  /// - Throws: what `sink` throws.
  package mutating func finish(
    to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try run(RawSpan(), Z_FINISH, to: sink)
  }

  private mutating func run(
    _ input: RawSpan, _ flush: Int32, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var consumed = 0
    var isDone = false
    while !isDone {
      let rest = input.extracting(consumed..<input.byteCount)
      let step = unsafe Self.step(stream, rest, flush, into: &output)
      consumed += step.consumed
      if step.produced > 0 { try sink(output.span.rawBytes.extracting(0..<step.produced)) }
      // There is more output as long as zlib fills the buffer.
      isDone = step.produced < Self.outputByteCount
    }
    precondition(consumed == input.byteCount, "zlib takes all input when it has room")
  }

  private static func step(
    _ stream: UnsafeMutablePointer<z_stream>, _ input: RawSpan, _ flush: Int32,
    into output: inout [UInt8]
  ) -> (consumed: Int, produced: Int) {
    var room = output.mutableRawBytes
    // SAFETY: both buffers outlive the one call that uses them; zlib only reads from its input, and
    // no pointer into them is left in the stream.
    return unsafe input.withUnsafeBytes { source in
      unsafe room.withUnsafeMutableBytes { destination in
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
          mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.pointee.avail_in = UInt32(source.count)
        unsafe stream.pointee.next_out =
          destination.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = UInt32(destination.count)
        _ = unsafe CZlib.deflate(stream, flush)
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.next_out = nil
        let left = unsafe (stream.pointee.avail_in, stream.pointee.avail_out)
        return (source.count - Int(left.0), destination.count - Int(left.1))
      }
    }
  }
}
