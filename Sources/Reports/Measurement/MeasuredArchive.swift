// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import Files
internal import Kernels
internal import Synchronization
internal import Tensors

/// An archive that surveys the values of each tensor when they are first read, for whatever reason,
/// so that nothing is read twice for the sake of figures.
final class MeasuredArchive: ArchiveDecorator {
  private struct State {
    var surveys: [ValueSurvey?]
    var histograms: [ValueHistogram]
    /// The sum of the squares of each tensor's values.
    var squares: [Double]
    var values: [Double]
  }

  let base: any TensorArchive
  private let kinds: TensorKinds?
  private let counter: ByteCounter?
  private let state: Mutex<State>

  /// The elements that are decoded at a time.
  private static let pieceCount = 4096

  /// Wraps an archive.
  ///
  /// - Parameters:
  ///   - kinds: the kinds of tensors whose histograms are counted; nil for none.
  ///   - counter: counts the bytes that are read.
  init(_ base: any TensorArchive, kinds: TensorKinds?, counter: ByteCounter?) {
    (self.base, self.kinds, self.counter) = (base, kinds, counter)
    state = Mutex(
      State(
        surveys: Array(repeating: nil, count: base.tensorCount),
        histograms: Array(repeating: ValueHistogram(), count: kinds?.names.count ?? 0),
        squares: Array(repeating: 0, count: kinds == nil ? 0 : base.tensorCount),
        values: Array(repeating: 0, count: kinds == nil ? 0 : Self.pieceCount)))
  }

  /// The place of the data in the base, which does not change it.
  func storedBytes(of index: Int) -> (file: InputFile, range: Range<Int>)? {
    base.storedBytes(of: index)
  }

  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try base.withTensor(at: index) { view throws(CheckpointError) in
      measure(index, view.bytes, isFirst: true)
      return try body(view)
    }
  }

  /// Reads the tensors that nothing has read yet.
  ///
  /// - Returns: a survey of each tensor.
  /// - Throws: what reading the data throws.
  func surveyRest() throws(CheckpointError) -> [ValueSurvey] {
    for index in 0..<tensorCount where base.alias(of: index) == nil {
      guard state.withLock({ $0.surveys[index] == nil }) else { continue }
      var isFirst = true
      do throws(CheckpointError) {
        try base.readTensor(at: index) { piece throws(CheckpointError) in
          measure(index, piece, isFirst: isFirst)
          isFirst = false
        }
      } catch {
        throw error.naming(tensor: base.tensor(at: index).name).inFile(base.path)
      }
    }
    let known = state.withLock { $0.surveys }
    return known.indices.map { index in
      known[index] ?? base.alias(of: index).flatMap { known[$0] }
        ?? ValueSurvey(of: base.tensor(at: index).dtype)
    }
  }

  /// The histogram of each kind, of the tensors that were read.
  var histograms: [ValueHistogram] { state.withLock { $0.histograms } }

  /// The Frobenius norm of each tensor; nil where it is not counted or not a number.
  var norms: [Double?] {
    state.withLock { state in
      guard kinds != nil else { return Array(repeating: nil, count: tensorCount) }
      return state.squares.indices.map { index in
        let place = base.alias(of: index) ?? index
        guard let survey = state.surveys[place], survey.nonFiniteCount == 0,
          (try? Cast(from: base.tensor(at: place).dtype, to: .float64)) != nil
        else { return nil }
        let norm = state.squares[place].squareRoot()
        return norm.isFinite ? norm : nil
      }
    }
  }

  /// Adds bytes of a tensor, unless it was measured before.
  private func measure(_ index: Int, _ bytes: RawSpan, isFirst: Bool) {
    let dtype = base.tensor(at: index).dtype
    state.withLock { state in
      guard !isFirst || state.surveys[index] == nil else { return }
      var survey = state.surveys[index] ?? ValueSurvey(of: dtype)
      survey.add(bytes)
      state.surveys[index] = survey
      counter?.add(bytes.byteCount)
      guard let kinds, base.alias(of: index) == nil,
        let cast = try? Cast(from: dtype, to: .float64)
      else { return }
      state.squares[index] += Self.add(
        bytes, cast, to: &state.histograms[kinds.kinds[index]], &state.values)
    }
  }

  /// Decodes elements and adds them to a histogram.
  ///
  /// - Returns: the sum of their squares.
  private static func add(
    _ bytes: RawSpan, _ cast: Cast, to histogram: inout ValueHistogram, _ values: inout [Double]
  ) -> Double {
    var squares = 0.0
    let (size, unit) = (cast.sourceUnitByteCount, cast.unitElementCount)
    var counts = CastCounts()
    var offset = 0
    while offset < bytes.byteCount {
      let count = min(pieceCount / unit, (bytes.byteCount - offset) / size)
      guard count > 0 else { break }
      var elements = values.mutableSpan
      // SAFETY: every eight bytes are a valid F64.
      var output = unsafe elements.mutableBytes
      // F64 has a number for every element of every dtype.
      try? cast.run(
        bytes.extracting(offset..<offset + count * size), into: &output, counts: &counts)
      squares += histogram.add(values.span.extracting(0..<count * unit))
      offset += count * size
    }
    return squares
  }
}
