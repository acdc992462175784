// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// What Benchmarks/conversion.py times beside peftkit, and the benchmarks of single parts:
// `swift package benchmark` runs those.
let package = Package(
  name: "ConversionBenchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "peftkit", path: "../.."),
    // Without its traits it needs nothing but what it names here; its counts of allocations are 0.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "OpeningBenchmark",
      dependencies: [.product(name: "SafeTensors", package: "peftkit")]),
    .executableTarget(name: "BareCopy"),
    .executableTarget(name: "BareFiles"),
    .executableTarget(
      name: "InProcess",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "PeftKit", package: "peftkit"),
        .product(name: "ContentDigest", package: "peftkit"),
      ],
      path: "Benchmarks/InProcess",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ])

for target in package.targets where !target.name.hasPrefix("Bare") {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
  ]
}
