// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Files
internal import LowRank
internal import PEFT
public import Tensors

extension BridgePlan {
  /// Writes the files, all or none.
  ///
  /// - Throws: `alreadyExists`, `system` and `interrupted` for the destination; `truncated` or
  ///   `malformed` when the source's data is damaged. Nothing is left behind then.
  /// - Returns: the number of bytes written.
  /// - Complexity: O(bytes), in constant memory.
  @discardableResult
  public func write(
    to destination: String, policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) -> Int {
    let access = OutputAccess(toAllOf: sources)
    guard isDirectory else {
      let output = try AtomicFile(path: destination, policy: policy, access: access)
      return try write(files[0], to: output, path: destination)
    }
    var byteCount = 0
    var directory = try AtomicDirectory(path: destination, policy: policy)
    var folders: Set<String> = []
    for file in files {
      if let slash = file.name.utf8.firstIndex(of: UInt8(ascii: "/")),
        folders.insert(String(file.name[..<slash])).inserted
      {
        try directory.makeDirectory(RelativePath(String(file.name[..<slash])))
      }
      let name = RelativePath(file.name)
      let output = try directory.makeFile(name, access: access)
      byteCount += try write(file, to: output, path: destination + "/" + file.name)
    }
    try directory.commit()
    return byteCount
  }

  /// The files that the tensors are read from.
  private var sources: [InputFile] {
    files.flatMap { file in
      if case .weights(let archive, _) = file.contents { archive.files } else { [InputFile]() }
    }
  }

  /// Writes a file and moves it to its place, unless one of its sources was changed while it was
  /// read.
  private func write(
    _ file: File, to output: consuming AtomicFile, path: String
  ) throws(CheckpointError) -> Int {
    var output = output
    var inputs: [InputFile] = []
    switch file.contents {
    case .bytes(let bytes):
      try output.reserve(byteCount: bytes.count)
      try output.write(bytes.span.rawBytes)
    case .weights(let archive, let format):
      inputs = archive.files
      do throws(CheckpointError) {
        let order =
          format.keepsTensorOrder ? AdapterMethods.stateDictOrder(of: archive) : nil
        try format.write(archive, order: order, path: path, to: &output)
      } catch {
        throw error.inFile(archive.path)
      }
    }
    let byteCount = output.byteCount
    try output.commit { () throws(CheckpointError) in
      for input in inputs { try input.checkUnchanged() }
    }
    return byteCount
  }
}
