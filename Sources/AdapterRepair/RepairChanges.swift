// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Conversion
internal import JSONDocument
internal import PEFT
internal import Tensors

/// The changes that repairs make together.
struct RepairChanges {
  /// The new names of tensors, by their names in the file.
  private(set) var renames: [TensorName: TensorName] = [:]
  /// The tensors to leave out, by their names in the file.
  private(set) var removed: Set<TensorName> = []
  /// The changes of the config, in order.
  private(set) var config: [ConfigChange] = []
  /// The entries of the metadata.
  private(set) var metadata: [ArchiveMetadata.Entry] = []
  /// The name of the weights file; nil for its own.
  private(set) var weightsName: String?
  /// The names of files to leave out.
  private(set) var removedFiles: [String] = []
  /// Whether the index is written again.
  private(set) var rewritesIndex = false

  /// The names that tensors have after the changes.
  private var names: [TensorName: TensorName]

  /// Starts without a change.
  init(of weights: any TensorArchive) {
    names = Dictionary(
      weights.tensors.map { ($0.name, $0.name) }, uniquingKeysWith: { first, _ in first })
  }

  /// Adds all repairs of a finding, or none.
  ///
  /// - Returns: whether they were added: not if a tensor is missing, or would get the name of another.
  mutating func add(_ finding: Finding) -> Bool {
    var changed = self
    for (from, to) in finding.renames {
      guard let origin = changed.names.removeValue(forKey: from) else { return false }
      changed.renames[origin] = to
      changed.pending.append((origin, to))
    }
    for (origin, to) in changed.pending {
      guard changed.names.updateValue(origin, forKey: to) == nil else { return false }
    }
    changed.pending = []
    for repair in finding.repairs {
      if case .removeTensor(let name) = repair {
        guard let origin = changed.names.removeValue(forKey: name) else { return false }
        changed.removed.insert(origin)
      } else {
        changed.add(repair)
      }
    }
    self = changed
    return true
  }

  /// Renames whose new names are not taken yet: names may be exchanged.
  private var pending: [(origin: TensorName, to: TensorName)] = []

  private mutating func add(_ repair: Finding.Repair) {
    switch repair {
    case .renameTensor, .removeTensor: break
    case .removeKey(let key): config.append(.remove(key))
    case .setKey(let key, let value): config.append(.set(key, to: value))
    case .setMetadata(let key, let text):
      metadata.append(ArchiveMetadata.Entry(key: UTF8Text(key), value: text))
    case .writeWeights(let name): weightsName = name
    case .removeFile(let name): removedFiles.append(name)
    case .rewriteIndex: rewritesIndex = true
    }
  }

  /// Whether a repair is among the changes of a model.
  func contains(_ repair: Finding.Repair) -> Bool {
    switch repair {
    case .setMetadata(let key, let text):
      metadata.contains(ArchiveMetadata.Entry(key: UTF8Text(key), value: text))
    case .rewriteIndex: rewritesIndex
    default: false
    }
  }

  /// The format of the weights file to write.
  var format: (any CheckpointFormat)? {
    weightsName.flatMap { name in
      CheckpointFormats.all.first { $0.adapterWeightsName == name }
    }
  }

  /// The weights after the changes.
  func applied(to weights: any TensorArchive) -> any TensorArchive {
    RepairedArchive(
      weights, renames: renames, removed: removed, metadata: metadata, format: format)
  }

  /// The adapter after the changes.
  func applied(to adapter: Adapter) -> Adapter {
    var changed = adapter.config
    for change in config { change.apply(to: &changed) }
    let directory = adapter.directory
    return Adapter(
      directory: AdapterDirectory(
        path: directory.path, weightsName: weightsName ?? directory.weightsName,
        supersededNames: directory.supersededNames.filter { !removedFiles.contains($0) }),
      config: changed, weights: applied(to: adapter.weights))
  }
}
