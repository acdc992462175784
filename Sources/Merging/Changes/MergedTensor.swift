// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import LowRank
public import Tensors

/// A tensor of a merged model: which tensor of the base model it starts from, and how its rows
/// change. Nothing is read before the tensor is written.
///
/// The tensor is seen as a matrix [rows, width] of its elements in row-major order. Its regions are
/// ranges of these rows: all rows of a linear layer or a convolution, those of one expert of a stack,
/// the upper or lower half of a fused weight. Rows outside all regions keep their bits.
public struct MergedTensor: Sendable {
  /// The name in the merged model. If the base model has a tensor of this name, it is replaced;
  /// otherwise the tensor is added.
  public var name: TensorName
  /// The element type, which is that of the source if there is one.
  public var dtype: DType
  /// The dimensions in the merged model, outermost first.
  public var shape: [Int]
  /// The tensor of the base model that the elements start from; nil for a tensor whose regions are
  /// replaced throughout.
  ///
  /// The merged tensor may have more rows than the source: regions that start below the last row of
  /// the source are replaced by new rows, such as those of an embedding that grows. It may have another
  /// name: the weight of an output layer that the base model ties to its embedding is a changed copy of
  /// the embedding.
  public var source: Int?
  /// The number of columns of the matrix.
  public var width: Int
  /// The ranges of rows that change, which do not overlap, in any order.
  public var regions: [MergedRegion]

  /// Describes a tensor.
  ///
  /// - Parameters:
  ///   - name: the name in the merged model.
  ///   - dtype: the element type.
  ///   - shape: the dimensions, outermost first.
  ///   - source: the index in the base model's archive of the tensor that the elements start from.
  ///   - width: the number of columns of the matrix, a divisor of the number of elements; nil for all
  ///     dimensions but the first.
  ///   - regions: the ranges of rows that change.
  public init(
    name: TensorName, dtype: DType, shape: [Int], source: Int?, width: Int? = nil,
    regions: [MergedRegion]
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.source = source
    self.width = width ?? FactorView.product(Array(shape.dropFirst())) ?? 0
    self.regions = regions
  }

  /// Describes a changed tensor of the base model, with its name, type and shape.
  ///
  /// - Parameters:
  ///   - archive: the tensors of the base model.
  ///   - index: the index of the tensor.
  ///   - width: the number of columns of the matrix; nil for all dimensions but the first.
  ///   - regions: the ranges of rows that change.
  /// - Throws: `unsupported` for dimensions above 63 bits.
  public init(
    changing archive: any TensorArchive, at index: Int, width: Int? = nil, regions: [MergedRegion]
  ) throws(CheckpointError) {
    let info = archive.tensor(at: index)
    let shape = info.shape.dimensions.compactMap { Int(exactly: $0) }
    guard shape.count == info.shape.rank else {
      throw CheckpointError(
        .unsupported, "cannot be merged into: its shape is \(info.shape)", path: archive.path,
        tensor: info.name)
    }
    self.init(
      name: info.name, dtype: info.dtype, shape: shape, source: index, width: width,
      regions: regions)
  }

  /// The number of rows of the matrix.
  public var rowCount: Int {
    guard width > 0, let count = FactorView.product(shape) else { return 0 }
    return count / width
  }
}

/// Rows of a merged tensor that change together.
public struct MergedRegion: Sendable {
  /// The name of the module or parameter in the base model, for reports.
  public var module: String
  /// The rows of the matrix.
  public var rows: Range<Int>
  /// The changes, one after the other. The elements are rounded to the dtype of the tensor after each,
  /// as PEFT does when it merges one adapter after another.
  public var changes: [MergedChange]

  /// Describes rows that change together.
  ///
  /// - Parameters:
  ///   - module: the name of the module or parameter in the base model.
  ///   - rows: the rows of the matrix.
  ///   - changes: the changes, one after the other.
  public init(module: String, rows: Range<Int>, changes: [MergedChange]) {
    self.module = module
    self.rows = rows
    self.changes = changes
  }
}
