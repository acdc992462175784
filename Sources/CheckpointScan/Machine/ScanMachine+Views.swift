// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors
internal import TorchCheckpoint

extension ScanMachine {
  /// Adds a finding for a tensor whose shape is impossible, or that reaches beyond its storage.
  ///
  /// - Parameter arguments: a tuple that the table allows for the function.
  mutating func checkView(
    of role: AllowedGlobal.Role, _ arguments: ScanValue, at offset: Int, in bytes: RawSpan
  ) {
    let inspector = ScanInspector(self, bytes)
    guard let items = inspector.elements(arguments) else { return }
    switch role {
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildQuantized: break
    case .rebuildFromTypeV2:
      guard let function = inspector.global(of: items[0]) else { return }
      return checkView(of: function.role, items[2], at: offset, in: bytes)
    default: return
    }
    guard case .storage(let index?) = items[0], storages.indices.contains(Int(index)) else {
      return
    }
    let storage = storages[Int(index)]
    let named = role == .rebuildTensorV3 ? inspector.global(of: items[6])?.dtype : nil
    do throws(CheckpointError) {
      guard let dtype = named ?? storage.dtype else {
        throw .malformed("a tensor has no element type")
      }
      if role == .rebuildQuantized, !dtype.isQuantized {
        throw .malformed("a quantized tensor has elements that are not quantized")
      }
      guard case .integer(let start) = items[1], let sizes = inspector.integers(items[2]),
        let strides = inspector.integers(items[3])
      else { throw .malformed("has an impossible shape: a size, stride or offset is out of range") }
      let geometry = try TensorGeometry(
        offset: start, sizes: sizes, strides: strides, elementByteCount: dtype.byteCount)
      guard geometry.endByte <= storage.byteCount else {
        return find(.storage, "has a tensor that reaches beyond its storage", at: offset)
      }
    } catch {
      find(.malformed, error.message, at: offset)
    }
  }
}
