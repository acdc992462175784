/// The error of the whole package: what went wrong, in which file, at which tensor and byte.
///
/// Programs switch on `code`; people read `description`, one line without the hint.
public struct CheckpointError: Error, Hashable, Sendable {
  /// The kind of failure. More kinds may come: keep a default when switching.
  public struct Code: Hashable, Sendable {
    private enum Kind {
      case truncated, malformed, unrecognized, unsupported, invalidArgument
      case mismatch, missing, alreadyExists, system, interrupted
    }
    private let kind: Kind

    /// The file ends before something that it promises.
    public static var truncated: Self { Self(kind: .truncated) }
    /// The contents break a rule of the format.
    public static var malformed: Self { Self(kind: .malformed) }
    /// The contents are of no format that is known here.
    public static var unrecognized: Self { Self(kind: .unrecognized) }
    /// The contents are valid, and not something that can be handled.
    public static var unsupported: Self { Self(kind: .unsupported) }
    /// What was asked cannot be asked of this input (a task id out of range).
    public static var invalidArgument: Self { Self(kind: .invalidArgument) }
    /// Two things that must agree do not.
    public static var mismatch: Self { Self(kind: .mismatch) }
    /// A file, key or tensor that must be there is not.
    public static var missing: Self { Self(kind: .missing) }
    /// The output exists and was not to be replaced.
    public static var alreadyExists: Self { Self(kind: .alreadyExists) }
    /// The operating system refused; the message names the call and its reason.
    public static var system: Self { Self(kind: .system) }
    /// A signal asked to stop; nothing was written.
    public static var interrupted: Self { Self(kind: .interrupted) }
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong, without the place.
  public private(set) var message: String
  /// The file.
  public private(set) var path: String?
  /// The tensor.
  public private(set) var tensor: TensorName?
  /// The byte, counted from the start of the file.
  public private(set) var offset: Int?
  /// A hint at the cause, or at what to do about it.
  public private(set) var hint: String?
  /// The option of the failed operation that would let it succeed.
  public private(set) var remedy: Remedy?

  /// Makes an error; factories such as `malformed(_:at:)` read better where one fits.
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
  /// The file ends `need - have` bytes early.
  @inline(never)
  public static func truncated(need: Int, have: Int, at offset: Int) -> Self {
    Self(.truncated, "ends too early: \(need) bytes are needed, \(have) are left", offset: offset)
  }

  /// The contents break a rule of the format.
  @inline(never)
  public static func malformed(_ message: String, at offset: Int? = nil) -> Self {
    Self(.malformed, message, offset: offset)
  }

  /// What was asked cannot be asked of this input.
  @inline(never)
  public static func invalidArgument(_ message: String) -> Self {
    Self(.invalidArgument, message)
  }

  /// The same error with what it is about in front of the message.
  @inline(never)
  public consuming func inContext(_ context: String) -> Self {
    message = context + ": " + message
    return self
  }

  /// The same error with the file named, unless it already names one.
  @inline(never)
  public consuming func inFile(_ path: String) -> Self {
    if self.path == nil { self.path = path }
    return self
  }

  /// The same error with the tensor named, unless it already names one.
  @inline(never)
  public consuming func naming(tensor: TensorName) -> Self {
    if self.tensor == nil { self.tensor = tensor }
    return self
  }

  /// The same error with this hint, unless it already has one.
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
