// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The files under `Fixtures/`, whose README tells where they come from.
public enum Fixtures {
  /// The project's root, found from this file.
  public static let projectRoot: String = {
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
      .joined(separator: "/")
  }()

  /// The path of a file or directory under `Fixtures/`.
  public static func path(_ name: String) -> String {
    projectRoot + "/Fixtures/" + name
  }

  /// An adapter directory that PEFT saved.
  public static func adapter(_ name: String) -> String {
    path("adapters/" + name)
  }

  /// What PEFT computed for an adapter.
  public static func reference(_ name: String) -> String {
    path("references/" + name + "/reference.safetensors")
  }
}
