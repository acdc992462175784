// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import Tensors
import Testing

@testable import PEFT

@Suite("The tensors of every method")
struct MethodTests {
  @Test("every tensor of PEFT's adapters is described, and every description is a tensor")
  func adapters() throws {
    for fixture in try MethodFixture.all() {
      try check(fixture, of: fixture.config.method)
    }
  }

  private func check(_ fixture: MethodFixture, of method: some AdapterMethod) throws {
    #expect(!(method is UndescribedMethod), "\(fixture)")
    let config = try method.config(fixture.config)
    #expect(
      method.crossFieldFindings(of: config).filter { $0.severity == .error } == [], "\(fixture)")
    var bound: [AdaptedModule] = []
    for hasBase in [false, true] {
      bound = fixture.modules.compactMap { module in
        let values = Self.fit(
          module, module.tensors, method, config, fixture.config, hasBase: hasBase)
        #expect(values != nil, "\(fixture): \(module.name) \(module.tensors), base: \(hasBase)")
        return values.map { AdaptedModule(name: module.name, values: $0) }
      }
      let expected =
        method.expectedTensors(for: config) + method.sharedTensors(for: config, modules: bound)
      var values = ExtentValues()
      for tensor in expected where !tensor.isOptional {
        let shape = fixture.once[tensor.name.string]
        #expect(shape != nil, "\(fixture): \(tensor.name)")
        guard let shape else { continue }
        #expect(
          tensor.shape.accept(shape, in: &values),
          "\(fixture): \(tensor.name) \(shape) \(tensor.shape.map(\.symbol))")
        values = ExtentValues()
      }
      let names = Set(expected.map(\.name.string))
      for name in fixture.once.keys where !names.contains(name) && !name.hasSuffix(".bias") {
        #expect(
          method.ownsSharedTensor(TensorName(name)) || fixture.config.isSaved(name),
          "\(fixture): \(name)")
      }
    }
  }

  /// The values of a module whose tensors have one of the method's forms; nil if they have none.
  static func fit<Method: AdapterMethod>(
    _ module: MethodFixture.Module, _ tensors: [String: Shape], _ method: Method,
    _ config: Method.Config, _ adapterConfig: AdapterConfig, hasBase: Bool
  ) -> ExtentValues? {
    var sizes = ModuleSizes(
      method.moduleSizes, of: adapterConfig, matching: method.patternMatching)
    var start = method.values(of: config, in: module.name, sizes: &sizes)
    if hasBase {
      for (symbol, value) in module.sizes { start[symbol] = value }
    }
    for form in method.moduleForms(for: config) {
      if hasBase, let kind = module.kind, !form.layers.contains(kind), kind != .block,
        !form.layers.contains(.block)
      {
        continue
      }
      var values = start
      var rest = Set(tensors.keys)
      let isFit = form.tensors.allSatisfy { tensor in
        guard let shape = tensors[tensor.name] else { return tensor.isOptional }
        rest.remove(tensor.name)
        return tensor.shape.accept(shape, in: &values)
      }
      if isFit, rest.isEmpty, form.applies(values) != false { return values }
    }
    return nil
  }

  @Test("a tensor of another shape fits no form, if the sizes of the base model are known")
  func reshaped() throws {
    var known = (seen: 0, all: 0)
    var unknown = (seen: 0, all: 0)
    for fixture in try MethodFixture.all() where !Self.isExempt(fixture) {
      try count(fixture, of: fixture.config.method, &known, &unknown)
    }
    #expect(known.seen == known.all)
    // The sides of a module that one tensor alone has are unknown without the base model.
    #expect(unknown.seen * 100 >= unknown.all * 90)
  }

  /// AdaMSS's tensors may have any shape; BOFT's factors depend on the machine, proportional WaveFT on
  /// all modules; and the width of a block is not a size of a layer.
  private static func isExempt(_ fixture: MethodFixture) -> Bool {
    ["ADAMSS", "ADAPTION_PROMPT", "BOFT factor", "WAVEFT proportional"].contains {
      fixture.description.hasPrefix($0)
    }
  }

  private func count(
    _ fixture: MethodFixture, of method: some AdapterMethod, _ known: inout (seen: Int, all: Int),
    _ unknown: inout (seen: Int, all: Int)
  ) throws {
    let config = try method.config(fixture.config)
    for module in fixture.modules {
      for (name, shape) in module.tensors where !Self.isCopy(name) {
        for damaged in Self.damages(of: shape) where damaged != shape {
          var tensors = module.tensors
          tensors[name] = damaged
          func isSeen(hasBase: Bool) -> Int {
            Self.fit(module, tensors, method, config, fixture.config, hasBase: hasBase) == nil
              ? 1 : 0
          }
          known = (known.seen + isSeen(hasBase: true), known.all + 1)
          unknown = (unknown.seen + isSeen(hasBase: false), unknown.all + 1)
        }
      }
    }
  }

  /// Whether a tensor is a copy of one that all modules share; its shape is compared with that.
  private static func isCopy(_ name: String) -> Bool {
    ["randlora_A", "randlora_B"].contains(name)
  }

  private static func damages(of shape: Shape) -> [Shape] {
    let extents = shape.dimensions
    let longer = extents.indices.map { place in
      var changed = extents
      changed[place] += 1
      return Shape(changed)
    }
    return longer + [
      Shape([1] + extents), Shape(Array(extents.reversed())), Shape([extents.reduce(1, *)]),
    ]
  }

  @Test("what PEFT refuses in a config is an error about the key")
  func refused() throws {
    for (config, key) in try MethodFixture.refused() {
      let type = try config.peftType.rawValue
      let findings = config.findings()
      let error = findings.first { $0.severity == .error }
      #expect(
        error?.key == key,
        "\(type) \(key): \(findings.map(\.message))")
    }
  }
}

extension AdapterConfig {
  /// Whether a tensor belongs to a module that is saved whole.
  fileprivate func isSaved(_ name: String) -> Bool {
    ((try? savedModules) ?? []).contains { name.contains(".\($0).") }
  }
}
