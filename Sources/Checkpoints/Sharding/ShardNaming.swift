// SPDX-License-Identifier: Apache-2.0
public import Archives

/// The names of a checkpoint's files: `model.safetensors` for a single file,
/// `model-00001-of-00003.safetensors` and `model.safetensors.index.json` for shards
/// (spec/shards.md, H21).
public struct ShardNaming: Sendable, Hashable {
  /// The start of the names, such as `model`.
  public let stem: String
  /// The extension of the weights, without the dot.
  public let fileExtension: String

  /// Creates names from a stem and an extension.
  public init(stem: String, fileExtension: String) {
    self.stem = stem
    self.fileExtension = fileExtension
  }

  /// The names that transformers gives the weights of a model in a format, such as
  /// `model.safetensors`; nil for formats that it does not load.
  public init?(modelIn format: any CheckpointFormat) {
    guard let stem = format.modelStem else { return nil }
    self.init(stem: stem, fileExtension: String(format.fileExtension.dropFirst()))
  }

  /// The names of models in all formats, in the order in which transformers looks for them.
  public static let models = CheckpointFormats.all.compactMap { ShardNaming(modelIn: $0) }

  /// The name of the weights in one file.
  public var wholeName: String { stem + "." + fileExtension }

  /// The name of the index of shards.
  public var indexName: String { wholeName + ShardIndex.nameSuffix }

  /// The name of a shard, whose number counts from 0.
  public func shardName(_ number: Int, of count: Int) -> String {
    "\(stem)-\(Self.digits(number + 1))-of-\(Self.digits(count)).\(fileExtension)"
  }

  /// Whether a name is one of these: of a single file, a shard or an index.
  public func covers(_ name: String) -> Bool {
    var rest = Array(name.utf8)[...]
    guard rest.starts(with: stem.utf8) else { return false }
    rest.removeFirst(stem.utf8.count)
    if rest.first == UInt8(ascii: "-") {
      for separator in ["-", "-of-"] {
        guard rest.starts(with: separator.utf8) else { return false }
        rest.removeFirst(separator.utf8.count)
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard digits.count >= Self.digitCount else { return false }
        rest.removeFirst(digits.count)
      }
    }
    let ending = "." + fileExtension
    return rest.elementsEqual(ending.utf8)
      || rest.elementsEqual((ending + ShardIndex.nameSuffix).utf8)
  }

  private static let digitCount = 5

  /// A number of at least five digits, with leading zeros.
  private static func digits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, digitCount - digits.utf8.count)) + digits
  }
}
