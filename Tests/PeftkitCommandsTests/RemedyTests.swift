// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("Remedies")
struct RemedyTests {
  @Test("no library names a flag or a command in a string: it gives a remedy (L3)")
  func flags() throws {
    let sources = Fixtures.projectRoot + "/Sources"
    let flag = /"[^"]*(--[a-z]|peftkit [a-z])/
    var fileCount = 0
    for name in try files(below: sources) where name.hasSuffix(".swift") {
      guard !name.hasPrefix("PeftkitCommands/"), !name.hasPrefix("peftkit/") else { continue }
      fileCount += 1
      let text = try String(contentsOfFile: sources + "/" + name, encoding: .utf8)
      for line in text.split(separator: "\n") {
        let code = line.drop(while: \.isWhitespace)
        guard !code.hasPrefix("//"), code.contains(flag) else { continue }
        Issue.record("\(name): \(code)")
      }
    }
    #expect(fileCount > 200)
  }

  @Test("the manifest has the hint as it is printed (B11)")
  func manifest() throws {
    let directory = try TemporaryDirectory()
    let source = directory.path("in")
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
    let half = RawSafeTensors([.init("t", "F8_E4M3", [4], [1, 2, 3, 4])])
    try directory.write(half.encoded(), to: "in/x.safetensors")
    let run = try peftkit([
      "convert", "--recursive", source, directory.path("out"), "--to", "torch", "--torch-layout",
      "1.13",
    ])
    #expect(run.exitCode == 1)
    #expect(run.errors.hasSuffix("\nhint: --torch-layout 2.1 can hold it\n"))
    let manifest = try String(
      contentsOfFile: directory.path("out/peftkit-manifest.jsonl"), encoding: .utf8)
    #expect(manifest.contains(#""hint":"--torch-layout 2.1 can hold it""#), "\(manifest)")
  }
}
