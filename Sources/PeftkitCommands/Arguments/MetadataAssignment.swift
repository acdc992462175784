// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// `KEY=TEXT`; the text may have further equals signs.
struct MetadataAssignment: ExpressibleByArgument {
  let key: String
  let value: String

  init?(argument: String) {
    guard let sign = argument.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    key = String(argument[..<sign])
    value = String(argument[argument.utf8.index(after: sign)...])
  }
}
