internal import Archives
internal import Checkpoints
internal import Files
internal import Tensors
internal import CheckpointScan

/// A file and what its scan found.
struct ScannedFile {
  let path: String
  let report: ScanReport

  /// Scans a file.
  ///
  /// - Throws: `missing`, `system`, `truncated` or `invalidArgument` when it cannot be read.
  init(_ file: InputFile) throws(CheckpointError) {
    path = file.path
    if try Self.mayBeSafetensors(file), let archive = try? Checkpoint.open(file),
      archive.format.isDataOnly
    {
      report = try CheckpointScanner.scan(safetensors: file)
      return
    }
    let report = try CheckpointScanner.scan(file)
    guard report.format == .unknown else {
      self.report = report
      return
    }
    do throws(CheckpointError) {
      _ = try Checkpoint.open(file)
      self.report = report
    } catch {
      self.report = report.explaining(error.message)
    }
  }

  /// Whether a header may follow the length that the file starts with.
  private static func mayBeSafetensors(_ file: InputFile) throws(CheckpointError) -> Bool {
    guard file.byteCount > 8 else { return false }
    let start = try file.read(at: 0, count: 9)
    let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return length <= UInt64(file.byteCount - 8) && "{ \t\r\n".utf8.contains(start[8])
  }
}
