// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Tensors

@Suite("Counts in messages")
struct CountingTests {
  @Test(arguments: [
    (0, "0 unexpected bytes follow"), (1, "1 unexpected byte follows"),
    (2, "2 unexpected bytes follow"),
  ])
  func counting(count: Int, text: String) {
    #expect(count.counting("unexpected byte", "follow") == text)
    #expect(UInt(count).counting("unexpected byte", "follow") == text)
  }
}
