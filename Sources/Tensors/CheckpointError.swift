// SPDX-License-Identifier: Apache-2.0

/// The error type of the package: what is wrong, and in which file, tensor and byte.
///
/// Programs test `code`; users read `description`, one line without the hint.
public struct CheckpointError: Error, Hashable, Sendable {
  /// The kind of failure. More kinds may be added: keep a default.
  public struct Code: Hashable, Sendable {
    private enum Kind {
      case truncated, malformed, unrecognized, unsupported, invalidArgument
      case mismatch, missing, alreadyExists, system, interrupted
    }
    private let kind: Kind

    /// The file ends too early.
    public static var truncated: Self { Self(kind: .truncated) }
    /// The contents violate a rule of the format.
    public static var malformed: Self { Self(kind: .malformed) }
    /// The contents are of an unknown format.
    public static var unrecognized: Self { Self(kind: .unrecognized) }
    /// The contents are valid but not supported.
    public static var unsupported: Self { Self(kind: .unsupported) }
    /// An argument does not fit the input (a task id out of range).
    public static var invalidArgument: Self { Self(kind: .invalidArgument) }
    /// Two values or files that must agree do not.
    public static var mismatch: Self { Self(kind: .mismatch) }
    /// A required file, key or tensor is missing.
    public static var missing: Self { Self(kind: .missing) }
    /// The output exists and must not be replaced.
    public static var alreadyExists: Self { Self(kind: .alreadyExists) }
    /// A system call failed; the message names the call and the reason.
    public static var system: Self { Self(kind: .system) }
    /// A signal stopped the operation; nothing was written.
    public static var interrupted: Self { Self(kind: .interrupted) }
  }

  /// The kind of failure.
  public let code: Code
  /// The problem, without the place.
  public private(set) var message: String
  /// The path of the file.
  public private(set) var path: String?
  /// The name of the tensor.
  public private(set) var tensor: TensorName?
  /// The offset in the file, in bytes.
  public private(set) var offset: Int?
  /// A hint at the cause, or at what to do about it.
  public private(set) var hint: String?
  /// The option of the failed operation that would let it succeed.
  public private(set) var remedy: Remedy?

  /// Creates an error; prefer a factory such as `malformed(_:at:)` where one fits.
  @inline(never)
  public init(
    _ code: Code, _ message: String, path: String? = nil, tensor: TensorName? = nil,
    offset: Int? = nil, hint: String? = nil, remedy: Remedy? = nil
  ) {
    self.code = code
    self.message = message
    self.path = path
    self.tensor = tensor
    self.offset = offset
    self.hint = hint
    self.remedy = remedy
  }
}

extension CheckpointError {
  /// An error for a file that ends `need - have` bytes too early.
  @inline(never)
  public static func truncated(need: Int, have: Int, at offset: Int) -> Self {
    Self(.truncated, "ends too early: \(need) bytes are needed, \(have) are left", offset: offset)
  }

  /// The contents violate a rule of the format.
  @inline(never)
  public static func malformed(_ message: String, at offset: Int? = nil) -> Self {
    Self(.malformed, message, offset: offset)
  }

  /// An argument does not fit the input.
  @inline(never)
  public static func invalidArgument(_ message: String) -> Self {
    Self(.invalidArgument, message)
  }

  /// The same error with a context before the message.
  @inline(never)
  public consuming func inContext(_ context: String) -> Self {
    message = context + ": " + message
    return self
  }

  /// The same error with a path, unless it already has one.
  @inline(never)
  public consuming func inFile(_ path: String) -> Self {
    if self.path == nil { self.path = path }
    return self
  }

  /// The same error with a tensor, unless it already has one.
  @inline(never)
  public consuming func naming(tensor: TensorName) -> Self {
    if self.tensor == nil { self.tensor = tensor }
    return self
  }

  /// The same error with a hint, unless it already has one.
  @inline(never)
  public consuming func hinting(_ hint: String?) -> Self {
    if self.hint == nil { self.hint = hint }
    return self
  }

  /// The same error with this remedy, unless it already has one.
  @inline(never)
  public consuming func offering(_ remedy: Remedy?) -> Self {
    if self.remedy == nil { self.remedy = remedy }
    return self
  }
}

extension CheckpointError: CustomStringConvertible {
  /// `PATH: what is wrong (tensor "NAME", byte N)`, without the hint.
  public var description: String {
    var text = ""
    if let path { text += path.printable + ": " }
    text += message.printable
    var places: [String] = []
    if let tensor { places.append("tensor \"\(tensor.string.excerpt)\"") }
    if let offset { places.append("byte \(offset)") }
    if !places.isEmpty { text += " (" + places.joined(separator: ", ") + ")" }
    return text
  }
}
