// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files

/// How a command writes its output.
struct OutputOptions: ParsableArguments {
  @Flag(name: .long, help: "Replace an existing output.")
  var force = false

  @Flag(
    name: .customLong("no-sync"),
    help: "Do not wait until the output is on the drive; it may be lost in a power cut.")
  var noSync = false

  var policy: OutputPolicy {
    OutputPolicy(replacesExisting: force, synchronizes: !noSync)
  }
}
