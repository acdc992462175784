// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Tensors

/// The dtypes that prompts are computed in, as torch spells them.
enum ComputeDType: String, ExpressibleByArgument, CaseIterable {
  case float32, float64, bfloat16, float16

  var dtype: DType {
    switch self {
    case .float32: .float32
    case .float64: .float64
    case .bfloat16: .bfloat16
    case .float16: .float16
    }
  }
}
