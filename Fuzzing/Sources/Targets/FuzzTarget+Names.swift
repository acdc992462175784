// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
@testable internal import Conversion
@testable internal import PEFT
internal import Tensors

extension FuzzTarget {
  /// Patterns and other short texts. A line feed separates a pattern and what it is for.
  static let names: [FuzzTarget] = [
    FuzzTarget(name: "glob") { bytes in
      guard let (pattern, name) = lines(bytes) else { return }
      let glob = GlobPattern(pattern)
      let matches = glob.matches(TensorName(name))
      // A bracket and a mark that combines with it are one character.
      if !pattern.utf8.contains(UInt8(ascii: "[")) {
        let (pattern, name) = (Array(pattern.unicodeScalars), Array(name.unicodeScalars))
        require(matches == Self.matches(pattern, name), "the simple rule says \(!matches)")
      }
    },
    FuzzTarget(name: "rename") { bytes in
      guard let (text, name) = lines(bytes), let replacement = try? NameReplacement(parsing: text),
        let rewriter = try? NameRewriter(replacement)
      else { return }
      _ = rewriter.rewrite(TensorName(String(name.prefix(16))))
    },
    FuzzTarget(name: "expression") { bytes in
      guard let (pattern, name) = lines(bytes) else { return }
      let scalars = Array(name.unicodeScalars)
      for isWhole in [false, true] {
        guard let expression = try? RegularExpression(pattern, keepsGroups: true, isWhole: isWhole)
        else { continue }
        var budget = 1_000_000
        let required = expression.requiredText
        if expression.matches(scalars, anywhere: true, budget: &budget) == true, !required.isEmpty {
          let contains = scalars.indices.contains { scalars[$0...].starts(with: required) }
          require(contains, "matches without its required text")
        }
      }
    },
    FuzzTarget(name: "module-pattern") { bytes in
      guard let (key, module) = lines(bytes) else { return }
      for matching in [ModulePattern.Matching.path, .submodule, .anywhere, .exact] {
        var budget = 1_000_000
        _ = ModulePattern(key, matching: matching).matches(module, budget: &budget)
      }
    },
    FuzzTarget(name: "name") { bytes in
      guard let text = String(validating: bytes, as: UTF8.self) else { return }
      _ = (try? ByteSize(parsing: text), HubName(text), PEFTRelease(parsing: text))
    },
  ]

  private static func lines(_ bytes: [UInt8]) -> (String, String)? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let parts = text.unicodeScalars.split(
      separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
  }

  /// `fnmatch` without sets, by the table of all prefixes.
  private static func matches(_ pattern: [Unicode.Scalar], _ name: [Unicode.Scalar]) -> Bool {
    var row = [Bool](repeating: false, count: name.count + 1)
    row[0] = true
    for part in pattern {
      var next = [Bool](repeating: false, count: name.count + 1)
      for place in row.indices {
        if part == "*" {
          next[place] = row[place] || place > 0 && next[place - 1]
        } else if place > 0 {
          next[place] = row[place - 1] && (part == "?" || part == name[place - 1])
        }
      }
      row = next
    }
    return row[name.count]
  }
}
