public import Files
internal import JSONDocument
public import Tensors

/// A line of a manifest: what became of a unit (spec/bulk.md, B9 to B13).
public struct ManifestRecord: Sendable {
  /// What became of it.
  public enum Outcome: String, Sendable, CaseIterable {
    /// It was written.
    case converted
    /// Its output was there, and was what it converts to.
    case unchanged
    /// It could not be converted.
    case failed
  }

  /// Where it stands, below the root of the tree.
  public var source: RelativePath
  /// Where its output stands, below the root of the outputs; nil for a directory that cannot be
  /// looked into.
  public var destination: RelativePath?
  /// What it is; nil for a directory that cannot be looked into.
  public var kind: ConversionUnit.Kind?
  /// What became of it.
  public var outcome: Outcome
  /// The content digest of the weights of the output.
  public var digest: String?
  /// What was written, in bytes.
  public var byteCount: Int?
  /// The weights as they were before they were read.
  public var stamp: FileStamp?
  /// What was asked of the conversion, as a fingerprint.
  public var settings: String
  /// Why it failed.
  public var error: CheckpointError?

  private static let directoryKind = "directory"

  /// The line, with its end: strict JSON in ASCII.
  ///
  /// Paths that are not UTF-8 stand there as text for people, and once more in hexadecimal.
  public func encoded() -> [UInt8] {
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
    writer.member("hint", error?.hint)
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
