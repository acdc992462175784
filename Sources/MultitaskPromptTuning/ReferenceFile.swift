// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
internal import Files
public import PEFT
public import Tensors

/// A file of reference outputs: cases with the input and the output of a forward
/// (spec/reference-outputs.md, F1 to F8).
public struct ReferenceFile: Sendable {
  /// The file.
  public let archive: any TensorArchive
  /// The cases, by name in byte order; at least one.
  public let cases: [Case]

  /// A case: the indices of its tensors in the file.
  public struct Case: Sendable {
    /// The name: the part of its tensors' names before the last dot.
    public let name: String
    /// `NAME.output`, [B, L, D] in F32, F64, BF16 or F16.
    public let output: TensorInfo

    let outputIndex: Int
    let taskIDs: Int
    let indices: Int?
  }

  /// Opens a file and finds its cases.
  ///
  /// - Throws: `missing` when there is no case, or a case lacks a tensor; what opening the file
  ///   throws.
  /// - Complexity: O(tensors · log tensors).
  public init(path: String) throws(CheckpointError) {
    archive = try Checkpoint.open(path: path)
    do throws(CheckpointError) {
      cases = try Self.findCases(in: archive)
    } catch {
      throw error.inFile(path)
    }
  }

  private static func findCases(
    in archive: any TensorArchive
  ) throws(CheckpointError) -> [Case] {
    let names = Set(archive.tensors.compactMap { caseName(of: $0.name) })
    guard !names.isEmpty else {
      throw CheckpointError(
        .missing, "has no reference cases",
        hint: "a case NAME has the tensors NAME.task_ids and NAME.output")
    }
    var cases: [Case] = []
    for name in names.sorted() {
      let output = try index(of: "output", of: name, in: archive)
      cases.append(
        Case(
          name: name.string, output: archive.tensor(at: output), outputIndex: output,
          taskIDs: try index(of: "task_ids", of: name, in: archive),
          indices: archive.index(of: TensorName("\(name).indices"))))
    }
    return cases
  }

  /// The name of the case whose output a tensor is; nil for other tensors.
  ///
  /// The dot is found as a byte: a Swift character can combine it with the marks that follow, and
  /// the case would be missed.
  private static func caseName(of tensor: TensorName) -> TensorName? {
    let bytes = tensor.string.utf8
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    let suffix = bytes[dot...].dropFirst()
    guard ["output", "task_ids"].contains(where: { suffix.elementsEqual($0.utf8) }) else {
      return nil
    }
    return TensorName(String(tensor.string[..<dot]))
  }

  private static func index(
    of suffix: String, of name: TensorName, in archive: any TensorArchive
  ) throws(CheckpointError) -> Int {
    guard let index = archive.index(of: TensorName("\(name).\(suffix)")) else {
      throw CheckpointError(.missing, "case \(name) has no \(name).\(suffix)")
    }
    return index
  }

  /// Reads the input of a case, and checks it against the sizes of an adapter.
  ///
  /// - Throws: `mismatch` for tensors of the wrong dtype or shape, `invalidArgument` for ids out of
  ///   range.
  /// - Complexity: O(B · L).
  public func input(
    of reference: Case, for dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) -> PromptInput {
    do throws(CheckpointError) {
      let shape = reference.output.shape
      guard shape.rank == 3, shape.dimensions[2] == UInt(dimensions.tokenDimension),
        let batchCount = Int(exactly: shape.dimensions[0]),
        let sequenceLength = Int(exactly: shape.dimensions[1])
      else {
        throw CheckpointError(
          .mismatch,
          "has the shape \(shape), but the adapter computes [B, L, \(dimensions.tokenDimension)]",
          tensor: reference.output.name)
      }
      var indices: [Int]?
      if let place = reference.indices {
        indices = try archive.integers(at: place, shape: [UInt(batchCount), UInt(sequenceLength)])
      }
      return try PromptInput(
        taskIDs: archive.integers(at: reference.taskIDs, shape: nil), indices: indices,
        batchCount: batchCount, sequenceLength: sequenceLength, for: dimensions)
    } catch {
      throw error.inContext("case \(reference.name)").inFile(archive.path)
    }
  }
}
