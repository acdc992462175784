// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A Swift example on a page of the documentation.
public struct ShownExample {
  /// The lines that are not empty.
  public let lines: [String]

  /// Reads an example from a page.
  ///
  /// - Parameters:
  ///   - page: the path below the project's root.
  ///   - number: the index of the example among the Swift examples of the page.
  public init(in page: String, number: Int) throws {
    let text = String(decoding: try bytes(of: Fixtures.projectRoot + "/" + page), as: UTF8.self)
    let blocks = text.components(separatedBy: "```swift\n").dropFirst()
    guard number < blocks.count else { throw CocoaError(.fileReadCorruptFile) }
    let block = blocks[blocks.startIndex + number].components(separatedBy: "```")[0]
    lines = block.split(separator: "\n").map { String($0) }
  }

  /// The lines that are not in the source file of a test, which compiles and runs them.
  public func missing(from test: String) throws -> [String] {
    let source = String(decoding: try bytes(of: test), as: UTF8.self)
    let own = Set(source.split(separator: "\n").map { String($0) })
    return lines.filter { !own.contains($0) }
  }
}
