// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// The forward's side of Benchmarks/forward.py, which times it in turn with PEFT's module.
let package = Package(
  name: "Forward",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "peftkit", path: "../..")],
  targets: [
    .executableTarget(
      name: "ForwardBenchmark",
      dependencies: [
        .product(name: "PeftKit", package: "peftkit")
      ],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
        .enableExperimentalFeature("Lifetimes"),
      ])
  ])
