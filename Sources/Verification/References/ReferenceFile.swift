// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
internal import Files
public import Tensors

/// A file of reference outputs: cases with what another program computed
/// (spec/reference-outputs.md).
public struct ReferenceFile: Sendable {
  /// The file.
  public let archive: any TensorArchive
  /// The cases, by name in byte order; at least one.
  public let cases: [Case]

  /// A case: tensors of the file.
  public struct Case: Sendable {
    /// The name: the part of its tensors' names before the last dot.
    public let name: String
    /// The parts of the case.
    public let layout: CaseLayout
    /// The tensor that is compared with a computed result.
    public let result: TensorInfo

    /// The indices of its tensors in the file, by part.
    let places: [String: Int]
    var resultIndex: Int { places[layout.result] ?? 0 }
  }

  /// Opens a file and finds its cases.
  ///
  /// - Parameters:
  ///   - path: the safetensors file.
  ///   - layouts: the cases to look for. Other tensors are ignored.
  /// - Throws: `missing` when there is no case, or a case lacks a tensor; what opening the file
  ///   throws.
  /// - Complexity: O(tensors · log tensors).
  public init(path: String, layouts: [CaseLayout]) throws(CheckpointError) {
    archive = try Checkpoint.open(path: path)
    do throws(CheckpointError) {
      cases = try Self.findCases(in: archive, layouts)
    } catch {
      throw error.inFile(path)
    }
  }

  private static func findCases(
    in archive: any TensorArchive, _ layouts: [CaseLayout]
  ) throws(CheckpointError) -> [Case] {
    var names: [CaseLayout: Set<TensorName>] = [:]
    for tensor in archive.tensors {
      guard let (name, part) = split(tensor.name) else { continue }
      for layout in layouts where layout.requiredParts.contains(part) {
        names[layout, default: []].insert(name)
      }
    }
    guard !names.isEmpty else {
      let hint = layouts.map(\.description).joined(separator: ", or ")
      throw CheckpointError(
        .missing, "has no reference cases", hint: "a case NAME has \(hint)")
    }
    var cases: [(TensorName, Case)] = []
    for layout in layouts {
      for name in names[layout, default: []] {
        cases.append((name, try Case(name, layout, in: archive)))
      }
    }
    // Of one name, the cases are in the order of the layouts.
    return cases.enumerated().sorted {
      ($0.element.0, $0.element.1.rank(in: layouts)) < (
        $1.element.0, $1.element.1.rank(in: layouts)
      )
    }.map(\.element.1)
  }

  /// The case and the part of a tensor; nil for a name without a dot.
  ///
  /// The dot is found as a byte: a Swift character can combine it with the marks that follow, and
  /// the case would be missed.
  private static func split(_ tensor: TensorName) -> (name: TensorName, part: String)? {
    let bytes = tensor.string.utf8
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    return (
      TensorName(String(tensor.string[..<dot])),
      String(decoding: bytes[dot...].dropFirst(), as: UTF8.self)
    )
  }
}

extension ReferenceFile.Case {
  fileprivate init(
    _ name: TensorName, _ layout: CaseLayout, in archive: any TensorArchive
  ) throws(CheckpointError) {
    var places: [String: Int] = [:]
    for part in layout.requiredParts.reversed() + layout.optionalInputs {
      places[part] = archive.index(of: TensorName("\(name).\(part)"))
      if places[part] == nil, !layout.optionalInputs.contains(part) {
        throw CheckpointError(.missing, "case \(name) has no \(name).\(part)")
      }
    }
    self.name = name.string
    self.layout = layout
    self.places = places
    result = archive.tensor(at: places[layout.result] ?? 0)
  }

  fileprivate func rank(in layouts: [CaseLayout]) -> Int {
    layouts.firstIndex(of: layout) ?? layouts.count
  }

  /// The position of an element of the result, one index for each dimension.
  public func position(of element: Int) -> [Int] {
    var rest = element
    var position: [Int] = []
    for extent in result.shape.dimensions.reversed() {
      let extent = max(1, Int(clamping: extent))
      position.append(rest % extent)
      rest /= extent
    }
    return position.reversed()
  }
}
