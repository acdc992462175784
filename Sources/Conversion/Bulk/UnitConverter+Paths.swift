internal import Archives
internal import Files
internal import Tensors

extension UnitConverter {
  /// Passes the paths of a unit on as text; where they are none, those of stand-ins.
  ///
  /// - Parameter writes: whether `body` writes the output, or reads one that is there.
  func withPaths<R>(
    of unit: ConversionUnit, writes: Bool,
    _ body: (_ source: String, _ output: String) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let source = unit.source.string(in: source)
    let output = unit.destination.string(in: destination)
    if unit.source.isText { return try body(source, output) }
    let standIn = try PathStandIn(
      for: unit.source, in: self.source, and: unit.destination, in: destination,
      extensions: extensions(of: unit), reads: !writes, policy: options.policy)
    let result: R
    do throws(CheckpointError) {
      result = try body(standIn.source, standIn.destination)
    } catch {
      throw error.replacing([(standIn.source, source), (standIn.destination, output)])
    }
    if writes { try standIn.commit() }
    return result
  }

  /// What a damaged file's name ends in decides which format's reader says what is wrong with it.
  private func extensions(of unit: ConversionUnit) -> (source: String, destination: String) {
    guard unit.kind == .file else { return ("", "") }
    let name = unit.source.name
    let dot = name.lastIndex(of: ".") ?? name.endIndex
    return (String(name[dot...]), options.format.fileExtension)
  }
}

extension CheckpointError {
  /// The same error about other paths: those that start with a stand-in's start with what it stands
  /// for.
  fileprivate func replacing(_ standIns: [(name: String, meaning: String)]) -> Self {
    guard let path, let standIn = standIns.first(where: { path.hasPrefix($0.name) }) else {
      return self
    }
    return CheckpointError(
      code, message, path: standIn.meaning + path.dropFirst(standIn.name.count), tensor: tensor,
      offset: offset, hint: hint)
  }
}
