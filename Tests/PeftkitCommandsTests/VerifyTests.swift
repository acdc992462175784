// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("verify")
struct VerifyTests {
  /// The reference of `mpt-causal-lm` with one bit of `case5.output` [1, 2, 3] changed.
  private func perturbed(in directory: TemporaryDirectory) throws -> String {
    var raw = try RawSafeTensors(path: Fixtures.reference("mpt-causal-lm"))
    raw["case5.output"]?.bytes[4 * (8 * 16 + 2 * 16 + 3)] ^= 1
    return try directory.write(raw.encoded(), to: "reference.safetensors")
  }

  private func number(_ name: String, of path: String) throws -> Float {
    let data = try RawSafeTensors(path: path)[name]?.bytes ?? []
    let start = 4 * (8 * 16 + 2 * 16 + 3)
    return Float(
      bitPattern: data[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
  }

  @Test(
    "references of PEFT hold (L1, L21)",
    arguments: [
      "mpt-causal-lm", "mpt-rank4", "mpt-rank4-f16", "mpt-bf16", "mpt-f64", "mpt-seq2seq",
    ])
  func holds(name: String) throws {
    let arguments = ["verify", Fixtures.adapter(name), "--reference", Fixtures.reference(name)]
    let run = try peftkit(arguments)
    #expect(run.exitCode == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output.contains("\nverified: "))
    let json = try peftkit(arguments + ["--json"]).json()
    #expect(json["holds"] as? Bool == true)
    #expect(json["rule"] as? String == (name.contains("rank4") ? "rounding-bound" : "equal"))
  }

  @Test("a changed bit is found, with its place and both values (L1, L21, L22)")
  func differs() throws {
    let directory = try TemporaryDirectory()
    let path = try perturbed(in: directory)
    let run = try peftkit("verify", Fixtures.adapter("mpt-causal-lm"), "--reference", path)
    #expect(run.exitCode == 1)
    #expect(run.errors.isEmpty)
    let theirs = Double(try number("case5.output", of: path))
    let right = Double(try number("case5.output", of: Fixtures.reference("mpt-causal-lm")))
    #expect(theirs != right)
    #expect(
      run.output.contains(
        "\ncase5: at [1, 2, 3] the reference has \(theirs), computed is \(right)\n"))
    #expect(run.output.hasSuffix("\ndiffers: 1 of 7 cases, every value must be equal\n"))
    let lines = run.output.split(separator: "\n")
    #expect(lines.filter { $0.hasSuffix("  differs") }.count == 1)
    #expect(lines.filter { $0.hasSuffix("  holds") }.count == 6)
  }

  @Test("--json has these keys and no others (L24)")
  func keys() throws {
    let directory = try TemporaryDirectory()
    let path = try perturbed(in: directory)
    let adapter = Fixtures.adapter("mpt-causal-lm")
    let run = try peftkit("verify", adapter, "--reference", path, "--json")
    #expect(run.exitCode == 1)
    let json = try run.json()
    #expect(
      Set(json.keys) == [
        "path", "reference", "rule", "holds", "cases", "errors", "uncovered_modules",
      ])
    #expect((json["errors"] as? [Any])?.isEmpty == true)
    #expect(json["path"] as? String == adapter)
    #expect(json["reference"] as? String == path)
    #expect(json["holds"] as? Bool == false)
    let cases = try #require(json["cases"] as? [[String: Any]])
    #expect(cases.map { $0["name"] as? String } == (0..<7).map { "case\($0)" })
    for item in cases {
      #expect(
        Set(item.keys) == [
          "name", "dtype", "shape", "holds", "element_count", "equal_count", "largest_ulp_distance",
          "largest_ulp_position", "largest_bound_share", "not_comparable_count", "flushed_count",
          "overflowed_count", "offender_count", "offenders",
        ])
    }
    let wrong = cases[5]
    #expect(wrong["holds"] as? Bool == false)
    #expect(wrong["dtype"] as? String == "F32")
    #expect(wrong["shape"] as? [Int] == [3, 8, 16])
    #expect(wrong["element_count"] as? Int == 384)
    #expect(wrong["equal_count"] as? Int == 383)
    #expect(wrong["largest_ulp_distance"] as? Int == 1)
    #expect(wrong["largest_ulp_position"] as? [Int] == [1, 2, 3])
    #expect(wrong["largest_bound_share"] is NSNull)
    #expect(wrong["offender_count"] as? Int == 1)
    let offender = try #require((wrong["offenders"] as? [[String: Any]])?.first)
    #expect(Set(offender.keys) == ["position", "reference", "computed"])
    #expect(offender["position"] as? [Int] == [1, 2, 3])
    // As text: Foundation reads some numbers a step off.
    let theirs = Double(try number("case5.output", of: path))
    #expect(run.output.contains("\"reference\": \(theirs),"))
    #expect(cases[0]["largest_ulp_position"] is NSNull)
  }

  @Test("above rank 1 the share of the bound is a number (L24)")
  func share() throws {
    let json = try peftkit(
      "verify", Fixtures.adapter("mpt-rank4"), "--reference", Fixtures.reference("mpt-rank4"),
      "--json"
    ).json()
    for item in (json["cases"] as? [[String: Any]]) ?? [] {
      let share = try #require(item["largest_bound_share"] as? Double)
      #expect(share > 0 && share <= 1)
    }
  }

  @Test("far outside the bound it does not matter how far (L22)", arguments: [Float.nan, 0x1p99])
  func farOutside(value: Float) throws {
    let directory = try TemporaryDirectory()
    var raw = try RawSafeTensors(path: Fixtures.reference("mpt-rank4"))
    raw["case0.output"]?.bytes.replaceSubrange(0..<4, with: littleEndian(value.bitPattern))
    let path = try directory.write(raw.encoded(), to: "r.safetensors")
    let run = try peftkit("verify", Fixtures.adapter("mpt-rank4"), "--reference", path)
    #expect(run.exitCode == 1)
    #expect(run.output.contains("  >999%  differs\n"))
    #expect(
      run.output.contains("\ncase0: at [0, 0, 0] the reference has \(Double(value)), computed is "))
  }

  @Test(
    "tolerances replace the rule, the missing one takes torch's default (M27, L23)",
    arguments: [
      (["--rtol", "1e-4"], 1e-4, 1e-8, 0), (["--atol", "1e-3"], 1e-5, 1e-3, 0),
      (["--rtol", "0", "--atol", "0"], 0, 0, 1), (["--rtol", "0", "--atol", "1e-3"], 0, 1e-3, 0),
    ] as [([String], Double, Double, Int32)])
  func tolerances(options: [String], rtol: Double, atol: Double, exitCode: Int32) throws {
    let directory = try TemporaryDirectory()
    let path = try perturbed(in: directory)
    let arguments = ["verify", Fixtures.adapter("mpt-causal-lm"), "--reference", path] + options
    #expect(try peftkit(arguments).exitCode == exitCode)
    let json = try peftkit(arguments + ["--json"]).json()
    #expect(
      Set(json.keys) == [
        "path", "reference", "rule", "rtol", "atol", "holds", "cases", "errors",
        "uncovered_modules",
      ])
    #expect(json["rule"] as? String == "allclose")
    #expect(json["rtol"] as? Double == rtol)
    #expect(json["atol"] as? Double == atol)
    #expect(json["holds"] as? Bool == (exitCode == 0))
  }

  @Test("a NaN in a reference: the distance and the value (L12, L24)")
  func nan() throws {
    let directory = try TemporaryDirectory()
    let file = RawSafeTensors([
      .init("c.output", [1, 1, 5], floats: [.nan, .infinity, -.infinity, 0, 0]),
      .init("c.task_ids", [1], integers: [0]),
    ])
    let path = try directory.write(file.encoded(), to: "r.safetensors")
    let run = try peftkit(
      "verify", Fixtures.adapter("mpt-one-token"), "--reference", path, "--json")
    #expect(run.exitCode == 1)
    #expect(run.output.contains("\"largest_ulp_distance\": 18446744073709551615,"))
    let cases = try run.json()["cases"] as? [[String: Any]]
    let offenders = cases?.first?["offenders"] as? [[String: Any]]
    #expect(
      offenders?.prefix(3).map { $0["reference"] as? String } == ["NaN", "Infinity", "-Infinity"])
  }

  @Test(
    "a reference that is none of this adapter is exit code 2, with the reason (L1, F4, F5)",
    arguments: [
      ([RawSafeTensors.Tensor("x", [1], integers: [0])], "has no reference cases"),
      (
        [.init("c.output", [1, 1, 5], floats: [0, 0, 0, 0, 0])], "case c has no c.task_ids"
      ),
      (
        [
          .init("c.output", [1, 1, 4], floats: [0, 0, 0, 0]),
          .init("c.task_ids", [1], integers: [0]),
        ],
        "case c: has the shape [1, 1, 4], but the adapter computes [B, L, 5] (tensor \"c.output\")"
      ),
      (
        [
          .init("c.output", [1, 1, 5], floats: [0, 0, 0, 0, 0]),
          .init("c.task_ids", [1], integers: [9]),
        ], "case c: there is no task 9: the adapter has only task 0"
      ),
    ])
  func misfits(tensors: [RawSafeTensors.Tensor], message: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(RawSafeTensors(tensors).encoded(), to: "r.safetensors")
    for options in [[], ["--json"], ["--rtol", "1"]] {
      let run = try peftkit(
        ["verify", Fixtures.adapter("mpt-one-token"), "--reference", path] + options)
      #expect(run.exitCode == 2)
      #expect(run.output.isEmpty)
      #expect(run.errors.hasPrefix("error: \(path): \(message)\n"), "\(run.errors)")
    }
  }

  @Test("a good case before a bad one is not judged (F5, L2)")
  func oneBadCase() throws {
    let directory = try TemporaryDirectory()
    var raw = try RawSafeTensors(path: Fixtures.reference("mpt-one-token"))
    raw["z.output"] = .init("z.output", [1, 1, 5], floats: [0, 0, 0, 0, 0])
    raw["z.task_ids"] = .init("z.task_ids", [1], integers: [1])
    let path = try directory.write(raw.encoded(), to: "r.safetensors")
    let run = try peftkit("verify", Fixtures.adapter("mpt-one-token"), "--reference", path)
    #expect(run.exitCode == 2)
    #expect(run.output.isEmpty)
  }

  @Test("cases of another method are not cases of an adapter (F3, L1)")
  func otherMethod() throws {
    let adapter = Fixtures.adapter("ia3")
    let reference = Fixtures.reference("mpt-one-token")
    let run = try peftkit("verify", adapter, "--reference", reference)
    #expect(run.exitCode == 2)
    #expect(
      run.errors.hasPrefix("error: \(reference): has no reference cases\nhint: a case NAME has "))
  }

  @Test("wrong values of many modules are shown for the first eight (L22)")
  func manyModules() throws {
    let directory = try TemporaryDirectory()
    var raw = try RawSafeTensors(path: Fixtures.reference("lora"))
    for layer in 0..<11 {
      let name = "transformer.h.\(layer).attn.c_attn.delta"
      let zeros = [Float](repeating: 0, count: 16 * 48)
      raw[name] = .init(name, [16, 48], floats: zeros)
    }
    let path = try directory.write(raw.encoded(), to: "r.safetensors")
    let run = try peftkit("verify", Fixtures.adapter("lora"), "--reference", path)
    #expect(run.exitCode == 1)
    #expect(run.output.components(separatedBy: "at [0, 0] the reference has").count == 8 + 1)
    #expect(
      run.output.hasSuffix(
        "\n--json has the details of 3 more cases\ndiffers: 11 of 11 cases, beyond the rounding error of"
          + " any order of summation\n"))
  }

  @Test("weights: cases, rule and the modules without a case (L22, L24)")
  func weights() throws {
    let directory = try TemporaryDirectory()
    var raw = try RawSafeTensors(path: Fixtures.reference("lora"))
    raw["transformer.h.0.attn.c_attn.delta"] = nil
    let path = try directory.write(raw.encoded(), to: "r.safetensors")
    let run = try peftkit("verify", Fixtures.adapter("lora"), "--reference", path)
    #expect(run.exitCode == 0)
    #expect(
      run.output.contains("\n1 module of the adapter has no case: transformer.h.0.attn.c_attn\n"))
    #expect(
      run.output.hasSuffix(
        "\nverified: 10 cases, within the rounding error of any order of summation\n"))
    let json = try peftkit("verify", Fixtures.adapter("lora"), "--reference", path, "--json").json()
    #expect(json["rule"] as? String == "rounding-bound")
    #expect(json["uncovered_modules"] as? [String] == ["transformer.h.0.attn.c_attn"])
    let cases = try #require(json["cases"] as? [[String: Any]])
    #expect(cases.count == 10)
    #expect((cases[0]["largest_ulp_position"] as? [Int])?.count == 2)
  }
}

@Suite("forward")
struct ForwardCommandTests {
  @Test(
    "what is written is a reference that verify accepts (F7, L19, L20)",
    arguments: ["float32", "float64", "bfloat16", "float16"])
  func roundTrip(dtype: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("out.safetensors")
    let adapter = Fixtures.adapter("mpt-rank4")
    let run = try peftkit("forward", adapter, "--tasks", "0,2", "--dtype", dtype, "-o", path)
    #expect(run.exitCode == 0)
    #expect(run.output.isEmpty && run.errors.isEmpty)
    let raw = try RawSafeTensors(path: path)
    let names = ["float32": "F32", "float64": "F64", "bfloat16": "BF16", "float16": "F16"]
    #expect(raw["case0.output"]?.dtype == names[dtype])
    #expect(raw["case0.output"]?.shape == [2, 10, 24])
    #expect(raw.metadata?.keys.sorted() == ["producer"])
    #expect(raw.metadata?["producer"]?.hasPrefix("peftkit ") == true)
    let verified = try peftkit("verify", adapter, "--reference", path, "--json").json()
    let first = (verified["cases"] as? [[String: Any]])?.first
    #expect(first?["equal_count"] as? Int == 480)
  }

  @Test("the output is PEFT's, with indices too (L19)")
  func values() throws {
    let directory = try TemporaryDirectory()
    let raw = try RawSafeTensors(path: Fixtures.reference("mpt-causal-lm"))
    // case6: three tasks, indices permuted and repeated, F32 at rank 1.
    var indices = try #require(raw["case6.indices"])
    indices.name = "indices"
    let file = try directory.write(RawSafeTensors([indices]).encoded(), to: "in.safetensors")
    let ids = try #require(raw["case6.task_ids"]?.bytes)
    let tasks = stride(from: 0, to: ids.count, by: 8).map { String(ids[$0]) }
    let path = directory.path("out.safetensors")
    let run = try peftkit(
      "forward", Fixtures.adapter("mpt-causal-lm"), "--tasks", tasks.joined(separator: ","),
      "--indices", file, "-o", path)
    #expect(run.exitCode == 0)
    let out = try RawSafeTensors(path: path)
    #expect(out["case0.indices"]?.bytes == indices.bytes)
    #expect(out["case0.task_ids"]?.bytes == ids)
    let floats = { (bytes: [UInt8]) in
      stride(from: 0, to: bytes.count, by: 4).map { start in
        Float(
          bitPattern: bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        )
      }
    }
    let ours = try #require(out["case0.output"]?.bytes)
    let theirs = try #require(raw["case6.output"]?.bytes)
    #expect(floats(ours) == floats(theirs))
  }

  @Test(
    "what the adapter does not have is exit code 2, and nothing is written (L1, L7)",
    arguments: [
      (["--tasks", "3"], "there is no task 3: the adapter has tasks 0 to 2"),
      (["--tasks=-1"], "there is no task -1: the adapter has tasks 0 to 2"),
      (["--tasks", "0,1,7"], "there is no task 7: the adapter has tasks 0 to 2"),
    ])
  func wrongIDs(options: [String], message: String) throws {
    let directory = try TemporaryDirectory()
    let adapter = Fixtures.adapter("mpt-causal-lm")
    let run = try peftkit(["forward", adapter, "-o", directory.path("o.safetensors")] + options)
    #expect(run.exitCode == 2)
    #expect(run.errors == "error: \(adapter): \(message)\n")
    #expect(try directory.names.isEmpty)
  }

  @Test("an existing output is replaced with --force only (L8, L9)")
  func existing() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1], to: "o.safetensors")
    let arguments = ["forward", Fixtures.adapter("mpt-one-token"), "--tasks", "0", "-o", path]
    let refused = try peftkit(arguments)
    #expect(refused.exitCode == 2)
    #expect(refused.errors == "error: \(path): already exists\nhint: --force replaces it\n")
    #expect(try bytes(of: path) == [1])
    #expect(try peftkit(arguments + ["--force", "--no-sync"]).exitCode == 0)
    #expect(try bytes(of: path).count > 100)
  }

  @Test("errors in an indices file name it (L3)")
  func indicesFile() throws {
    let directory = try TemporaryDirectory()
    let tensor = RawSafeTensors.Tensor("indices", "I32", [1, 1], [0, 0, 0, 0])
    let path = try directory.write(RawSafeTensors([tensor]).encoded(), to: "i.safetensors")
    let run = try peftkit(
      "forward", Fixtures.adapter("mpt-one-token"), "--tasks", "0", "--indices", path, "-o",
      directory.path("o"))
    #expect(run.exitCode == 2)
    #expect(run.errors == "error: \(path): must be I64, but is I32 (tensor \"indices\")\n")
  }
}
