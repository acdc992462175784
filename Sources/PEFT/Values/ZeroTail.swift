// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import Tensors

/// Tensors at the end of a file that are wholly zero because the file was never written to its end
/// (spec/findings.md, G5).
struct ZeroTail {
  /// The indices of the tensors, in the order of the file.
  let tensors: [Int]
  let finding: Finding

  /// The least number of zeros at the end of the tensor before the tail: where the writing stopped
  /// inside a tensor, many are there; a trained tensor ends in a zero by chance only.
  private static let leastZeros = 16
  /// The number of tensors that a message names.
  private static let mostNamed = 4

  /// The tails of the files of an archive, at most one for each.
  ///
  /// - Complexity: O(tensors).
  static func all(of archive: any TensorArchive, _ surveys: [ValueSurvey]) -> [ZeroTail] {
    guard surveys.contains(where: \.isZero) else { return [] }
    var files: [ObjectIdentifier: [(start: Int, index: Int)]] = [:]
    var order: [ObjectIdentifier] = []
    for index in surveys.indices where surveys[index].elementCount > 0 {
      guard let (file, range) = archive.storedBytes(of: index) else { continue }
      let id = ObjectIdentifier(file)
      if files[id] == nil { order.append(id) }
      files[id, default: []].append((range.lowerBound, index))
    }
    return order.compactMap { id in
      let indices = files[id, default: []].sorted { $0.start < $1.start }.map(\.index)
      return ZeroTail(at: indices, of: archive, surveys)
    }
  }

  /// The tail of the tensors of one file, in the order of their data; nil if there is none.
  private init?(at indices: [Int], of archive: any TensorArchive, _ surveys: [ValueSurvey]) {
    let start = (indices.lastIndex { !surveys[$0].isZero } ?? -1) + 1
    let tail = Array(indices.suffix(from: start))
    guard !tail.isEmpty else { return nil }
    let names = tail.map { archive.tensor(at: $0).name }
    guard !names.allSatisfy(\.isOftenZero) else { return nil }
    if start > 0 {
      let last = surveys[indices[start - 1]]
      guard last.trailingZeroCount >= Self.leastZeros else { return nil }
    } else {
      // Nothing but zeros: a single tensor may be meant to be zero.
      guard tail.count > 1 else { return nil }
    }
    tensors = tail
    let named = names.prefix(Self.mostNamed).map(\.description).joined(separator: ", ")
    let rest = names.count > Self.mostNamed ? " and \(names.count - Self.mostNamed) more" : ""
    finding = Finding(
      .warning, "zero-tail",
      "the data of the file ends in zeros, as if it was never written to its end: \(named)\(rest) "
        + (names.count == 1 ? "is" : "are") + " wholly zero",
      tensor: names[0])
  }
}

extension TensorName {
  /// Whether the name is one of a bias, or of a buffer of zeros such as GLoRA's, which may well be
  /// wholly zero.
  var isOftenZero: Bool {
    ["bias", ".zeros", ".lora_velora_embed"].contains(where: string.hasSuffix)
  }
}
