// SPDX-License-Identifier: Apache-2.0

/// The version of the tool.
enum Version {
  /// The version of the package.
  static let current = "0.1.0"
}
