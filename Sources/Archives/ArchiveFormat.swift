/// The format of a checkpoint file, spelled as `inspect --json` spells it.
public enum ArchiveFormat: String, Sendable, CaseIterable {
  /// A safetensors file.
  case safetensors
  /// A torch checkpoint in a zip archive, as torch saves since 1.6.
  case torchZip = "torch-zip"
  /// A torch checkpoint of pickles and raw storages, as torch saved before 1.6.
  case torchLegacy = "torch-legacy"
  /// A torch checkpoint in a tar archive, as torch saved before 0.1.10.
  case torchTar = "torch-tar"
  /// A TorchScript archive, of which only the parameters are looked at.
  case torchScript = "torchscript"
  /// A NumPy archive of arrays.
  case npz
  /// A single NumPy array.
  case npy
}
