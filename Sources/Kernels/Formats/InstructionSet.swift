// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// The vector instructions that a kernel uses. All sets give the same bits.
public enum InstructionSet: Int32, CaseIterable, Hashable, Sendable {
  // The numbers are those of CKernels.h, each set holding those before it.
  /// The set that every CPU of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline = 0
  /// AVX2, FMA and F16C.
  case avx2 = 1
  /// AVX-512 F, BW, DQ and VL.
  case avx512 = 2
  /// AVX-512 F, BW, DQ, VL and BF16.
  case avx512BF16 = 3

  /// Whether this CPU has the instructions.
  public var isAvailable: Bool { ck_is_available(rawValue) != 0 }

  /// The widest set of this CPU.
  public static var best: Self {
    allCases.last(where: \.isAvailable) ?? .baseline
  }
}

/// The implementation of a kernel to run. All give the same bits; tests run each.
public enum KernelImplementation: Hashable, Sendable {
  /// The widest vector kernel of this CPU.
  case automatic
  /// Plain Swift, one element at a time: slow, and the definition of the results.
  case reference
  /// The vector kernel of one instruction set. A set that this CPU lacks traps.
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
