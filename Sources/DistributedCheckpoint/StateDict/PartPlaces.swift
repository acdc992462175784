// SPDX-License-Identifier: Apache-2.0
internal import Files
public import Tensors

/// The places that the metadata of a checkpoint of torch.distributed.checkpoint name: what `torch.load`
/// reads of each file.
public struct PartPlaces: Sendable {
  /// A place: the bytes of a shard, or of a value that is not a tensor.
  public struct Place: Sendable, Hashable {
    /// The bytes of the file.
    public let range: Range<Int>
    /// The first transform of the bytes, such as a compression; nil for what `torch.save` wrote.
    public let transform: String?
  }

  private var places: [UTF8Text: [Place]] = [:]

  /// Reads the metadata in the directory of a file. No code in them is run.
  ///
  /// - Parameter path: the path of the file.
  /// - Returns: nil when the directory has none.
  /// - Throws: `unrecognized`, `truncated` or `malformed` when they cannot be read as metadata.
  /// - Complexity: O(metadata · log metadata).
  public init?(nextTo path: String) throws(CheckpointError) {
    let name = StateDictReader.fileName(of: path)
    let directory = String(path.dropLast(name.count))
    guard let file = try InputFile(existing: directory + StateDictReader.metadataName) else {
      return nil
    }
    for place in try StateDictMetadata(file).places.values {
      places[UTF8Text(place.fileName), default: []].append(
        Place(range: place.start..<place.start + place.byteCount, transform: place.transform))
    }
    for key in places.keys {
      places[key]?.sort {
        ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
      }
    }
  }

  /// Whether the metadata name a file.
  public func names(_ path: String) -> Bool {
    places[UTF8Text(StateDictReader.fileName(of: path))] != nil
  }

  /// The places in a file, in the order of their first bytes.
  public func places(in path: String) -> [Place] {
    places[UTF8Text(StateDictReader.fileName(of: path))] ?? []
  }
}
