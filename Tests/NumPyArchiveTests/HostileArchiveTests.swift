// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import NumPyArchive
import Tensors
import TestSupport
import Testing

@Suite("Hostile archives")
struct HostileArchiveTests {
  private static let array = rawArray(HostileArray.good, data: HostileArray.six)

  /// What is wrong with an archive of these members, opened and read.
  private func refusal(_ zip: RawZip) throws -> CheckpointError? {
    let directory = try TemporaryDirectory()
    let path = try directory.write(zip.bytes(), to: "x.npz")
    let error = #expect(throws: CheckpointError.self) { try readAll(Checkpoint.open(path: path)) }
    #expect(error?.path == path)
    return error
  }

  @Test("the members that they are made of are good, names in two cases too (N14)")
  func good() throws {
    let directory = try TemporaryDirectory()
    let zip = RawZip([
      try .init("x.npy", Self.array), try .init("X.npy", Self.array, method: 8),
      try .init("X.NPY", []), try .init("d/", []), try .init("größe.npy", Self.array),
    ])
    let archive = try Checkpoint.open(path: directory.write(zip.bytes(), to: "x.npz"))
    try readAll(archive)
    #expect(archive.tensors.map(\.name.string) == ["x", "X", "größe"])
    #expect(archive.skipped.map(\.name.string) == ["X.NPY"])
  }

  @Test("two members of a name, with or without .npy (N15)")
  func duplicates() throws {
    let array = try RawZip.Member("x.npy", Self.array)
    for other in ["x.npy", "x"] {
      let second = try RawZip.Member(other, Self.array)
      for members in [[array, second], [second, array]] {
        let error = try refusal(RawZip(members))
        #expect(error?.code == .malformed)
        #expect(error?.message.contains(other == "x" ? "two members" : "twice") == true)
      }
    }
  }

  @Test("a name that is not marked as UTF-8 (N14)")
  func unmarkedName() throws {
    let error = try refusal(RawZip([.init("größe.npy", Self.array, flags: 0)]))
    #expect(error?.message.contains("not marked") == true)
  }

  @Test(
    "names that lead elsewhere (N14)",
    arguments: ["/x.npy", "../x.npy", "a/../x.npy", "a\\x.npy", "a\0.npy", "a//x.npy"])
  func unsafeName(_ name: String) throws {
    let error = try refusal(RawZip([.init(name, Self.array)]))
    #expect(error?.message.contains("unsafe") == true)
  }

  @Test("a checksum that does not match, in data and header, is found when data is read (N17)")
  func checksum() throws {
    for method in [0, 8] as [UInt16] {
      for sum in [0, 1] as [UInt32] {
        var member = try RawZip.Member("x.npy", Self.array, method: method)
        member.checksum = sum
        let error = try refusal(RawZip([member]))
        #expect(error?.code == .malformed)
        #expect(error?.tensor == "x")
        #expect(error?.message.contains("checksum") == true)
      }
    }
    // Empty arrays have a header to be checked.
    let empty = rawArray("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3), }")
    var member = try RawZip.Member("x.npy", empty)
    member.checksum ^= 1
    #expect(try refusal(RawZip([member]))?.message.contains("checksum") == true)
  }

  @Test("compressed data that ends early, goes on, or is damaged (N17)")
  func damagedStream() throws {
    let member = try RawZip.Member("x.npy", Self.array, method: 8)
    var cut = member
    cut.data.removeLast(4)
    var longer = member
    longer.data += [0, 0]
    var noise = member
    noise.data = noise.data.map { ~$0 }
    var small = member
    small.byteCount -= 1
    var large = member
    large.byteCount += 1
    for bad in [cut, longer, noise, small, large] {
      #expect(try refusal(RawZip([bad])) != nil)
    }
  }

  @Test("a bomb: more than DEFLATE can compress, or more than is said (N16)")
  func bombs() throws {
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    let dict = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(zeros.count),), }"
    var claimed = try RawZip.Member("x.npy", Self.array, method: 8)
    claimed.byteCount = 1 << 31
    #expect(try refusal(RawZip([claimed]))?.message.contains("expand") == true)
    var hidden = try RawZip.Member("x.npy", Self.array + zeros, method: 8)
    hidden.byteCount = UInt32(Self.array.count)
    #expect(try refusal(RawZip([hidden]))?.message.contains("holds more") == true)
    // The dict promises more than the member has.
    let short = try RawZip.Member("x.npy", rawArray(dict, data: [0]), method: 8)
    #expect(try refusal(RawZip([short]))?.code == .truncated)
    // As much as DEFLATE can do is no bomb.
    let directory = try TemporaryDirectory()
    let full = RawZip([try .init("x.npy", rawArray(dict, data: zeros), method: 8)])
    let archive = try NumPyFile(
      archive: InputFile(path: directory.write(full.bytes(), to: "x.npz")))
    #expect(try data(of: archive, at: 0)[1] == zeros)
  }

  @Test("an archive that is cut anywhere")
  func truncated() throws {
    let directory = try TemporaryDirectory()
    let whole = try TestSupport.bytes(of: vectors + "read/zipped.npz")
    for count in 0..<whole.count {
      let path = try directory.write(Array(whole.prefix(count)), to: "x.npz")
      #expect(throws: CheckpointError.self, "\(count)") {
        try readAll(Checkpoint.open(path: path))
      }
    }
  }

  @Test("torch's zip archives are torch's, whatever else is in them (N1)")
  func torch() throws {
    let directory = try TemporaryDirectory()
    let zip = RawZip([
      try .init("archive/x.npy", Self.array), try .init("archive/data.pkl", [0x80, 2, 0x2E]),
    ])
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(path: directory.write(zip.bytes(), to: "x.npz"))
    }
    #expect(error?.description.contains("version") == true)
    let other = RawZip([try .init("hello.txt", [1])])
    let foreign = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(path: directory.write(other.bytes(), to: "y.zip"))
    }
    #expect(foreign?.code == .unrecognized)
  }
}
