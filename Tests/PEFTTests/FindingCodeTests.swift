// SPDX-License-Identifier: Apache-2.0
import Foundation
import PEFT
import TestSupport
import Testing

@Suite("Codes of findings")
struct FindingCodeTests {
  @Test("the list is sorted, and the specification has the same codes (G2)")
  func specification() throws {
    let text = try String(
      contentsOfFile: Fixtures.projectRoot + "/spec/findings.md", encoding: .utf8)
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
    let specified = rows.map { $0.dropFirst(3).prefix { $0 != "`" } }
    #expect(specified.map(String.init) == Finding.Code.all.map(\.rawValue))
    #expect(Finding.Code.all.map(\.rawValue).sorted() == Finding.Code.all.map(\.rawValue))
    for row in rows {
      let severities = row.split(separator: "|")[1].split(separator: ",").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      #expect(severities.allSatisfy { Finding.Severity(rawValue: $0) != nil }, "\(row)")
    }
  }

  @Test("the sources use the codes in the list, each of them (G2)")
  func sources() throws {
    let sources = Fixtures.projectRoot + "/Sources"
    let usage = /\.(?:error|warning|note),\s*"([a-z0-9-]+)"/
    var used: Set<String> = []
    for name in try files(below: sources) where name.hasSuffix(".swift") {
      let text = try String(contentsOfFile: sources + "/" + name, encoding: .utf8)
      for match in text.matches(of: usage) { used.insert(String(match.1)) }
    }
    #expect(used.subtracting(Finding.Code.all.map(\.rawValue)) == [])
    #expect(Set(Finding.Code.all.map(\.rawValue)).subtracting(used) == [])
  }
}
