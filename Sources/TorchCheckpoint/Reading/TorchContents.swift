// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

/// What a torch file of any kind comes down to: tensors over storages over a file.
struct TorchContents: Sendable {
  let variant: FormatVariant
  let table: TensorTable
  let storages: [TorchStorage]
  /// The archive that the storages stand in, where they stand in one.
  let zip: ZipIndex?
  /// Whether the elements stand with their most significant byte first.
  let isBigEndian: Bool
}
