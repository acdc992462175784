// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A safetensors file taken apart and put together by Foundation's JSON, not by the code under test.
public struct RawSafeTensors: Sendable {
  /// A tensor with its data.
  public struct Tensor: Sendable {
    /// The name.
    public var name: String
    /// The dtype as the file spells it.
    public var dtype: String
    /// The extents.
    public var shape: [UInt64]
    /// The data.
    public var bytes: [UInt8]

    /// Names a tensor.
    public init(_ name: String, _ dtype: String, _ shape: [UInt64], _ bytes: [UInt8]) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.bytes = bytes
    }

    /// An F32 tensor.
    public init(_ name: String, _ shape: [UInt64], floats: [Float]) {
      self.init(name, "F32", shape, floats.flatMap { littleEndian($0.bitPattern) })
    }

    /// An I64 tensor.
    public init(_ name: String, _ shape: [UInt64], integers: [Int64]) {
      self.init(name, "I64", shape, integers.flatMap { littleEndian($0) })
    }
  }

  /// The tensors, in the order of their data.
  public var tensors: [Tensor]
  /// `__metadata__`.
  public var metadata: [String: String]?

  /// Takes tensors as a file.
  public init(_ tensors: [Tensor], metadata: [String: String]? = nil) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// Takes a file apart.
  public init(path: String) throws {
    let file = try TestSupport.bytes(of: path)
    let length = file[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: Data(file[8..<8 + length]))
    guard let header = header as? [String: Any] else { throw CocoaError(.fileReadCorruptFile) }
    metadata = header["__metadata__"] as? [String: String]
    let entries = header.compactMap { name, value -> (Int, Tensor)? in
      guard let info = value as? [String: Any], let dtype = info["dtype"] as? String,
        let shape = info["shape"] as? [UInt64], let offsets = info["data_offsets"] as? [Int]
      else { return nil }
      let data = file[(8 + length + offsets[0])..<(8 + length + offsets[1])]
      return (offsets[0], Tensor(name, dtype, shape, Array(data)))
    }
    tensors = entries.sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// The tensor with this name.
  public subscript(name: String) -> Tensor? {
    get { tensors.first { $0.name == name } }
    set {
      let place = tensors.firstIndex { $0.name == name }
      switch (place, newValue) {
      case (let place?, let new?): tensors[place] = new
      case (let place?, nil): tensors.remove(at: place)
      case (nil, let new?): tensors.append(new)
      case (nil, nil): break
      }
    }
  }

  /// The bytes of the file.
  ///
  /// - Parameter misalignment: how many bytes past a multiple of 8 the data starts.
  public func encoded(misalignment: Int = 0) throws -> [UInt8] {
    var members: [String] = []
    if let metadata {
      let json = try JSONSerialization.data(withJSONObject: metadata, options: [.sortedKeys])
      members.append("\"__metadata__\":" + String(decoding: json, as: UTF8.self))
    }
    var offset = 0
    for tensor in tensors {
      let name = try JSONSerialization.data(
        withJSONObject: tensor.name, options: [.fragmentsAllowed])
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.bytes.count
      members.append(
        String(decoding: name, as: UTF8.self)
          + ":{\"dtype\":\"\(tensor.dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    var header = Array(("{" + members.joined(separator: ",") + "}").utf8)
    while header.count % 8 != misalignment { header.append(UInt8(ascii: " ")) }
    return littleEndian(UInt64(header.count)) + header + tensors.flatMap(\.bytes)
  }
}

/// The bytes of an integer.
public func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
