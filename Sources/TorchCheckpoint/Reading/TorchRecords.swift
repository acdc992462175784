// SPDX-License-Identifier: Apache-2.0
package import ZipArchive

/// The names of records in a zip archive of torch.
package enum TorchRecords {
  /// The folder of the storages that `data.pkl` names: `data`, or `tensors` in the first version of the
  /// format, which torch 1.4 and 1.5 wrote on request.
  ///
  /// - Parameter folder: the folder that contains all records.
  package static func storages(of zip: ZipIndex, in folder: String) -> String {
    let (usual, first) = (folder + "/data", folder + "/tensors")
    func has(_ folder: String) -> Bool {
      zip.entries.contains { $0.name.utf8.starts(with: (folder + "/").utf8) }
    }
    return has(usual) || !has(first) ? usual : first
  }
}
