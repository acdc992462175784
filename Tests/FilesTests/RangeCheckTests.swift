// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing

/// Remembers what it was shown; finds fault with the piece that holds a byte of the file.
private final class Recorder: RangeCheck {
  let seen = Mutex<[Int: [UInt8]]>([:])
  let fault: Int?

  init(fault: Int? = nil) { self.fault = fault }

  func check(_ bytes: RawSpan, at offset: Int) throws(CheckpointError) {
    let copy = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    seen.withLock { $0[offset] = copy }
    if let fault, (offset..<offset + bytes.byteCount).contains(fault) {
      throw .malformed("a byte is wrong", at: fault)
    }
  }

  /// The range that the pieces make up, if they follow one another.
  func range() -> Range<Int>? {
    let pieces = seen.withLock { $0 }.sorted { $0.key < $1.key }
    guard let first = pieces.first else { return nil }
    var end = first.key
    for (offset, bytes) in pieces {
      guard offset == end else { return nil }
      end += bytes.count
    }
    return first.key..<end
  }
}

@Suite("Checking ranges while they are copied")
struct RangeCheckTests {
  static let data = pattern(5_000_000)
  let directory: TemporaryDirectory
  let source: InputFile

  init() throws {
    directory = try TemporaryDirectory()
    source = try InputFile(path: directory.write(Self.data, to: "source"))
  }

  static let ranges: [Range<Int>] = [
    0..<0, 3..<4, 100..<300_000, 1..<262_144, 0..<5_000_000, 17..<4_999_990,
    1_048_576..<2_097_152,
  ]

  @Test("every byte is shown once, and stands where it belongs", arguments: ranges, [0, 3, 70_000])
  func all(range: Range<Int>, lead: Int) throws {
    let start = pattern(lead)
    let checks = (0..<4).map { _ in Recorder() }
    var file = try AtomicFile(path: directory.path("out"), policy: careful)
    try file.write(start.span.rawBytes)
    for check in checks {
      try file.copy(from: source, range: range, check: check)
      try file.write([9].span.rawBytes)
    }
    #expect(file.byteCount == lead + 4 * (range.count + 1))
    try file.commit()
    let expected = (0..<4).reduce(start) { all, _ in all + Self.data[range] + [9] }
    #expect(try bytes(of: directory.path("out")) == expected)
    for check in checks {
      #expect(check.range() == (range.isEmpty ? nil : range))
      for (offset, bytes) in check.seen.withLock({ $0 }) {
        #expect(bytes == Array(Self.data[offset..<offset + bytes.count]))
      }
    }
  }

  @Test(
    "what a check finds names the tensor and leaves nothing", arguments: [0, 999_999, 4_999_999])
  func fault(place: Int) throws {
    let error = failure { () throws(CheckpointError) in
      var file = try AtomicFile(path: directory.path("out"), policy: careful)
      for number in 0..<6 {
        file.tensor = TensorName("tensor \(number)")
        let check = Recorder(fault: number == 3 ? place : nil)
        try file.copy(from: source, range: 0..<5_000_000, check: check)
      }
      try file.commit()
    }
    #expect(error?.code == .malformed && error?.offset == place)
    #expect(error?.tensor == "tensor 3")
    #expect(try directory.names == ["source"])
  }

  @Test("of several faults the first in the file is told")
  func firstFault() throws {
    for _ in 0..<20 {
      let error = failure { () throws(CheckpointError) in
        var file = try AtomicFile(path: directory.path("out"), policy: careful)
        for number in 0..<10 {
          file.tensor = TensorName("tensor \(number)")
          try file.copy(
            from: source, range: 0..<1_500_000, check: Recorder(fault: number < 2 ? nil : 1_000_000)
          )
        }
        try file.commit()
      }
      #expect(error?.tensor == "tensor 2")
    }
  }

  @Test("checks can be waited for, and what follows is written all the same")
  func settled() throws {
    var file = try AtomicFile(path: directory.path("out"), policy: careful)
    var expected: [UInt8] = []
    for range in [0..<1_000_000, 5..<3_000_005, 0..<5_000_000] {
      let check = Recorder()
      try file.copy(from: source, range: range, check: check)
      try file.settleChecks()
      #expect(check.range() == range)
      try file.write([1, 2].span.rawBytes)
      try file.settleChecks()
      expected += Self.data[range] + [1, 2]
    }
    try file.commit()
    #expect(try bytes(of: directory.path("out")) == expected)
  }

  @Test("an append that failed leaves room for a larger one, and no bytes")
  func failedAppend() throws {
    var file = try AtomicFile(path: directory.path("out"), policy: careful)
    let error = failure { () throws(CheckpointError) in
      try file.append(byteCount: 10) { _ throws(CheckpointError) in throw .malformed("no") }
    }
    #expect(error?.code == .malformed)
    let data = pattern(100_000)
    try file.append(byteCount: data.count) { bytes throws(CheckpointError) in
      bytes.copyBytes(of: data.span.rawBytes)
    }
    try file.commit()
    #expect(try bytes(of: directory.path("out")) == data)
  }

  @Test("a source that was cut short meanwhile is an error, and leaves nothing")
  func cutShort() throws {
    truncate(directory.path("source"), 3_000_000)
    let error = failure { () throws(CheckpointError) in
      var file = try AtomicFile(path: directory.path("out"), policy: careful)
      try file.copy(from: source, range: 0..<5_000_000, check: Recorder())
      try file.commit()
    }
    #expect(error?.code == .truncated)
    #expect(error?.path == directory.path("source"))
    #expect(try directory.names == ["source"])
  }
}
