internal import Tensors

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

  func name(of entry: Entry) -> TensorName {
    TensorName(String(decoding: text[entry.nameRange], as: UTF8.self))
  }

  func shape(of entry: Entry) -> Shape {
    Shape(Array(dimensions[entry.shapeRange]))
  }
}
