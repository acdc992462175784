// SPDX-License-Identifier: Apache-2.0

/// The records that a torch zip file has and their order, which changed twice since torch 1.13.
///
/// Each is named after the first release that writes it. Every later release reads it too.
public enum TorchLayout: String, Sendable, CaseIterable, Comparable {
  /// As torch 1.13 and 2.0 write: `data.pkl`, the storages, `version`.
  case v1_13 = "1.13"
  /// As torch 2.1 to 2.6 write: with `byteorder` and `.data/serialization_id`.
  case v2_1 = "2.1"
  /// As torch 2.7 and later write: with `.format_version` and `.storage_alignment`, and the storages
  /// in the order of their numbers instead of their names.
  case v2_7 = "2.7"

  /// What current releases write.
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
