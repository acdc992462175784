// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The description of a tensor in a header (spec/gguf.md, GG9 and GG10).
struct GGUFDescription {
  let name: TensorName
  let dtype: DType
  /// Row-major, outermost first; a file has the innermost first.
  let shape: Shape
  /// The offset of the data in the data section.
  let dataOffset: UInt64
  /// The offset of the description in the file.
  let offset: Int

  /// Reads a description.
  ///
  /// - Throws: `malformed`, with the tensor, for a name that is not UTF-8 and for too many dimensions;
  ///   `unsupported` for an unknown type; else as the cursor.
  init(parsing cursor: inout GGUFCursor) throws(CheckpointError) {
    offset = cursor.position
    let place = try cursor.readText()
    guard let text = String(utf8: cursor.bytes.span.extracting(place)) else {
      throw .malformed("the name of a tensor is not UTF-8", at: offset)
    }
    name = TensorName(text)
    do throws(CheckpointError) {
      let start = cursor.position
      let rank = try cursor.read(UInt32.self)
      guard rank <= UInt32(GGUFHeader.mostDimensions) else {
        throw .malformed(
          "has \(rank) dimensions, and GGUF allows \(GGUFHeader.mostDimensions)", at: start)
      }
      var dimensions: [UInt] = []
      dimensions.reserveCapacity(Int(rank))
      for _ in 0..<rank { dimensions.append(UInt(try cursor.read(UInt64.self))) }
      dimensions.reverse()
      shape = Shape(dimensions)
      let typeStart = cursor.position
      let number = try cursor.read(UInt32.self)
      guard let dtype = DType(ggufNumber: number) else {
        throw CheckpointError(
          .unsupported, "unknown tensor type \(number)", offset: typeStart,
          hint: "the file is of a newer or much older llama.cpp; convert the model again")
      }
      self.dtype = dtype
      dataOffset = try cursor.read(UInt64.self)
    } catch {
      throw error.naming(tensor: name)
    }
  }
}

extension DType {
  /// The dtype of a tensor type, by its number in files; nil for numbers without a type.
  init?(ggufNumber number: UInt32) {
    guard let match = Self.ggufNumbers.first(where: { $0.number == number }) else { return nil }
    self = match.dtype
  }

  /// The number of the dtype in files; nil for dtypes that GGUF lacks.
  var ggufNumber: UInt32? { Self.ggufNumbers.first { $0.dtype == self }?.number }

  /// The numbers of `ggml_type`. Missing ones were types of earlier releases.
  private static let ggufNumbers: [(number: UInt32, dtype: DType)] = [
    (0, .float32), (1, .float16), (2, .q4_0), (3, .q4_1), (6, .q5_0), (7, .q5_1), (8, .q8_0),
    (9, .q8_1), (10, .q2_K), (11, .q3_K), (12, .q4_K), (13, .q5_K), (14, .q6_K), (15, .q8_K),
    (16, .iq2_XXS), (17, .iq2_XS), (18, .iq3_XXS), (19, .iq1_S), (20, .iq4_NL), (21, .iq3_S),
    (22, .iq2_S), (23, .iq4_XS), (24, .int8), (25, .int16), (26, .int32), (27, .int64),
    (28, .float64), (29, .iq1_M), (30, .bfloat16), (34, .tq1_0), (35, .tq2_0), (39, .mxfp4),
    (40, .nvfp4), (41, .q1_0),
  ]
}
