// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Tensors

extension CheckpointError {
  /// A failed system call: `action` on `path` failed for `reason`.
  @inline(never)
  static func system(_ action: String, _ reason: Errno, path: FilePath) -> Self {
    let code: Code = reason == .noSuchFileOrDirectory ? .missing : .system
    return Self(code, "cannot \(action): \(reason)", path: path.string)
  }

  /// The output exists and may not be replaced.
  @inline(never)
  static func alreadyExists(
    _ path: FilePath, hint: String? = nil, remedy: Remedy? = .overwrite
  ) -> Self {
    Self(.alreadyExists, "already exists", path: path.string, hint: hint, remedy: remedy)
  }

  /// No temporary could be created next to an output; `what` is "a file" or "a directory".
  @inline(never)
  static func cannotCreate(_ what: String, beside path: FilePath, _ reason: Errno) -> Self {
    system("create \(what) next to it", reason, path: path).hinting(
      reason == .noSuchFileOrDirectory ? "there is no directory \(path.parent)" : nil)
  }
}

/// Throws an error if a system call returned a reason for failure.
func check(_ reason: Errno?, _ action: String, _ path: FilePath) throws(CheckpointError) {
  if let reason { throw .system(action, reason, path: path) }
}

/// Runs a swift-system call, which throws an untyped `Errno`, and converts the error.
func calling<R>(
  _ action: String, _ path: FilePath, _ body: () throws -> R
) throws(CheckpointError) -> R {
  do {
    return try body()
  } catch let reason as Errno {
    throw .system(action, reason, path: path)
  } catch {
    throw CheckpointError(.system, "cannot \(action): \(error)", path: path.string)
  }
}
