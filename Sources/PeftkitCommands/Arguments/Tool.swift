// SPDX-License-Identifier: Apache-2.0

/// What the commands say about the tool that they belong to.
enum Tool {
  /// The name of the executable.
  static var name: String { "peftkit" }
}
