// SPDX-License-Identifier: Apache-2.0

/// A method without a description: only the fields of its configs are known.
public struct UndescribedMethod: AdapterMethod {
  public let type: PEFTType

  public func config(_ config: AdapterConfig) -> AdapterConfig { config }

  public var patternMatching: ModulePattern.Matching {
    Self.matchingByType[type.rawValue] ?? .path
  }

  public var parameterPrefix: String { Self.prefixByType[type.rawValue] ?? "" }

  /// The methods without a description whose pattern objects are not matched as those of most.
  private static let matchingByType: [String: ModulePattern.Matching] = ["ADALORA": .exact]

  /// The prefixes of the methods without a description that have pattern objects.
  private static let prefixByType: [String: String] = ["ADALORA": "lora_"]
}
