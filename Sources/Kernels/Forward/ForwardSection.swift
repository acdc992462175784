// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// Some positions of some prompts: the work of one call of the kernel.
struct ForwardSection {
  let prompts: Range<Int>
  let positions: Range<Int>

  /// Divides rows of [prompts, length] into at most three sections, in order: the rest of a prompt,
  /// whole prompts, and the start of another.
  static func sections(of rows: Range<Int>, length: Int) -> [ForwardSection] {
    guard !rows.isEmpty else { return [] }
    var sections: [ForwardSection] = []
    var row = rows.lowerBound
    while row < rows.upperBound {
      let (prompt, position) = row.quotientAndRemainder(dividingBy: length)
      let left = rows.upperBound - row
      if position == 0, left >= length {
        let count = left / length
        sections.append(Self(prompts: prompt..<prompt + count, positions: 0..<length))
        row += count * length
      } else {
        let count = min(length - position, left)
        sections.append(
          Self(prompts: prompt..<prompt + 1, positions: position..<position + count))
        row += count
      }
    }
    return sections
  }
}

extension ForwardPlan {
  /// The kernel's prompts and positions. With one position the product is the same for all rows of a
  /// prompt, so each row is a prompt of its own.
  var kernelLength: Int { factors.positionCount == 1 ? 1 : sequenceLength }

  /// The prompts of a section, grouped by task, and the start of each task's group. Prompts of the same
  /// task share the product.
  func taskRuns(of section: ForwardSection) -> (prompts: [Int], taskRuns: [ck_task_run]) {
    let rowsPerPrompt = sequenceLength / kernelLength
    let (taskIDs, operands, factors) = (taskIDs, operands, factors)
    func task(_ prompt: Int) -> Int {
      taskIDs[taskIDs.count == 1 ? 0 : prompt / rowsPerPrompt]
    }
    // A product of rank 1 is cheaper to compute than to store, unless it is rounded to a half type;
    // then it is best to write the output in order.
    let sharesProducts = factors.rank != 1 || format.isHalf
    let prompts =
      sharesProducts && taskIDs.count > 1
      ? section.prompts.sorted { (task($0), $0) < (task($1), $1) } : Array(section.prompts)
    var taskRuns: [ck_task_run] = []
    var last = -1
    for (index, prompt) in prompts.enumerated() {
      let task = task(prompt)
      if sharesProducts, task == last, let run = taskRuns.last, run.count < Self.mostPrompts {
        taskRuns[taskRuns.count - 1].count += 1
        continue
      }
      last = task
      let columns = operands.place(of: task, in: operands.columns)
      let rows = operands.place(of: task, in: operands.rows)
      // If a dimension is zero nothing is read, and the product may overflow.
      taskRuns.append(
        ck_task_run(
          columns: columns &* factors.positionCount &* factors.rank,
          rows: rows &* factors.rank &* factors.width, first: index, count: 1))
    }
    return (prompts, taskRuns)
  }

  /// Longer runs would be too large to divide the work evenly.
  private static var mostPrompts: Int { 32 }
}
