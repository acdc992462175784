// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// How an adapter is taken out of two models (spec/adapter-algebra.md, AL20 to AL24).
public struct ExtractionOptions: Sendable {
  /// What becomes of tensors that differ and that no low-rank update holds: norms, biases, embeddings.
  public enum Others: Sendable, Hashable {
    /// The extraction fails, and names them.
    case refused
    /// Their modules are saved whole, as the tuned model has them, and biases as they are.
    case saved
    /// They are left out.
    case skipped
  }

  /// The rank of each module, at most.
  public var rank: Int
  /// The share of the squared singular values of a difference that its module keeps, if the rank
  /// allows; nil for the rank alone.
  public var energy: Double?
  /// The seed of the random vectors.
  public var seed: UInt64
  /// The number of random vectors beyond the rank, before it is rounded up to a multiple of 8.
  public var oversampling = 8
  /// How often the vectors are multiplied by the difference and its transpose: more give values that
  /// are close to each other apart.
  public var powerIterations = 2
  /// The dtype of the factors.
  public var dtype: DType
  /// What becomes of other tensors.
  public var others: Others
  /// Where the adapter will be written: the factors wait in a file without a name next to it. They are in
  /// memory without.
  public var output: String?
  /// What the config calls the base model; nil for its path.
  public var baseName: String?

  /// Creates options.
  public init(
    rank: Int, energy: Double? = nil, seed: UInt64 = 0, dtype: DType = .float32,
    others: Others = .refused, output: String? = nil, baseName: String? = nil
  ) {
    self.rank = rank
    self.energy = energy
    self.seed = seed
    self.dtype = dtype
    self.others = others
    self.output = output
    self.baseName = baseName
  }

  /// Checks the numbers.
  ///
  /// - Throws: `invalidArgument`.
  package func check() throws(CheckpointError) {
    guard rank >= 1 else { throw .invalidArgument("a rank must be at least 1, but is \(rank)") }
    if let energy, !(energy > 0 && energy <= 1) {
      throw .invalidArgument("an energy must be above 0 and at most 1, but is \(energy)")
    }
    guard oversampling >= 0, powerIterations >= 0 else {
      throw .invalidArgument("oversampling and power iterations cannot be negative")
    }
  }
}
