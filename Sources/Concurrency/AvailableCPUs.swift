// SPDX-License-Identifier: Apache-2.0
internal import CThreads
internal import SystemPackage

/// The CPUs that this process may use.
public enum AvailableCPUs {
  /// The number of CPUs, at least 1: those that the process may run on, limited by the CPU quota of
  /// its container.
  ///
  /// - Complexity: two system calls and the read of one system file, once per process.
  public static let count: Int = {
    let count = Int(max(1, ct_cpu_count()))
    return min(count, containerLimit ?? count)
  }()

  /// The quota of the container's control group, in whole CPUs; nil without a limit.
  ///
  /// Kubernetes and Docker limit CPU time, but leave all CPUs of the machine in the affinity mask.
  private static var containerLimit: Int? {
    guard
      let file = try? FileDescriptor.open(
        FilePath("/sys/fs/cgroup/cpu.max"), .readOnly, options: [.closeOnExec])
    else { return nil }
    defer { try? file.close() }
    // SAFETY: the call writes into the buffer and returns the number of bytes written.
    let line = unsafe [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
      count = unsafe (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
    }
    return limit(text: String(decoding: line, as: UTF8.self))
  }

  /// The CPUs in the text of `cpu.max`, such as `150000 100000`: microseconds of CPU time per
  /// period, rounded up to whole CPUs. Nil for `max 100000` and for malformed text.
  package static func limit(text: String) -> Int? {
    let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1] else { return nil }
    guard quota > 0, period > 0, quota <= Int.max - period else { return nil }
    return (quota + period - 1) / period
  }
}
