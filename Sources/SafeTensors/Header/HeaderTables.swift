internal import Tensors

/// Where a header spells its member `__metadata__`.
struct MetadataPlace: Sendable {
  /// From the quote before the name to the end of the value.
  var member: Range<Int>
  /// The value.
  var value: Range<Int>
}

/// What a header says, in flat tables: no allocation for each tensor, so that opening a file of
/// 100,000 tensors costs little more than reading its header.
struct HeaderTables: Sendable {
  /// One tensor.
  struct Entry: Sendable {
    /// The name: a range of `text`.
    var nameOffset: UInt32
    var nameCount: UInt32
    /// The extents: a range of `dimensions`.
    var shapeOffset: UInt32
    var shapeCount: UInt32
    var dtype: DType
    /// Where the data stands, relative to the data section.
    var begin: UInt
    var end: UInt

    /// Enters a tensor; the ranges are places in `text` and `dimensions`.
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

  /// The header, followed by the names that had to be decoded.
  var text: [UInt8]
  /// The tensors; sorted by place once validated.
  var entries: [Entry] = []
  /// The extents of all tensors, one after another.
  var dimensions: [UInt] = []
  /// `__metadata__`.
  var metadata: ArchiveMetadata?
  /// Where `__metadata__` is spelled in the header, be it null; nil when it is absent.
  var metadataPlace: MetadataPlace?

  func name(of entry: Entry) -> TensorName {
    TensorName(String(decoding: text[entry.nameRange], as: UTF8.self))
  }

  func shape(of entry: Entry) -> Shape {
    Shape(Array(dimensions[entry.shapeRange]))
  }

  /// Lends what a tensor is, once the tables are validated.
  func describeTensor(at index: Int, to body: (TensorDescription) -> Void) {
    let entry = entries[index]
    body(
      TensorDescription(
        name: text.span.extracting(entry.nameRange), dtype: entry.dtype,
        dimensions: dimensions.span.extracting(entry.shapeRange),
        byteCount: Int(entry.end - entry.begin), dataOffsets: Int(entry.begin)..<Int(entry.end)))
  }

  /// Whether these are the same tensors in the same places, ignored fields aside.
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
