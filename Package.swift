// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
  name: "peftkit",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "peftkit", targets: ["peftkit"]),
    .library(name: "PeftKit", targets: ["PeftKit"]),
    .library(name: "SafeTensors", targets: ["SafeTensors"]),
    .library(name: "TorchCheckpoint", targets: ["TorchCheckpoint"]),
    .library(name: "NumPyArchive", targets: ["NumPyArchive"]),
    .library(name: "GGUF", targets: ["GGUF"]),
    .library(name: "JSONDocument", targets: ["JSONDocument"]),
    .library(name: "Checkpoints", targets: ["Checkpoints"]),
    .library(name: "CheckpointScan", targets: ["CheckpointScan"]),
    .library(name: "PEFT", targets: ["PEFT"]),
    .library(name: "Validation", targets: ["Validation"]),
    .library(name: "LowRank", targets: ["LowRank"]),
    .library(name: "MultitaskPromptTuning", targets: ["MultitaskPromptTuning"]),
    .library(name: "Verification", targets: ["Verification"]),
    .library(name: "Bridges", targets: ["Bridges"]),
    .library(name: "AdapterAlgebra", targets: ["AdapterAlgebra"]),
    .library(name: "Conversion", targets: ["Conversion"]),
    .library(name: "Merging", targets: ["Merging"]),
    .library(name: "AdapterRepair", targets: ["AdapterRepair"]),
    .library(name: "ContentDigest", targets: ["ContentDigest"]),
    .library(name: "Reports", targets: ["Reports"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // C: system libraries and shims for what Swift cannot import.
    .systemLibrary(
      name: "CJSONC", pkgConfig: "json-c",
      providers: [.apt(["libjson-c-dev"]), .brew(["json-c"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["libz-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CNettle", pkgConfig: "nettle",
      providers: [.apt(["nettle-dev"]), .brew(["nettle"])]),
    .target(name: "CThreads"),
    .target(name: "CPlatform"),
    .target(name: "CKernels"),

    // Core.
    .target(name: "Tensors"),
    .target(
      name: "Concurrency",
      dependencies: [
        "CThreads", "Tensors", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Files",
      dependencies: [
        "CPlatform", "Tensors", "Concurrency",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "Archives", dependencies: ["Tensors", "Files"]),
    .target(
      name: "Kernels",
      dependencies: ["CPlatform", "CKernels", "Tensors", "Concurrency", "Files", "Archives"]),
    .target(name: "JSONDocument", dependencies: ["CJSONC", "Tensors"]),

    // Formats.
    .target(name: "Pickle", dependencies: ["Tensors"]),
    .target(name: "SafeTensors", dependencies: ["Tensors", "Concurrency", "Files", "Archives"]),
    .target(
      name: "ZipArchive",
      dependencies: ["CZlib", "Tensors", "Files", "Kernels"]),
    .target(
      name: "TorchCheckpoint",
      dependencies: ["Tensors", "Concurrency", "Files", "Archives", "Pickle", "ZipArchive"]),
    .target(
      name: "NumPyArchive",
      dependencies: ["Tensors", "Files", "Archives", "ZipArchive"]),
    .target(name: "GGUF", dependencies: ["Tensors", "Files", "Archives", "JSONDocument"]),
    .target(
      name: "DistributedCheckpoint",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "Pickle", "SafeTensors",
        "TorchCheckpoint",
      ]),
    .target(
      name: "Checkpoints",
      dependencies: [
        "Tensors", "Files", "Archives", "JSONDocument", "Pickle", "SafeTensors", "ZipArchive",
        "TorchCheckpoint", "NumPyArchive", "GGUF", "DistributedCheckpoint",
      ]),
    .target(
      name: "CheckpointScan",
      dependencies: [
        "Tensors", "Files", "Archives", "Pickle", "ZipArchive", "TorchCheckpoint",
        "NumPyArchive", "DistributedCheckpoint",
      ]),

    // Operations.
    .target(
      name: "PEFT",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "JSONDocument",
        "DistributedCheckpoint", "Checkpoints",
      ]),
    .target(
      name: "Validation",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "Checkpoints", "PEFT",
      ]),
    .target(
      name: "LowRank",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "JSONDocument", "Checkpoints",
        "PEFT",
      ]),
    .target(
      name: "MultitaskPromptTuning",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "SafeTensors", "TorchCheckpoint", "NumPyArchive",
        "Checkpoints", "PEFT", "LowRank",
      ]),
    .target(
      name: "Verification",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "Checkpoints", "PEFT", "LowRank",
        "MultitaskPromptTuning",
      ]),
    .target(
      name: "Bridges",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors", "GGUF",
        "Checkpoints", "PEFT", "LowRank",
      ]),
    .target(
      name: "AdapterAlgebra",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "JSONDocument", "Checkpoints",
        "PEFT", "LowRank", "Bridges",
      ]),
    .target(
      name: "Conversion",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "JSONDocument",
        "DistributedCheckpoint", "Checkpoints", "PEFT",
      ]),
    .target(
      name: "Merging",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors",
        "Checkpoints", "PEFT", "LowRank", "MultitaskPromptTuning", "Conversion",
      ]),
    .target(
      name: "AdapterRepair",
      dependencies: [
        "Tensors", "Files", "Archives", "JSONDocument", "Checkpoints", "PEFT", "Conversion",
      ]),
    .target(
      name: "ContentDigest",
      dependencies: [
        "Tensors", "Files", "Archives",
        // Apple platforms have CryptoKit.
        .byName(name: "CNettle", condition: .when(platforms: [.linux])),
      ]),
    .target(
      name: "Reports",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "JSONDocument", "Checkpoints",
        "PEFT", "Validation", "LowRank", "MultitaskPromptTuning", "Conversion", "Merging",
      ]),
    // The umbrella: re-exports the modules that programs need.
    .target(
      name: "PeftKit",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors", "TorchCheckpoint",
        "NumPyArchive", "GGUF", "DistributedCheckpoint", "Checkpoints", "CheckpointScan", "PEFT",
        "Validation", "LowRank", "MultitaskPromptTuning", "Verification", "Bridges",
        "AdapterAlgebra", "Conversion", "Merging", "AdapterRepair", "ContentDigest", "Reports",
      ]),

    // Command line.
    .target(
      name: "PeftkitCommands",
      dependencies: [
        "Tensors", "Concurrency", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors",
        "TorchCheckpoint", "NumPyArchive", "DistributedCheckpoint", "Checkpoints", "CheckpointScan",
        "PEFT", "Validation", "LowRank", "MultitaskPromptTuning", "Verification", "Bridges",
        "AdapterAlgebra", "Conversion", "Merging", "AdapterRepair", "ContentDigest", "Reports",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "peftkit", dependencies: ["PeftkitCommands"]),

    // Tests.
    .target(
      name: "TestSupport", dependencies: ["Tensors", "ZipArchive"], path: "Tests/TestSupport"),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"]),
    .testTarget(
      name: "ConcurrencyTests", dependencies: ["Tensors", "Concurrency", "TestSupport"]),
    .testTarget(
      name: "FilesTests",
      dependencies: ["Tensors", "Concurrency", "Files", "TestSupport"]),
    .testTarget(
      name: "JSONDocumentTests", dependencies: ["Tensors", "JSONDocument"],
      exclude: ["Vectors"]),
    .testTarget(
      name: "KernelsTests", dependencies: ["Tensors", "Kernels", "TestSupport"],
      exclude: ["Vectors"]),
    .testTarget(
      name: "SafeTensorsTests",
      dependencies: ["Tensors", "Files", "Archives", "SafeTensors", "TestSupport"]),
    .testTarget(name: "PickleTests", dependencies: ["Tensors", "Pickle", "TestSupport"]),
    .testTarget(
      name: "ZipArchiveTests", dependencies: ["Tensors", "Files", "ZipArchive", "TestSupport"]),
    .testTarget(
      name: "TorchCheckpointTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Pickle", "SafeTensors", "ZipArchive", "TorchCheckpoint",
        "TestSupport",
      ],
      exclude: ["Vectors"]),
    .testTarget(
      name: "CheckpointScanTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Pickle", "TorchCheckpoint", "CheckpointScan",
        "TestSupport",
      ],
      exclude: ["Vectors"]),
    .testTarget(
      name: "DistributedCheckpointTests",
      dependencies: [
        "Tensors", "Files", "Archives", "SafeTensors", "TorchCheckpoint", "DistributedCheckpoint",
        "TestSupport",
      ]),
    .testTarget(
      name: "CheckpointsTests",
      dependencies: ["Tensors", "Files", "Archives", "JSONDocument", "Checkpoints", "TestSupport"],
      exclude: ["Vectors"]),
    .testTarget(
      name: "NumPyArchiveTests",
      dependencies: [
        "Tensors", "Files", "Archives", "ZipArchive", "NumPyArchive", "Checkpoints", "TestSupport",
      ],
      exclude: ["Vectors"]),
    .testTarget(
      name: "GGUFTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "SafeTensors", "GGUF", "TestSupport",
      ]),
    .testTarget(
      name: "PEFTTests",
      dependencies: [
        "Tensors", "Files", "Archives", "JSONDocument", "SafeTensors", "TorchCheckpoint", "PEFT",
        "TestSupport",
      ]),
    .testTarget(
      name: "MultitaskPromptTuningTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "NumPyArchive", "Checkpoints",
        "PEFT", "MultitaskPromptTuning", "Verification", "TestSupport",
      ]),
    .testTarget(
      name: "LowRankTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "Checkpoints", "PEFT", "LowRank", "TestSupport",
      ]),
    .testTarget(
      name: "BridgesTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors", "GGUF",
        "Checkpoints", "PEFT", "LowRank", "Bridges", "TestSupport",
      ]),
    .testTarget(
      name: "AdapterAlgebraTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors", "Checkpoints",
        "PEFT", "LowRank", "Bridges", "AdapterAlgebra", "TestSupport",
      ]),
    .testTarget(
      name: "VerificationTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "PEFT", "LowRank", "Verification", "TestSupport",
      ]),
    .testTarget(
      name: "ConversionTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors", "TorchCheckpoint",
        "Checkpoints", "Conversion", "TestSupport",
      ],
      exclude: ["Vectors"]),
    .testTarget(
      name: "MergingTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Kernels", "JSONDocument", "SafeTensors", "Checkpoints",
        "PEFT", "LowRank", "Conversion", "Merging", "TestSupport",
      ]),
    .testTarget(
      name: "ContentDigestTests",
      dependencies: [
        "Tensors", "Files", "Archives", "Checkpoints", "ContentDigest", "TestSupport",
      ],
      exclude: ["Vectors"]),
    .testTarget(
      name: "ReportsTests",
      dependencies: ["Tensors", "Files", "Archives", "Kernels", "PEFT", "Reports", "TestSupport"]),
    .testTarget(name: "PeftKitTests", dependencies: ["PeftKit", "TestSupport"]),
    .testTarget(
      name: "PeftkitCommandsTests", dependencies: ["TestSupport", "peftkit"]),
  ]
)

// Fuzzing/build.sh sets this: its tool links libFuzzer, and needs modules that are built for it.
if Context.environment["PEFTKIT_FUZZING"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzzing",
      dependencies: [
        "Tensors", "Files", "Archives", "JSONDocument", "Pickle", "SafeTensors", "ZipArchive",
        "TorchCheckpoint", "NumPyArchive", "GGUF", "DistributedCheckpoint", "Checkpoints",
        "CheckpointScan", "PEFT", "LowRank", "MultitaskPromptTuning", "Verification", "Conversion",
      ],
      path: "Fuzzing/Sources"))
}

// One loop sets the language mode of every target; tests alone may use unsafe code unmarked.
for target in package.targets where target.type != .system && target.type != .plugin {
  var settings = target.swiftSettings ?? []
  settings += [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
  ]
  if target.type != .test && target.name != "TestSupport" {
    settings.append(.strictMemorySafety())
  }
  // CI sets this; a compiler that knows more warnings must not break anybody's build.
  if Context.environment["PEFTKIT_WARNINGS_AS_ERRORS"] != nil {
    settings.append(.treatAllWarnings(as: .error))
    target.cSettings = [.treatAllWarnings(as: .error)]
  }
  target.swiftSettings = settings
}
