// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// Reads rows of a parameter of a model as F64, wherever they are in its files.
struct RowReader {
  /// Rows that are together in one tensor.
  private struct Piece {
    let rows: Range<Int>
    let view: FactorView
    let format: FloatFormat
    /// The place of the first element; nil where rows are gathered.
    let source: GatherSource?
  }

  private var pieces: [Piece] = []
  private let width: Int
  private var scratch: [Double] = []

  /// - Throws: `unsupported` for a dtype that is not computed in, and what reading throws where the
  ///   file does not have the tensor as it is.
  init(_ parameter: StoredParameter) throws(CheckpointError) {
    width = parameter.width
    for (rows, view) in parameter.pieces {
      guard let format = FloatFormat(view.dtype) else {
        throw CheckpointError(
          .unsupported, "is \(view.dtype), not F64, F32, BF16 or F16", path: view.archive.path,
          tensor: view.name)
      }
      pieces.append(
        Piece(
          rows: rows, view: view, format: format,
          source: view.isRowMajor ? try view.source() : nil))
    }
  }

  /// Reads some rows.
  ///
  /// - Parameter values: takes the elements, row-major; it has room for them.
  /// - Throws: `truncated` when a file has shrunk, `system` when reading fails.
  mutating func read(
    _ rows: Range<Int>, into values: inout [Double]
  ) throws(CheckpointError) {
    for piece in pieces {
      let own = rows.clamped(to: piece.rows)
      guard !own.isEmpty else { continue }
      let first = own.lowerBound - piece.rows.lowerBound
      let start = (own.lowerBound - rows.lowerBound) * width
      let count = own.count * width
      if own == rows, let source = piece.source {
        try Self.widen(source, piece, first * width, count, into: &values)
        continue
      }
      if let source = piece.source {
        if scratch.count < count { scratch = [Double](repeating: 0, count: count) }
        try Self.widen(source, piece, first * width, count, into: &scratch)
      } else {
        scratch = try piece.view.subrange(axis: 0, first..<first + own.count)
          .values(in: .float64)
      }
      for index in 0..<count { values[start + index] = scratch[index] }
    }
  }

  private static func widen(
    _ source: GatherSource, _ piece: Piece, _ first: Int, _ count: Int,
    into values: inout [Double]
  ) throws(CheckpointError) {
    let size = piece.format.byteCount
    let offset = (piece.view.start + first) * size
    switch source {
    case .file(let file, let start, _):
      let bytes = try file.read(at: start + offset, count: count * size)
      widenElements(bytes.span.rawBytes, from: piece.format, into: &values)
    case .memory(let bytes):
      widenElements(
        bytes.span.rawBytes.extracting(offset..<offset + count * size), from: piece.format,
        into: &values)
    }
  }
}

/// A parameter of a model as a matrix of its first dimension by the others.
struct StoredParameter: Sendable {
  /// The rows, and the views that have them: [rows, …].
  let pieces: [(rows: Range<Int>, view: FactorView)]
  let rowCount: Int
  let width: Int

  /// The element type of the first piece.
  var dtype: DType { pieces[0].view.dtype }

  /// - Parameter shape: that of the parameter.
  /// - Returns: nil for a parameter whose rows are not told to be in order, and for buffers of integers,
  ///   which are not trained.
  init?(
    _ parts: [StoredPart], _ shape: Shape, of weights: any TensorArchive
  ) throws(CheckpointError) {
    let sizes = shape.dimensions.compactMap { Int(exactly: $0) }
    guard sizes.count == shape.rank, let rowCount = sizes.first, rowCount > 0 else { return nil }
    let width = sizes.dropFirst().reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    guard width > 0 else { return nil }
    self.rowCount = rowCount
    self.width = width
    // Experts in tensors of their own follow each other as rows of the stack.
    let inner = sizes.count > 1 ? sizes[1] : 1
    let isStack = parts.contains { $0.expert != nil }
    var pieces: [(rows: Range<Int>, view: FactorView)] = []
    var covered = 0
    for part in parts {
      guard weights.tensor(at: part.tensor).dtype.isFloatingPoint else { return nil }
      var view = try FactorView(weights, at: part.tensor)
      if part.isTransposed, view.sizes.count >= 2 {
        view = view.transposed(view.sizes.count - 2, view.sizes.count - 1)
      }
      if isStack {
        guard part.rows == nil, part.storedRows == nil, let expert = part.expert,
          view.elementCount == width, inner > 0
        else { return nil }
        view = try view.reshaped([1, width])
        pieces.append((expert..<expert + 1, view))
        covered += 1
        continue
      }
      if let stored = part.storedRows { view = try view.subrange(axis: 0, stored) }
      guard let own = view.sizes.first, view.elementCount == own * width else { return nil }
      let rows = part.rows ?? 0..<own
      guard rows.count == own, rows.upperBound <= rowCount else { return nil }
      pieces.append((rows, view))
      covered += own
    }
    guard covered == rowCount else { return nil }
    self.pieces = pieces.sorted { $0.rows.lowerBound < $1.rows.lowerBound }
  }
}
