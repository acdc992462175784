// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import CheckpointScan
internal import Files
internal import GGUF
internal import NumPyArchive
internal import SafeTensors
internal import Tensors
internal import TorchCheckpoint
internal import Verification
internal import ZipArchive

extension FuzzTarget {
  /// Formats of files.
  static let formats: [FuzzTarget] = [
    FuzzTarget(name: "safetensors") { bytes in
      let archive = try? SafeTensorsFile(FuzzFile.open(bytes))
      let refusal = SafeTensorsModel.refusal(of: bytes)
      require((archive == nil) == (refusal != nil), "the rules say: \(refusal ?? "valid")")
      guard let archive else { return }
      ArchiveCheck.exercise(archive)
      ArchiveCheck.rewrite(archive, as: SafeTensorsFormat(), always: true)
      for format in [TorchFormat(), NpzFormat(), GGUFFormat()] as [any CheckpointFormat] {
        ArchiveCheck.rewrite(archive, as: format, always: false)
      }
    },
    FuzzTarget(name: "zip") { bytes in
      let file = FuzzFile.open(bytes)
      guard let index = try? ZipIndex(of: file, mindsCase: true) else { return }
      let records = ZipRecords(index, in: file, isChecked: true)
      for place in index.entries.indices.prefix(100) where index.entries[place].byteCount < 1 << 20
      {
        try? records.verify(place)
      }
      for entry in index.entries {
        require(index.entry(named: entry.name) == entry, "an entry is lost")
      }
    },
    FuzzTarget(name: "torch") { bytes in checkTorch(FuzzFile.open(bytes)) },
    FuzzTarget(name: "torch-legacy") { bytes in checkTorch(FuzzFile.open(bytes)) },
    FuzzTarget(name: "torch-tar") { bytes in checkTorch(FuzzFile.open(bytes)) },
    FuzzTarget(name: "scan") { bytes in
      let file = FuzzFile.open(bytes)
      guard let report = try? CheckpointScanner.scan(file) else { return }
      require(report.findings.count <= report.findingCount, "more findings than there are")
      _ = try? CheckpointScanner.scan(file, acceptedAs: .safetensors)
    },
    FuzzTarget(name: "agreement") { bytes in
      let path = FuzzFile.write(bytes)
      let contradiction = try? Agreement.contradiction(path)
      require(
        contradiction.flatMap { $0 } == nil, "contradiction: \(contradiction.debugDescription)")
    },
    FuzzTarget(name: "npy") { bytes in
      guard let archive = try? NumPyFile(array: FuzzFile.open(bytes)) else { return }
      ArchiveCheck.exercise(archive)
      ArchiveCheck.rewrite(archive, as: NpzFormat(), always: false)
    },
    FuzzTarget(name: "npz") { bytes in
      guard let archive = try? NumPyFile(archive: FuzzFile.open(bytes)) else { return }
      ArchiveCheck.exercise(archive)
      ArchiveCheck.rewrite(archive, as: NpzFormat(), always: false)
    },
    FuzzTarget(name: "gguf") { bytes in
      guard let archive = try? GGUFArchive(FuzzFile.open(bytes)) else { return }
      for (key, value) in archive.values { _ = (archive[key], "\(value)") }
      ArchiveCheck.exercise(archive)
      ArchiveCheck.rewrite(archive, as: GGUFFormat(values: archive.values), always: false)
    },
    FuzzTarget(name: "checkpoint") { bytes in
      guard let archive = try? Checkpoint.open(FuzzFile.open(bytes)) else { return }
      ArchiveCheck.exercise(archive)
    },
    FuzzTarget(name: "reference") { bytes in
      let layouts: [CaseLayout] = [
        .taskPrompts, .prompts, .keyValues, .delta, .biasDelta, .mergedWeight,
      ]
      guard let file = try? ReferenceFile(path: FuzzFile.write(bytes), layouts: layouts) else {
        return
      }
      for one in file.cases { _ = one.position(of: 7) }
    },
  ]

  private static func checkTorch(_ file: InputFile) {
    guard let archive = try? TorchFile(file) else { return }
    ArchiveCheck.exercise(archive)
    ArchiveCheck.rewrite(archive, as: TorchFormat(), always: false)
  }
}
