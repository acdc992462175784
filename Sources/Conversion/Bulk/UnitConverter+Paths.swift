// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

extension UnitConverter {
  /// Calls a closure with the paths of a unit as text; paths that are not UTF-8 are replaced by
  /// those of placeholders.
  ///
  /// - Parameters:
  ///   - writes: whether `body` writes the output, or reads an existing one.
  ///   - replaces: whether an existing output is replaced; nil for what the options say.
  func withPaths<R>(
    of unit: ConversionUnit, writes: Bool, replaces: Bool? = nil,
    _ body: (_ source: String, _ output: String) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let source = unit.source.string(in: source)
    let output = unit.destination.string(in: destination)
    if unit.source.isText { return try body(source, output) }
    var policy = options.policy
    policy.replacesExisting = replaces ?? policy.replacesExisting
    let placeholder = try PathPlaceholder(
      for: unit.source, in: self.source, and: unit.destination, in: destination,
      extensions: extensions(of: unit), reads: !writes, policy: policy)
    let result: R
    do throws(CheckpointError) {
      result = try body(placeholder.source, placeholder.destination)
    } catch {
      throw error.replacing([(placeholder.source, source), (placeholder.destination, output)])
    }
    if writes { try placeholder.commit() }
    return result
  }

  /// The extensions of the paths: that of a damaged file decides which format's reader reports the
  /// damage.
  private func extensions(of unit: ConversionUnit) -> (source: String, destination: String) {
    if unit.kind == .distributed { return ("", options.format.fileExtension) }
    guard unit.kind == .file else { return ("", "") }
    let name = unit.source.name
    let dot = name.lastIndex(of: ".") ?? name.endIndex
    return (String(name[dot...]), options.format.fileExtension)
  }
}

extension CheckpointError {
  /// The same error with the original path in place of a placeholder's.
  fileprivate func replacing(_ placeholders: [(name: String, meaning: String)]) -> Self {
    guard let path, let placeholder = placeholders.first(where: { path.hasPrefix($0.name) }) else {
      return self
    }
    return CheckpointError(
      code, message, path: placeholder.meaning + path.dropFirst(placeholder.name.count),
      tensor: tensor,
      offset: offset, hint: hint)
  }
}
