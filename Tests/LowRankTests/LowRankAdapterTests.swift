// SPDX-License-Identifier: Apache-2.0
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Adapters in canonical form (U23 to U26)")
struct LowRankAdapterTests {
  private static func adapter(_ name: String) throws -> LowRankAdapter {
    try LowRankAdapter(Adapter(path: Fixtures.adapter(name)))
  }

  @Test("modules, ranks and scales of a LoRA adapter")
  func lora() throws {
    let adapter = try Self.adapter("lora")
    #expect(adapter.others.isEmpty && adapter.baseModelName == "tiny-gpt2")
    let first = try #require(
      adapter.modules.first { $0.name == "transformer.h.0.attn.c_attn" })
    #expect(first.kind == .linear && first.isPlain)
    #expect(first.scale == LoRAScale(rank: 3, alpha: 4, isRankStabilized: false))
    #expect(first.a.sizes[0] == 3 && first.b.sizes[1] == 3)
  }

  @Test(
    "the change of a module in canonical form is that which is verified",
    arguments: [
      "lora", "lora-embedding",
    ])
  func changes(name: String) throws {
    let opened = try Adapter(path: Fixtures.adapter(name))
    let updates = try #require(try AdapterUpdates(opened))
    let adapter = try LowRankAdapter(opened)
    #expect(adapter.modules.count == updates.modules.count)
    for (module, tensors) in zip(adapter.modules, updates.modules) {
      #expect(module.name == tensors.name)
      guard case .addition(let expected) = try updates.change(of: tensors, in: .float32) else {
        Issue.record("\(name): not a sum")
        continue
      }
      let isEmbedding = module.kind == .embedding
      let (rank, width) = (module.scale.rank, module.a.sizes[1])
      let a = BoundedMatrix(
        rowCount: rank, width: width, values: try module.a.values(in: .float32))
      let b = BoundedMatrix(
        rowCount: module.b.sizes[0], width: rank, values: try module.b.values(in: .float32))
      let product: MatrixExpression =
        isEmbedding ? .product(a.transposed, b.transposed) : .product(b, a)
      let delta = MatrixExpression.scaled(product, by: module.scale.scale)
      #expect(delta.rowCount == expected.rowCount)
      let rows = 0..<delta.rowCount
      let isEqual = delta.rows(rows).values == expected.rows(rows).values
      #expect(isEqual)
    }
  }

  @Test("magnitudes are vectors, whatever the module")
  func dora() throws {
    let adapter = try Self.adapter("lora-dora")
    #expect(adapter.modules.contains { $0.magnitude != nil })
    for module in adapter.modules {
      let magnitude = try #require(module.magnitude)
      #expect(magnitude.sizes == [module.b.sizes[0]])
    }
  }

  @Test("other methods are refused by name", arguments: ["ia3", "loha", "vera", "prompt-tuning"])
  func methods(name: String) throws {
    let error = #expect(throws: CheckpointError.self) { try Self.adapter(name) }
    #expect(error?.code == .unsupported)
  }
}
