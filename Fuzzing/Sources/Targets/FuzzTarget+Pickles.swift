// SPDX-License-Identifier: Apache-2.0
@testable internal import CheckpointScan
@testable internal import DistributedCheckpoint
internal import Files
internal import Pickle
internal import Tensors

extension FuzzTarget {
  /// Pickles, alone and in the files around them.
  static let pickles: [FuzzTarget] = [
    FuzzTarget(name: "pickle") { bytes in
      guard let first = bytes.first else { return }
      let dialect = dialects[Int(first) % dialects.count]
      let pickle = Array(bytes.dropFirst())
      let whole = graph(of: pickle, dialect)
      checkPieces(pickle, dialect, whole)
      guard let whole else { return }
      for node in 0..<whole.graph.nodes.count {
        let value = PickleValue.node(node)
        _ = (
          whole.graph.describe(value), whole.graph.object(value)?.name, whole.graph.isPlain(value)
        )
        _ = whole.graph.allParts(of: node).count
        _ = try? whole.graph.keyName(value)
      }
    },
    // A pickle in a torch file whose checksums match, so that what it describes is read too.
    FuzzTarget(name: "torch-pickle") { bytes in
      let path = FuzzFile.write(PickleArchive.bytes(around: bytes))
      let contradiction = try? Agreement.contradiction(path)
      require(
        contradiction.flatMap { $0 } == nil, "contradiction: \(contradiction.debugDescription)")
      FuzzTarget.named("torch")?.check(PickleArchive.bytes(around: bytes))
    },
    FuzzTarget(name: "scan-pickle") { bytes in
      var machine = ScanMachine(
        ScannedPickle(place: "input", offsetBase: .file, offset: 0), in: .init(dialect: .torch))
      let count = machine.run(bytes.span.rawBytes)
      require(count <= bytes.count, "\(count) bytes were read of \(bytes.count)")
      guard machine.findingCount == 0 else { return }
      require(machine.pickle.names.allSatisfy { $0.isAllowed }, "an unknown name without a finding")
      require(machine.pickle.isComplete, "an incomplete pickle without a finding")
    },
    FuzzTarget(name: "state-dict-metadata") { bytes in
      _ = try? StateDictMetadata(FuzzFile.open(bytes))
    },
    FuzzTarget(name: "zero-state") { bytes in
      guard let graph = graph(of: bytes, .torch)?.graph else { return }
      _ = try? ZeroModelState(graph)
      _ = try? ZeroOptimizerState(graph)
    },
  ]

  private static let dialects: [PickleDialect] = [
    .torch, .plain, .names, .objects, .torchScript, .torchLegacy, .torchTar,
  ]

  private static func graph(
    of bytes: [UInt8], _ dialect: PickleDialect
  ) -> (graph: PickleGraph, end: Int)? {
    let limits = PickleLimits().scaled(fileByteCount: bytes.count, pickleByteCount: bytes.count)
    return try? PickleMachine.run(bytes, baseOffset: 0, dialect: dialect, limits: limits)
  }

  /// A pickle that is read in pieces is the same, or refused as well.
  private static func checkPieces(
    _ bytes: [UInt8], _ dialect: PickleDialect, _ whole: (graph: PickleGraph, end: Int)?
  ) {
    guard !bytes.isEmpty else { return }
    let limits = PickleLimits().scaled(fileByteCount: bytes.count, pickleByteCount: bytes.count)
    var position = 0
    let pieces = try? PickleMachine.run(
      byteCount: bytes.count, pieceByteCount: 7, baseOffset: 0, dialect: dialect, limits: limits
    ) { piece, count throws(CheckpointError) in
      piece += bytes[position..<position + count]
      position += count
    }
    require(
      pieces?.end == whole?.end, "ends at \(String(describing: pieces?.end)) when read in pieces")
    guard let pieces, let whole else { return }
    require(pieces.graph.nodes.count == whole.graph.nodes.count, "other values when read in pieces")
    require(
      pieces.graph.describe(pieces.graph.root) == whole.graph.describe(whole.graph.root),
      "another value when read in pieces")
  }
}
