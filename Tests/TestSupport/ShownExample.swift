import Foundation

/// Swift code that a page of documentation shows.
public struct ShownExample {
  /// Its lines that are not empty.
  public let lines: [String]

  /// Takes a piece of Swift code from a page, counted from 0.
  ///
  /// - Parameter page: the path below the project's root.
  public init(in page: String, number: Int) throws {
    let text = String(decoding: try bytes(of: Fixtures.projectRoot + "/" + page), as: UTF8.self)
    let blocks = text.components(separatedBy: "```swift\n").dropFirst()
    guard number < blocks.count else { throw CocoaError(.fileReadCorruptFile) }
    let block = blocks[blocks.startIndex + number].components(separatedBy: "```")[0]
    lines = block.split(separator: "\n").map { String($0) }
  }

  /// The lines that a test, which compiles and runs them in a function, does not have.
  public func missing(from test: String) throws -> [String] {
    let source = String(decoding: try bytes(of: test), as: UTF8.self)
    let own = Set(source.split(separator: "\n").map { String($0) })
    return lines.filter { !own.contains("    " + $0) }
  }
}
