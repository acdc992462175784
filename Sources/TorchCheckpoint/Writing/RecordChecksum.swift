// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors
internal import ZipArchive

/// The CRC-32 of a record, taken while its bytes go by.
final class RecordChecksum: ByteObserver {
  private var checksum = Checksum()

  /// The checksum of what has been seen.
  var value: UInt32 { checksum.value }

  func observe(_ bytes: RawSpan) {
    checksum.update(bytes)
  }
}
