// SPDX-License-Identifier: Apache-2.0

/// A method without a description: only the fields of its configs are known.
public struct UndescribedMethod: AdapterMethod {
  public let type: PEFTType

  public func config(_ config: AdapterConfig) -> AdapterConfig { config }
}
