/// A format that checkpoints are written in.
public enum CheckpointFormat: String, Sendable, CaseIterable {
  /// A safetensors file.
  case safetensors
  /// A file as `torch.save` writes it.
  case torch

  /// The format that a file's name asks for; nil when it asks for none.
  public init?(fileName: String) {
    guard let dot = fileName.lastIndex(of: ".") else { return nil }
    switch fileName[dot...].lowercased() {
    case ".safetensors": self = .safetensors
    case ".bin", ".pt", ".pth", ".ckpt": self = .torch
    default: return nil
    }
  }

  /// The name of the weights in an adapter directory.
  public var adapterWeightsName: String {
    switch self {
    case .safetensors: "adapter_model.safetensors"
    case .torch: "adapter_model.bin"
    }
  }
}
