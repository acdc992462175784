// SPDX-License-Identifier: Apache-2.0
import Benchmark
import ContentDigest
import PeftKit

// What an iteration takes is measured, and what it asks of the system; only the latter is checked
// against a threshold, because it is the same on every machine.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .cpuTotal, .readSyscalls, .writeSyscalls],
    timeUnits: .microseconds, warmupIterations: 2, maxDuration: .seconds(2), maxIterations: 1000)

  opening()
  kernels()
  configs()
}

/// Opening files: headers and pickles, whatever the size of the data.
private func opening() {
  Benchmark("open safetensors of 100000 tensors") { benchmark, path in
    for _ in benchmark.scaledIterations { blackHole(try SafeTensorsFile(path: path)) }
  } setup: {
    try Inputs.manyTensors(100_000)
  }

  Benchmark("open an adapter in safetensors") { benchmark, path in
    for _ in benchmark.scaledIterations { blackHole(try SafeTensorsFile(path: path)) }
  } setup: {
    Inputs.fixture("mpt-causal-lm/adapter_model.safetensors")
  }

  Benchmark("open an adapter in torch") { benchmark, path in
    for _ in benchmark.scaledIterations { blackHole(try TorchFile(path: path)) }
  } setup: {
    Inputs.fixture("mpt-causal-lm-bin/adapter_model.bin")
  }

  Benchmark("scan an adapter in torch") { benchmark, path in
    for _ in benchmark.scaledIterations {
      blackHole(try CheckpointScanner.scan(InputFile(path: path)))
    }
  } setup: {
    Inputs.fixture("mpt-causal-lm-bin/adapter_model.bin")
  }
}

/// What goes over every byte, on memory that is larger than the caches.
private func kernels() {
  for (source, destination) in [
    (DType.float32, DType.bfloat16), (.float32, .float16), (.bfloat16, .float32),
    (.float32, .float8E4M3FN),
  ] {
    Benchmark(
      "cast \(source) to \(destination) of 64 MiB",
      configuration: .init(metrics: [.wallClock, .cpuTotal, .throughput])
    ) { benchmark, bytes in
      let cast = try Cast(from: source, to: destination)
      let count = bytes.count / cast.sourceElementByteCount * cast.destinationElementByteCount
      var output = [UInt8](repeating: 0, count: count)
      benchmark.startMeasurement()
      var counts = CastCounts()
      var elements = output.mutableSpan
      var destination = elements.mutableBytes
      try cast.run(bytes.span.bytes, into: &destination, counts: &counts)
      benchmark.stopMeasurement()
      blackHole(counts)
    } setup: {
      Inputs.floats(byteCount: 64 << 20)
    }
  }

  Benchmark(
    "CRC-32 of 64 MiB", configuration: .init(metrics: [.wallClock, .cpuTotal, .throughput])
  ) { _, bytes in
    blackHole(ChecksumFolding.fold(~0, bytes.span.bytes))
  } setup: {
    Inputs.floats(byteCount: 64 << 20)
  }

  Benchmark("digest of a file of 64 MiB") { benchmark, path in
    for _ in benchmark.scaledIterations {
      blackHole(try CheckpointDigest(of: SafeTensorsFile(path: path)))
    }
  } setup: {
    try Inputs.oneTensor(byteCount: 64 << 20)
  }
}

/// The codec of `adapter_config.json`.
private func configs() {
  Benchmark("decode and encode a LoRA config") { benchmark, bytes in
    for _ in benchmark.scaledIterations {
      blackHole(try AdapterConfig(parsing: bytes).encoded())
    }
  } setup: {
    try Inputs.contents(of: Inputs.fixture("lora/adapter_config.json"))
  }
}
