// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors
internal import ZipArchive

/// The CRC-32 of a record, updated as its bytes are written.
final class RecordChecksum: ByteObserver {
  private var checksum = Checksum()

  /// The checksum of the bytes so far.
  var value: UInt32 { checksum.value }

  func observe(_ bytes: RawSpan) {
    checksum.update(bytes)
  }
}
