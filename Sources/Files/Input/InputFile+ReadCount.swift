// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

extension InputFile {
  private static let readCount = Atomic(0)

  /// The number of bytes that the process has read from files by calls; for showing progress.
  package static var readByteCount: Int { readCount.load(ordering: .relaxed) }

  /// Counts bytes that were read.
  static func count(read byteCount: Int) {
    readCount.wrappingAdd(byteCount, ordering: .relaxed)
  }
}
