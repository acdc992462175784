// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Bridges

@Suite("Names of tensors in GGUF (GA4)")
struct GGUFNamesTests {
  @Test("every type of models has the embedding, the output and layers")
  func types() throws {
    #expect(GGUFNames.modelTypes.count == 19)
    for type in GGUFNames.modelTypes {
      let names = try #require(GGUFNames(modelType: type))
      #expect(names.entries.contains { $0.isInput }, "\(type)")
      #expect(names.entries.contains { $0.tensors == ["output"] }, "\(type)")
      #expect(names.entries.contains { $0.tensors == ["attn_output"] && !$0.isIgnored }, "\(type)")
      #expect(names.entries.allSatisfy { !$0.tensors.isEmpty })
    }
    #expect(GGUFNames(modelType: "bert") == nil)
    #expect(GGUFNames(modelType: "") == nil)
    #expect(GGUFNames(modelType: "llama\tllama") == nil)
  }

  @Test("a module and its tensor name each other")
  func places() throws {
    for type in GGUFNames.modelTypes {
      let names = try #require(GGUFNames(modelType: type))
      for (index, entry) in names.entries.enumerated() {
        let place = GGUFNames.Place(
          index: index, layer: entry.isInLayers ? 31 : nil,
          expert: entry.pattern.contains("@") ? 7 : nil)
        let module = names.module(at: place)
        let found = try #require(names.place(of: module))
        #expect(found.index == index && found.layer == place.layer, "\(type) \(module)")
        #expect(found.expert == place.expert)
        for tensor in names.tensors(at: place) {
          let stem = tensor.dropLast(".weight".count)
          let back = try #require(names.place(ofTensor: stem), "\(type) \(tensor)")
          #expect(names.tensors(at: back).contains(tensor))
          #expect(back.layer == place.layer)
        }
      }
    }
  }

  @Test(
    "names that are none",
    arguments: [
      "", ".", "blk", "blk.", "blk.0", "blk.0.", "blk.-1.attn_q", "blk.+1.attn_q", "blk.01.attn_q",
      "blk.1e3.attn_q", "blk.99999999999999999999.attn_q", "blk.0.attn_q.weight", "blk.0.ATTN_Q",
      "attn_q", "blk.0.token_embd", "0.attn_q", "blk.٣.attn_q", "blk.0.attn_q+attn_k",
      "blk.0.!attn_q",
    ])
  func otherTensors(name: String) throws {
    let names = try #require(GGUFNames(modelType: "llama"))
    #expect(names.place(ofTensor: name[...]) == nil)
  }

  @Test(
    "modules that are none",
    arguments: [
      "", "model", "model.layers.#.self_attn.q_proj", "model.layers.-1.self_attn.q_proj",
      "model.layers.00.self_attn.q_proj", "model.layers.1.self_attn.q_proj.weight",
      "model.layers.9999999999.self_attn.q_proj", "layers.1.self_attn.q_proj",
      "model.layers.1.q_proj",
    ])
  func otherModules(name: String) throws {
    let names = try #require(GGUFNames(modelType: "llama"))
    #expect(names.place(of: name) == nil)
  }
}
