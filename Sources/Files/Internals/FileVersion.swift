// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// The identity of a file, with its size and modification time at one moment.
struct FileVersion: Equatable, Sendable {
  private let device: DeviceID
  private let inode: Inode
  private let size: Int64
  private let seconds: Int
  private let nanoseconds: Int

  init(_ status: Stat) {
    device = status.deviceID
    inode = status.inode
    size = status.size
    seconds = Int(status.st_mtim.tv_sec)
    nanoseconds = Int(status.st_mtim.tv_nsec)
  }
}

extension Stat {
  /// The modification time in nanoseconds since 1970, clamped for times that are out of range.
  var modifiedNanoseconds: Int {
    let seconds = Int(st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
    let sum = seconds.partialValue.addingReportingOverflow(Int(st_mtim.tv_nsec))
    return seconds.overflow || sum.overflow ? Int.max : sum.partialValue
  }
}
