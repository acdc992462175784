// SPDX-License-Identifier: Apache-2.0
internal import CThreads

/// A thread of the operating system that receives no signals.
@safe
package struct SystemThread: ~Copyable {
  private let handle: OpaquePointer

  /// Runs `body` on a new thread; nil when the system cannot start one.
  package static func start(_ body: @escaping @Sendable () -> Void) -> SystemThread? {
    // SAFETY: the thread takes ownership of the retained reference to the box; without a thread it
    // is released here.
    let box = unsafe Unmanaged.passRetained(Body(body))
    let handle = unsafe ct_thread_start(
      { unsafe Unmanaged<Body>.fromOpaque($0).takeRetainedValue().run() }, box.toOpaque())
    guard let handle = unsafe handle else {
      unsafe box.release()
      return nil
    }
    return unsafe SystemThread(handle: handle)
  }

  /// Waits until the thread has ended.
  package consuming func join() {
    // SAFETY: the handle is consumed here, once.
    unsafe ct_thread_join(handle)
  }

  private init(handle: OpaquePointer) {
    unsafe self.handle = handle
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
