// SPDX-License-Identifier: Apache-2.0
import Pickle
import Testing

@Suite struct TableTests {
  @Test func namesAreUnique() {
    #expect(Set(AllowedGlobal.table.map(\.name)).count == AllowedGlobal.table.count)
  }

  @Test func namesComeBack() {
    for (name, global) in AllowedGlobal.table {
      #expect(AllowedGlobal.named(module: name.module, name: name.name) == global)
      #expect(AllowedGlobal(rawValue: global.rawValue) == global)
      let own = global.qualifiedName
      #expect(AllowedGlobal.named(module: own.module, name: own.name) == global)
    }
  }

  @Test(
    arguments: [
      ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"),
      ("builtins", "eval"), ("__builtin__", "eval"), ("builtins", "exec"), ("builtins", "getattr"),
      ("builtins", "__import__"), ("importlib", "import_module"), ("runpy", "run_path"),
      ("pickle", "loads"),
      ("torch", "load"), ("torch.storage", "_load_from_bytes"), ("torch.jit", "load"),
      ("torch.hub", "load"),
      ("collections", "OrderedDict.fromkeys"), ("collections.OrderedDict", "fromkeys"),
      ("torch._utils", "_rebuild_tensor_v2 "), ("Torch", "float32"), ("torch", "Float32"), ("", ""),
      ("__torch__", "Module"), ("_codecs", "decode"), ("functools", "partial"),
      ("operator", "attrgetter"),
    ])
  func otherNamesAreNot(module: String, name: String) {
    #expect(AllowedGlobal.named(module: module, name: name) == nil)
  }

  /// Functions are called, the rest is only named; what is a value is not called.
  @Test func rolesAreOneOrTheOther() {
    for role in AllowedGlobal.Role.allCases {
      let global = AllowedGlobal(role)
      #expect(!(global.isValue && global.call != nil), "\(role)")
      #expect(
        global.rebuildsTensor == (global.call?.resultType == .tensor && role != .parameterClass))
    }
  }

  @Test func explanations() {
    let rebuild = AllowedGlobal(.rebuildTensorV2)
    #expect(
      rebuild.call?.explanation(of: .count, calling: rebuild)
        == "_rebuild_tensor_v2 takes a tuple of 6 to 7 arguments")
    #expect(
      rebuild.call?.explanation(of: .argument(1, .integer), calling: rebuild)
        == "argument 2 of _rebuild_tensor_v2 must be an integer")
    let size = AllowedGlobal(.size)
    #expect(
      size.call?.explanation(of: .count, calling: size) == "torch.Size takes a tuple of 1 argument")
  }
}
