// SPDX-License-Identifier: Apache-2.0
public import LowRank
public import Tensors

/// A change of the rows of a region. Factors are read when the region is written, and released after
/// it.
public struct MergedChange: Sendable {
  /// What happens to the rows.
  public enum Kind: Sendable {
    /// Adds a product of two factors, and normalizes the sum if there are magnitudes (LoRA, DoRA).
    case product(LowRankProduct)
    /// Changes the rows in another way. The closure reads the factors.
    case other(@Sendable () throws(CheckpointError) -> WeightChange)
    /// Replaces all rows by the elements of a view, [rows, width] in row-major order, cast to the dtype
    /// of the tensor.
    case replacement(FactorView)
    /// Replaces some rows: row i of the region is number n of the view, [indices, width], if `indices[n]`
    /// is i. Of an index that is there twice the last counts.
    case rows([Int], FactorView)
  }

  /// The number of roundings to the dtype of the tensor, where a sum is rounded.
  public enum Rounding: Sendable, Hashable {
    /// W + Δ is computed in F32 (F64 for an F64 weight), and rounded once.
    case once
    /// Δ is rounded to the dtype of the weight before it is added, and the sum is rounded, too.
    case deltaFirst
  }

  /// What happens to the rows.
  public var kind: Kind
  /// How the sum is rounded; of no effect on replaced rows.
  public var rounding: Rounding
  /// The number of the adapter, in the order of merging, for reports.
  public var adapter: Int

  /// Describes a change.
  ///
  /// - Parameters:
  ///   - kind: what happens to the rows.
  ///   - rounding: how a sum is rounded.
  ///   - adapter: the number of the adapter.
  public init(_ kind: Kind, rounding: Rounding = .once, adapter: Int = 0) {
    self.kind = kind
    self.rounding = rounding
    self.adapter = adapter
  }
}

/// A sum of products of two factors, Δ = Σ s · left · right, which is added to a weight in its stored
/// layout, and how the sum is normalized.
public struct LowRankProduct: Sendable {
  /// A product of two factors.
  public struct Term: Sendable {
    /// The left factor, [rows of the region, r]: B of a linear layer; Aᵀ of an embedding, a `Conv1D` or
    /// a transposed stack of experts.
    public let left: FactorView
    /// The right factor, [r, width]: A of a linear layer; Bᵀ of the others.
    public let right: FactorView
    /// What the product is multiplied by.
    public let scale: Double

    /// Describes a product.
    ///
    /// - Parameters:
    ///   - left: the left factor, [rows of the region, r].
    ///   - right: the right factor, [r, width].
    ///   - scale: what the product is multiplied by.
    public init(left: FactorView, right: FactorView, scale: Double) {
      self.left = left
      self.right = right
      self.scale = scale
    }
  }

  /// The axis of DoRA's magnitudes.
  public enum Axis: Sendable, Hashable {
    /// A magnitude for each row of the region: linear layers and convolutions.
    case rows
    /// A magnitude for each column: embeddings and `Conv1D`, whose norms need all rows first.
    case columns
  }

  /// The products, which are added up before the only rounding: one for each adapter.
  public var terms: [Term]
  /// DoRA's magnitudes m, one for each index of the axis, [count]: the result is
  /// m · (W + Δ) / ‖W + Δ‖. Nil for none.
  public var magnitudes: FactorView?
  /// The axis of the magnitudes.
  public var axis: Axis

  /// Describes a sum of products.
  ///
  /// - Parameters:
  ///   - terms: the products; at least one.
  ///   - magnitudes: DoRA's magnitudes; nil for none.
  ///   - axis: their axis.
  public init(_ terms: [Term], magnitudes: FactorView? = nil, axis: Axis = .rows) {
    self.terms = terms
    self.magnitudes = magnitudes
    self.axis = axis
  }
}
