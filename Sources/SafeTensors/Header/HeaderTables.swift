// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The place of the member `__metadata__` in a header.
struct MetadataPlace: Sendable {
  /// From the quote before the name to the end of the value.
  var member: Range<Int>
  /// The range of the value.
  var value: Range<Int>
}

/// The contents of a header in flat tables, without an allocation for each tensor: opening a file
/// of 100,000 tensors costs little more than reading its header.
struct HeaderTables: Sendable {
  /// One tensor.
  struct Entry: Sendable {
    /// The name, as a range of `text`.
    var nameOffset: UInt32
    var nameCount: UInt32
    /// The dimensions: a range of `dimensions`.
    var shapeOffset: UInt32
    var shapeCount: UInt32
    var dtype: DType
    /// The offsets of the data in the data section.
    var begin: UInt
    var end: UInt

    /// Describes a tensor by ranges of `text` and `dimensions`.
    init(name: Range<Int>, shape: Range<Int>, dtype: DType, begin: UInt, end: UInt) {
      // A header has at most 100,000,000 bytes, and decoding never makes a name longer.
      nameOffset = UInt32(name.lowerBound)
      nameCount = UInt32(name.count)
      shapeOffset = UInt32(shape.lowerBound)
      shapeCount = UInt32(shape.count)
      self.dtype = dtype
      self.begin = begin
      self.end = end
    }

    var nameRange: Range<Int> {
      Int(nameOffset)..<Int(nameOffset) + Int(nameCount)
    }

    var shapeRange: Range<Int> {
      Int(shapeOffset)..<Int(shapeOffset) + Int(shapeCount)
    }
  }

  /// The header, followed by the decoded text of names with escapes.
  var text: [UInt8]
  /// The tensors; once validated, sorted by the offsets of their data.
  var entries: [Entry] = []
  /// The dimensions of all tensors, one after another.
  var dimensions: [UInt] = []
  /// `__metadata__`.
  var metadata: ArchiveMetadata?
  /// The place of `__metadata__` in the header, even if it is null; nil when it is absent.
  var metadataPlace: MetadataPlace?

  func name(of entry: Entry) -> TensorName {
    TensorName(String(decoding: text[entry.nameRange], as: UTF8.self))
  }

  func shape(of entry: Entry) -> Shape {
    Shape(Array(dimensions[entry.shapeRange]))
  }

  /// Lends the description of a tensor, once the tables are validated.
  func describeTensor(at index: Int, to body: (TensorDescription) -> Void) {
    let entry = entries[index]
    body(
      TensorDescription(
        name: text.span.extracting(entry.nameRange), dtype: entry.dtype,
        dimensions: dimensions.span.extracting(entry.shapeRange),
        byteCount: Int(entry.end - entry.begin), dataOffsets: Int(entry.begin)..<Int(entry.end)))
  }

  /// Whether these are the same tensors at the same offsets; ignored fields may differ.
  func describesSameTensors(as other: HeaderTables) -> Bool {
    guard entries.count == other.entries.count else { return false }
    return entries.indices.allSatisfy { index in
      let (left, right) = (entries[index], other.entries[index])
      return left.dtype == right.dtype && left.begin == right.begin && left.end == right.end
        && text[left.nameRange].elementsEqual(other.text[right.nameRange])
        && dimensions[left.shapeRange].elementsEqual(other.dimensions[right.shapeRange])
    }
  }
}
