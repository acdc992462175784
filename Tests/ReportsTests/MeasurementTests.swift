// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Reports

@Suite("Measurements for pages")
struct MeasurementTests {
  private static func histogram(_ pieces: [[Double]]) -> ValueHistogram {
    var histogram = ValueHistogram()
    for piece in pieces { histogram.add(piece.span) }
    return histogram
  }

  @Test("a histogram does not depend on the order of the values (J15)")
  func order() {
    var generator = SeededGenerator(seed: 11)
    var values = (0..<5000).map { index in
      Double.random(in: -1...1, using: &generator) * (index.isMultiple(of: 97) ? 1000 : 1e-3)
    }
    values += [0, 0, .nan, .infinity, -.infinity]
    let whole = Self.histogram([values])
    values.shuffle(using: &generator)
    let pieces = Self.histogram(
      stride(from: 0, to: values.count, by: 13).map {
        Array(values[$0..<min($0 + 13, values.count)])
      })
    #expect(whole.counts == pieces.counts && whole.exponent == pieces.exponent)
    #expect(whole.range == pieces.range)
    #expect(whole.count == 5002 && whole.nonFiniteCount == 3 && whole.zeroCount == 2)
  }

  @Test("each value is in the interval that contains it (J15)")
  func places() {
    var generator = SeededGenerator(seed: 5)
    let values = (0..<2000).map { _ in Double.random(in: -3...5, using: &generator) }
    let histogram = Self.histogram([values])
    var counts = [Int](repeating: 0, count: histogram.counts.count)
    for value in values {
      counts[Int((value / histogram.width).rounded(.down)) + ValueHistogram.sideCount] += 1
    }
    #expect(counts == histogram.counts)
    let bars = histogram.bars(limit: 64)
    #expect(bars.counts.count <= 64)
    #expect(bars.counts.reduce(0, +) + bars.outside.below + bars.outside.above == values.count)
    #expect(bars.outside.below <= 2 && bars.outside.above <= 2)
  }

  @Test(
    "extreme values neither trap nor get lost",
    arguments: [
      [0], [.leastNonzeroMagnitude], [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1],
      [.leastNonzeroMagnitude, .greatestFiniteMagnitude], [.nan], [-0.0, 0], [-1],
    ] as [[Double]])
  func extremes(values: [Double]) {
    let histogram = Self.histogram(values.map { [$0] })
    let finite = values.filter(\.isFinite).count
    #expect(histogram.counts.reduce(0, +) == finite)
    let bars = histogram.bars(limit: 64)
    #expect(bars.counts.reduce(0, +) == finite && bars.width.isFinite && bars.lower.isFinite)
  }

  @Test("mean and deviation are those of all values (J15)")
  func moments() {
    let histogram = Self.histogram([[1, 2], [3, 6]])
    #expect(histogram.mean == 3 && histogram.deviation == 3.5.squareRoot())
  }

  private static func entries(_ names: [String]) -> [LayerGrid.Entry] {
    names.enumerated().map { .init(name: $1, norm: Double($0 + 1), figure: Double($0)) }
  }

  @Test("modules are sorted by stack, kind and layer (J13)")
  func grid() throws {
    let grids = LayerGrid.grids(
      of: Self.entries([
        "model.layers.0.mlp.up_proj", "model.layers.2.mlp.up_proj", "model.layers.0.attn.q_proj",
        "encoder.block.1.layer.0.SelfAttention.q", "score",
      ]))
    #expect(grids.map(\.stack) == ["model.layers", "encoder.block"])
    let grid = try #require(grids.first)
    #expect(grid.kinds == ["attn.q_proj", "mlp.up_proj"])
    #expect(grid.columnLabels == ["0", "2"])
    #expect(grid.norms == [[3, nil], [1, 2]])
    #expect(grids[1].kinds == ["layer.0.SelfAttention.q"])
  }

  @Test("experts are one kind, whose cell has the norm of all and the mean rank (J13)")
  func experts() throws {
    let names = (0..<64).map { "model.layers.3.mlp.experts.\($0).w1" }
    let grid = try #require(
      LayerGrid.grids(of: names.map { .init(name: $0, norm: 2, figure: 3) }).first)
    #expect(grid.kinds == ["mlp.experts.*.w1"])
    #expect(grid.norms == [[16]] && grid.means == [[3]])
  }

  @Test("many layers share columns, and many kinds are counted (J4, J13)")
  func bounds() throws {
    let layers = try #require(
      LayerGrid.grids(of: Self.entries((0..<10_000).map { "h.\($0).q" })).first)
    #expect(layers.columns.count <= ReportLimits.mapColumns)
    #expect(layers.columns.last?.upperBound == 9999)
    let kinds = try #require(
      LayerGrid.grids(of: Self.entries((0..<500).map { "h.0.m\($0)" })).first)
    #expect(kinds.kinds.count == ReportLimits.mapRows)
    #expect(kinds.omittedKinds == 500 - ReportLimits.mapRows)
    #expect(LayerGrid.grids(of: Self.entries(["a", "b.c", "99999999999.q", "h..q"])).isEmpty)
  }

  @Test(
    "kinds of tensors (J15)",
    arguments: [
      ("base_model.model.h.0.attn.lora_A.weight", "lora_", "lora_A.weight"),
      ("base_model.model.h.0.attn.lora_A.default.weight", "lora_", "lora_A.default.weight"),
      ("base_model.model.h.11.ln.weight", "lora_", "h.*.ln.weight"),
      ("prompt_embeddings", "", "prompt_embeddings"), ("", "", ""), ("..", "", ".."),
    ])
  func kinds(name: String, prefix: String, kind: String) {
    #expect(TensorKinds.kind(of: name, prefix: prefix) == kind)
  }

  @Test(
    "colors of a heat map (J6)",
    arguments: [
      (HeatMap.Scale.sequential(0...2), 0, 0), (.sequential(0...2), 2, 15),
      (.sequential(0...2), 9, 15),
      (.sequential(1...1), 1, 0), (.diverging(1), 0, 8), (.diverging(1), -1, 0),
      (.diverging(0), 1, 0),
      (.sequential(0...(.greatestFiniteMagnitude)), 1, 0),
    ] as [(HeatMap.Scale, Double, Int)])
  func steps(scale: HeatMap.Scale, value: Double, step: Int) {
    #expect(scale.step(of: value) == step)
    #expect(scale.step(of: .nan) == nil)
  }

  @Test("a scale starts at zero unless all values are far from it (J6)")
  func spans() {
    #expect(HeatMap.span(of: [[1, nil], [9, .infinity]]) == 0...9)
    #expect(HeatMap.span(of: [[8], [9]]) == 8...9)
    #expect(HeatMap.span(of: [[nil]]) == 0...1)
    #expect(HeatMap.span(of: [[0]]) == 0...1 && HeatMap.span(of: [[5]]) == 0...5)
  }

  @Test("ticks are round and few", arguments: [(7.0, 3), (100, 2), (0.31, 3), (0, 0), (1.5, 3)])
  func ticks(largest: Double, count: Int) {
    #expect(AxisTicks(upTo: largest).values.count == count, "\(AxisTicks(upTo: largest).values)")
  }
}
