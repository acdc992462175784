// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
internal import Kernels
public import Tensors

extension ConversionPlan {
  /// Carries out the plan.
  ///
  /// - Parameter watcher: observes the tensors as they are written; their bytes then pass through
  ///   memory, instead of being copied in the kernel. In a directory of several checkpoints it
  ///   observes the outermost one.
  /// - Throws: `alreadyExists`, `system` and `interrupted` for the destination; `truncated` or
  ///   `malformed` when the source's data is damaged; `invalidArgument` for a value that an integer
  ///   dtype does not hold. Nothing is left behind then.
  /// - Complexity: O(bytes), in constant memory.
  public func execute(
    watcher: (any TensorWatcher)? = nil
  ) throws(CheckpointError) -> ConversionOutcome {
    let byteCount = try isDirectory ? writeDirectory(watcher) : writeFile(watcher)
    return ConversionOutcome(
      report: report, casts: casts.entries, fileCount: files.count, byteCount: byteCount)
  }

  private func writeFile(_ watcher: (any TensorWatcher)?) throws(CheckpointError) -> Int {
    var byteCount = 0
    for file in files {
      let output = try AtomicFile(
        path: destination, policy: options.policy, access: access(to: file),
        isPlaceNew: isPlaceNew)
      byteCount += try write(file, to: output, watcher)
    }
    return byteCount
  }

  private func writeDirectory(_ watcher: (any TensorWatcher)?) throws(CheckpointError) -> Int {
    var byteCount = 0
    var directory = try AtomicDirectory(
      path: destination, policy: options.policy, access: OutputAccess(like: source),
      isPlaceNew: isPlaceNew)
    for inner in directories {
      try directory.makeDirectory(inner, access: OutputAccess(like: inner, in: source))
    }
    for file in files {
      let output = try directory.makeFile(file.name, access: access(to: file))
      byteCount += try write(file, to: output, watcher)
    }
    try directory.commit()
    return byteCount
  }

  /// The permissions of a file: those of its sources.
  private func access(to file: File) -> OutputAccess {
    switch file.contents {
    // A new index describes the weights.
    case .bytes: OutputAccess(existing: file.name, in: source) ?? OutputAccess(toAllOf: sources)
    case .copy(let name): OutputAccess(like: name, in: source)
    case .weights(let weights): OutputAccess(toAllOf: weights.files)
    }
  }

  /// The files of all weights.
  private var sources: [InputFile] {
    files.flatMap { file in
      guard case .weights(let weights) = file.contents else { return [InputFile]() }
      return weights.files
    }
  }

  /// Writes a file and moves it to its place, unless one of its sources was changed while it was
  /// read.
  ///
  /// - Returns: the number of bytes written.
  private func write(
    _ file: File, to output: consuming AtomicFile, _ watcher: (any TensorWatcher)?
  ) throws(CheckpointError) -> Int {
    var output = output
    let (inputs, path) = try fill(&output, with: file, watcher)
    let byteCount = output.byteCount
    do throws(CheckpointError) {
      try output.commit { () throws(CheckpointError) in
        for input in inputs { try input.checkUnchanged() }
      }
    } catch {
      // Checks that run in parallel may only fail now.
      throw error.inFile(path)
    }
    return byteCount
  }

  /// Writes the contents of a file.
  ///
  /// - Returns: the files that were read, and the path for errors about them.
  private func fill(
    _ output: inout AtomicFile, with file: File, _ watcher: (any TensorWatcher)?
  ) throws(CheckpointError) -> (inputs: [InputFile], path: String) {
    switch file.contents {
    case .bytes(let bytes):
      try output.reserve(byteCount: bytes.count)
      try output.write(bytes.span.rawBytes)
      return ([], source)
    case .copy(let name):
      let input = try InputFile(name, in: source)
      try output.reserve(byteCount: input.byteCount)
      try output.copy(from: input, range: 0..<input.byteCount)
      return ([input], input.path)
    case .weights(let weights):
      let isOutermost = file.name.isTopLevel || !isDirectory
      if let watcher, isOutermost {
        try weights.watched(by: watcher).write(to: &output)
      } else {
        try weights.write(to: &output)
      }
      return (weights.files, weights.source.path)
    }
  }
}
