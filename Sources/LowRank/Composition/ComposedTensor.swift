// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A tensor that is made of views of others when it is read: transposed, scaled, padded with zeros
/// or put together from several (spec/low-rank.md, U27).
public struct ComposedTensor: Sendable {
  /// A view at a place of the tensor.
  public struct Piece: Sendable {
    /// The elements.
    public let view: FactorView
    /// The place of its first element in the grid, by dimension.
    public let offsets: [Int]
    /// What each element is multiplied by.
    public let factor: Double

    /// Places a view.
    ///
    /// - Parameters:
    ///   - view: the elements.
    ///   - offsets: the place of its first element, one number for each dimension; nil for the
    ///     origin.
    ///   - factor: what each element is multiplied by; 1 changes no bits.
    public init(_ view: FactorView, at offsets: [Int]? = nil, factor: Double = 1) {
      self.view = view
      self.offsets = offsets ?? view.sizes.map { _ in 0 }
      self.factor = factor
    }
  }

  /// Where the elements come from.
  enum Content: Sendable {
    case pieces([Piece])
    case values([Double])
  }

  /// The name in the archive.
  public let name: String
  /// The element type.
  public let dtype: DType
  /// The shape.
  public let shape: [Int]
  /// The dimensions in which the pieces are placed.
  let grid: [Int]
  let content: Content

  /// Describes a tensor of several pieces, which do not overlap.
  ///
  /// - Parameters:
  ///   - name: the name in the file.
  ///   - dtype: the element type, to which elements are cast.
  ///   - shape: the shape, outermost dimension first.
  ///   - grid: the dimensions in which the pieces are placed; nil for the shape. Its elements in
  ///     row-major order are those of the tensor.
  ///   - pieces: the pieces, each of as many dimensions as the grid. Elements that none covers are 0.
  public init(
    _ name: String, dtype: DType, shape: [Int], grid: [Int]? = nil, pieces: [Piece]
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.grid = grid ?? shape
    content = .pieces(pieces)
  }

  /// Describes a tensor that is one view.
  ///
  /// - Parameters:
  ///   - name: the name in the file.
  ///   - view: the elements.
  ///   - dtype: the element type; nil for that of the view.
  ///   - shape: the shape, of as many elements; nil for that of the view.
  ///   - factor: what each element is multiplied by; 1 changes no bits.
  public init(
    _ name: String, _ view: FactorView, dtype: DType? = nil, shape: [Int]? = nil,
    factor: Double = 1
  ) {
    self.init(
      name, dtype: dtype ?? view.dtype, shape: shape ?? view.sizes, grid: view.sizes,
      pieces: [Piece(view, factor: factor)])
  }

  /// Describes a tensor of constants, such as an α.
  ///
  /// - Parameters:
  ///   - name: the name in the file.
  ///   - dtype: the element type, to which the values are cast.
  ///   - shape: the shape, of as many elements as there are values.
  ///   - values: the elements in row-major order.
  public init(_ name: String, dtype: DType, shape: [Int], values: [Double]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    grid = shape
    content = .values(values)
  }

  /// The most elements of a tensor for each that its largest view has.
  private static let largestPadding = 1 << 14

  /// The views of the tensor.
  var pieces: [Piece] {
    if case .pieces(let pieces) = content { pieces } else { [] }
  }

  /// Describes the tensor.
  ///
  /// - Throws: `invalidArgument` for pieces that are not inside the grid, a grid of another number of
  ///   elements than the shape; `unsupported` for a cast that does not exist.
  func checkedInfo() throws(CheckpointError) -> TensorInfo {
    let tensorName = TensorName(name)
    guard shape.allSatisfy({ $0 >= 0 }), grid.allSatisfy({ $0 >= 0 }),
      let count = FactorView.product(shape), count == FactorView.product(grid)
    else { throw .invalidArgument("the shape \(shape) has other elements than \(grid)") }
    if case .values(let values) = content, values.count != count {
      throw .invalidArgument("\(values.count) values do not fill the shape \(shape)")
    }
    for piece in pieces {
      let sizes = piece.view.sizes
      guard sizes.count == grid.count, piece.offsets.count == grid.count,
        zip(zip(piece.offsets, sizes), grid).allSatisfy({
          $0.0 >= 0 && $0.1 <= $1 && $0.0 <= $1 - $0.1
        })
      else {
        throw .invalidArgument("a view of \(sizes) at \(piece.offsets) is outside \(grid)")
          .naming(tensor: tensorName)
      }
      do throws(CheckpointError) {
        _ = try ElementScaling(from: piece.view.dtype, to: dtype, factor: piece.factor)
      } catch {
        throw error.naming(tensor: tensorName)
      }
    }
    // Ranks out of a file may differ by any number: padding has its limit, too.
    let covered = pieces.reduce(0) { max($0, $1.view.elementCount) }
    if case .pieces = content {
      guard count / Self.largestPadding <= max(covered, Self.largestPadding) else {
        throw CheckpointError(
          .unsupported, "the shape \(Shape(shape)) would be zeros but for \(covered) elements",
          tensor: tensorName)
      }
    }
    return try TensorInfo(name: tensorName, dtype: dtype, shape: Shape(shape))
  }
}
