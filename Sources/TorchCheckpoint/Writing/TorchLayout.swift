// SPDX-License-Identifier: Apache-2.0

/// The records of a torch zip file and their order, which has changed twice since torch 1.13.
///
/// A layout is named after the first release that writes it. All later releases read it.
public enum TorchLayout: String, Sendable, CaseIterable, Comparable {
  /// The layout of torch 1.13 and 2.0: `data.pkl`, the storages, `version`.
  case v1_13 = "1.13"
  /// The layout of torch 2.1 to 2.6: also `byteorder` and `.data/serialization_id`.
  case v2_1 = "2.1"
  /// The layout of torch 2.7 and later: also `.format_version` and `.storage_alignment`, and the
  /// storages in the order of their numbers instead of their names.
  case v2_7 = "2.7"

  /// The layout of current releases.
  public static var newest: Self { .v2_7 }

  public static func < (left: Self, right: Self) -> Bool {
    left.generation < right.generation
  }

  private var generation: Int {
    switch self {
    case .v1_13: 0
    case .v2_1: 1
    case .v2_7: 2
    }
  }
}
