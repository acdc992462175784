// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// Follows a pickle without executing it. The stack contains data and allowed names; everything else is
/// a finding, and an unknown value. Only the end of the pickle ends the scan.
struct ScanMachine {
  /// The checkpoint around the pickle.
  struct Surroundings: Sendable {
    /// The part of the checkpoint that the pickle is.
    var dialect = PickleDialect.names
    /// The number of records in the archive, which the zip reader limits.
    var recordCount = 0
    /// Whether the caller needs the result, so that its texts and lists are kept.
    var keepsResult = false
  }

  let surroundings: Surroundings
  /// The memory of the bytes that are followed, if it can be freed.
  var memory: MappedPart?
  /// The description of the pickle so far.
  var pickle: ScannedPickle
  var findings: [ScanFinding] = []
  var findingCount = 0
  var codeFindingCount = 0
  /// The storages that persistent ids name.
  var storages: [ScanStorage] = []
  /// Arguments of calls that are pickles themselves.
  var nested: [(bytes: [UInt8], offset: Int)] = []
  /// The value at STOP.
  var result: ScanValue?

  var stack: [ScanValue] = []
  var marks: [Int] = []
  var memo = ScanMemo()
  /// The number of the first memo slot.
  var memoStart = 0
  var elements: [ScanValue] = []
  var tuples: [ScanTuple] = []
  var containers: [ScanContainer] = []
  /// The number of elements that are kept in lists.
  var keptCount = 0
  /// The allowed name for each name of the pickle; nil for the others.
  var globals: [AllowedGlobal?] = []
  /// Whether there were too many values to follow, so that only names are listed.
  var isBlind = false

  init(_ pickle: ScannedPickle, in surroundings: Surroundings) {
    self.pickle = pickle
    self.surroundings = surroundings
  }

  /// Follows the pickle at the start of `bytes`, up to its end.
  ///
  /// - Returns: the size of the pickle in bytes.
  mutating func run(_ bytes: RawSpan) -> Int {
    // Positions of values are 32-bit numbers.
    let reachable = min(bytes.byteCount, Int(UInt32.max))
    let bytes = bytes.extracting(0..<reachable)
    var start = 0
    while let resumed = follow(bytes, from: start) { start = resumed }
    return pickle.byteCount
  }

  /// Follows a pickle up to its end or an encoding error.
  ///
  /// - Returns: the offset at which to continue after an error that Python ignores; nil at the end.
  private mutating func follow(_ bytes: RawSpan, from start: Int) -> Int? {
    var decoder = PickleDecoder(
      bytes.extracting(start..<bytes.byteCount), baseOffset: pickle.offset + start)
    var freed = start
    while true {
      do throws(CheckpointError) {
        let instruction = try decoder.next()
        pickle.byteCount = start + decoder.position
        if pickle.byteCount - freed >= MappedPart.pieceByteCount {
          memory?.forget(freed..<pickle.byteCount)
          freed = pickle.byteCount
        }
        pickle.opcodeCount += 1
        step(instruction, ScanArgument(instruction.argument, shift: start), in: bytes)
        if instruction.opcode == .stop { return nil }
        checkSize(at: instruction.offset)
      } catch {
        return recover(from: error, at: start + decoder.position, in: bytes)
      }
    }
  }

  /// Adds a finding for an encoding error. Python's own reader does not check frames, so the scan
  /// continues after an error that only concerns them.
  private mutating func recover(
    from error: CheckpointError, at place: Int, in bytes: RawSpan
  ) -> Int? {
    pickle.byteCount = place
    let code: ScanFinding.Code = error.code == .truncated ? .truncated : .malformed
    find(code, error.message, at: error.offset)
    guard place < bytes.byteCount else { return nil }
    switch Opcode(rawValue: bytes.byte(at: place)) {
    case nil, .stop: return nil
    case .frame: return place + 9 <= bytes.byteCount ? place + 9 : nil
    case .proto: return place + 2 <= bytes.byteCount ? place + 2 : nil
    default: break
    }
    // A new decoder is not inside a frame. If it fails too, the error is final.
    var fresh = PickleDecoder(bytes.extracting(place..<bytes.byteCount))
    return (try? fresh.next()) == nil ? nil : place
  }

  private mutating func checkSize(at offset: Int) {
    guard !isBlind else { return }
    let count =
      stack.count + marks.count + memo.count + elements.count + tuples.count + containers.count
      + keptCount + 2 * storages.count
    let limit = ScanLimits.values(recordCount: surroundings.recordCount)
    guard count > limit else { return }
    find(.limit, "the pickle holds more than \(limit) values at once", at: offset)
    isBlind = true
    stack = []
    marks = []
    elements = []
    tuples = []
    containers = []
    keptCount = 0
    memo.removeAll()
  }

  /// Adds a finding.
  mutating func find(
    _ code: ScanFinding.Code, _ message: @autoclosure () -> String, at offset: Int?
  ) {
    findingCount += 1
    if code.asksForCode { codeFindingCount += 1 }
    // The first finding that asks for code is always listed.
    if findings.count < ScanLimits.findings || (code.asksForCode && codeFindingCount == 1) {
      findings.append(
        ScanFinding(code: code, message: message(), place: pickle.place, offset: offset))
    }
  }
}

/// A storage that a persistent id names.
struct ScanStorage: Sendable, Hashable {
  /// The name in the file.
  let key: String
  /// The element type; nil for an untyped storage.
  let dtype: TorchDType?
  /// The size in bytes.
  let byteCount: Int
  /// The offset of the persistent id.
  let offset: Int

  /// The size of an element in bytes.
  var itemSize: Int { dtype?.byteCount ?? 1 }
}

/// The argument of an opcode. Ranges count from the start of the pickle.
enum ScanArgument {
  case none
  case integer(Int)
  case bytes(Range<Int>)
  case names(module: Range<Int>, name: Range<Int>)

  init(_ argument: PickleInstruction.Argument, shift: Int) {
    func shifted(_ range: Range<Int>) -> Range<Int> {
      range.lowerBound + shift..<range.upperBound + shift
    }
    switch argument {
    case .none, .double: self = .none
    case .integer(let value): self = .integer(value)
    case .bytes(let range): self = .bytes(shifted(range))
    case .names(let module, let name):
      self = .names(module: shifted(module), name: shifted(name))
    }
  }
}
