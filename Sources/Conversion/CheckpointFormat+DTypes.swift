internal import NumPyArchive
internal import Tensors
internal import TorchCheckpoint

extension CheckpointFormat {
  /// The dtype under which files of the format hold another one's bits; itself where they have it,
  /// and nil where they cannot hold it.
  func writtenDType(for dtype: DType) -> DType? {
    switch self {
    case .safetensors: dtype
    case .torch: TorchWriter.canWrite(dtype) ? dtype : nil
    case .npz, .npy: NumPyWriter.dtype(for: dtype)
    }
  }
}
