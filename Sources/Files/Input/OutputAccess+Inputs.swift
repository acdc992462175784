// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage

extension OutputAccess {
  /// The permissions that all of `files` have in common; the usual ones for an empty array.
  public init(toAllOf files: [InputFile]) {
    guard let first = files.first?.access else {
      self = .usual
      return
    }
    self = files.dropFirst().reduce(first) { common, other in
      OutputAccess(
        file: common.file.intersection(other.access.file),
        directory: common.directory.intersection(other.access.directory))
    }
  }
}
