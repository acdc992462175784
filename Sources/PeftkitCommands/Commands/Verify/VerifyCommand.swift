internal import ArgumentParser
internal import Kernels
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that an adapter computes what a reference says.",
    discussion: """
      Runs the forward of a multitask prompt tuning adapter on the CPU, in the dtype of each case's \
      output. At rank 1 every value must be equal; above, it must keep within the rounding error \
      that any order of summation can make. --rtol and --atol replace this by the rule of \
      torch.allclose. Exit code 1 when the reference does not hold.

      Fixtures/make_reference.py makes a reference from your own adapter with PEFT.

      EXAMPLES:
        peftkit verify my-adapter --reference reference.safetensors
        peftkit verify my-adapter --reference reference.safetensors --rtol 1e-4
      """)

  @Argument(help: "An adapter directory.", completion: .directory)
  var adapter: String

  @Option(
    help: ArgumentHelp("A file of reference outputs.", valueName: "ref.safetensors"),
    completion: .file())
  var reference: String

  @Option(
    help: ArgumentHelp(
      "Relative tolerance: judge as torch.allclose does (1e-05 if only --atol is given).",
      valueName: "x"))
  var rtol: Double?

  @Option(
    help: ArgumentHelp(
      "Absolute tolerance: judge as torch.allclose does (1e-08 if only --rtol is given).",
      valueName: "y"))
  var atol: Double?

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

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
    let embedding = try MultitaskPromptEmbedding(path: adapter)
    let file = try ReferenceFile(path: reference)
    var verdicts: [CaseVerdict] = []
    for item in file.cases {
      verdicts.append(try embedding.verify(item, of: file, rule: rule))
    }
    let report = VerificationReport(
      adapter: adapter, reference: reference, rank: embedding.dimensions.rank, rule: rule,
      verdicts: verdicts)
    try print(report, json: json)
    if !report.holds { throw ExitCode.finding }
  }
}
