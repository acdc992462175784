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
    var sources: [Int] = []
    for range in ranges {
      guard let ends = range.array, ends.count == 2, let start = ends[0].integer,
        let end = ends[1].integer, start >= 0, end >= start,
        end - start <= Self.largestLayerCount - sources.count,
        end == start || contains("\(list).\(end - 1)")
      else { return nil }
      sources += start..<end
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

  /// The list of layers, where PEFT looks for it.
  var layerList: String? {
    var path = ""
    while contains(path + "model") { path += "model." }
    if contains(path + "bert") { path += "bert." }
    return ["layers", "encoder.layer", "h"].map { path + $0 }.first(where: contains)
  }
}
