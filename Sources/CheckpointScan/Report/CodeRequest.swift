// SPDX-License-Identifier: Apache-2.0

/// A name outside the table of allowed names, which Python would import if it loaded the file.
public struct CodeRequest: Sendable, Hashable {
  /// How surely Python would run the code. The raw values are stable.
  public enum Certainty: String, Sendable, Hashable, CaseIterable {
    /// The pickle calls it, or sets its state, where a reader of the file reads it.
    case called
    /// The pickle only imports it, which runs the module that defines it.
    case imported
    /// A search found the pickle in bytes that no reader of the format reads as one.
    case hidden
  }

  /// Module and name, as in `ScannedName.qualifiedName`.
  public let qualifiedName: String
  /// The module; nil when a pickle computes it.
  public let module: String?
  /// The name in the module; nil when a pickle computes it.
  public let name: String?
  /// Whose code it is, and what it is there for.
  public let origin: CodeOrigin
  /// How surely Python would run it: the surest of all its uses.
  public internal(set) var certainty: Certainty
}

extension ScanReport {
  /// The names that Python would import, each once: dangerous ones first, then unknown ones, in the order
  /// of the scan.
  ///
  /// - Complexity: O(names).
  public var codeRequests: [CodeRequest] {
    var requests: [CodeRequest] = []
    var places: [String: Int] = [:]
    for pickle in pickles {
      for name in pickle.names where !name.isAllowed {
        let certainty: CodeRequest.Certainty =
          pickle.isFoundBySearch ? .hidden : name.calls.isEmpty ? .imported : .called
        let key = name.qualifiedName
        if let place = places[key] {
          let order = CodeRequest.Certainty.allCases
          let known = requests[place].certainty
          if order.firstIndex(of: certainty) ?? 0 < order.firstIndex(of: known) ?? 0 {
            requests[place].certainty = certainty
          }
        } else {
          places[key] = requests.count
          requests.append(
            CodeRequest(
              qualifiedName: key, module: name.module, name: name.name, origin: name.origin,
              certainty: certainty))
        }
      }
    }
    return CodeOrigin.Kind.allCases.flatMap { kind in requests.filter { $0.origin.kind == kind } }
  }
}

extension ScannedName {
  /// What is known about the name.
  public var origin: CodeOrigin { CodeOrigin(module: module, name: name) }
}
