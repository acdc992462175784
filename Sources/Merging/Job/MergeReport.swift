// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// What a merge did to each module, and how much of each adapter survived (spec/merging.md, MG10 to
/// MG13).
public struct MergeReport: Sendable {
  /// What became of a change of a module.
  public struct Module: Sendable {
    /// The change and its module.
    public let module: MergedModule
    /// What is left of the change; nil for values that were replaced.
    public let survival: Survival?
    /// Whether all elements are finite.
    public let isFinite: Bool

    /// Describes what became of a change.
    init(module: MergedModule, survival: Survival?, isFinite: Bool) {
      self.module = module
      self.survival = survival
      self.isFinite = isFinite
    }
  }

  /// Modules of one kind, such as all `q_proj`.
  public struct Kind: Sendable {
    /// The last part of the names: `q_proj`.
    public let name: String
    /// The number of changes.
    public internal(set) var count = 0
    /// What is left of all of them.
    public internal(set) var survival = Survival()
    /// The least kept share of a change; nil where no change has one.
    public internal(set) var leastKept: Double?
  }

  /// A remark on the result that the user should act on.
  public enum Warning: Sendable, Hashable {
    /// Less than 90 % of the changes survive the rounding to a dtype.
    case lost(kept: Double, dtype: DType, modules: Int)
    /// Some elements are NaN or infinite.
    case notFinite(module: String, modules: Int)
  }

  /// The least share of a change that survives without a warning.
  public static let leastKept = 0.9

  /// The changes, in the order of the tensors in the files.
  public let modules: [Module]

  /// Describes what became of changes.
  init(modules: [Module]) {
    self.modules = modules
  }

  /// What is left of all changes together.
  public var total: Survival {
    modules.reduce(into: Survival()) { if let survival = $1.survival { $0 += survival } }
  }

  /// The changes by the kind of module, in the order of the first of each.
  ///
  /// - Complexity: O(modules).
  public var kinds: [Kind] {
    var kinds: [Kind] = []
    var places: [String: Int] = [:]
    for module in modules {
      guard let survival = module.survival else { continue }
      let kind = module.module.kind
      let place = places[kind] ?? kinds.count
      if place == kinds.count {
        places[kind] = place
        kinds.append(Kind(name: kind))
      }
      kinds[place].count += 1
      kinds[place].survival += survival
      if let kept = survival.kept {
        kinds[place].leastKept = min(kept, kinds[place].leastKept ?? kept)
      }
    }
    return kinds
  }

  /// The changes of which less than 90 % survives, the worst first.
  ///
  /// - Complexity: O(modules · log modules).
  public var worst: [Module] {
    let lost = modules.compactMap { module in
      module.survival?.kept.flatMap { $0 < Self.leastKept ? (module, $0) : nil }
    }
    return lost.sorted { $0.1 < $1.1 }.map(\.0)
  }

  /// What the user should act on.
  public var warnings: [Warning] {
    var warnings: [Warning] = []
    let worst = worst
    if let kept = total.kept, kept < Self.leastKept, let dtype = worst.first?.module.dtype {
      warnings.append(.lost(kept: kept, dtype: dtype, modules: worst.count))
    }
    let broken = modules.filter { !$0.isFinite }
    if let first = broken.first {
      warnings.append(.notFinite(module: first.module.name, modules: broken.count))
    }
    return warnings
  }
}

extension MergeReport.Warning {
  /// The dtype that keeps what is lost; nil where nothing is, or no dtype does.
  public var remedy: DType? {
    guard case .lost(_, let dtype, _) = self else { return nil }
    return dtype == .float32 ? .float64 : dtype == .float64 ? nil : .float32
  }
}
