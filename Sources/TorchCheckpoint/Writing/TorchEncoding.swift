// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// How torch pickles the tensors of a dtype.
enum TorchEncoding {
  /// In a storage whose class tells the dtype, such as `torch.FloatStorage`; every release reads it.
  case typedStorage(TorchDType)
  /// In a `torch.storage.UntypedStorage`, with the dtype beside it, such as `torch.float8_e5m2`.
  /// Releases that write layouts before `since` do not have the dtype.
  case untypedStorage(TorchDType, since: TorchLayout)

  /// The encoding of a dtype, or nil when torch does not have the dtype.
  init?(_ dtype: DType) {
    guard let type = TorchDType(dtype) else { return nil }
    if type.storageClass != nil {
      self = .typedStorage(type)
    } else {
      let isRecent = type == .float8_e8m0fnu || type == .float4_e2m1fn_x2
      self = .untypedStorage(type, since: isRecent ? .v2_7 : .v2_1)
    }
  }
}
