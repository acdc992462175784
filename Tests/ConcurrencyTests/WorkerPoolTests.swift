// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Foundation
import Synchronization
import Testing

@Suite("Threads that share work")
struct WorkerPoolTests {
  @Test("work is done on as many threads as were asked for", arguments: [1, 2, 5])
  func pool(count: Int) {
    let threads = Mutex<Set<UInt>>([])
    WorkerPool.run(count: count) {
      // Each waits for all: none can do the work of two.
      threads.withLock { _ = $0.insert(UInt(bitPattern: pthread_self().hashValue)) }
      while threads.withLock({ $0.count }) < count { usleep(1000) }
    }
    #expect(threads.withLock { $0.count } == count)
  }

  @Test("one beside the other, until both have ended")
  func beside() {
    let ticker = Ticker()
    let ticks = Mutex(0)
    var isFirstDone = false
    WorkerPool.run {
      while ticks.withLock({ $0 }) < 3 { usleep(1000) }
      ticker.stop()
      isFirstDone = true
    } beside: {
      ticker.run(milliseconds: 1) { ticks.withLock { $0 += 1 } }
    }
    #expect(isFirstDone)
    #expect(ticker.hasStopped)
  }

  @Test(
    "the quota of a control group, in whole CPUs",
    arguments: [
      ("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000", 1), ("1 100000", 1),
      ("max 100000\n", nil), ("", nil), ("0 100000", nil), ("-1 100000", nil), ("100000 0", nil),
      ("100000", nil), ("9223372036854775807 100000", nil), ("1 2 3", nil),
    ] as [(String, Int?)])
  func quota(text: String, expected: Int?) {
    #expect(AvailableCPUs.limit(text: text) == expected)
    #expect(AvailableCPUs.count >= 1)
  }
}
