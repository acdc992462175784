// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import PEFT
internal import Tensors

/// The kinds of an archive's tensors: those with the same name below their modules, or with names
/// that differ in numbers alone.
struct TensorKinds: Sendable {
  /// The names of the kinds, in the order of their first tensors.
  private(set) var names: [String] = []
  /// The number of tensors of each kind.
  private(set) var tensorCounts: [Int] = []
  /// The kind of each tensor.
  private(set) var kinds: [Int] = []

  /// The name of the kind that takes the tensors of all kinds beyond the limit.
  private static let others = "other tensors"
  private static let modelPrefix = "base_model.model."

  /// Sorts the tensors of an archive.
  ///
  /// - Parameter prefix: the prefix of the method's parameters, `lora_`; empty without one.
  /// - Complexity: O(tensors).
  init(of archive: any TensorArchive, prefix: String, limit: Int = ReportLimits.tensorKinds) {
    var places: [TensorName: Int] = [:]
    for index in 0..<archive.tensorCount {
      var name = Self.kind(of: archive.tensor(at: index).name.string, prefix: prefix)
      if places[TensorName(name)] == nil, names.count >= limit - 1 { name = Self.others }
      let key = TensorName(name)
      let place = places[key] ?? names.count
      if place == names.count {
        places[key] = place
        names.append(name)
        tensorCounts.append(0)
      }
      tensorCounts[place] += 1
      kinds.append(place)
    }
  }

  /// The kind of a name: `lora_A.weight`, or `h.*.attn.bias`.
  static func kind(of name: String, prefix: String) -> String {
    let path = name.hasPrefix(modelPrefix) ? name.dropFirst(modelPrefix.count) : name[...]
    let components = path.components
    if !prefix.isEmpty,
      let start = components.firstIndex(where: { $0.hasPrefix(prefix) }), start > 0
    {
      return numberless(components[start...])
    }
    return numberless(components[...])
  }

  /// A name with an asterisk for each number.
  static func numberless(_ components: ArraySlice<Substring>) -> String {
    components.map { $0.isNumber ? "*" : String($0) }.joined(separator: ".").excerpt
  }
}

extension Substring {
  /// Whether the text is a number of a layer.
  var isNumber: Bool {
    !isEmpty && utf8.count < 10
      && utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
  }
}
