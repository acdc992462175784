// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import CheckpointScan

extension ScannedTree {
  /// The verdict on each file, the names that its pickles import, and the findings.
  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    for (index, file) in files.enumerated() {
      if index > 0 { output.line() }
      file.addVerdict(to: &output)
      file.addRequests(to: &output)
      file.addPickles(to: &output)
      file.addFindings(to: &output)
    }
    if files.count + failures.count > 1 {
      var counts = Sizes.count(files.count, "file")
      if verdictCount < files.count { counts = "\(Sizes.count(verdictCount)) of \(counts)" }
      if !failures.isEmpty { counts += ", \(Sizes.count(failures.count)) not readable" }
      output.line()
      output.line("\(path.printable): \(verdict.rawValue) (\(counts))")
    }
  }
}

extension ScannedFile {
  fileprivate func addVerdict(to output: inout TextOutput) {
    let style: Style
    switch report.verdict {
    case .dataOnly: style = .green
    case .damaged: style = .yellow
    case .asksForCode: style = .red
    }
    var contents = report.format.name
    if report.pickleCount > 0 { contents += ", " + Sizes.count(report.pickleCount, "pickle") }
    output.line(
      "\(path.printable): \(output.styled(report.verdict.rawValue, style)) (\(contents))")
  }

  /// The names that Python would import, the most dangerous ones first.
  fileprivate func addRequests(to output: inout TextOutput) {
    let requests = report.codeRequests
    guard !requests.isEmpty else { return }
    output.line()
    output.line(output.styled("Python would run", .bold))
    var table = Table([("name", .name), ("known as", .left), ("what", .left), ("how sure", .left)])
    for request in requests.prefix(Self.listLimit) {
      let kind =
        switch request.origin.kind {
        case .dangerous: "DANGEROUS"
        case .unknown: "unknown"
        case .library: request.origin.library ?? "a library"
        }
      table.add([
        request.qualifiedName.printable, kind, request.origin.meaning ?? "-",
        request.certainty.description,
      ])
    }
    output.table(table)
    if requests.count > Self.listLimit {
      output.line("  (and \(Sizes.count(requests.count - Self.listLimit, "name")) more)")
    }
  }

  /// The most names of code, and the most findings of a code, that are listed.
  private static let listLimit = 24

  fileprivate func addPickles(to output: inout TextOutput) {
    var plainCount = 0
    for pickle in report.pickles {
      if !pickle.importsUnknownNames {
        plainCount += 1
        if plainCount > Self.listLimit { continue }
      }
      let base = pickle.offsetBase == .file ? "" : " of its \(pickle.offsetBase.rawValue)"
      output.line()
      output.line(
        "\(output.styled(pickle.place.printable, .bold)): byte \(pickle.offset)\(base), "
          + "\(Sizes.count(pickle.opcodeCount, "opcode"))"
          + (pickle.isComplete ? "" : ", incomplete"))
      guard !pickle.names.isEmpty else { continue }
      var table = Table([
        ("name", .name), ("byte", .right), ("allowed", .left), ("called by", .left),
      ])
      for name in pickle.names {
        let callers = name.calls.map { $0.count > 1 ? "\($0.opcode) ×\($0.count)" : $0.opcode }
        table.add([
          name.qualifiedName.printable, String(name.offset), name.isAllowed ? "yes" : "NO",
          callers.isEmpty ? "-" : callers.joined(separator: ", "),
        ])
      }
      output.table(table)
      let unlisted = pickle.nameCount - pickle.names.count
      if unlisted > 0 { output.line("  (and \(Sizes.count(unlisted, "name")) more)") }
    }
    let unlisted =
      report.pickleCount - report.pickles.count + max(0, plainCount - Self.listLimit)
    if unlisted > 0 { output.line("(and \(Sizes.count(unlisted, "pickle")) more)") }
  }

  fileprivate func addFindings(to output: inout TextOutput) {
    guard report.findingCount > 0 else { return }
    output.line()
    var counts: [ScanFinding.Code: Int] = [:]
    for finding in report.findings {
      counts[finding.code, default: 0] += 1
      guard counts[finding.code, default: 0] <= Self.listLimit else { continue }
      let label =
        finding.asksForCode
        ? output.styled("code:", .red) : output.styled("damage:", .yellow)
      var places: [String] = []
      if let place = finding.place { places.append(place.printable) }
      if let offset = finding.offset { places.append("byte \(offset)") }
      let place = places.isEmpty ? "" : " (" + places.joined(separator: ", ") + ")"
      output.line("\(label) \(finding.message.printable)\(place) [\(finding.code.rawValue)]")
    }
    let listed = counts.values.reduce(0) { $0 + min($1, Self.listLimit) }
    let unlisted = report.findingCount - listed
    if unlisted > 0 { output.line("(and \(Sizes.count(unlisted, "finding")) more)") }
    output.line("nothing was executed")
  }
}

extension CodeRequest.Certainty {
  fileprivate var description: String {
    switch self {
    case .called: "called"
    case .imported: "imported, not called"
    case .hidden: "hidden in other bytes"
    }
  }
}
