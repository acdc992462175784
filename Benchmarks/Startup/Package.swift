// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// The smallest program with one command: what any tool on swift-argument-parser pays to start.
let package = Package(
  name: "Startup",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .executableTarget(
      name: "Empty",
      dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")])
  ])
