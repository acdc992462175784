internal import SystemPackage

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

extension Stat {
  /// When the file was last modified, in nanoseconds since 1970; the nearest there is for times that
  /// are out of range.
  var modifiedNanoseconds: Int {
    let seconds = Int(st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
    let sum = seconds.partialValue.addingReportingOverflow(Int(st_mtim.tv_nsec))
    return seconds.overflow || sum.overflow ? Int.max : sum.partialValue
  }
}
