// SPDX-License-Identifier: Apache-2.0

/// The part of a checkpoint that a pickle is, which decides what it may contain.
package enum PickleDialect: Sendable, Hashable {
  /// Numbers, text and containers of them.
  case plain
  /// The same, and allowed names.
  case names
  /// Any names, those outside the table inert: a pickle of plain Python.
  case objects
  /// Names, and persistent ids of storages with 5 fields: a record of a zip archive.
  case torch
  /// The same, and objects of TorchScript classes.
  case torchScript
  /// Names, and persistent ids of storages with 6 fields: the object of a legacy file.
  case torchLegacy
  /// Names, and persistent ids that are the keys of tensors: the object of an old tar.
  case torchTar

  /// Whether names are allowed.
  package var hasGlobals: Bool { self != .plain }

  /// Whether names outside the table are read as inert objects, so that a pickle that asks for code is
  /// read nevertheless.
  package var hasInertNames: Bool { self != .plain && self != .names }

  /// The numbers of fields of a persistent id that names a storage; nil if there may be none. The first
  /// versions of TorchScript wrote None as a sixth.
  package var storageFieldCounts: ClosedRange<Int>? {
    switch self {
    case .torch: 5...5
    case .torchScript: 5...6
    case .torchLegacy: 6...6
    case .plain, .names, .objects, .torchTar: nil
    }
  }
}
