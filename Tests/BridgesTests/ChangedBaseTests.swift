// SPDX-License-Identifier: Apache-2.0
import Bridges
import JSONDocument
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Adapters of base models that PEFT changes (BR12)")
struct ChangedBaseTests {
  private func plan(_ key: String, _ value: JSONValue, for home: any AdapterHome) throws {
    let base = try BaseModel(path: Fixtures.path("tutorials/tiny-llama"))
    var (_, adapter) = try AdapterHomes.open(
      BridgeSource(path: Fixtures.path("tutorials/lora"), base: base))
    adapter.config?.document[key] = value
    _ = try home.checkedPlan(adapter, to: "unused", options: BridgeOptions(base: base))
  }

  @Test("no home but PEFT takes them", arguments: AdapterHomes.all.map(\.name))
  func refused(name: String) throws {
    let home = try #require(AdapterHomes.home(named: name))
    for (key, value) in [
      ("init_lora_weights", "pissa"), ("init_lora_weights", "OLoRA"),
      ("layer_replication", [[0, 1], [0, 1]]),
    ] as [(String, JSONValue)] {
      if name == "peft" {
        try plan(key, value, for: home)
      } else {
        let error = #expect(throws: CheckpointError.self) { try plan(key, value, for: home) }
        #expect(error?.code == .unsupported && error?.message.contains(key) == true, "\(name)")
      }
    }
  }
}
