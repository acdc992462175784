internal import Tensors
internal import TorchCheckpoint

/// A format that checkpoints are written in.
public enum CheckpointFormat: String, Sendable, CaseIterable {
  /// A safetensors file.
  case safetensors
  /// A file as `torch.save` writes it.
  case torch
  /// A NumPy archive of arrays.
  case npz
  /// One NumPy array.
  case npy

  /// The format that a file's name asks for; nil when it asks for none.
  public init?(fileName: String) {
    guard let dot = fileName.lastIndex(of: ".") else { return nil }
    switch fileName[dot...].lowercased() {
    case ".safetensors": self = .safetensors
    case ".bin", ".pt", ".pth", ".ckpt": self = .torch
    case ".npz": self = .npz
    case ".npy": self = .npy
    default: return nil
    }
  }

  /// What the names of such files end with.
  public var fileExtension: String {
    switch self {
    case .safetensors: ".safetensors"
    case .torch: ".bin"
    case .npz: ".npz"
    case .npy: ".npy"
    }
  }

  /// The name of the weights in an adapter directory; nil for formats that PEFT does not load.
  public var adapterWeightsName: String? {
    switch self {
    case .safetensors: "adapter_model.safetensors"
    case .torch: "adapter_model.bin"
    case .npz, .npy: nil
    }
  }

  /// Whether files of the format can say something of themselves.
  public var holdsMetadata: Bool { self == .safetensors }
}
