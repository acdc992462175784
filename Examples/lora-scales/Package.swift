// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
  name: "lora-scales",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "peftkit", path: "../..")],
  targets: [
    .executableTarget(
      name: "lora-scales",
      dependencies: [.product(name: "PeftKit", package: "peftkit")],
      path: "Sources")
  ])
