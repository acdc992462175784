// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension BindingBuilder {
  /// Findings about factors of stacked parameters that the reading release lays out otherwise than the
  /// one that wrote them (spec/base-model.md, P32).
  ///
  /// - Complexity: O(adapted parameters).
  func layoutFindings(of config: AdapterConfig, in reader: ExaminedRelease) -> [Finding] {
    // Factors of single experts are stacked when they are read, as the reading release has them.
    guard rules.type == .lora, !TargetParameters(config).isEmpty,
      let (writer, isWritten) = config.parameterRelease
    else { return [] }
    let written = ParameterLayout(writer)
    let exchanged = adapted.parameters.filter { parameter in
      guard let module = tree[parameter.module],
        module.shape(of: parameter.name)?.rank == 3
      else { return false }
      let isTransposed = module.kind == .transposedExperts
      return written.startsWithSecondExtent(isTransposed: isTransposed)
        != layout.startsWithSecondExtent(isTransposed: isTransposed)
    }
    guard let first = exchanged.first else { return [] }
    let isSquare = exchanged.contains { parameter in
      let extents = tree[parameter.module]?.shape(of: parameter.name)?.dimensions ?? []
      return extents.suffix(2).first == extents.last
    }
    // Without a version the shapes decide, which those of squares do not.
    guard isWritten else {
      return isSquare ? [config.layoutFinding(in: reader)].compactMap(\.self) : []
    }
    let others = exchanged.count - 1
    let more = others == 0 ? "" : " and \(others.counted("other parameter"))"
    let effect =
      isSquare ? "takes one for the other, and computes something else" : "refuses them"
    return [
      Finding(
        .error, "parameter-layout",
        "PEFT \(writer) wrote the factors of \(first.path)\(more), and PEFT \(reader.release) lays "
          + "them out otherwise: it \(effect)", key: "target_parameters")
    ]
  }
}
