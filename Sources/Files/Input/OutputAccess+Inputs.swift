internal import SystemPackage

extension OutputAccess {
  /// The access of those who have access to all of some files; the usual one without any.
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
