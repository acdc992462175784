// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// A `base_model_name_or_path` that programs on other machines cannot use: none, or a local path.
struct BaseModelName {
  /// What is wrong with it, for a finding.
  let description: String
  /// Whether it is in the home directory of a user, so that no other machine has it.
  let isOfOneUser: Bool

  /// Judges a value.
  ///
  /// - Returns: nil for an absent key, for the name of a repository of the Hub, and for what is not a
  ///   string or null.
  init?(_ value: JSONValue?) {
    let key = "\"base_model_name_or_path\""
    let consequence = "AutoPeftModel and servers cannot find the base model"
    switch value {
    case .null?, .string("")?:
      description = "\(key) is \(value?.isNull == true ? "null" : "empty"): \(consequence)"
      isOfOneUser = false
    case .string(let name)? where Self.isPath(name):
      isOfOneUser = Self.isInHome(name)
      let kind = isOfOneUser ? "a path in the home directory of a user" : "a local path"
      description =
        "\(key) is \(kind), \"\(name.excerpt)\": \(consequence) on other machines"
    default: return nil
    }
  }

  /// Whether a name is a path: names in the Hub are `name` or `owner/name`.
  private static func isPath(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    let slashes = bytes.filter { $0 == UInt8(ascii: "/") }.count
    let hasDrive = bytes.count > 2 && bytes[1] == UInt8(ascii: ":") && isSeparator(bytes[2])
    return slashes > 1 || hasDrive || bytes.contains(UInt8(ascii: "\\"))
      || ["/", "./", "../", "~"].contains(where: name.hasPrefix) || name.hasSuffix("/")
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
  }

  private static func isInHome(_ name: String) -> Bool {
    if ["/home/", "/Users/", "/root/", "~"].contains(where: name.hasPrefix) { return true }
    let windows = String(name.lowercased().map { $0 == "\\" ? "/" : $0 }.dropFirst())
    return windows.hasPrefix(":/users/")
  }
}
