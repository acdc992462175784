// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import MultitaskPromptTuning

/// The name of a form of baked prompts: that of a format, or one of those of servers.
struct PromptFormName: ExpressibleByArgument {
  /// The form.
  let form: PromptForm

  init?(argument: String) {
    if let form = Self.ofServers.first(where: { $0.name == argument })?.form {
      self.form = form
    } else if let format = FormatName(argument: argument)?.format {
      form = .checkpoint(format)
    } else {
      return nil
    }
  }

  private static let ofServers: [(name: String, form: PromptForm)] = [
    ("pt", .tensor), ("prompt-embeds", .promptEmbeds), ("tgis", .prefix),
  ]

  static var allValueStrings: [String] {
    FormatName.allValueStrings + ofServers.map(\.name)
  }
}
