// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

extension Impostor {
  /// A file of raw numbers, which a file next to it describes; nil when there is none.
  ///
  /// Such files have nothing to recognize them by, but the other one does.
  static func described(_ path: String) -> Impostor? {
    let name = path.utf8.split(separator: 0x2F).last.map { String(Substring($0)) } ?? path
    if name.contains(".data-00"), name.contains("-of-00") {
      return Impostor(
        "a file of TensorFlow variables",
        hint: "load the checkpoint with tf.train.load_checkpoint, and save its arrays as npz")
    }
    guard let dot = path.lastIndex(of: "."), path[dot...].lowercased() == ".bin" else { return nil }
    for (suffix, library) in [(".xml", "OpenVINO"), (".param", "ncnn")] {
      let other = path[..<dot] + suffix
      guard let file = try? InputFile(existing: String(other)),
        let head = try? file.read(at: 0, count: min(FileEnds.byteCount, file.byteCount)),
        let impostor = Impostor(FileEnds(head: head)), impostor.name.contains(library)
      else { continue }
      return Impostor(
        "the weights file of \(impostor.name), which \(name.dropLast(4).description.excerpt)\(suffix) "
          + "describes", hint: impostor.hint)
    }
    return nil
  }
}
