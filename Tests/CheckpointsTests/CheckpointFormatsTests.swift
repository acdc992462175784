// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Tensors
import TestSupport
import Testing

@Suite("The list of formats")
struct CheckpointFormatsTests {
  @Test("names, variants and extensions belong to one format")
  func unique() {
    let formats = CheckpointFormats.all
    for values in [
      formats.map(\.name), formats.flatMap(\.variants).map(\.name),
      formats.flatMap(\.fileExtensions), formats.compactMap(\.modelStem),
    ] {
      #expect(Set(values).count == values.count)
    }
  }

  @Test("formats are found by name and by extension", arguments: CheckpointFormats.all.map(\.name))
  func lookup(name: String) throws {
    let format = try #require(CheckpointFormats.format(named: name))
    #expect(format.name == name)
    #expect(!format.variants.isEmpty)
    for fileExtension in format.fileExtensions {
      #expect(fileExtension == fileExtension.lowercased() && fileExtension.hasPrefix("."))
      for path in ["x", "a.b/x"].map({ $0 + fileExtension.uppercased() }) {
        #expect(CheckpointFormats.format(ofFileName: path)?.name == name)
      }
    }
  }

  @Test(
    "other names have no format",
    arguments: ["", "bin", "x.bin2", "x.bin/y", "x.safetensors.index.json", "safetensors"])
  func others(name: String) {
    #expect(CheckpointFormats.format(ofFileName: name) == nil)
  }

  @Test("a damaged zip archive is read as its name says, an intact one by its members")
  func zips() throws {
    let directory = try TemporaryDirectory()
    let damaged: [UInt8] = [0x50, 0x4B, 0x03, 0x04] + [UInt8](repeating: 0, count: 40)
    for (name, format) in [("x.npz", "npz"), ("x.bin", "torch"), ("x", "torch")] {
      let path = try directory.write(damaged, to: name)
      #expect(try CheckpointFormats.format(of: InputFile(path: path))?.name == format)
    }
    let adapter = try bytes(of: Fixtures.adapter("lora-bin") + "/adapter_model.bin")
    let path = try directory.write(adapter, to: "y.npz")
    #expect(try CheckpointFormats.format(of: InputFile(path: path))?.name == "torch")
  }
}
