// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

extension ModuleTree {
  /// The most layers that a config can make.
  private static let largestLayerCount = 10_000

  /// The tree after `layer_replication`, which makes a new list of layers out of ranges of the old
  /// one (spec/base-model.md, P16).
  ///
  /// - Returns: nil when the model has no list of layers that PEFT finds, or the ranges are not in it.
  func replicating(_ ranges: JSONValue) -> ModuleTree? {
    guard let list = layerList, let ranges = ranges.array else { return nil }
    let count = layerCount(in: list)
    var sources: [Int] = []
    for range in ranges {
      guard let ends = range.array, ends.count == 2, let start = ends[0].integer,
        let end = ends[1].integer
      else { return nil }
      // As in Python, a range that ends before its start is empty, and numbers below 0 count from the end.
      guard end > start else { continue }
      guard start >= -count, end <= count, end - start <= Self.largestLayerCount - sources.count
      else { return nil }
      sources += (start..<end).map { $0 < 0 ? $0 + count : $0 }
    }
    var layers: [Int: [BaseModule]] = [:]
    var result: [BaseModule] = []
    let prefix = list + "."
    for module in modules {
      guard module.name.hasPrefix(prefix),
        let number = Int(module.name.dropFirst(prefix.count).prefix { $0 != "." })
      else {
        result.append(module)
        continue
      }
      layers[number, default: []].append(module)
    }
    for (place, source) in sources.enumerated() {
      let start = prefix.count + String(source).count
      for module in layers[source] ?? [] {
        var copy = module
        copy.name = prefix + String(place) + module.name.dropFirst(start)
        result.append(copy)
      }
    }
    return with(result)
  }

  /// The number of layers in a list.
  private func layerCount(in list: String) -> Int {
    var count = 0
    while contains("\(list).\(count)") { count += 1 }
    return count
  }

  /// The list of layers, where PEFT looks for it.
  var layerList: String? {
    var path = ""
    while contains(path + "model") { path += "model." }
    if contains(path + "bert") { path += "bert." }
    return ["layers", "encoder.layer", "h"].map { path + $0 }.first(where: contains)
  }
}
