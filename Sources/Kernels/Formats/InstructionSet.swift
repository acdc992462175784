internal import CKernels

/// The vector instructions that a kernel uses. The results are the same bits in each of them.
public enum InstructionSet: Int32, CaseIterable, Hashable, Sendable {
  // The numbers are those of CKernels.h, each set holding those before it.
  /// What every CPU of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline = 0
  /// AVX2, FMA and F16C.
  case avx2 = 1
  /// AVX-512 F, BW, DQ and VL.
  case avx512 = 2
  /// Those and AVX-512 BF16.
  case avx512BF16 = 3

  /// Whether this CPU runs it.
  public var isAvailable: Bool { ck_is_available(rawValue) != 0 }

  /// The widest that this CPU runs.
  public static var best: Self {
    allCases.last(where: \.isAvailable) ?? .baseline
  }
}

/// Which implementation of a kernel is to run. All give the same bits; tests ask for each.
public enum KernelImplementation: Hashable, Sendable {
  /// The widest vector kernel that this CPU runs.
  case automatic
  /// Plain Swift, one element at a time: slow, and the definition of what the others compute.
  case reference
  /// The vector kernel of one instruction set. One that this CPU lacks is a caller's bug and traps.
  case instructionSet(InstructionSet)

  /// The set to run, or nil for the reference.
  var instructionSet: InstructionSet? {
    switch self {
    case .automatic: return .best
    case .reference: return nil
    case .instructionSet(let set):
      precondition(set.isAvailable, "this CPU lacks the instruction set")
      return set
    }
  }
}
