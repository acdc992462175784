// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A release of PEFT in the field table, and how it reads what it does not know.
public struct ExaminedRelease: Sendable, Hashable {
  /// A release's reaction to something that it does not know in a config.
  public enum Reaction: String, Sendable {
    /// Loads the config, silently.
    case accepts
    /// Loads the config, and warns.
    case warns
    /// Raises an error.
    case refuses
  }

  /// The release.
  public let release: PEFTRelease
  /// The reaction to a key that its class does not have.
  public let unknownKey: Reaction
  /// The reaction to `runtime_config`.
  public let runtimeConfig: Reaction
  /// The reaction to a `task_type` that it does not have.
  public let unknownTask: Reaction

  /// The releases in order.
  public static let all = FieldTableText.releases[...].fields(separatedBy: "\n")
    .compactMap(Self.init)

  /// The newest release: the last line of the table, which is read alone.
  public static let newest: ExaminedRelease = {
    let text = FieldTableText.releases[...]
    let start = text.utf8.lastIndex(of: UInt8(ascii: "\n")).map(text.utf8.index(after:))
    guard let release = Self(parsing: text[(start ?? text.startIndex)...]) else {
      preconditionFailure("the table of releases must not be empty")
    }
    return release
  }()

  /// The release whose description applies to another one: itself, or the last one before it.
  ///
  /// - Returns: nil for a release before the first or after the newest.
  public init?(_ release: PEFTRelease) {
    guard let examined = Self.all.last(where: { $0.release <= release }),
      examined.release == release || examined != Self.newest
    else { return nil }
    self = examined
  }

  private init?(parsing line: Substring) {
    let words = line.fields(separatedBy: " ")
    guard words.count == 4, let release = PEFTRelease(parsing: words[0]),
      let unknownKey = Reaction(rawValue: String(words[1])),
      let runtimeConfig = Reaction(rawValue: String(words[2])),
      let unknownTask = Reaction(rawValue: String(words[3]))
    else { return nil }
    self.release = release
    self.unknownKey = unknownKey
    self.runtimeConfig = runtimeConfig
    self.unknownTask = unknownTask
  }
}

extension [ExaminedRelease] {
  /// The releases as ranges in words: "0.2.0 to 0.5.0, 0.14.0 to 0.21.2"; nil if there is none.
  var ranges: String? {
    var ranges: [(first: Int, last: Int)] = []
    for index in ExaminedRelease.all.indices where contains(ExaminedRelease.all[index]) {
      if let last = ranges.last, last.last == index - 1 {
        ranges[ranges.count - 1].last = index
      } else {
        ranges.append((index, index))
      }
    }
    let words = ranges.map { range in
      let first = ExaminedRelease.all[range.first].release
      let last = ExaminedRelease.all[range.last].release
      return first == last ? "\(first)" : "\(first) to \(last)"
    }
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }
}
