// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

/// The contents of a torch file of any kind: tensors, and the storages in the file that they view.
struct TorchContents: Sendable {
  let variant: FormatVariant
  var table: TensorTable
  var storages: [TorchStorage]
  /// The zip archive that contains the storages, if any.
  let zip: ZipIndex?
  /// Whether the elements are big-endian.
  let isBigEndian: Bool
  /// Whether the file was written without the data of its storages.
  var lacksData = false
  /// Whether torch wrote no checksums of the storages, because their data was to follow.
  var hasUncheckedStorages = false
}
