// SPDX-License-Identifier: Apache-2.0

/// The arguments with which the pickle of a checkpoint may call a name, and the result.
@usableFromInline
package struct CallRule: Sendable {
  /// The values that a parameter accepts.
  @usableFromInline
  package enum Parameter: BitwiseCopyable, Sendable {
    case boolean, integer, text, bytes, list, storage, tensor, dtype, layout, none
    /// An integer or None.
    case integerOrNone
    /// A boolean, or a number in its place.
    case flag
    /// The class of NumPy arrays, and the state of one.
    case arrayClass, arrayState
    /// A NumPy dtype whose elements are no objects, and the text that one is made of.
    case plainDType, dtypeCode
    /// A class of plain data.
    case dataClass
    /// A type of Python.
    case builtin
    /// The state of a tensor before torch 0.4: whether it needs a gradient and is volatile, and hooks.
    case variableState
    /// An integer or a float.
    case number
    /// The same, or None.
    case numberOrNone
    /// The text `latin1` or `latin-1`.
    case latin1
    /// A tuple of integers.
    case integerTuple
    /// The same, or a `torch.Size`.
    case integers
    /// A tuple without classes and functions.
    case tuple
    /// A list, or such a tuple.
    case sequence
    /// A list of pairs of a key and a value, as Python 2 writes an OrderedDict.
    case pairs
    /// A dict of any kind.
    case dictionary
    /// Backward hooks: an empty dict or None.
    case noHooks
    /// A dict of text keys that do not start with `__`, or None.
    case metadata
    /// Attributes: the same, or two of them in a tuple, the second for slots.
    case state
    /// The factory of a defaultdict: a builtin type, a container of `collections`, or None.
    case factory
    /// Any value without classes and functions.
    case data
    /// The same, or a class or function of plain data, as a random generator has that of its state.
    case dataOrMaker
    /// A function that returns a tensor, other than `_rebuild_from_type` and its second version.
    case rebuildFunction
    /// `Parameter` or a tensor class.
    case tensorClass
    /// A tuple with which the first argument may be called.
    case argumentsOfFirst
  }

  /// The result of a call.
  @usableFromInline
  package enum Result: Sendable {
    case value(PickleType)
    /// The argument at an index.
    case argument(Int)
  }

  /// The effect in Python of a call with other arguments.
  @usableFromInline
  package enum Refusal: Sendable {
    /// Python raises an error, or creates a value that torch never writes.
    case fails
    /// Python allocates a value of a given size, without data from the file.
    case allocates
    /// Python runs code, such as that of a codec.
    case runsCode
  }

  /// The parameters, required ones first.
  @usableFromInline
  package let parameters: [Parameter]
  /// The number of parameters that must be given.
  @usableFromInline
  package let requiredCount: Int
  /// Whether the last parameter takes any number of arguments.
  @usableFromInline
  let repeats: Bool
  /// Another list of parameters, of another length.
  @usableFromInline
  package let alternative: [Parameter]?
  package let result: Result
  package let refusal: Refusal

  init(
    _ parameters: [Parameter], optional: [Parameter] = [], or alternative: [Parameter]? = nil,
    gives result: PickleType, otherwise refusal: Refusal = .fails
  ) {
    self.parameters = parameters + optional
    requiredCount = parameters.count
    repeats = false
    self.alternative = alternative
    self.result = .value(result)
    self.refusal = refusal
  }

  /// A rule for any number of arguments.
  init(repeating parameter: Parameter, gives result: PickleType) {
    parameters = [parameter]
    requiredCount = 0
    repeats = true
    alternative = nil
    self.result = .value(result)
    refusal = .fails
  }

  init(_ parameters: [Parameter], givesArgument index: Int) {
    self.parameters = parameters
    requiredCount = parameters.count
    repeats = false
    alternative = nil
    result = .argument(index)
    refusal = .fails
  }

  /// The reason to refuse arguments.
  @usableFromInline
  package enum Mismatch: Error {
    /// They are not a tuple, or there are too few or too many.
    case count
    /// The parameter does not accept the argument at an index.
    case argument(Int, Parameter)
  }

  /// The type of the result; nil if it depends on an argument.
  package var resultType: PickleType? {
    if case .value(let type) = result { type } else { nil }
  }
}

extension CallRule {
  /// Compares the arguments of a call with the rule.
  ///
  /// - Parameter arguments: the tuple that the pickle passes.
  /// - Returns: nil when they are allowed.
  @inlinable
  package func mismatch<I: PickleInspector & ~Escapable>(
    of arguments: I.Value, in inspector: I
  ) -> Mismatch? {
    guard inspector.type(of: arguments) == .tuple else { return .count }
    let count = inspector.elementCount(of: arguments)
    var parameters = parameters
    if let alternative, alternative.count == count {
      parameters = alternative
    } else if !repeats {
      guard (requiredCount...parameters.count).contains(count) else { return .count }
    }
    for index in 0..<count {
      let value = inspector.element(index, of: arguments)
      let parameter = repeats ? parameters[0] : parameters[index]
      if parameter == .argumentsOfFirst {
        let function = inspector.global(of: inspector.element(0, of: arguments))
        // Such a function rebuilds a tensor, and takes no function itself.
        guard let rule = function?.call, rule.mismatch(of: value, in: inspector) == nil else {
          return .argument(index, .argumentsOfFirst)
        }
      } else if !parameter.accepts(value, in: inspector) {
        return .argument(index, parameter)
      }
    }
    return nil
  }
}

extension CallRule.Parameter {
  /// Whether the parameter accepts a value.
  @inlinable
  package func accepts<I: PickleInspector & ~Escapable>(_ value: I.Value, in inspector: I) -> Bool {
    let type = inspector.type(of: value)
    switch self {
    case .boolean: return type == .boolean
    case .integer: return type == .integer
    case .text: return type == .text
    case .bytes: return type == .bytes
    case .list, .pairs:
      return type == .list && (self == .list || inspector.arePairs(list: value))
    case .storage: return type == .storage
    case .tensor: return type == .tensor
    case .dtype: return type == .global && inspector.global(of: value)?.role == .dtype
    case .layout: return type == .layout
    case .none: return type == .none
    case .integerOrNone: return type == .integer || type == .none
    case .flag: return type == .boolean || type == .integer
    case .arrayClass: return type == .global && inspector.global(of: value)?.role == .arrayClass
    case .arrayState:
      if inspector.asksForCode { return type == .tuple }
      return NumPyDType.acceptsArray(value, in: inspector)
    case .plainDType:
      if inspector.asksForCode { return type == .arrayDType }
      return NumPyDType(value, in: inspector)?.holdsObjects == false
    case .dtypeCode: return type == .text && NumPyDType.parse(value, in: inspector) != nil
    case .dataClass:
      guard type == .global else { return false }
      let role = inspector.global(of: value)?.role
      return role == .valueClass || role == .namespaceClass
    case .builtin: return type == .global && inspector.global(of: value)?.role == .builtinType
    case .variableState:
      guard type == .tuple, inspector.elementCount(of: value) == 3 else { return false }
      return inspector.type(of: inspector.element(0, of: value)) == .boolean
        && inspector.type(of: inspector.element(1, of: value)) == .boolean
        && Self.noHooks.accepts(inspector.element(2, of: value), in: inspector)
    case .number: return type == .integer || type == .float
    case .numberOrNone: return type == .integer || type == .float || type == .none
    case .latin1:
      guard type == .text, let codec = inspector.string(value) else { return false }
      return codec == "latin1" || codec == "latin-1"
    case .integerTuple: return type == .tuple && inspector.areIntegers(value)
    case .integers: return type == .size || type == .tuple && inspector.areIntegers(value)
    case .tuple: return type == .tuple && inspector.isPlain(value)
    case .sequence: return type == .list || type == .tuple && inspector.isPlain(value)
    case .dictionary: return type == .dictionary || type == .orderedDictionary
    case .noHooks:
      switch type {
      case .none: return true
      case .dictionary, .orderedDictionary:
        return inspector.asksForCode || inspector.isEmpty(dictionary: value)
      default: return false
      }
    case .metadata:
      return type == .none || type == .dictionary && inspector.hasPlainKeys(dictionary: value)
    case .state:
      if inspector.asksForCode { return true }
      guard type == .tuple else { return Self.metadata.accepts(value, in: inspector) }
      guard inspector.elementCount(of: value) == 2 else { return false }
      return Self.metadata.accepts(inspector.element(0, of: value), in: inspector)
        && Self.metadata.accepts(inspector.element(1, of: value), in: inspector)
    case .factory:
      if inspector.isInert(value) { return true }
      guard type == .global else { return type == .none }
      return switch inspector.global(of: value)?.role {
      case .builtinType, .set, .orderedDict, .counter, .deque: true
      default: false
      }
    case .data: return type != .unknown && inspector.isPlain(value)
    case .dataOrMaker:
      return Self.data.accepts(value, in: inspector) || Self.dataClass.accepts(value, in: inspector)
    case .rebuildFunction:
      guard type == .global, let global = inspector.global(of: value) else { return false }
      return global.rebuildsTensor && global.role != .rebuildFromTypeV2
        && global.role != .rebuildFromType
    case .tensorClass:
      if inspector.isInert(value) { return true }
      guard type == .global else { return false }
      let role = inspector.global(of: value)?.role
      return role == .tensorClass || role == .parameterClass
    case .argumentsOfFirst: return type == .tuple
    }
  }
}

extension CallRule.Parameter: CustomStringConvertible {
  /// The accepted values in words, after "must be".
  @usableFromInline
  package var description: String {
    switch self {
    case .boolean: "a bool"
    case .integer: "an integer"
    case .text: "text"
    case .bytes: "bytes"
    case .list: "a list"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .dtype: "a dtype"
    case .layout: "a layout"
    case .none: "None"
    case .integerOrNone: "an integer or None"
    case .flag: "a bool or integer"
    case .arrayClass: "numpy.ndarray"
    case .arrayState: "the state of an array"
    case .plainDType: "a NumPy dtype without objects"
    case .dtypeCode: "the code of a dtype"
    case .dataClass: "a class of plain data"
    case .builtin: "a builtin type"
    case .variableState: "a tuple of two bools and hooks"
    case .number: "a number"
    case .numberOrNone: "a number or None"
    case .latin1: "\"latin1\""
    case .integerTuple, .integers: "a tuple of integers"
    case .tuple: "a tuple of data"
    case .sequence: "a list or tuple of data"
    case .pairs: "a list of pairs"
    case .dictionary: "a dict"
    case .noHooks: "an empty dict"
    case .metadata: "a dict of attributes"
    case .state: "attributes"
    case .factory: "a builtin type"
    case .data, .dataOrMaker: "data"
    case .rebuildFunction: "a function that rebuilds a tensor"
    case .tensorClass: "a tensor class"
    case .argumentsOfFirst: "a tuple of the function's arguments"
    }
  }
}

extension CallRule {
  /// The problem of arguments, in words: `argument 2 of _rebuild_tensor_v2 must be an integer`.
  package func explanation(of mismatch: Mismatch, calling global: AllowedGlobal) -> String {
    switch mismatch {
    case .count:
      let most = max(parameters.count, alternative?.count ?? 0)
      let counts = requiredCount == most ? "\(most)" : "\(requiredCount) to \(most)"
      return "\(global) takes a tuple of " + counts + (most == 1 ? " argument" : " arguments")
    case .argument(let index, let parameter):
      return "argument \(index + 1) of \(global) must be \(parameter)"
    }
  }
}
