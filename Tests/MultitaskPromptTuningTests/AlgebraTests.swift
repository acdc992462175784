// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import JSONDocument
import MultitaskPromptTuning
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Adapters out of adapters")
struct AlgebraTests {
  /// K = 3, V = 3, R = 2, D = 2; task 2 has a product of rank 1.
  static func adapter(_ dtype: DType = .float32) throws -> SmallAdapter {
    try SmallAdapter(
      tasks: 3, tokens: 3, rank: 2, width: 2, dtype: dtype,
      columns: [1, 0, 0, 2, 3, 1, 2, 1, 1, 1, 0, 4, 1, 2, 2, 4, 3, 6],
      rows: [1, 2, 3, -4, 0.5, 1, 2, 0, 1, -1, 2, -2], embeddings: [1, 2, 3, 4, 5, 6])
  }

  static func open(_ adapter: SmallAdapter) throws -> MultitaskPromptAdapter {
    try MultitaskPromptAdapter(path: adapter.directory.path)
  }

  /// The prompts of an adapter, written and read again.
  static func prompts(_ adapter: ComputedAdapter, dtype: DType = .float64) throws -> [[Double]] {
    let directory = try TemporaryDirectory()
    try adapter.write(to: directory.path("out"))
    let written = try MultitaskPromptAdapter(path: directory.path("out"))
    let findings = try Adapter(path: directory.path("out")).findings()
    #expect(findings.filter { $0.severity != .note } == [])
    return try prompts(written, dtype: dtype)
  }

  static func prompts(
    _ adapter: MultitaskPromptAdapter, dtype: DType = .float64
  ) throws -> [[Double]] {
    try (0..<adapter.dimensions.taskCount).map {
      values(try adapter.prompt(ofTask: $0, dtype: dtype).bytes, dtype)
    }
  }

  static func distance(_ left: [[Double]], _ right: [[Double]]) -> Double {
    zip(left.joined(), right.joined()).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
  }

  @Test("tasks are kept, dropped and reordered with their bits (O30)")
  func select() throws {
    let adapter = try Self.open(Self.adapter())
    let all = try Self.prompts(adapter)
    for (tasks, computed) in [
      ([2, 0], try adapter.selecting(tasks: [2, 0])),
      ([1, 1], try adapter.selecting(tasks: [1, 1])),
      ([0, 2], try adapter.dropping(tasks: [1])), ([1], try adapter.dropping(tasks: [0, 2, 0])),
    ] {
      #expect(computed.config.document["num_tasks"] == .init(tasks.count))
      #expect(try Self.prompts(computed) == tasks.map { all[$0] })
    }
  }

  @Test("adapters are put together, at the highest rank and in a dtype that holds all (O31)")
  func concatenate() throws {
    let adapter = try Self.open(Self.adapter())
    let wider = try TemporaryDirectory()
    try adapter.changingRank(to: 4).adapter.write(to: wider.path("wide"))
    let half = try Self.adapter(.bfloat16)
    let joined = try MultitaskPromptAdapter.concatenating([
      adapter, MultitaskPromptAdapter(path: wider.path("wide")), Self.open(half),
    ])
    #expect(joined.config.document["num_tasks"] == 9)
    #expect(joined.config.document["num_ranks"] == 4)
    #expect(joined["prefix_task_cols"]?.info.dtype == .float32)
    let all = try Self.prompts(adapter)
    #expect(try Self.prompts(joined) == all + all + all)
  }

  @Test("means of factors, and of prompts (O32)")
  func average() throws {
    let adapter = try Self.open(Self.adapter(.float64))
    let all = try Self.prompts(adapter)
    let factors = try adapter.averaging(tasks: [0, 1])
    #expect(
      try values(factors.adapter["prefix_task_cols"]?.bytes() ?? [], .float64)
        == [1.5, 0.5, 0.5, 1.5, 1.5, 2.5])
    let prompts = try adapter.averaging(of: .prompts)
    let mean = all[0].indices.map { index in all.reduce(0) { $0 + $1[index] } / 3 }
    #expect(prompts.adapter.config.document["num_ranks"] == 2)
    #expect(try Self.distance(Self.prompts(prompts.adapter), [mean]) < 1e-13)
    #expect(prompts.errors[0] < 1e-15)
    let exact = try adapter.averaging(of: .prompts, rank: 7)
    #expect(exact.adapter.config.document["num_ranks"] == 7)
    #expect(try Self.distance(Self.prompts(exact.adapter), [mean]) < 1e-13)
  }

  @Test("a rank that is not lower is exact; a lower one is the best, and says how good (O33)")
  func rank() throws {
    let adapter = try Self.open(Self.adapter(.float64))
    let all = try Self.prompts(adapter)
    for rank in [2, 3, 9] {
      let changed = try adapter.changingRank(to: rank)
      #expect(changed.errors == [0, 0, 0])
      #expect(try Self.prompts(changed.adapter) == all)
    }
    let lower = try adapter.changingRank(to: 1)
    // cols[0] @ rows[0] = [[1, 2], [6, -8], [6, 2]]: σ² = (145 ± √(145² - 4·4100)) / 2.
    let root = (145.0 * 145 - 4 * 4100).squareRoot()
    let expected = ((145 - root) / 2 / 145).squareRoot()
    #expect((lower.errors[0] - expected).magnitude < 1e-14)
    // Task 2 has rank 1 already.
    #expect(lower.errors[2] < 1e-15)
    #expect(try Self.distance([Self.prompts(lower.adapter)[2]], [all[2]]) < 1e-13)
  }

  @Test("one normal form for adapters that compute the same (O34)")
  func canonicalize() throws {
    let adapter = try Self.open(Self.adapter(.float64))
    let form = try adapter.canonicalized()
    #expect(try Self.distance(Self.prompts(form.adapter), Self.prompts(adapter)) < 1e-13)
    // The same adapter with [[1, 1], [0, 1]] between its factors, and signs turned.
    let other = try SmallAdapter(
      tasks: 3, tokens: 3, rank: 2, width: 2, dtype: .float64,
      columns: [1, 1, 0, 2, 3, 4, 2, 3, 1, 2, 0, 4, -1, -2, -2, -4, -3, -6],
      rows: [-2, 6, 3, -4, -1.5, 1, 2, 0, -1, 1, -2, 2], embeddings: [1, 2, 3, 4, 5, 6])
    let otherForm = try Self.open(other).canonicalized()
    for name in ["prefix_task_cols", "prefix_task_rows"] as [TensorName] {
      let own = try values(form.adapter[name]?.bytes() ?? [], .float64)
      let others = try values(otherForm.adapter[name]?.bytes() ?? [], .float64)
      #expect(Self.distance([own], [others]) < 1e-13)
    }
    // Behind the product's rank there are zeros.
    let columns = try values(form.adapter["prefix_task_cols"]?.bytes() ?? [], .float64)
    #expect([13, 15, 17].allSatisfy { columns[$0] == 0 })
    let rough = try adapter.canonicalized(tolerance: 0.99)
    #expect(rough.errors[2] < 1e-15 && rough.errors[0] > 0.1)
  }

  @Test(
    "extreme magnitudes neither overflow nor vanish (O33)",
    arguments: [(1e-200, 1e-100), (1e150, 1e150), (1e-300, 1e300), (0, 0)])
  func extremes(columns: Double, rows: Double) throws {
    let adapter = try SmallAdapter(
      tokens: 2, rank: 2, width: 2, dtype: .float64,
      columns: [1, 2, 3, -1].map { $0 * columns }, rows: [2, 1, 1, 1].map { $0 * rows },
      embeddings: [1, 1, 1, 1])
    let form = try Self.open(adapter).canonicalized()
    #expect(form.errors[0] < 1e-14)
    let lower = try Self.open(adapter).changingRank(to: 1)
    #expect(lower.errors[0].isFinite && lower.errors[0] < 1)
  }

  @Test("an adapter whose config names a source loads without it (O14)")
  func detached() throws {
    let adapter = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-only-source-shared"))
    let document = try adapter.selecting(tasks: [0]).config.document
    #expect(document["prompt_tuning_init"] == "RANDOM")
    #expect(document["prompt_tuning_init_state_dict_path"] == .null)
  }

  @Test("what cannot be computed is named, and leaves nothing")
  func refusals() throws {
    let output = try TemporaryDirectory()
    let good = try Self.open(Self.adapter())
    let bad = try Self.open(SmallAdapter(columns: [1], rows: [.infinity], embeddings: [1]))
    let other = try Self.open(
      SmallAdapter(
        tokens: 3, width: 2, columns: [1, 2, 3], rows: [1, 2], embeddings: [1, 2, 3, 4, 5, 7]))
    let small = try Self.open(SmallAdapter(columns: [1], rows: [1], embeddings: [1]))
    let heads = try MultitaskPromptAdapter(path: Fixtures.adapter("mpt-seq-cls"))
    let changed = try AdapterCopy(of: "mpt-seq-cls")
    try changed.changeWeights { file in
      for index in file.tensors.indices where file.tensors[index].name.contains("score") {
        file.tensors[index].bytes[0] ^= 1
      }
    }
    let otherHeads = try MultitaskPromptAdapter(path: changed.path)
    let tall = try Self.open(
      SmallAdapter(
        tasks: 2, columns: [3e38, 3e38], rows: [1, 1], embeddings: [1]))
    let cases: [(String, () throws -> ComputedAdapter)] = [
      ("no task 3", { try good.selecting(tasks: [0, 3]) }),
      ("no task -1", { try good.dropping(tasks: [-1]) }),
      ("no task would be left", { try good.dropping(tasks: [0, 1, 2]) }),
      ("no task would be left", { try good.selecting(tasks: []) }),
      ("NaN or infinite", { try bad.selecting(tasks: [0]) }),
      ("NaN or infinite", { try bad.changingRank(to: 2).adapter }),
      ("NaN or infinite", { try MultitaskPromptAdapter.concatenating([bad]) }),
      ("no adapters", { try MultitaskPromptAdapter.concatenating([]) }),
      ("row 2 of the prompt", { try MultitaskPromptAdapter.concatenating([good, other]) }),
      ("virtual tokens", { try MultitaskPromptAdapter.concatenating([good, small]) }),
      ("score", { try MultitaskPromptAdapter.concatenating([heads, otherHeads]) }),
      ("at least 1", { try good.changingRank(to: 0).adapter }),
      ("2^32", { try good.changingRank(to: 1 << 40).adapter }),
      ("2^32", { try good.changingRank(to: .max).adapter }),
      ("tolerance", { try good.canonicalized(tolerance: .nan).adapter }),
      ("no task 7", { try good.averaging(tasks: [7]).adapter }),
      ("no tasks", { try good.averaging(tasks: []).adapter }),
      ("keeps their rank", { try good.averaging(rank: 1).adapter }),
      ("does not fit F32", { try tall.averaging().adapter }),
    ]
    for (message, compute) in cases {
      let error = #expect(throws: CheckpointError.self, "\(message)") {
        try compute().write(to: output.path("out"))
      }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
    #expect(try output.names.isEmpty)
  }
}
