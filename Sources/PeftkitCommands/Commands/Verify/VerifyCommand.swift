// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Kernels
internal import PEFT
internal import Tensors
internal import Verification

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", _superCommandName: Tool.name,
    abstract: "Check an adapter against reference outputs.",
    discussion: """
      Computes on the CPU what an adapter adds to the weights of its base model, or its prompts, \
      and compares it with the reference. Values must be equal where nothing is summed, and \
      elsewhere within the rounding error of any order of summation. With --rtol or --atol, \
      values are compared as torch.allclose does. Exit code 1 when a case differs.

      Methods: \(AdapterVerifier.types.joined(separator: ", ")).

      Fixtures/make_reference.py makes a reference from your own adapter with PEFT.

      EXAMPLES:
        peftkit verify my-adapter --reference reference.safetensors
        peftkit verify my-adapter --reference reference.safetensors --rtol 1e-4
      """)

  @Argument(help: "An adapter directory.", completion: .directory)
  var adapter: CheckpointArgument

  @Option(
    help: ArgumentHelp("A file of reference outputs.", valueName: "ref.safetensors"),
    completion: .file())
  var reference: String

  @Option(
    help: ArgumentHelp(
      "The relative tolerance of torch.allclose (1e-05 if only --atol is given).",
      valueName: "x"))
  var rtol: Double?

  @Option(
    help: ArgumentHelp(
      "The absolute tolerance of torch.allclose (1e-08 if only --rtol is given).",
      valueName: "y"))
  var atol: Double?

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    for (name, value) in [("--rtol", rtol), ("--atol", atol)] {
      if let value, !(value >= 0) {
        throw ValidationError("'\(name)' must be a number of at least 0.")
      }
    }
  }

  private var rule: VerificationRule {
    guard rtol != nil || atol != nil else { return .numerics }
    return .allClose(
      relative: rtol ?? ToleranceComparison.defaultRelativeTolerance,
      absolute: atol ?? ToleranceComparison.defaultAbsoluteTolerance)
  }

  func run() throws {
    let path = try adapter.path()
    let adapter = try Adapter(path: path)
    let verifier = try AdapterVerifier.verifier(for: adapter)
    let file = try ReferenceFile(path: reference, layouts: verifier.layouts)
    let verdicts = try ProgressLine.counting(file.cases, "case") {
      item throws(CheckpointError) in try verifier.verify(item, of: file, rule: rule)
    }
    let errors = try adapter.findings(readsValues: false).filter { $0.severity == .error }
    let report = VerificationReport(
      adapter: path, errors: errors, reference: reference, numericRule: verifier.rule, rule: rule,
      verdicts: verdicts, uncoveredModules: verifier.uncoveredModules(by: file))
    try print(report, json: json)
    if !report.holds { throw ExitCode.finding }
  }
}
