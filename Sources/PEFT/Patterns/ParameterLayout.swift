// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// How a release of PEFT lays out the factors of a stacked parameter (`target_parameters`), which it
/// names alike in all releases (spec/adapter-methods.md, A25).
package struct ParameterLayout: Hashable {
  /// Whether A has the columns of the second extent of the parameter, and B the rows of the third: the
  /// reverse is usual.
  let startsWithSecondExtent: Bool
  /// The same for modules that say that their parameters are transposed, such as those of gpt_oss.
  let startsWithSecondExtentIfTransposed: Bool

  /// The layout of a release.
  package init(_ release: PEFTRelease) {
    startsWithSecondExtent = release < PEFTRelease(0, 19, 1)
    startsWithSecondExtentIfTransposed = release != PEFTRelease(0, 19, 0)
  }

  /// The layout for a module.
  package func startsWithSecondExtent(isTransposed: Bool) -> Bool {
    isTransposed ? startsWithSecondExtentIfTransposed : startsWithSecondExtent
  }
}

extension AdapterConfig {
  /// The release that wrote an adapter of stacked parameters.
  ///
  /// PEFT writes its version since 0.18, and a development version does not tell the layout.
  package var parameterRelease: (release: PEFTRelease, isWritten: Bool)? {
    guard let text = document["peft_version"]?.string else { return (PEFTRelease(0, 17, 0), false) }
    guard !text.containsBytes(of: "dev"), let release = PEFTRelease(parsing: text) else {
      return nil
    }
    return (release, true)
  }

  /// A finding about factors of stacked parameters that the reading release lays out otherwise than the
  /// one that wrote them: an error where that is so whatever the modules are.
  func layoutFinding(in reader: ExaminedRelease) -> Finding? {
    guard (try? peftType) == .lora, !TargetParameters(self).isEmpty,
      let (writer, isWritten) = parameterRelease
    else { return nil }
    let (written, read) = (ParameterLayout(writer), ParameterLayout(reader.release))
    guard written != read else { return nil }
    let isCertain =
      written.startsWithSecondExtent != read.startsWithSecondExtent
      && written.startsWithSecondExtentIfTransposed != read.startsWithSecondExtentIfTransposed
      && isWritten
    let message =
      "PEFT \(reader.release) lays out the factors of \"target_parameters\" otherwise than "
      + (isWritten ? "PEFT \(writer), which wrote them" : "the releases that write no peft_version")
    let effect = "it refuses them, or computes something else where a parameter is square"
    return isCertain
      ? Finding(
        .error, "parameter-layout", "\(message): \(effect)", key: "target_parameters")
      : Finding(
        .note, "parameter-layout",
        "\(message), \(read.exception(from: written)): otherwise \(effect)",
        key: "target_parameters")
  }
}

extension ParameterLayout {
  /// The modules for which both layouts are the same.
  fileprivate func exception(from other: Self) -> String {
    startsWithSecondExtent == other.startsWithSecondExtent
      ? "except where experts are [experts, out, in]"
      : "except where experts are [experts, in, out], as those of gpt_oss"
  }
}
