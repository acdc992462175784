// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// The tensors of an adapter under the names, and in the shapes, that PEFT gives them for a model
/// whose modules were renamed or joined (spec/base-model.md, P19). Only names and shapes are
/// converted, not the data.
final class ConvertedAdapter: ArchiveDecorator {
  /// A tensor, and those of the file that it is made of.
  struct Member: Sendable {
    let name: TensorName
    let shape: Shape
    /// The tensors of the file: one, or for stacked experts those of each source, expert by expert.
    let sources: [[Int]]

    var indices: [Int] { sources.flatMap(\.self) }
    /// The first tensor of the file, whose dtype the tensor has.
    var first: Int { sources[0][0] }
  }

  let base: any TensorArchive
  let members: [Member]
  private let places: [TensorName: Int]

  init(_ base: any TensorArchive, members: [Member]) {
    self.base = base
    self.members = members
    places = Dictionary(members.enumerated().map { ($1.name, $0) }) { _, last in last }
  }

  var tensorCount: Int { members.count }

  func tensor(at index: Int) -> TensorInfo {
    let member = members[index]
    let info = base.tensor(at: member.first)
    return TensorInfo(
      name: member.name, dtype: info.dtype, shape: member.shape, byteCount: info.byteCount,
      dataOffsets: info.dataOffsets)
  }

  func index(of name: TensorName) -> Int? { places[name] }
  func alias(of index: Int) -> Int? { nil }

  func source(of index: Int) -> (archive: any TensorArchive, index: Int) {
    (base, members[index].first)
  }

  func files(holding tensors: [Int]) -> [InputFile] {
    base.files(holding: tensors.flatMap { members[$0].indices })
  }

  /// The tensors of the file that a tensor is made of.
  func names(of index: Int) -> [TensorName] {
    members[index].indices.map { base.tensor(at: $0).name }
  }
}

extension ConvertedAdapter {
  /// Converts names as PEFT does when it loads a LoRA adapter into a model of transformers.
  convenience init(_ weights: any TensorArchive, type: PEFTType, tree: ModuleTree) {
    guard type == .lora, tree.modelType?.convertsAdapters == true, let own = tree.conversions else {
      self.init(
        weights,
        members: (0..<weights.tensorCount).map {
          let tensor = weights.tensor(at: $0)
          return Member(name: tensor.name, shape: tensor.shape, sources: [[$0]])
        })
      return
    }
    var converter = AdapterConverter(own)
    for index in 0..<weights.tensorCount { converter.add(weights.tensor(at: index), index) }
    self.init(weights, members: converter.members)
  }
}

/// Converts the names of LoRA's tensors one after another.
private struct AdapterConverter {
  private let renamings: [NameConversion]
  private let experts: [NameConversion]
  private(set) var plain: [ConvertedAdapter.Member] = []
  private var joined: [UTF8Text: [Int: [Factor]]] = [:]
  private var joinedNames: [String] = []
  private typealias Factor = (name: String, index: Int, shape: Shape)
  private var budget = 1_000_000_000

  init(_ conversions: [NameConversion]) {
    renamings = conversions.filter { !$0.isConverter }
    // Each expert's factors are named like the expert's weight.
    experts = conversions.filter(\.isConverter).flatMap { conversion in
      ["lora_A", "lora_B"].compactMap { conversion.ofExpertFactors($0) }
    }
  }

  private static let prefix = Array(TensorPath.modelPrefix.unicodeScalars)

  mutating func add(_ tensor: TensorInfo, _ index: Int) {
    let name = tensor.name.string
    let member = ConvertedAdapter.Member(name: tensor.name, shape: tensor.shape, sources: [[index]])
    guard name.containsBytes(of: ".lora_"), name.utf8.count <= 1_000 else {
      plain.append(member)
      return
    }
    let original = Array(name.unicodeScalars)
    var scalars =
      original.starts(with: Self.prefix) ? Array(original[Self.prefix.count...]) : original
    for renaming in renamings {
      if let change = renaming.change(scalars, budget: &budget) { scalars = change.name }
    }
    for converter in experts {
      guard let change = converter.change(scalars, budget: &budget) else { continue }
      let key = TensorPath.modelPrefix + Self.text(change.name)
      if joined[UTF8Text(key)] == nil { joinedNames.append(key) }
      joined[UTF8Text(key), default: [:]][change.source, default: []].append(
        (name, index, tensor.shape))
      return
    }
    // A name that only lost something at its start stays as it is, but always gets PEFT's prefix.
    guard !original.reversed().starts(with: scalars.reversed()) else {
      let isPrefixed = name.hasPrefix(AdapterConfig.baseModelPrefix)
      plain.append(
        isPrefixed
          ? member
          : ConvertedAdapter.Member(
            name: TensorName(TensorPath.modelPrefix + name), shape: tensor.shape, sources: [[index]]
          ))
      return
    }
    plain.append(
      ConvertedAdapter.Member(
        name: TensorName(TensorPath.modelPrefix + Self.text(scalars)), shape: tensor.shape,
        sources: [[index]]))
  }

  private static func text(_ scalars: [Unicode.Scalar]) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }

  var members: [ConvertedAdapter.Member] {
    plain
      + joinedNames.map { name in
        let sources = (joined[UTF8Text(name)] ?? [:]).sorted { $0.key < $1.key }.map {
          NaturalOrder.sorted($0.value, by: \.name)
        }
        return ConvertedAdapter.Member(
          name: TensorName(name), shape: Self.joined(sources.map { $0.map(\.shape) }, name),
          sources: sources.map { $0.map(\.index) })
      }
  }

  /// The shape of the factors of all experts, one source after another: A is
  /// [experts · sum of ranks, in], B [sum of out, sum of ranks · experts].
  private static func joined(_ sources: [[Shape]], _ name: String) -> Shape {
    let first = sources.compactMap(\.first)
    guard let count = sources.first?.count, first.allSatisfy({ $0.rank == 2 }) else {
      return Shape([UInt]())
    }
    func sum(_ dimension: Int) -> UInt {
      first.reduce(0) { $0.addingReportingOverflow($1.dimensions[dimension]).partialValue }
    }
    func times(_ value: UInt) -> UInt {
      value.multipliedReportingOverflow(by: UInt(count)).partialValue
    }
    return name.containsBytes(of: ".lora_A.")
      ? Shape([times(sum(0)), first[0].dimensions[1]])
      : Shape([sum(0), times(sum(1))])
  }
}
