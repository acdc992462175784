internal import CThreads
internal import SystemPackage

/// The CPUs that this process may use.
public enum AvailableCPUs {
  /// How many there are, at least 1: those that the process may run on, and no more than the quota
  /// of its container allows.
  ///
  /// - Complexity: two system calls and a file of the system, once in the life of a process.
  public static let count: Int = {
    let count = Int(max(1, ct_cpu_count()))
    return min(count, containerLimit ?? count)
  }()

  /// What the control group of a container allows, in whole CPUs; nil without a limit.
  ///
  /// Kubernetes and Docker limit the time, and leave all CPUs of the machine in the affinity mask.
  private static var containerLimit: Int? {
    guard
      let file = try? FileDescriptor.open(
        FilePath("/sys/fs/cgroup/cpu.max"), .readOnly, options: [.closeOnExec])
    else { return nil }
    defer { try? file.close() }
    // SAFETY: the call writes into the buffer, and returns how many bytes it has written.
    let line = unsafe [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
      count = unsafe (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
    }
    return limit(text: String(decoding: line, as: UTF8.self))
  }

  /// The CPUs of a line such as `150000 100000`, microseconds of each period, rounded up; nil for
  /// `max 100000` and for what is not such a line.
  package static func limit(text: String) -> Int? {
    let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1] else { return nil }
    guard quota > 0, period > 0, quota <= Int.max - period else { return nil }
    return (quota + period - 1) / period
  }
}
