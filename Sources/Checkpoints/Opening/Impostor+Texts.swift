// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension Impostor {
  /// Pointers to files, pages, and the texts of other formats.
  static let texts: [Kind] = [
    Kind(
      "a Xet pointer",
      hint:
        "fetch the file that it points to with hf download, or with Git where git-xet is installed",
      .text(["# xet version "])),
    Kind(
      "a git-annex pointer", hint: "fetch the file that it points to with: git annex get",
      .text(["/annex/objects/", "../.git/annex/objects/", ".git/annex/objects/"])),
    Kind(
      "a DVC pointer", hint: "fetch the file that it points to with: dvc pull",
      .text(["outs:\n- md5:", "outs:\r\n- md5:"])),
    Kind(
      "a link of the Hub's cache that was saved as text",
      hint: "name the file in the folder \"blobs\" that it leads to, or download it again",
      .text(["../../blobs/", "../../../blobs/", "..\\..\\blobs\\"])),
    Kind(
      "an OpenVINO model", hint: "use the checkpoint that it was converted from",
      .rule { $0.text.hasPrefix("<?xml") && $0.text.contains("<net name=") }),
    Kind(
      "a server's error message (XML)", hint: downloadFailed,
      .rule { $0.text.hasPrefix("<?xml") && $0.text.contains("<error>") }, .text(["<error>"])),
    Kind(
      "a web page",
      hint: "the download saved a page about the file; use the link to the file itself",
      .text(["<!doctype", "<html", "<head"]),
      .rule { $0.text.hasPrefix("<?xml") && $0.text.contains("<html") }),
    Kind("an XML file", .text(["<?xml"])),
    Kind(
      "a list of TensorFlow's variable files",
      hint: "load the checkpoint with tf.train.load_checkpoint, and save its arrays as npz",
      .text(["model_checkpoint_path:"])),
  ]

  /// A text file that git keeps in place of a large one, whose size it gives.
  static func lfsPointer(_ ends: FileEnds) -> Impostor? {
    guard ends.text.hasPrefix("version https://git-lfs") else { return nil }
    let sizes = ends.text.split(whereSeparator: \.isNewline).compactMap { line in
      line.hasPrefix("size ") ? UInt64(line.dropFirst("size ".count)) : nil
    }
    let target = sizes.first.map { " to a file of \($0) byte\($0 == 1 ? "" : "s")" } ?? ""
    return Impostor(
      "a Git LFS pointer" + target, hint: "fetch the file that it points to with: git lfs pull")
  }

  private static let downloadFailed =
    "the download failed; check the address, and whether the file needs a login or a token"

  /// The starts of messages that servers send in the place of a file, in lower case.
  private static let answers = [
    "entry not found", "repository not found", "revision not found", "not found", "404",
    "invalid username or password", "invalid credentials", "access to model", "access denied",
    "unauthorized", "forbidden", "internal server error", "error code:", "too many requests",
    "rate limit", "bad gateway", "service unavailable",
  ]

  /// The longest answer of a server, in bytes.
  private static let longestAnswer = 1024

  /// A message of a server, as text or in JSON; nil for any other file.
  static func serverAnswer(_ ends: FileEnds) -> Impostor? {
    guard ends.head.count <= longestAnswer else { return nil }
    let message: String
    if ends.text.hasPrefix("{") {
      guard let value = try? JSONValue(parsing: ends.head),
        let said = ["error", "message", "detail", "errors"].lazy.compactMap({ value[$0] }).first,
        value["weight_map"] == nil
      else { return nil }
      message = said.string ?? said["message"]?.string ?? said.description
    } else {
      guard answers.contains(where: ends.text.hasPrefix) else { return nil }
      message = String(decoding: ends.head.prefix { $0 != 0x0A }, as: UTF8.self)
    }
    return Impostor("a server's error message (\"\(message.excerpt)\")", hint: downloadFailed)
  }
}
