// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A class, function or constant that the pickle of a checkpoint may name.
///
/// A name is a token: nothing is imported and nothing is called. `AllowedGlobal+Table.swift` lists all of
/// them, with the arguments that each may be called with.
@usableFromInline
package struct AllowedGlobal: BitwiseCopyable, Hashable, Sendable {
  /// What the name denotes.
  @usableFromInline
  package enum Role: UInt8, BitwiseCopyable, CaseIterable, Sendable {
    // Functions and constructors, which a checkpoint calls.
    case rebuildTensor, rebuildTensorV2, rebuildTensorV3
    case rebuildParameter, rebuildParameterWithState, rebuildFromType, rebuildFromTypeV2
    case rebuildSparse, rebuildQuantized, rebuildMeta, rebuildNested
    case orderedDict, counter, defaultDict, deque
    case set, frozenSet, bytes, byteArray, complex, range, slice
    case encode, size, device, layout
    case scriptList, scriptTag
    case parameterClass
    // Plain data of Python and NumPy.
    case arrayReconstructor, arrayFromBuffer, arrayScalar, arrayDType
    /// `copyreg._reconstructor`, which makes an object without calling its class.
    case reconstructor
    /// A class or function whose results are values: paths, times, members of enums.
    case valueFunction
    /// A class whose instances are values, with a state.
    case valueClass
    /// A class whose instances have attributes, as `argparse.Namespace`.
    case namespaceClass
    // Names that a checkpoint only mentions.
    case tensorClass, storageClass, untypedStorage, dtype, quantizationScheme
    case builtinType, arrayClass, scriptClass
    /// Any name that is not in the table. Only nodes of a graph have this role.
    case inert
  }

  /// What the name denotes.
  @usableFromInline
  package let role: Role
  /// A dtype, or the number of a name among those of its role.
  private let code: UInt8

  /// The element type of a storage class, tensor class or dtype.
  @usableFromInline
  package var dtype: TorchDType? { TorchDType(rawValue: code) }

  package init(_ role: Role, _ dtype: TorchDType? = nil) {
    self.role = role
    code = dtype?.rawValue ?? .max
  }

  /// A name of a role whose names have different meanings.
  init(_ role: Role, number: Int) {
    self.role = role
    code = UInt8(number)
  }

  /// The name in 16 bits.
  package var rawValue: UInt16 { UInt16(role.rawValue) << 8 | UInt16(code) }

  /// Restores a name from its `rawValue`.
  package init(rawValue: UInt16) {
    role = Role(rawValue: UInt8(rawValue >> 8)) ?? .builtinType
    code = UInt8(truncatingIfNeeded: rawValue)
  }

  /// Whether the name itself may be a value, as dtypes are: an element of a list, a value of a dict.
  package var isValue: Bool {
    switch role {
    case .dtype, .quantizationScheme, .builtinType, .arrayClass: true
    default: false
    }
  }

  /// Whether the class or function makes an object that the graph keeps as one.
  var makesObjects: Bool {
    switch role {
    case .scriptClass: true
    default:
      switch call?.resultType {
      case .object, .array, .arrayDType: role != .reconstructor
      default: false
      }
    }
  }

  /// Whether the function returns a tensor.
  @usableFromInline
  package var rebuildsTensor: Bool { role.rawValue <= Role.rebuildNested.rawValue }

  /// The allowed name that a pickle spells as `module` and `name`, or nil.
  ///
  /// Names are compared byte by byte.
  package static func named(module: String, name: String) -> AllowedGlobal? {
    // The names of Python 2.
    let module =
      switch module {
      case "__builtin__": "builtins"
      case "copy_reg": "copyreg"
      default: module
      }
    return byName[QualifiedName(module: module, name: name)]
  }

  /// The module and name in Python.
  package var qualifiedName: QualifiedName {
    Self.names[self] ?? QualifiedName(module: "", name: "\(role)")
  }

  /// Whether a module is one of TorchScript's own, whose classes only hold attributes.
  package static func isScriptModule(_ module: String) -> Bool {
    module == "__torch__" || module.utf8.starts(with: "__torch__.".utf8)
  }

  private static let byName = [QualifiedName: AllowedGlobal](uniqueKeysWithValues: table)

  /// The first name of each value in the table.
  private static let names = [AllowedGlobal: QualifiedName](
    table.map { ($0.global, $0.name) }, uniquingKeysWith: { first, _ in first })
}

/// A module and a name in it, compared as bytes.
package struct QualifiedName: Hashable, Sendable {
  private let moduleName: TensorName
  private let ownName: TensorName

  package init(module: String, name: String) {
    moduleName = TensorName(module)
    ownName = TensorName(name)
  }

  /// The module.
  package var module: String { moduleName.string }
  /// The name in the module.
  package var name: String { ownName.string }
}

extension QualifiedName: CustomStringConvertible {
  /// Module and name, separated by a dot, as in Python.
  package var description: String { module + "." + name }
}
