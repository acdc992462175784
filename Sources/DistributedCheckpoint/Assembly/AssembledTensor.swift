// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import Tensors

/// A tensor that is put together from the tiles that fill it.
struct AssembledTensor: Sendable {
  /// The tensor.
  let info: TensorInfo
  /// The sizes that the tiles divide: those of the tensor, or its number of elements.
  let grid: [Int]
  /// The size of an element of the tiles, in bytes.
  let elementByteCount: Int
  /// The tiles that have elements, in the order of their first elements.
  let tiles: [TensorTile]
  /// Whether the elements of each tile are consecutive, so that the tiles follow each other.
  let isSequence: Bool
  /// The cast of the elements; nil where they are not changed.
  let cast: Cast?
  /// The first tensor of the archive that is the same.
  var alias: Int?

  /// Describes a tensor.
  ///
  /// - Parameters:
  ///   - grid: the sizes that the tiles divide, in elements of `elementByteCount` bytes.
  ///   - tiles: tiles that `Tiling` has checked.
  init(
    _ info: TensorInfo, grid: [Int], elementByteCount: Int, tiles: [TensorTile], cast: Cast? = nil
  ) {
    self.info = info
    self.grid = grid
    self.elementByteCount = elementByteCount
    let places = tiles.filter { !$0.box.isEmpty }.map { ($0.box.position(in: grid), $0) }
    self.tiles = places.sorted { $0.0 < $1.0 }.map(\.1)
    isSequence = self.tiles.allSatisfy { $0.box.isConsecutive(in: grid) }
    self.cast = cast
  }
}
