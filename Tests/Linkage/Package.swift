// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A program that uses every library of peftkit and nothing else: what it links is what they need.
let package = Package(
  name: "Linkage",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "peftkit", path: "../..")],
  targets: [
    .executableTarget(
      name: "Linkage",
      dependencies: [
        .product(name: "PeftKit", package: "peftkit")
      ])
  ])
