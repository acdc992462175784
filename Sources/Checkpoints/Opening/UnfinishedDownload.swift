// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// A file that a program has not downloaded to its end, by its name or by the file next to it.
struct UnfinishedDownload {
  /// How to get the whole file.
  let hint: String

  /// The endings that programs give a file until it is complete, and the programs.
  private static let endings: [(ending: String, program: String)] = [
    (".incomplete", "hf download"), (".crdownload", "the browser"), (".part", "the program"),
    (".partial", "the program"), (".opdownload", "the browser"), (".filepart", "WinSCP"),
    (".!qb", "the program"), (".xltd", "the program"),
  ]

  /// The suffix of the file in which aria2 lists what is missing of the file next to it.
  private static let listSuffix = ".aria2"

  /// Recognizes the name of an unfinished file.
  init?(named path: String) {
    let name = path.lowercased()
    guard let match = Self.endings.first(where: { name.hasSuffix($0.ending) }) else { return nil }
    hint =
      "the name ends in \(match.ending) until the download is complete; let \(match.program) finish "
      + "it, or download the file again"
  }

  /// Recognizes a file next to which aria2 keeps its list of missing parts.
  ///
  /// - Parameter hasFile: whether there is a file whose path is `path` and a suffix.
  init?(listedBesides path: String, _ hasFile: (_ suffix: String) -> Bool) {
    guard hasFile(Self.listSuffix) else { return nil }
    hint =
      "\(Self.listSuffix.dropFirst()) lists the missing parts in \(path.printable)\(Self.listSuffix); "
      + "start aria2c again to finish, or delete that file if the download is complete"
  }

  /// The impostor that aria2's own file is.
  static func list(named path: String) -> Impostor? {
    guard path.hasSuffix(listSuffix) else { return nil }
    return Impostor(
      "a list that aria2 keeps of an unfinished download",
      hint: "start aria2c again to finish, and name the file without \(listSuffix)")
  }
}
