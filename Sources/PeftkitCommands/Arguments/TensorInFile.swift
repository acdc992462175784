// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Tensors

/// `model.safetensors:wte.weight`: a file and a tensor in it, separated by the last colon.
struct TensorInFile: ExpressibleByArgument {
  let path: String
  let tensor: TensorName

  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":") else { return nil }
    path = String(argument[..<colon])
    tensor = TensorName(String(argument[argument.index(after: colon)...]))
    guard !path.isEmpty, !tensor.string.isEmpty else { return nil }
  }
}
