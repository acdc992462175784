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

  private func widthVotes(_ whole: WholeTensors) -> [ModuleWidth: [WidthVote]] {
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

/// What a tensor says about a width.
private struct WidthVote {
  let tensor: Int
  let symbol: String
  let value: Int
  /// The number of the layer; nil for a tensor after all layers.
  let layer: Int?
}
