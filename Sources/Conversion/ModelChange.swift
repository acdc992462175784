// SPDX-License-Identifier: Apache-2.0
public import Archives
public import JSONDocument
public import Tensors

/// What is done to a model while it is converted, such as merging an adapter into it.
///
/// It applies to the outermost model of a directory, to an index of shards or to a weights file;
/// everything else is converted or copied as without it.
public protocol ModelChange: Sendable {
  /// The tensors that are converted in place of those of the model, in the order of the file. They may
  /// have other dtypes, shapes and numbers. Each has a location in a file of the model, with whose
  /// tensors it is written.
  ///
  /// - Throws: what keeps the change from being made. Nothing has been written then.
  func change(_ weights: any TensorArchive) throws(CheckpointError) -> any TensorArchive

  /// The config of the changed model.
  ///
  /// - Parameter config: the content of `config.json`.
  /// - Returns: nil for the same config, which is copied with its bytes.
  func change(_ config: JSONObject) throws(CheckpointError) -> JSONObject?

  /// Files that are written next to the weights, each with a name that the model's directory does not
  /// have.
  var newFiles: [(name: String, bytes: [UInt8])] { get }
}

extension ModelChange {
  /// The same config.
  public func change(_ config: JSONObject) throws(CheckpointError) -> JSONObject? { nil }

  /// None.
  public var newFiles: [(name: String, bytes: [UInt8])] { [] }

  /// The bytes of a changed config.
  ///
  /// - Returns: nil for a config that does not change.
  func changed(config bytes: [UInt8]) throws(CheckpointError) -> [UInt8]? {
    guard let config = try JSONValue(parsing: bytes).object, let changed = try change(config) else {
      return nil
    }
    return JSONValue.object(changed).encoded(.python()) + [UInt8(ascii: "\n")]
  }
}
