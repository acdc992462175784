// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import PEFT
internal import Tensors

/// The figures of the weight changes of an adapter.
struct ModuleFigures: Sendable {
  /// The modules, in the order of the file.
  private(set) var modules: [ModuleStatistics] = []
  /// Why the figures of some modules, or of all, are absent: the first reason.
  private(set) var failure: CheckpointError?
  /// The number of modules without figures for that reason.
  private(set) var failureCount = 0
  /// The number of modules.
  private(set) var moduleCount = 0

  /// Reads the factors of all modules and computes their figures.
  ///
  /// - Returns: nil for a method whose changes are not computed.
  /// - Throws: what reading throws where the machine is at fault; faults of the contents are kept.
  /// - Complexity: as that of `AdapterUpdates.statistics(of:)` for each module.
  init?(of adapter: Adapter) throws(CheckpointError) {
    do throws(CheckpointError) {
      guard let updates = try AdapterUpdates(adapter) else { return nil }
      moduleCount = updates.modules.count
      for module in updates.modules {
        do throws(CheckpointError) {
          modules.append(try updates.statistics(of: module))
        } catch {
          guard !error.isOfMachine else { throw error }
          failure = failure ?? error
          failureCount += 1
        }
      }
    } catch {
      guard !error.isOfMachine else { throw error }
      failure = error
    }
  }

  /// The figures by layer.
  var grids: [LayerGrid] {
    LayerGrid.grids(
      of: modules.map { module in
        LayerGrid.Entry(
          name: module.name, norm: module.statistics?.norm,
          figure: module.statistics?.effectiveRank)
      })
  }

  /// The modules with a norm.
  var measured: [(name: String, norm: Double)] {
    modules.compactMap { module in
      module.statistics?.norm.flatMap { $0.isFinite ? (module.name, $0) : nil }
    }
  }

  /// The norm of all changes together; nil if none has one.
  var norm: Double? {
    let measured = measured
    guard !measured.isEmpty else { return nil }
    var squares = ScaledSquares()
    for module in measured { squares.add(module.norm) }
    return squares.norm
  }

  /// The mean effective rank; nil if none has one.
  var effectiveRank: Double? {
    let ranks = modules.compactMap { $0.statistics?.effectiveRank }.filter(\.isFinite)
    return ranks.isEmpty ? nil : ranks.reduce(0, +) / Double(ranks.count)
  }
}

extension CheckpointError {
  /// Whether reading failed, or was stopped, for a reason that lies outside the file.
  ///
  /// A page that told such a failure as a fault of the contents would be wrong, and incomplete.
  var isOfMachine: Bool { code == .system || code == .interrupted }
}
