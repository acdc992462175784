// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport

/// What a run of `peftkit` left.
struct Run {
  let output: String
  let errors: String
  let exitCode: Int32

  /// Standard output as JSON, parsed by Foundation, which takes strict JSON only.
  func json() throws -> [String: Any] {
    guard
      let object = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
    else { throw CocoaError(.propertyListReadCorrupt) }
    return object
  }
}

enum Tool {
  /// The executable that was built beside the tests.
  static let path: String = {
    var candidates = [CommandLine.arguments.first ?? "", Bundle.main.bundlePath]
    candidates += Bundle.allBundles.map(\.bundlePath)
    if let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
      candidates.insert(own, at: 0)
    }
    for candidate in candidates {
      var directory = URL(fileURLWithPath: candidate)
      for _ in 0..<5 {
        let tool = directory.appendingPathComponent("peftkit")
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: tool.path, isDirectory: &isDirectory)
        if exists, !isDirectory.boolValue { return tool.path }
        directory.deleteLastPathComponent()
      }
    }
    fatalError("no peftkit beside the tests: \(candidates)")
  }()
}

/// Runs the tool; its output goes through files, which cannot fill up as pipes do.
func peftkit(
  _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:]
) throws -> Run {
  let temporary = try TemporaryDirectory()
  let output = try temporary.write([], to: "stdout")
  let errors = try temporary.write([], to: "stderr")
  let process = Process()
  process.executableURL = URL(fileURLWithPath: Tool.path)
  process.arguments = arguments
  if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
  // The width of help is that of the terminal, or of this.
  process.environment = ["COLUMNS": "80", "LANG": "C.UTF-8"].merging(environment) { $1 }
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = FileHandle(forWritingAtPath: output)
  process.standardError = FileHandle(forWritingAtPath: errors)
  try process.run()
  process.waitUntilExit()
  return Run(
    output: String(decoding: try bytes(of: output), as: UTF8.self),
    errors: String(decoding: try bytes(of: errors), as: UTF8.self),
    exitCode: process.terminationReason == .exit ? process.terminationStatus : -1)
}

/// Runs the tool.
func peftkit(_ arguments: String...) throws -> Run { try peftkit(arguments) }

/// Where each file below a directory stands, and what it holds.
func contents(of root: String) throws -> [String: [UInt8]] {
  var result: [String: [UInt8]] = [:]
  for name in try files(below: root) { result[name] = try bytes(of: root + "/" + name) }
  return result
}
