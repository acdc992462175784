// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
public import Tensors

extension Finding {
  /// A change of the files that resolves a finding and keeps what the adapter computes.
  public enum Repair: Sendable, Hashable {
    /// Gives a tensor of the weights the name that PEFT expects.
    case renameTensor(from: TensorName, to: TensorName)
    /// Leaves out a tensor that no loader of adapters reads.
    case removeTensor(TensorName)
    /// Removes a key of the config.
    case removeKey(String)
    /// Sets a key of the config.
    case setKey(String, to: JSONValue)
    /// Sets an entry of the metadata of the weights.
    case setMetadata(key: String, to: String)
    /// Writes the weights again, in the format that PEFT expects under a name, and under that name.
    case writeWeights(as: String)
    /// Removes a file of the directory that nothing reads.
    case removeFile(String)
    /// Writes the index of the shards from the shards themselves.
    case rewriteIndex
  }

  /// The renames of tensors among the repairs.
  public var renames: [(from: TensorName, to: TensorName)] {
    repairs.compactMap { repair in
      guard case .renameTensor(let from, let to) = repair else { return nil }
      return (from, to)
    }
  }

  /// The tensors that the repairs leave out.
  public var removals: [TensorName] {
    repairs.compactMap { repair in
      guard case .removeTensor(let name) = repair else { return nil }
      return name
    }
  }
}
