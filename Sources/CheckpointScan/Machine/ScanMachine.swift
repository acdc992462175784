// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// Follows a pickle without executing it: values on the stack are known as far as they are data, and
/// everything else is a finding. Only the end of the pickle stops it.
struct ScanMachine {
  /// What the pickle is part of.
  struct Surroundings: Sendable {
    /// What it may contain besides plain values.
    var dialect = PickleDialect.names
    /// The records of the archive, of which the zip reader allows a limited number.
    var recordCount = 0
    /// The caller looks at the result itself: names and lists in it are kept.
    var keepsResult = false
  }

  let surroundings: Surroundings
  /// What has been found of the pickle.
  var pickle: ScannedPickle
  var findings: [ScanFinding] = []
  var findingCount = 0
  var codeFindingCount = 0
  /// The storages that persistent ids name.
  var storages: [ScanStorage] = []
  /// Strings that calls are given and that are pickles themselves.
  var nested: [(bytes: [UInt8], offset: Int)] = []
  /// What STOP left.
  var result: ScanValue?

  var stack: [ScanValue] = []
  var marks: [Int] = []
  var memo = ScanMemo()
  /// The number of the first memo slot.
  var memoStart = 0
  var elements: [ScanValue] = []
  var tuples: [ScanTuple] = []
  var containers: [ScanContainer] = []
  /// The elements that lists keep.
  var keptCount = 0
  /// The allowed names among the pickle's, in their order.
  var globals: [AllowedGlobal?] = []
  /// The values have become too many to follow: only names are listed from here.
  var isBlind = false

  init(_ pickle: ScannedPickle, in surroundings: Surroundings) {
    self.pickle = pickle
    self.surroundings = surroundings
  }

  /// Follows the pickle that `bytes` start with. What comes after its end is not looked at.
  ///
  /// - Returns: the number of bytes that it takes.
  mutating func run(_ bytes: RawSpan) -> Int {
    // Positions of values are 32-bit numbers.
    let reachable = min(bytes.byteCount, Int(UInt32.max))
    let bytes = bytes.extracting(0..<reachable)
    var start = 0
    while let resumed = follow(bytes, from: start) { start = resumed }
    return pickle.byteCount
  }

  /// Follows a pickle up to its end or to a breach of framing.
  ///
  /// - Returns: where to go on after a breach that Python would not mind, nil at the end.
  private mutating func follow(_ bytes: RawSpan, from start: Int) -> Int? {
    var decoder = PickleDecoder(
      bytes.extracting(start..<bytes.byteCount), baseOffset: pickle.offset + start)
    while true {
      do throws(CheckpointError) {
        let instruction = try decoder.next()
        pickle.byteCount = start + decoder.position
        pickle.opcodeCount += 1
        step(instruction, ScanArgument(instruction.argument, shift: start), in: bytes)
        if instruction.opcode == .stop { return nil }
        checkSize(at: instruction.offset)
      } catch {
        return recover(from: error, at: start + decoder.position, in: bytes)
      }
    }
  }

  /// Notes a breach of framing. Python's own reader does not check frames, so that a pickle that
  /// breaks only their rules is followed further.
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
    // A fresh decoder is in no frame. Where that does not help, the breach is final.
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
    // The first finding that asks for code is listed, whatever came before it.
    if findings.count < ScanLimits.findings || (code.asksForCode && codeFindingCount == 1) {
      findings.append(
        ScanFinding(code: code, message: message(), place: pickle.place, offset: offset))
    }
  }
}

/// A storage that a persistent id names.
struct ScanStorage: Sendable, Hashable {
  /// Its name in the file.
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

/// What follows an opcode, with places counted from the start of the pickle.
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
