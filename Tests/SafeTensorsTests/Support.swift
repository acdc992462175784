// SPDX-License-Identifier: Apache-2.0
import Files
import SafeTensors
import Tensors
import TestSupport
import Testing

/// The bytes of a file of this header and data; `length` where the file is to lie about N.
func framed(_ header: [UInt8], _ data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header + data
}

/// Opens these bytes as a file.
func opened(_ bytes: [UInt8]) throws -> SafeTensorsFile {
  let directory = try TemporaryDirectory()
  // The file stays open, and so readable, when its name is gone.
  return try SafeTensorsFile(path: directory.write(bytes, to: "x.safetensors"))
}

/// A description of a tensor, four bytes of U8 unless said otherwise.
func info(
  _ dtype: String = "\"U8\"", _ shape: String = "[4]", _ offsets: String = "[0,4]",
  extra: String = ""
) -> String {
  "{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)\(extra)}"
}

/// A header, or part of one, with the verdict on it.
struct HeaderCase: CustomTestStringConvertible, Sendable {
  let what: String
  /// The header; a `‸` stands before the byte that the error must name, and is no part of it.
  let text: String
  let data: [UInt8]
  let tensor: TensorName?
  let code: CheckpointError.Code

  var testDescription: String { what }

  /// A whole header.
  init(
    _ what: String, _ text: String, data: Int = 4, tensor: TensorName? = nil,
    code: CheckpointError.Code = .malformed
  ) {
    self.what = what
    self.text = text
    self.data = (0..<data).map { UInt8($0 + 1) }
    self.tensor = tensor
    self.code = code
  }

  /// A description of the tensor `x`.
  static func x(_ what: String, _ text: String, data: Int = 4) -> HeaderCase {
    HeaderCase(what, "{\"x\":\(text)}", data: data, tensor: "x")
  }

  /// A value of a field that is ignored.
  static func ignored(_ what: String, _ text: String) -> HeaderCase {
    .x(what, info(extra: ",\"u\":\(text)"))
  }

  /// The same after a tensor that is described as writers do it, which readers may then expect of `x`.
  private var afterUsualTensor: HeaderCase? {
    guard text.hasPrefix("{\"x\":") else { return nil }
    let usual = "{\"w\":\(info("\"U8\"", "[0]", "[0,0]")),"
    return HeaderCase(
      what, usual + text.dropFirst(), data: data.count, tensor: tensor, code: code)
  }

  private static let mark = Array("‸".utf8)

  /// The file, and the place of the mark in it.
  var file: (bytes: [UInt8], mark: Int?) {
    let bytes = Array(text.utf8)
    for start in bytes.indices.dropLast(2) where Array(bytes[start..<start + 3]) == Self.mark {
      return (framed(Array(bytes[..<start] + bytes[(start + 3)...]), data), 8 + start)
    }
    return (framed(bytes, data), nil)
  }

  /// Expects the file to be refused, with the error at the mark and naming the tensor.
  func expectRefused(_ location: SourceLocation = #_sourceLocation) {
    afterUsualTensor?.expectRefused(location)
    let (bytes, mark) = file
    let error = #expect(throws: CheckpointError.self, sourceLocation: location) {
      try opened(bytes)
    }
    #expect(error?.code == code, "\(String(describing: error))", sourceLocation: location)
    #expect(error?.offset == mark, "\(String(describing: error))", sourceLocation: location)
    #expect(error?.tensor == tensor, "\(String(describing: error))", sourceLocation: location)
  }

  /// Expects the file to be taken, with the tensor `x` of four bytes, unless it is said to be other.
  @discardableResult
  func expectAccepted() throws -> SafeTensorsFile {
    try afterUsualTensor?.expectAccepted()
    let (bytes, mark) = file
    #expect(mark == nil, "a mark says where an error must be")
    let file = try opened(bytes)
    if let tensor {
      let index = try #require(file.index(of: tensor))
      #expect(file.tensor(at: index).byteCount == data.count)
    }
    return file
  }
}

extension SafeTensorsFile {
  /// The data of a tensor.
  func bytes(at index: Int) throws -> [UInt8] {
    try withTensor(at: index) { $0.bytes.array }
  }
}

extension RawSpan {
  /// The bytes, copied.
  var array: [UInt8] {
    (0..<byteCount).map { unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
  }
}
