// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import Tensors

extension DeltasReport {
  /// The schema is in spec/deltas.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    for (key, side) in [("a", a), ("b", b)] {
      output.writer.key(key)
      output.writer.beginObject()
      output.writer.member("path", side.path)
      output.writer.member("home", side.home)
      output.writer.endObject()
    }
    output.writer.member("same", isSame)
    output.writer.key("slip")
    output.writer.slip(comparison.slip)
    output.writer.key("modules")
    output.writer.beginArray()
    for module in comparison.worstFirst {
      output.writer.module(module)
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func module(_ module: ModuleDelta) {
    beginObject()
    member("name", module.name)
    member("subject", module.subject.rawValue)
    member("verdict", module.verdict.rawValue)
    member("distance", module.distance)
    member("bound", module.bound)
    member("norm_a", module.firstNorm)
    member("norm_b", module.secondNorm)
    key("slip")
    slip(module.slip)
    endObject()
  }

  fileprivate mutating func slip(_ slip: DeltaSlip?) {
    guard let slip else { return null() }
    beginObject()
    member("code", slip.code)
    switch slip {
    case .scale(let factor, _): member("factor", factor)
    case .rotaryRows(let heads, let side):
      member("heads", heads)
      member("in", side == 1 ? "a" : "b")
    case .rotaryHeads(let written, let read):
      member("heads", written)
      member("heads_back", read)
    case .otherModule(let name): member("module", name)
    case .otherLayer(let count): member("layers", count)
    case .transposed, .exchangedFactors, .exchangedHalves, .rowOrder, .expertOrder: break
    }
    endObject()
  }
}
