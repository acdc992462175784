// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The α of a module as a tensor of one element, `….alpha` (spec/kohya.md, KO6).
enum AlphaTensor {
  /// Reads an α.
  ///
  /// - Throws: `unsupported` for a tensor of another size or dtype, and for an α that is not finite or
  ///   is 0, which kohya's tools take for the rank, and diffusers for no effect.
  static func value(of index: Int, in archive: any TensorArchive) throws(CheckpointError) -> Double
  {
    let info = archive.tensor(at: index)
    func refusal(_ message: String, hint: String? = nil) -> CheckpointError {
      CheckpointError(
        .unsupported, message, path: archive.path, tensor: info.name, hint: hint)
    }
    guard info.shape.elementCount == 1 else {
      throw refusal("an alpha must be one number, but has the shape \(info.shape)")
    }
    let value = try number(at: index, in: archive)
    guard let value else { throw refusal("an alpha of \(info.dtype) is not supported") }
    guard value.isFinite else { throw refusal("the alpha is \(value)") }
    guard value != 0 else {
      throw refusal(
        "the alpha is 0, which diffusers takes for no effect, and kohya's tools for the rank",
        hint: "set the alpha that is meant")
    }
    return value
  }

  /// The one element of a tensor; nil for other dtypes.
  private static func number(
    at index: Int, in archive: any TensorArchive
  ) throws(CheckpointError) -> Double? {
    let dtype = archive.tensor(at: index).dtype
    if FloatFormat(dtype) != nil {
      return try FactorView(archive, at: index).values(in: .float64).first
    }
    return try archive.withTensor(at: index) { view throws(CheckpointError) -> Double? in
      var reader = ByteReader(view.bytes)
      switch dtype {
      case .int64: return Double(try reader.readLittleEndian(Int64.self))
      case .int32: return Double(try reader.readLittleEndian(Int32.self))
      case .int16: return Double(try reader.readLittleEndian(Int16.self))
      case .int8: return Double(try reader.readLittleEndian(Int8.self))
      case .uint8: return Double(try reader.readLittleEndian(UInt8.self))
      default: return nil
      }
    }
  }

  /// The α for which α / r is a scale.
  ///
  /// - Throws: `unsupported` for a scale of 0.
  static func value(of scale: LoRAScale, module: String) throws(CheckpointError) -> Double {
    guard scale.scale != 0, scale.scale.isFinite else {
      throw CheckpointError(
        .unsupported,
        "the scale of \(module.printable) is \(scale.scale), which no alpha gives: kohya's tools "
          + "take 0 for the rank")
    }
    let rank = Double(scale.rank)
    let product = scale.scale * rank
    let candidates = [scale.alpha, product.rounded(), product, product.nextUp, product.nextDown]
    return candidates.first { $0 / rank == scale.scale } ?? product
  }

  /// A tensor with an α: F32 if that has it exactly, as all tools write it, else F64.
  static func tensor(_ name: String, _ alpha: Double) -> ComposedTensor {
    let dtype: DType = Double(Float(alpha)) == alpha ? .float32 : .float64
    return ComposedTensor(name, dtype: dtype, shape: [], values: [alpha])
  }
}
