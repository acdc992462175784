internal import ArgumentParser
internal import Checkpoints
internal import Files
internal import Tensors
internal import TorchCheckpoint

struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan",
    abstract: "Say what a file would ask Python to do, without doing it.",
    discussion: """
      Follows every pickle in a torch file and lists the names that it imports and calls. "data \
      only" means that every byte was accounted for by the grammar of a tensor checkpoint; \
      anything else is a finding, and exit code 1. Works on damaged files too. Of a directory, \
      every weights file is scanned.

      EXAMPLES:
        peftkit scan adapter_model.bin
        peftkit scan my-adapter --json | jq '.files[].pickles[].names[].name'
      """)

  @Argument(help: "A checkpoint file or a directory of them.", completion: .file())
  var path: String

  @Flag(help: "Print JSON, described in spec/scan.md.")
  var json = false

  func run() throws {
    let scans = try ScannedFile.scan(path)
    if json {
      try scans.printJSON(path: path)
    } else {
      try scans.printText(path: path)
    }
    if scans.verdict != .dataOnly { throw ExitCode.finding }
  }
}

/// A file and what its scan found.
struct ScannedFile {
  let path: String
  let report: ScanReport

  /// The extensions of weights files.
  private static let extensions = [".bin", ".pt", ".pth", ".ckpt", ".safetensors"]

  /// Scans a file, or the weights files directly in a directory.
  static func scan(_ path: String) throws(CheckpointError) -> [ScannedFile] {
    guard try PathKind(path: path) == .directory else { return [try ScannedFile(path: path)] }
    var scans: [ScannedFile] = []
    for file in try DirectoryTree(of: path).files where file.isTopLevel {
      guard extensions.contains(where: { file.name.lowercased().hasSuffix($0) }) else { continue }
      scans.append(try ScannedFile(InputFile(file, in: path)))
    }
    guard !scans.isEmpty else {
      throw CheckpointError(
        .missing, "holds no weights file (\(extensions.joined(separator: ", ")))", path: path)
    }
    return scans
  }

  private init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  private init(_ file: InputFile) throws(CheckpointError) {
    path = file.path
    if try Self.mayBeSafetensors(file), let archive = try? Checkpoint.open(path: file.path),
      archive.format == .safetensors
    {
      report = try TorchScan.scan(safetensors: file)
      return
    }
    let report = try TorchScan.scan(file)
    guard report.format == .unknown else {
      self.report = report
      return
    }
    do throws(CheckpointError) {
      _ = try Checkpoint.open(path: file.path)
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

extension [ScannedFile] {
  /// The worst verdict of all files.
  var verdict: ScanVerdict {
    let verdicts = map(\.report.verdict)
    if verdicts.contains(.asksForCode) { return .asksForCode }
    return verdicts.contains(.damaged) ? .damaged : .dataOnly
  }
}
