// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Foundation
import Tensors
import TestSupport
import Testing

enum Vectors {
  static func path(_ name: String) -> String {
    Fixtures.projectRoot + "/Tests/ConversionTests/Vectors/" + name
  }
}

/// How two tensors differ, as numpy and torch have it.
struct DifferenceVector: Sendable, CustomTestStringConvertible {
  let name: String
  let different: Int?
  let unequal: Int?
  let nan: Int
  /// Decimal digits and a place: of integers the number, of floats their bits.
  let ulp: Largest?
  let absolute: Largest?
  let relative: Largest?
  let integer: Largest?

  struct Largest: Sendable, Equatable {
    let value: UInt64
    let index: Int

    init(_ value: UInt64, _ index: Int) {
      self.value = value
      self.index = index
    }

    init?(_ json: Any?) {
      guard let pair = json as? [Any], let digits = pair[0] as? String,
        let value = UInt64(digits), let index = pair[1] as? Int
      else { return nil }
      self.init(value, index)
    }
  }

  var testDescription: String { name }

  static let all: [DifferenceVector] = {
    let path = Vectors.path("expected.json")
    guard let data = try? Data(bytes(of: path)),
      let json = try? JSONSerialization.jsonObject(with: data) as? [String: [String: Any]]
    else { fatalError("cannot read \(path)") }
    return json.sorted { $0.key < $1.key }.map { name, item in
      DifferenceVector(
        name: name, different: item["different"] as? Int, unequal: item["unequal"] as? Int,
        nan: item["nan"] as? Int ?? -1, ulp: Largest(item["ulp"]),
        absolute: Largest(item["absolute"]), relative: Largest(item["relative"]),
        integer: Largest(item["integer"]))
    }
  }()
}

extension TemporaryDirectory {
  /// Writes tensors to a file inside and opens it.
  func archive(
    _ name: String, _ tensors: [RawSafeTensors.Tensor], metadata: [String: String]? = nil
  ) throws -> any TensorArchive {
    let file = RawSafeTensors(tensors, metadata: metadata)
    return try Checkpoint.open(path: write(file.encoded(), to: name))
  }
}
