// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

extension UnitConverter {
  /// Copies a file, unless its copy exists and is the same.
  ///
  /// - Parameter hasNoTensors: whether it is a checkpoint file without tensors, for the report.
  func copy(
    _ unit: ConversionUnit, _ record: inout ManifestRecord, _ directories: inout DirectoryMaker,
    hasNoTensors: Bool = false
  ) throws(CheckpointError) -> ConversionOutcome? {
    if resumes, unit.destination.exists(in: destination) {
      if try isCopied(unit) {
        record.outcome = .unchanged
        return nil
      }
      guard options.policy.replacesExisting else {
        throw CheckpointError(
          .mismatch, "is not a copy of \(unit.source.string(in: source))",
          path: unit.destination.string(in: destination), remedy: .overwrite)
      }
    }
    let isPlaceNew = try directories.makeParent(of: unit.destination)
    let outcome = try withPaths(of: unit, writes: true) { _, output throws(CheckpointError) in
      var plan = ConversionPlan(
        source: source, destination: output, isDirectory: false, options: options)
      plan.files = [
        ConversionPlan.File(name: unit.destination, contents: .copy(of: unit.source))
      ]
      plan.isPlaceNew = isPlaceNew
      plan.report.isCopyWithoutTensors = hasNoTensors
      return try plan.execute()
    }
    record.byteCount = outcome.byteCount
    record.outcome = .converted
    return outcome
  }

  /// The number of bytes that are compared at a time.
  private static let blockByteCount = 1 << 20

  /// Whether the destination has the bytes of the source.
  private func isCopied(_ unit: ConversionUnit) throws(CheckpointError) -> Bool {
    let original = try InputFile(unit.source, in: source)
    guard unit.destination.kind(in: destination) == .file else { return false }
    let copy = try InputFile(unit.destination, in: destination)
    guard original.byteCount == copy.byteCount else { return false }
    var offset = 0
    while offset < original.byteCount {
      let count = min(Self.blockByteCount, original.byteCount - offset)
      guard try original.read(at: offset, count: count) == copy.read(at: offset, count: count)
      else {
        return false
      }
      offset += count
    }
    return true
  }
}
