// SPDX-License-Identifier: Apache-2.0
import MultitaskPromptTuning
import PEFT
import TestSupport
import Tensors
import Testing

@Suite("Insight")
struct InsightTests {
  @Test("norms, ranks and cosines, by hand (O40 to O42)")
  func byHand() throws {
    // Products [[1, 0], [0, 1]] and [[3, 0], [4, 0]] and 0; the prompt doubles the second column.
    let adapter = try SmallAdapter(
      tasks: 3, tokens: 2, rank: 2, width: 2, columns: [1, 0, 0, 1, 3, 0, 4, 0, 0, 0, 0, 0],
      rows: [1, 0, 0, 1, 1, 0, 5, 5, 1, 1, 1, 1], embeddings: [1, 2, 1, 2])
    let opened = try MultitaskPromptAdapter(path: adapter.directory.path)
    #expect(opened.insightCost == 3 * 2 * 2 * 5)
    let insight = try opened.insight()
    let expected: [(Double, Double, [Double])] = [
      (5.0.squareRoot(), 2, [1, 1]), (5, 1, [5]), (0, 0, []),
    ]
    for (task, (norm, rank, values)) in zip(insight.tasks, expected) {
      #expect((task.norm - norm).magnitude < 1e-14)
      #expect((task.effectiveRank - rank).magnitude < 1e-14)
      #expect(task.singularValues.count == values.count)
      for (value, other) in zip(task.singularValues, values) {
        #expect((value - other).magnitude < 1e-14)
      }
    }
    let cosine = 3 / (5 * 5.0.squareRoot())
    for (row, expected) in zip(
      insight.similarities, [[1, cosine, nil], [cosine, 1, nil], [nil, nil, nil]])
    {
      for (value, other) in zip(row, expected) {
        #expect((value == nil) == (other == nil))
        #expect(((value ?? 0) - (other ?? 0)).magnitude < 1e-15)
      }
    }
  }

  @Test("magnitudes do not matter (O41)", arguments: [1e-130, 1, 1e120])
  func scale(factor: Double) throws {
    let adapter = try SmallAdapter(
      tasks: 2, width: 2, dtype: .float64, columns: [factor, factor], rows: [1, 0, 1, 1],
      embeddings: [factor, factor])
    let insight = try MultitaskPromptAdapter(path: adapter.directory.path).insight()
    #expect((insight.tasks[0].norm / (factor * factor) - 1).magnitude < 1e-14)
    #expect(((insight.similarities[0][1] ?? 0) - 0.5.squareRoot()).magnitude < 1e-15)
  }
}
