// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import JSONDocument
import Kernels
import MultitaskPromptTuning
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Initialisation")
struct InitializationTests {
  /// A config for one token of width 2, rank 1.
  static func config(
    _ initialization: PromptInitialization = .random, tokens: Int = 1, tasks: Int = 1
  ) -> MultitaskPromptTuningConfig {
    var config = MultitaskPromptTuningConfig(
      virtualTokenCount: tokens, tokenDimension: 2, taskCount: tasks,
      taskType: .causalLanguageModel)
    config.initialization = initialization
    return config
  }

  /// A source of three tasks for that config.
  static func source(_ dtype: DType = .float32) throws -> SmallAdapter {
    try SmallAdapter(
      tasks: 3, width: 2, dtype: dtype, columns: [1, 2, 6], rows: [3, 0, 1, 1, -1, 2],
      embeddings: [5, 7])
  }

  static func values(_ adapter: ComputedAdapter, _ name: TensorName) throws -> [Double] {
    let tensor = try #require(adapter[name])
    return try MultitaskPromptTuningTests.values(tensor.bytes(), tensor.info.dtype)
  }

  @Test(
    "the generator's numbers, by an implementation in Python (O1 to O4)",
    arguments: [
      (
        0, 0,
        [
          0x3fe3_23a8_2a4b_c9e5, 0x3ff7_6a54_f2c0_effa, 0xbfec_a445_408b_789c,
          0xbfc8_1270_d2dd_bad6,
        ]
      ),
      (
        7, 2,
        [
          0x3fed_7d0b_b989_c8ef, 0xbff1_676a_1d99_0a98, 0xbff5_089f_dfd8_21e9,
          0x3ff4_7443_6ba6_b600,
        ]
      ),
      (
        .max, 1,
        [
          0xbfe8_080b_9a11_4928, 0xbfd3_eded_b534_1e27, 0xbfe3_acc4_e94d_5779,
          0xbff1_9dbf_9651_424a,
        ]
      ),
    ] as [(UInt64, UInt64, [UInt64])])
  func generator(seed: UInt64, stream: UInt64, expected: [UInt64]) {
    var generator = SeededNormalGenerator(seed: seed, stream: stream)
    #expect(expected.map { _ in generator.next().bitPattern } == expected)
  }

  @Test(
    "means over tasks have torch's bits (O10)",
    arguments: [
      (1, 3, 0x2d14_1203_c8c, 0x6d6a_b4c1_ffff_fd7f, 0x2_d140_1b),
      (3, 2, 0x8_4e69_6e10, 0x767f_a6c9_5555_554e, 0x84e58),
      (5, 9, 0x1340_0452_6f57_8073, 0xd15b_7e15_3e26_934e, 0x95_132e_59e8_0049),
      (9, 33, 0xb78c_5114_7c4b_0d1e, 0xcaf8_ad4c_c079_93aa, 0xb1a7_889c_5382_50e2),
      (20, 1, 0x3c3d_6e6d, 0x3f6f_9267_7777_777a, 0x3c3d),
      (70, 40, 0xd765_70c8_5ed3_0c90, 0x16f9_68d3_0487_6a52, 0x6e3e_5816_0eeb_36bc),
      (300, 7, 0xd11_6323_9f0a_0809, 0xc533_e03f_fa6d_cec8, 0xd1_14d2_8176e),
    ] as [(Int, Int, UInt64, UInt64, UInt64)])
  func mean(tasks: Int, width: Int, single: UInt64, double: UInt64, half: UInt64) throws {
    var word: UInt64 = 1
    let floats = (0..<tasks * width).map { _ in
      word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(word >> 40) * 0x1p-23 - 1
    }
    func hash(_ dtype: DType, _ values: [Double]) throws -> UInt64 {
      let adapter = try SmallAdapter(
        tasks: tasks, tokens: width, dtype: dtype, columns: values,
        rows: [Double](repeating: 0, count: tasks),
        embeddings: [Double](repeating: 0, count: width))
      let mean = try MultitaskPromptAdapter(path: adapter.directory.path).averaging().adapter
      let size = dtype.bitCount / 8
      let bytes = try mean["prefix_task_cols"]?.bytes() ?? []
      return stride(from: 0, to: bytes.count, by: size).reduce(0) { hash, start in
        hash &* 31
          &+ bytes[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      }
    }
    #expect(try hash(.float32, floats.map { Double($0) }) == single)
    #expect(try hash(.float64, floats.map { Double($0) * (1 / 3) }) == double)
    #expect(try hash(.bfloat16, floats.map { Double(BFloat16($0).float) }) == half)
  }

  @Test("the same seed gives the same tensors, another one others; streams are apart (O5, O7)")
  func seeds() throws {
    let config = Self.config(tokens: 3, tasks: 4)
    func adapter(_ seed: UInt64) throws -> [[Double]] {
      let adapter = try MultitaskPromptInitialization(config, seed: seed).run()
      return try MultitaskPromptTensor.allCases.map { try Self.values(adapter, $0.name) }
    }
    #expect(try adapter(7) == adapter(7))
    #expect(try adapter(7) != adapter(8))
    #expect(try adapter(7).map(\.count) == [12, 8, 6])
    // A longer tensor before it does not move a tensor's numbers.
    var longer = config
    longer.taskCount = 9
    let other = try MultitaskPromptInitialization(longer, seed: 7).run()
    #expect(try Self.values(other, "prompt_embeddings") == adapter(7)[2])
  }

  @Test(
    "sources give what PEFT takes from them (O9, O11, O12)",
    arguments: [DType.float32, .float64, .bfloat16, .float16])
  func sources(dtype: DType) throws {
    let source = try Self.source(dtype)
    for (initialization, task, columns, rows) in [
      (.averageSourceTasks, 0, [3], [1, 1]), (.exactSourceTask, 2, [6], [-1, 2]),
      (.exactSourceTask, -3, [1], [3, 0]),
    ] as [(PromptInitialization, Int, [Double], [Double])] {
      var config = Self.config(initialization)
      config[MultitaskPromptTuningFields.sourceTask] = task
      // A directory and the file in it do as well.
      for path in [source.directory.path, source.directory.path("adapter_model.safetensors")] {
        let adapter = try MultitaskPromptInitialization(config, sourcePath: path).run()
        #expect(try Self.values(adapter, "prefix_task_cols") == columns)
        #expect(try Self.values(adapter, "prefix_task_rows") == rows)
        #expect(try Self.values(adapter, "prompt_embeddings") == [5, 7])
        #expect(adapter.tensors.allSatisfy { $0.info.dtype == .float32 })
      }
    }
    // A source tells the token_dim (O6).
    var sizeless = Self.config(.averageSourceTasks)
    sizeless.tokenDimension = nil
    let sized = try MultitaskPromptInitialization(
      sizeless, sourcePath: source.directory.path
    ).run()
    #expect(try sized.config.value(MultitaskPromptTuningFields.tokenDimension) == 2)
    #expect(try Self.values(sized, "prompt_embeddings") == [5, 7])
    let shared = try MultitaskPromptInitialization(
      Self.config(.onlySourceShared, tasks: 2), seed: 3, sourcePath: source.directory.path
    ).run()
    let fresh = try MultitaskPromptInitialization(Self.config(tasks: 2), seed: 3).run()
    #expect(try Self.values(shared, "prompt_embeddings") == [5, 7])
    for name in ["prefix_task_cols", "prefix_task_rows"] as [TensorName] {
      #expect(try Self.values(shared, name) == Self.values(fresh, name))
    }
  }

  @Test(
    "token ids are repeated or cut to the virtual tokens (O13)",
    arguments: [
      ([2], [4, 5, 4, 5, 4, 5]), ([0, 1], [0, 1, 2, 3, 0, 1]), ([2, 1, 0, 1], [4, 5, 2, 3, 0, 1]),
    ]
      as [([Int], [Double])])
  func text(ids: [Int], expected: [Double]) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(
      RawSafeTensors([.init("wte", [3, 2], floats: [0, 1, 2, 3, 4, 5])]).encoded(),
      to: "words.safetensors")
    var config = Self.config(.text, tokens: 3)
    config[MultitaskPromptTuningFields.tokenizer] = "words"
    config[MultitaskPromptTuningFields.initializationText] = "text"
    let adapter = try MultitaskPromptInitialization(
      config, text: PromptText(path: path, tensor: "wte", tokenIDs: ids)
    ).run()
    #expect(try Self.values(adapter, "prompt_embeddings") == expected)
    #expect(adapter.config.document["prompt_tuning_init"] == "TEXT")
  }

  @Test("the config that is written needs no source, unless it is to be kept (O14)")
  func configs() throws {
    let source = try Self.source()
    for keepsSource in [false, true] {
      let adapter = try MultitaskPromptInitialization(
        Self.config(.averageSourceTasks), sourcePath: source.directory.path,
        keepsSource: keepsSource
      ).run()
      let document = adapter.config.document
      #expect(document["prompt_tuning_init"] == (keepsSource ? "AVERAGE_SOURCE_TASKS" : "RANDOM"))
      #expect(
        document["prompt_tuning_init_state_dict_path"]
          == (keepsSource ? .string(source.directory.path) : .null))
      #expect(document["inference_mode"] == true)
      #expect(document["num_transformer_submodules"] == 1)
      #expect(document.count == 21)
    }
  }

  /// What is wrong, and what the message must say.
  struct Refusal: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var config = InitializationTests.config()
    var source: [RawSafeTensors.Tensor]?
    var text: PromptText?
    var message: String
  }

  static func refusals() -> [Refusal] {
    let (columns, rows) = ("prefix_task_cols", "prefix_task_rows")
    let good: [RawSafeTensors.Tensor] = [
      .init(columns, [2, 1, 1], floats: [1, 2]), .init(rows, [2, 1, 2], floats: [1, 2, 3, 4]),
      .init("prompt_embeddings", [1, 2], floats: [1, 2]),
    ]
    let average = config(.averageSourceTasks)
    var exact = config(.exactSourceTask)
    exact[MultitaskPromptTuningFields.sourceTask] = 2
    var noTask = exact
    noTask[MultitaskPromptTuningFields.sourceTask] = nil
    var unknown = config()
    unknown[MultitaskPromptTuningFields.initialization] = "SAMPLE_VOCAB"
    var sizeless = config()
    sizeless.tokenDimension = nil
    var taskless = config()
    taskless.taskType = nil
    var questions = config()
    questions.taskType = .questionAnswering
    var huge = config()
    huge.taskCount = 1 << 40
    var text = config(.text)
    text[MultitaskPromptTuningFields.tokenizer] = "words"
    text[MultitaskPromptTuningFields.initializationText] = "text"
    func changed(_ tensor: RawSafeTensors.Tensor) -> [RawSafeTensors.Tensor] {
      good.filter { $0.name != tensor.name } + [tensor]
    }
    return [
      .init(testDescription: "unknown mode", config: unknown, message: "SAMPLE_VOCAB"),
      .init(testDescription: "no token_dim", config: sizeless, message: "token_dim"),
      .init(testDescription: "no task type", config: taskless, message: "ignores the prompt"),
      .init(testDescription: "answers", config: questions, message: "QUESTION_ANS"),
      .init(testDescription: "absurd size", config: huge, message: "2^32"),
      .init(
        testDescription: "source for RANDOM", source: good, message: "RANDOM does not use a source"),
      .init(
        testDescription: "no source", config: average,
        message: "prompt_tuning_init_state_dict_path"),
      .init(
        testDescription: "two tasks", config: config(.averageSourceTasks, tasks: 2), source: good,
        message: "num_tasks"),
      .init(
        testDescription: "unknown task", config: exact, source: good, message: "no task 2"),
      .init(
        testDescription: "no task", config: noTask, source: good,
        message: "prompt_tuning_init_task"),
      .init(
        testDescription: "missing columns", config: average, source: Array(good.dropFirst()),
        message: columns),
      .init(
        testDescription: "other rank", config: average,
        source: changed(.init(columns, [2, 1, 2], floats: [1, 2, 3, 4])), message: "[tasks, 1, 1]"),
      .init(
        testDescription: "other width", config: average,
        source: changed(.init("prompt_embeddings", [1, 3], floats: [1, 2, 3])), message: "[1, 2]"),
      .init(
        testDescription: "no tasks", config: average,
        source: changed(.init(columns, [0, 1, 1], floats: [])), message: "[tasks, 1, 1]"),
      .init(
        testDescription: "integers", config: average,
        source: changed(.init(columns, [2, 1, 1], integers: [1, 2])), message: "I64"),
      .init(
        testDescription: "infinite", config: average,
        source: changed(.init(rows, [2, 1, 2], floats: [1, .infinity, 3, 4])),
        message: "not finite at element 1"),
      .init(
        testDescription: "a mean beyond F32", config: average,
        source: changed(
          .init(rows, [2, 1, 2], floats: [3e38, 0, 3e38, 0])), message: "does not fit F32"),
      .init(testDescription: "TEXT without words", config: text, message: "word embeddings"),
    ]
  }

  @Test("what cannot be initialised is named (O6, O8)", arguments: refusals())
  func refusal(_ refusal: Refusal) throws {
    let directory = try TemporaryDirectory()
    let path = try refusal.source.map {
      try directory.write(RawSafeTensors($0).encoded(), to: "source.safetensors")
    }
    let error = #expect(throws: CheckpointError.self) {
      _ = try MultitaskPromptInitialization(
        refusal.config, sourcePath: path, text: refusal.text
      ).run()
    }
    #expect(error?.description.contains(refusal.message) == true, "\(error?.description ?? "")")
  }

  @Test(
    "words that do not fit are named (O13)",
    arguments: [
      ("wte", [3], "no token 3"), ("wte", [-1], "no token -1"), ("wte", [], "at least one"),
      ("other", [0], "no tensor"), ("flat", [0], "[vocabulary, 2]"), ("bad", [0], "not finite"),
    ] as [(String, [Int], String)])
  func wordRefusals(tensor: String, ids: [Int], message: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(
      RawSafeTensors([
        .init("wte", [3, 2], floats: [0, 1, 2, 3, 4, 5]), .init("flat", [2], floats: [1, 2]),
        .init("bad", [1, 2], floats: [.nan, 0]),
      ]).encoded(), to: "words.safetensors")
    var config = Self.config(.text)
    config[MultitaskPromptTuningFields.tokenizer] = "words"
    config[MultitaskPromptTuningFields.initializationText] = "text"
    let error = #expect(throws: CheckpointError.self) {
      _ = try MultitaskPromptInitialization(
        config, text: PromptText(path: path, tensor: TensorName(tensor), tokenIDs: ids)
      ).run()
    }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }
}
