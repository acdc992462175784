// SPDX-License-Identifier: Apache-2.0

/// Where a parameter in memory, or a part of it, is in the files of a model (spec/base-model.md, P34).
///
/// The parameter is a matrix [rows, width], of which a stack has one for each expert; the stored tensor
/// is a matrix, too, whose rows are those of the part.
package struct StoredPart: Sendable, Hashable {
  /// The index of the stored tensor.
  package let tensor: Int
  /// The rows of the stored tensor that belong to the parameter, of its first two dimensions together
  /// where it is a stack; nil for all.
  package var storedRows: Range<Int>?
  /// The number of the expert in the parameter; nil for a tensor with all experts, or a matrix.
  package var expert: Int?
  /// The rows of the parameter, or of the expert; nil for all.
  package var rows: Range<Int>?
  /// Whether the stored tensor has the last two dimensions exchanged.
  package var isTransposed: Bool

  /// Describes a part.
  package init(
    tensor: Int, storedRows: Range<Int>? = nil, expert: Int? = nil, rows: Range<Int>? = nil,
    isTransposed: Bool = false
  ) {
    self.tensor = tensor
    self.storedRows = storedRows
    self.expert = expert
    self.rows = rows
    self.isTransposed = isTransposed
  }
}
