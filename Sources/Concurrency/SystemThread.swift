internal import CThreads

/// A thread of the operating system, which takes no signals.
@safe
package struct SystemThread: ~Copyable {
  private let handle: OpaquePointer

  /// Runs `body` on a new thread; nil when the system gives none.
  package static func start(_ body: @escaping @Sendable () -> Void) -> SystemThread? {
    // SAFETY: the thread takes over the one reference that the box is retained with; without a thread
    // it is given up here.
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
    // SAFETY: the handle is given up here, once.
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
