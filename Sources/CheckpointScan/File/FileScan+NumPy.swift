// SPDX-License-Identifier: Apache-2.0
internal import NumPyArchive
internal import Tensors

extension FileScan {
  /// Scans a file that starts as a NumPy array does.
  mutating func scanArrayFile(_ bytes: RawSpan) {
    report.format = .npy
    scanArray(bytes, at: 0, in: Place("array"))
  }

  /// Scans a NumPy array, from its header to the end of the bytes: data by its format, unless its
  /// elements are Python objects, which are a pickle.
  mutating func scanArray(_ bytes: RawSpan, at start: Int, in place: Place) {
    var position = start
    let header: NpyHeader
    do throws(CheckpointError) {
      header = try NpyHeader(at: start) { count throws(CheckpointError) in
        guard count <= bytes.byteCount - position else {
          throw .truncated(need: count, have: bytes.byteCount - position, at: position)
        }
        defer { position += count }
        return bytes.array(position..<position + count)
      }
    } catch {
      let code: ScanFinding.Code = error.code == .truncated ? .truncated : .malformed
      find(code, error.message, in: place.name, at: error.offset ?? start)
      return scanRest(bytes, from: position, in: place)
    }
    let found = bytes.byteCount - position
    guard let expected = header.dataByteCount else {
      find(
        .malformed, "has elements that are not numbers, times or text", in: place.name, at: start)
      return header.element == .objects
        ? scanRest(bytes, from: position, in: place)
        : search(bytes, position..<bytes.byteCount, place: place)
    }
    guard found == expected else {
      find(
        .malformed, "has \(found) bytes of data, but its header describes \(expected)",
        in: place.name, at: position)
      return search(bytes, position..<bytes.byteCount, place: place)
    }
  }
}
