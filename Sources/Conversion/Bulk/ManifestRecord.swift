// SPDX-License-Identifier: Apache-2.0
public import Files
internal import JSONDocument
public import Tensors

/// A line of a manifest: the outcome of a unit (spec/bulk.md, B9 to B13).
public struct ManifestRecord: Sendable {
  /// The outcome of a unit.
  public enum Outcome: String, Sendable, CaseIterable {
    /// The output was written.
    case converted
    /// The output existed, and was correct.
    case unchanged
    /// The unit could not be converted.
    case failed
  }

  /// The path of the unit, below the root of the tree.
  public var source: RelativePath
  /// The path of its output, below the root of the outputs; nil for a directory that cannot be
  /// listed.
  public var destination: RelativePath?
  /// The kind of the unit; nil for a directory that cannot be listed.
  public var kind: ConversionUnit.Kind?
  /// The outcome.
  public var outcome: Outcome
  /// The content digest of the weights of the output.
  public var digest: String?
  /// The size of the output in bytes.
  public var byteCount: Int?
  /// The size and time of the weights before they were read.
  public var stamp: FileStamp?
  /// The fingerprint of the conversion's options.
  public var settings: String
  /// The error of a failed unit.
  public var error: CheckpointError?

  private static let directoryKind = "directory"

  /// The line, with its line feed: strict JSON in ASCII.
  ///
  /// Paths that are not UTF-8 are included as readable text, and again in hexadecimal.
  ///
  /// - Parameter remedyWording: words the remedy of the error.
  public func encoded(
    remedyWording: (CheckpointError.Remedy) -> String = \.description
  ) -> [UInt8] {
    var writer = JSONWriter(
      JSONStyle(indent: nil, escapesNonASCII: true, sortsKeys: false, quotesNonFinite: true))
    writer.beginObject()
    writer.member("source", source.string)
    writer.member("destination", destination?.string)
    writer.member("kind", kind?.rawValue ?? Self.directoryKind)
    writer.member("outcome", outcome.rawValue)
    writer.member("digest", digest)
    writer.member("bytes", byteCount)
    writer.member("source_bytes", stamp?.byteCount)
    writer.member("source_modified", stamp?.modified)
    writer.member("settings", settings)
    writer.member("error", error?.description)
    writer.member("hint", error?.advice(wording: remedyWording))
    if !source.isText {
      writer.member("source_hex", Self.hexadecimal(source.bytes))
      writer.member("destination_hex", destination.map { Self.hexadecimal($0.bytes) })
    }
    writer.endObject()
    return writer.finish() + [UInt8(ascii: "\n")]
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
