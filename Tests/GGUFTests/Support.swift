// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import GGUF
import SafeTensors
import Tensors
import TestSupport

/// A file under `Fixtures/gguf/`.
func fixture(_ name: String) -> String { Fixtures.path("gguf/" + name) }

/// A file under `Fixtures/gguf/`, opened.
func opened(_ name: String) throws -> GGUFArchive {
  try GGUFArchive(InputFile(path: fixture(name)))
}

/// The data of a tensor, read in pieces.
func data(of archive: any TensorArchive, at index: Int) throws -> [UInt8] {
  var bytes: [UInt8] = []
  try archive.readTensor(at: index) { piece throws(CheckpointError) in
    bytes.append(copying: piece)
  }
  return bytes
}

/// The bytes of the file that an archive is written to.
func written(
  _ archive: any TensorArchive, values: [(key: String, value: GGUFValue)] = []
) throws -> [UInt8] {
  let directory = try TemporaryDirectory()
  let path = directory.path("written.gguf")
  var output = try AtomicFile(path: path, policy: OutputPolicy(synchronizes: false))
  try GGUFWriter.write(archive, values: values, to: &output)
  try output.commit()
  return try TestSupport.bytes(of: path)
}

/// An archive of tensors whose data are zeros.
final class ZeroArchive: TensorArchive {
  let path = "zeros"
  let format: any CheckpointFormat = SafeTensorsFormat()
  let metadata: ArchiveMetadata?
  let files: [InputFile] = []
  private let infos: [TensorInfo]

  init(_ tensors: [(TensorName, DType, Shape)], metadata: ArchiveMetadata? = nil) throws {
    var infos: [TensorInfo] = []
    for (name, dtype, shape) in tensors {
      infos.append(try TensorInfo(name: name, dtype: dtype, shape: shape))
    }
    self.infos = infos
    self.metadata = metadata
  }

  var tensorCount: Int { infos.count }
  func tensor(at index: Int) -> TensorInfo { infos[index] }
  func index(of name: TensorName) -> Int? { infos.firstIndex { $0.name == name } }
  func location(of index: Int) -> TensorLocation { TensorLocation(path: path, access: .gathered) }

  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let zeros = [UInt8](repeating: 0, count: infos[index].byteCount)
    return try body(
      TensorView(dtype: infos[index].dtype, shape: infos[index].shape, bytes: zeros.span.bytes))
  }

  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try withTensor(at: index) { view throws(CheckpointError) in try sink(view.bytes) }
  }
}
