// SPDX-License-Identifier: Apache-2.0
public import Archives

extension FormatVariant {
  /// A checkpoint of torch.distributed.checkpoint: `.metadata` and `.distcp` files.
  public static let torchDistributed = FormatVariant("torch-distributed")
  /// Safetensors files of torch.distributed.checkpoint, whose tensors are slices.
  public static let safeTensorsDistributed = FormatVariant("safetensors-distributed")
  /// A checkpoint of DeepSpeed's ZeRO: the partitions of the parameters in F32.
  public static let deepSpeedZeRO = FormatVariant("deepspeed-zero")
}
