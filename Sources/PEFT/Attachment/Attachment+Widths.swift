// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// Findings about tensors whose width is the only one of its kind that differs (spec/adapter-methods.md,
  /// A14).
  ///
  /// Without the base model, the other tensors show what a width must be: the inputs of all attention
  /// and feed-forward blocks, their outputs, and the normalizations are as wide as the model.
  func widthFindings(_ whole: WholeTensors) -> [Finding] {
    var findings: [Finding] = []
    for (width, votes) in widthVotes(whole) {
      let values = Dictionary(grouping: votes, by: \.value).values.sorted { $0.count < $1.count }
      guard values.count == 2, values[0].count == 1 else { continue }
      let (odd, common) = (values[0][0], values[1])
      if common.count >= 3 {
        let info = weights.tensor(at: odd.tensor)
        findings.append(
          Finding(
            .error, "shape-mismatch",
            "\(info.name) has the shape \(info.shape), with \(odd.value) for \"\(odd.symbol)\", which "
              + "is \(common[0].value) in all other modules: PEFT refuses the tensor if the base model "
              + "has \(common[0].value)", tensor: info.name))
      } else if width.isOfLayer,
        let other = common.first(where: { $0.layer != nil && $0.layer == odd.layer })
      {
        findings.append(
          contradiction(
            (odd.tensor, odd.value), (other.tensor, other.value), isCertain: common.count > 1,
            "the width of the \(width.role) is \(odd.value) in one and \(other.value) in the other")
        )
      }
    }
    return findings.sorted { ($0.tensor ?? "") < ($1.tensor ?? "") }
  }

  fileprivate func widthVotes(_ whole: WholeTensors) -> [ModuleWidth: [WidthVote]] {
    var votes: [ModuleWidth: [WidthVote]] = [:]
    func add(_ width: ModuleWidth, _ vote: WidthVote) { votes[width, default: []].append(vote) }
    for (module, fit) in zip(modules, fits) where fit.mismatches.isEmpty && rules.copyPrefix == nil
    {
      guard module.form.layers.contains(.linear) else { continue }
      for (width, symbol, layer) in ModuleWidth.widths(of: module.name) {
        guard let value = module.values[symbol], let tensor = module.tensor(with: symbol) else {
          continue
        }
        add(width, WidthVote(tensor: tensor, symbol: symbol, value: value, layer: layer))
      }
    }
    for (place, vote) in attentionVotes { add(ModuleWidth(role: .model, place: place), vote) }
    var outermost: [(parent: String, vote: WidthVote)] = []
    for module in whole.modules {
      guard let tensor = module.tensors["weight"], weights.tensor(at: tensor).dtype.isFloatingPoint
      else { continue }
      let shape = weights.tensor(at: tensor).shape.dimensions.compactMap(Int.init(exactly:))
      if shape.count == 2, !ModuleNames.isTransposed(module.name) {
        for (width, symbol, layer) in ModuleWidth.widths(of: module.name) {
          let value = shape[symbol == "out" ? 0 : 1]
          add(width, WidthVote(tensor: tensor, symbol: symbol, value: value, layer: layer))
        }
      } else if shape.count == 1 {
        if let (width, layer) = ModuleWidth.ofNormalization(module.name) {
          add(width, WidthVote(tensor: tensor, symbol: "dim", value: shape[0], layer: layer))
        } else if let parent = ModuleWidth.parentOfFinalNormalization(module.name) {
          outermost.append(
            (String(parent), WidthVote(tensor: tensor, symbol: "dim", value: shape[0], layer: nil)))
        }
      }
    }
    let lists = Dictionary(grouping: votes.keys.filter { $0.role == .model }) {
      UTF8Text(String(NumberedName.parent(of: $0.place)))
    }
    for (parent, vote) in outermost {
      if let lists = lists[UTF8Text(parent)], lists.count == 1 { add(lists[0], vote) }
    }
    return votes
  }
}

extension Attachment {
  /// What the factors of torch's own attention say about its width: its queries, keys and values are
  /// one projection of three times the width, and its output projection, which PEFT adapts along with
  /// it, is square.
  private var attentionVotes: [(place: String, vote: WidthVote)] {
    let output = ".base_layer.out_proj"
    let attentions = modules.compactMap { module in
      module.name.hasSuffix(output) ? UTF8Text(String(module.name.dropLast(output.count))) : nil
    }
    guard !attentions.isEmpty else { return [] }
    let places = Set(attentions)
    return zip(modules, fits).flatMap { module, fit -> [(String, WidthVote)] in
      let isOutput = module.name.hasSuffix(output)
      let place = isOutput ? String(module.name.dropLast(output.count)) : module.name
      guard fit.mismatches.isEmpty, places.contains(UTF8Text(place)) else { return [] }
      return ["in", "out"].compactMap { symbol in
        guard let value = module.values[symbol], let tensor = module.tensor(with: symbol) else {
          return nil
        }
        let isJoint = !isOutput && symbol == "out" && value % 3 == 0
        let width = isJoint ? value / 3 : value
        return (place, WidthVote(tensor: tensor, symbol: symbol, value: width, layer: nil))
      }
    }
  }

  /// Findings about heads and embeddings whose columns are neither as many as the model is wide nor a
  /// multiple or a divisor of that.
  func headFindings(_ whole: WholeTensors) -> [Finding] {
    if rules.adaptsTiedModules { return tokenWidthFindings }
    guard let width = headWidth(whole) else { return [] }
    return whole.modules.compactMap { module in
      let isEmbedding = Self.embeddings.contains(NumberedName.last(of: module.name))
      guard isEmbedding || Self.heads.contains(module.name),
        let index = module.tensors["weight"]
      else { return nil }
      let info = weights.tensor(at: index)
      guard info.shape.rank == 2, let inputs = Int(exactly: info.shape.dimensions[1]), inputs > 0,
        inputs % width != 0, width % inputs != 0
      else { return nil }
      return Finding(
        .error, "shape-mismatch",
        "\(info.name) has the shape \(info.shape), with \(inputs) columns, but the model is \(width) wide: "
          + "PEFT refuses it unless the module of the base model has as many", tensor: info.name)
    }
  }

  /// A finding about the trained tokens of two embeddings that differ in width.
  private var tokenWidthFindings: [Finding] {
    let rows = modules.compactMap { module -> (tensor: Int, extent: Int)? in
      guard let tensor = module.tensors.values.first,
        let width = weights.tensor(at: tensor).shape.dimensions.last.flatMap(Int.init(exactly:)),
        width > 0
      else { return nil }
      return (tensor, width)
    }
    guard rows.count == 2, rows[0].extent % rows[1].extent != 0,
      rows[1].extent % rows[0].extent != 0
    else { return [] }
    return [contradiction(rows[0], rows[1], "the embeddings of a model have one width")]
  }

  /// The width of the model, if the prompt or all layers of all stacks agree on it.
  private func headWidth(_ whole: WholeTensors) -> Int? {
    if rules.isPromptLearning {
      return rules.config.integer("token_dim", default: nil).flatMap { $0 > 0 ? $0 : nil }
    }
    let values = widthVotes(whole).filter { $0.key.role == .model }.values.joined().map(\.value)
    guard values.count > 1, let width = values.first, width > 0,
      values.allSatisfy({ $0 == width })
    else { return nil }
    return width
  }

  /// Embeddings of tokens.
  private static let embeddings: Set<Substring> = [
    "embed_tokens", "wte", "word_embeddings", "shared", "embed_in",
  ]
  /// Output layers at the top of the classes of transformers.
  private static let heads: Set<String> = ["classifier", "score", "qa_outputs", "lm_head"]
}

/// What a tensor says about a width.
private struct WidthVote {
  let tensor: Int
  let symbol: String
  let value: Int
  /// The number of the layer; nil for a tensor after all layers.
  let layer: Int?
}
