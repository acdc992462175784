// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

/// What `verify` accepts beyond the bound, and what it does not.
@Suite struct BoundExceptionTests {
  struct Case: Sendable {
    var name: String
    var format: FloatFormat = .bfloat16
    var columns: [Double]
    var rows: [Double]
    var embedding = 1.0
    var accepted: [Double]
    var refused: [Double]
  }

  static let flushed = [
    Case(
      name: "subnormal column", columns: [0x1p-130], rows: [0x1p20],
      accepted: [0, -0.0, 0x1p-110], refused: [0x1p-111, .nan]),
    Case(
      name: "subnormal row", columns: [0x1p100], rows: [0x1p-127], accepted: [0, 0x1p-27],
      refused: [0x1p-28]),
    Case(
      name: "subnormal product", columns: [0x1p-70], rows: [0x1p-60], embedding: 0x1p50,
      accepted: [0, 0x1p-80], refused: [0x1p-81]),
    Case(
      name: "subnormal embedding", columns: [0x1p50], rows: [1], embedding: 0x1p-127,
      accepted: [0, 0x1p-77], refused: [0x1p-76]),
    Case(
      name: "subnormal output", columns: [0x1p-60], rows: [1], embedding: 0x1p-67,
      accepted: [0, 0x1p-127], refused: [0x1p-128]),
    Case(
      name: "all normal", columns: [0x1p-60], rows: [0x1p-66], accepted: [0x1p-126],
      refused: [0, -0.0, 0x1p-127]),
    Case(
      name: "F16 is not flushed", format: .float16, columns: [0x1p-16], rows: [1],
      accepted: [0x1p-16], refused: [0]),
    Case(
      name: "F32 is not flushed", format: .float32, columns: [0x1p-130], rows: [1],
      accepted: [0x1p-130], refused: [0]),
    Case(
      name: "one of two columns", columns: [0x1p-127, 0x1p-124], rows: [1, 1],
      accepted: [0x1p-124 + 0x1p-127, 0x1p-124], refused: [0, 0x1p-125, 0x1p-124 - 0x1p-127]),
    Case(
      name: "one of two products", columns: [0x1p-67, 0x1p-64], rows: [-0x1p-60, -0x1p-60],
      embedding: 0x1p60, accepted: [-0x1p-64 - 0x1p-67, -0x1p-64],
      refused: [0, 0x1p-64, -0x1p-64 - 0x1p-66, -0x1p-64 + 0x1p-67]),
    Case(
      name: "a negative one", columns: [0x1p-127, 0x1p-124], rows: [-1, 1],
      accepted: [0x1p-124 - 0x1p-127, 0x1p-124], refused: [0, 0x1p-124 + 0x1p-127]),
    Case(
      name: "all of two", columns: [0x1p-127, 0x1p-127], rows: [1, 1], embedding: 0x1p100,
      accepted: [0, 0x1p-26, 0x1p-27], refused: [0x1p-25, -0x1p-27]),
    Case(
      name: "a subnormal sum of normal products", columns: [0x1p-125, -0x1.8p-125],
      rows: [1, 1], embedding: 1, accepted: [0, -0x1p-126], refused: [0x1p-126, -0x1p-125]),
    Case(
      name: "normal sums", columns: [0x1p-120, 0x1p-120], rows: [1, 1], embedding: 1,
      accepted: [0x1p-119], refused: [0, 0x1p-120]),
  ]

  static let overflows = [
    Case(
      name: "F16 product", format: .float16, columns: [256, 256], rows: [128, 128],
      embedding: 0x1p-4, accepted: [.infinity, 4096], refused: [-.infinity, .nan, 0, 2048]),
    Case(
      name: "F16 product times zero", format: .float16, columns: [256, 256], rows: [128, 128],
      embedding: 0, accepted: [.nan, 0], refused: [.infinity, 1]),
    Case(
      name: "F16 output", format: .float16, columns: [128, 128], rows: [128, 128],
      embedding: -2, accepted: [-.infinity], refused: [.infinity, .nan, 0]),
    Case(
      name: "F16, nothing overflows", format: .float16, columns: [128, 128], rows: [128, 127],
      embedding: 1, accepted: [32640], refused: [.infinity, .nan]),
    Case(
      name: "F32 partial sum", format: .float32, columns: [0x1p100, -0x1p100],
      rows: [0x1p28, 0x1p28], accepted: [0, .nan, .infinity, -.infinity], refused: [0x1p120]),
    Case(
      name: "F32 sum of one sign", format: .float32, columns: [0x1p100, 0x1p100],
      rows: [0x1p27, 0x1p27], embedding: -1, accepted: [-.infinity], refused: [.infinity, .nan]),
    Case(
      name: "BF16 sum", columns: [0x1p100, 0x1p100], rows: [0x1p27, 0x1p27],
      accepted: [.infinity], refused: [-.infinity, .nan]),
    Case(
      name: "F64 product", format: .float64, columns: [1e300, 1e300], rows: [1e300, 1],
      embedding: 1e-300, accepted: [.infinity, 1e300], refused: [-.infinity, .nan, 1e299]),
    Case(
      name: "F64 output", format: .float64, columns: [1, 1], rows: [1e308, 0],
      embedding: 10, accepted: [.infinity], refused: [-.infinity, .nan, 1]),
  ]

  @Test(arguments: flushed + overflows)
  func acceptsAndRefuses(testCase: Case) throws {
    let problem = Problem(
      testCase.format, columns: testCase.columns, rows: testCase.rows.map { [$0] },
      embedding: [testCase.embedding])
    for output in testCase.accepted {
      let report = try problem.verify(values: [output])
      #expect(report.holds, "\(testCase.name) \(output): \(report)")
    }
    for output in testCase.refused {
      let report = try problem.verify(values: [output])
      #expect(!report.holds, "\(testCase.name) \(output): \(report)")
      #expect(report.ownOffenderCount == 0)
    }
  }

  @Test func countsWhatItAccepts() throws {
    let tiny = Problem(.bfloat16, columns: [0x1p-130], rows: [[1]], embedding: [1])
    #expect(try tiny.verify(values: [0.0]).flushedCount == 1)
    let huge = Problem(
      .float16, columns: [256, 256], rows: [[128], [128]], embedding: [1])
    let report = try huge.verify(values: [.infinity])
    #expect(report.overflowedCount == 1 && report.equalCount == 1)
  }
}
