// SPDX-License-Identifier: Apache-2.0
public import Files
internal import SafeTensors
public import Tensors

/// Writes a forward as a reference file with one case, `case0` (spec/reference-outputs.md).
public enum ReferenceWriter {
  /// Writes input and output of a forward; the caller commits the file.
  ///
  /// - Parameters:
  ///   - result: the output of the forward.
  ///   - input: its input.
  ///   - producer: the name and version of the producer, for `__metadata__`.
  ///   - file: the output file, still empty.
  /// - Throws: `system` when writing fails.
  public static func write(
    _ result: PromptOutput, of input: PromptInput, producer: String, to file: inout AtomicFile
  ) throws(CheckpointError) {
    let tensors = [
      try TensorInfo(name: "case0.task_ids", dtype: .int64, shape: Shape([input.taskIDs.count])),
      try TensorInfo(
        name: "case0.indices", dtype: .int64,
        shape: Shape([input.batchCount, input.sequenceLength])),
      try TensorInfo(name: "case0.output", dtype: result.dtype, shape: result.shape),
    ]
    let inputs = [bytes(of: input.taskIDs), bytes(of: input.indices)]
    try SafeTensorsWriter.write(
      tensors, metadata: ["producer": producer], to: &file
    ) { index, file throws(CheckpointError) in
      if index < inputs.count {
        let bytes = inputs[index]
        try file.write(bytes.span.rawBytes)
      } else {
        let bytes = result.rawBytes
        try file.write(bytes)
      }
    }
  }

  /// I64 elements, little endian.
  private static func bytes(of values: [Int]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 8)
    for value in values { bytes.appendLittleEndian(Int64(value)) }
    return bytes
  }
}
