import Conversion
import Files
import Kernels
import Tensors
import TestSupport
import Testing

@Suite("The example of the README")
struct ExampleTests {
  @Test("compiles and runs, and is the one that is shown")
  func example() throws {
    let directory = try TemporaryDirectory()
    try convert(source: Fixtures.adapter("lora"), output: directory.path)
    #expect(try directory.names == ["half"])
    #expect(try ShownExample(in: "README.md", number: 1).missing(from: #filePath) == [])
  }

  // The code of the README, and nothing else.
  private func convert(source: String, output: String) throws {
    // An adapter in half precision: what would be done, then do it.
    var options = ConversionOptions(format: .safetensors)
    options.casts = [CastRule(dtype: .float16)]
    let job = ConversionJob(source: source, destination: output + "/half", options: options)
    let plan = try job.plan()
    print(plan.files.map(\.name.string))  // [adapter_config.json, adapter_model.safetensors, …]
    let outcome = try plan.execute()
    print(outcome.byteCount, outcome.casts.map(\.counts.infiniteFromFinite))
  }
}
