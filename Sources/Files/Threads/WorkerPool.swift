internal import CFileSystem
internal import SystemPackage
internal import Tensors

/// Threads that share work.
public enum WorkerPool {
  /// The CPUs that this process may use: those that it may run on, and no more than its container
  /// pays for.
  public static let cpuCount: Int = {
    let count = Int(max(1, cfs_cpu_count()))
    return min(count, containerLimit ?? count)
  }()

  /// Runs `body` on `count` threads, the caller's among them, and waits until all have returned.
  ///
  /// Where the system gives fewer threads, it runs on fewer, at least on the caller's.
  public static func run(count: Int, _ body: @escaping @Sendable () -> Void) {
    guard count > 1, let helper = SystemThread.start(body) else { return body() }
    run(count: count - 1, body)
    helper.join()
  }

  /// Runs `first` on the caller's thread, and `second` on another one where the system gives it.
  ///
  /// - Returns: what `first` returns, when both have ended.
  /// - Throws: what `first` throws, when both have ended.
  public static func run<R, E: Error>(
    _ first: () throws(E) -> R, beside second: @escaping @Sendable () -> Void
  ) throws(E) -> R {
    guard let helper = SystemThread.start(second) else { return try first() }
    let result: Result<R, E>
    do throws(E) {
      result = .success(try first())
    } catch {
      result = .failure(error)
    }
    helper.join()
    return try result.get()
  }

  /// What the control group of a container allows, in whole CPUs; nil where nothing is limited.
  ///
  /// A limit of Kubernetes or Docker leaves all CPUs of the machine in the affinity mask.
  private static var containerLimit: Int? {
    guard let file = try? InputFile(path: "/sys/fs/cgroup/cpu.max") else { return nil }
    var bytes = [UInt8](repeating: 0, count: 64)
    // The size of such a file is not known before it is read.
    guard let count = try? file.readPrefix(into: &bytes) else { return nil }
    return limit(text: String(decoding: bytes.prefix(count), as: UTF8.self))
  }

  /// The CPUs of a line such as `150000 100000`, microseconds of each period, rounded up; nil for
  /// `max 100000` and for what is no such line.
  package static func limit(text: String) -> Int? {
    let numbers = text.split { $0 == " " || $0 == "\n" }.map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1] else { return nil }
    guard quota > 0, period > 0, quota <= Int.max - period else { return nil }
    return (quota + period - 1) / period
  }
}

extension InputFile {
  /// Reads what comes first, as much as fits or as there is.
  fileprivate func readPrefix(into bytes: inout [UInt8]) throws(CheckpointError) -> Int {
    var elements = bytes.mutableSpan
    // SAFETY: every bit pattern is a valid byte.
    var destination = unsafe elements.mutableBytes
    // SAFETY: the buffer is filled before the closure returns.
    return try unsafe destination.withUnsafeMutableBytes { buffer throws(CheckpointError) in
      try calling("read", filePath) {
        try unsafe descriptor.read(fromAbsoluteOffset: 0, into: buffer)
      }
    }
  }
}
