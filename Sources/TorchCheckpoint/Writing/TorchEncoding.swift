// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The form in which torch pickles the tensors of a dtype.
enum TorchEncoding {
  /// A storage whose class gives the dtype, such as `torch.FloatStorage`; every release reads it.
  case typedStorage(TorchDType)
  /// A `torch.storage.UntypedStorage` and a dtype, such as `torch.float8_e5m2`.
  /// Releases that write layouts before `since` do not have the dtype.
  case untypedStorage(TorchDType, since: TorchLayout)

  /// The encoding of a dtype; nil when torch does not have it.
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
