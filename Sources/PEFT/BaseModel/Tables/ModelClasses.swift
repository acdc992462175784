// SPDX-License-Identifier: Apache-2.0

/// The model classes of transformers, from a table that is searched on demand (spec/base-model.md,
/// P4).
enum ModelClasses {
  /// The class of a name; nil for one that the table lacks.
  ///
  /// - Complexity: O(table).
  static func named(_ name: String) -> ModelClass? {
    fields(of: "class", name).flatMap(ModelClass.init)
  }

  /// The model type of a name, `model_type` in a `config.json`; nil for one that the table lacks.
  static func type(_ name: String) -> ModelType? {
    fields(of: "type", name).flatMap(ModelType.init)
  }

  /// The last components of names that embeddings have.
  static let embeddingNames: Set<Substring> = {
    let line = text.utf8.prefix { $0 != UInt8(ascii: "\n") }
    return Set(Substring(line).split(separator: "\t").last?.split(separator: " ") ?? [])
  }()

  /// The places of stacked parameters in the order in which classes create them.
  static let parameterOrder: [Substring: Int] = {
    let names = fields(of: "parameters", "all")?.last?.split(separator: " ") ?? []
    return Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  }()

  /// What PEFT makes of the modules of experts that became parameters, by their former names; the
  /// order is PEFT's.
  static func expertTargets(of family: String) -> [(module: String, parameter: String)] {
    guard let fields = fields(of: "experts", family), fields.count == 3 else { return [] }
    return fields[2].split(separator: " ").compactMap(pair)
  }

  /// The conversions that apply to the names of every class, after its own.
  static var legacyConversions: [NameConversion] {
    lines(of: "legacy").compactMap { NameConversion($0[1...]) }
  }

  /// Conversions by their numbers.
  ///
  /// - Complexity: O(table).
  static func conversions(_ numbers: [Int]) -> [NameConversion]? {
    let wanted = Set(numbers)
    var found: [Int: NameConversion] = [:]
    for fields in lines(of: "conversion") {
      guard fields.count > 2, let number = Int(fields[1]), wanted.contains(number) else { continue }
      found[number] = NameConversion(fields[2...])
    }
    let conversions = numbers.compactMap { found[$0] }
    return conversions.count == numbers.count ? conversions : nil
  }

  static func pair(_ text: Substring) -> (String, String)? {
    let parts = text.split(separator: "=", maxSplits: 1)
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
  }

  private static func fields(of kind: String, _ name: String) -> [Substring]? {
    guard !name.isEmpty, !name.utf8.contains(where: { $0 == 9 || $0 == 10 }) else { return nil }
    return lines(startingWith: "\(kind)\t\(name)\t").first
  }

  private static func lines(of kind: String) -> [[Substring]] {
    lines(startingWith: kind + "\t")
  }

  private static func lines(startingWith start: String) -> [[Substring]] {
    let start = Array(start.utf8)
    let bytes = text.utf8.span
    var lines: [[Substring]] = []
    var first = 0
    while first < bytes.count {
      var end = first
      while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
      if end - first >= start.count,
        start.indices.allSatisfy({ bytes[first + $0] == start[$0] })
      {
        let line = text.utf8.dropFirst(first).prefix(end - first)
        lines.append(Substring(line).split(separator: "\t", omittingEmptySubsequences: false))
      }
      first = end + 1
    }
    return lines
  }
}

/// A `model_type` of transformers.
struct ModelType: Sendable {
  let name: String
  /// Whether weights are tied where the config does not say.
  let tiesByDefault: Bool
  /// The family of the experts whose targets PEFT converts; nil for models without such experts.
  let expertFamily: String?
  /// Whether PEFT converts the names of adapters, too.
  let convertsAdapters: Bool
  private let classes: [(String, String)]

  fileprivate init?(_ fields: [Substring]) {
    guard fields.count == 6 else { return nil }
    name = String(fields[1])
    tiesByDefault = fields[2] == "1"
    expertFamily = fields[3].isEmpty ? nil : String(fields[3])
    convertsAdapters = fields[4] == "1"
    classes = fields[5].split(separator: " ").compactMap(ModelClasses.pair)
  }

  /// The class that transformers' auto class for a task creates.
  func className(for task: String) -> String? { classes.first { $0.0 == task }?.1 }
}

/// A model class of transformers, as it is in memory.
struct ModelClass: Sendable {
  /// A module that the class has beyond its base model, such as a head.
  struct OwnModule: Sendable {
    let name: String
    let kind: BaseModule.Kind
    let parameters: [String]
  }

  private(set) var name: String
  let modelType: String
  /// The attribute with the base model; empty for classes without one.
  let basePrefix: String
  /// Whether the class has that attribute, and is not the base model itself.
  let hasBase: Bool
  /// The modules at the top.
  private(set) var children: Set<Substring>
  let inputEmbedding: String?
  let outputEmbedding: String?
  /// Modules whose weight is that of another module, if the config ties them.
  let tied: [(module: String, source: String)]
  let ownModules: [OwnModule]
  /// The modules of the base model that the class lacks, with `#` for each number.
  private(set) var lacking: Set<Substring>
  /// The ends of the names of modules whose kind their shape does not tell.
  let kinds: [(ending: String, kind: BaseModule.Kind)]
  /// The conversions of names in files; nil where they are not described.
  private let conversionNumbers: [Int]?

  fileprivate init?(_ fields: [Substring]) {
    guard fields.count == 13 else { return nil }
    name = String(fields[1])
    modelType = String(fields[2])
    basePrefix = String(fields[3])
    hasBase = fields[4] == "1"
    children = Set(fields[5].split(separator: " "))
    inputEmbedding = fields[6].isEmpty ? nil : String(fields[6])
    outputEmbedding = fields[7].isEmpty ? nil : String(fields[7])
    tied = fields[8].split(separator: " ").compactMap(ModelClasses.pair)
    ownModules = fields[9].split(separator: " ").compactMap { text in
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 3, let kind = BaseModule.Kind(letter: parts[1]) else { return nil }
      let parameters = parts[2].split(separator: ",").map {
        $0 == "w" ? "weight" : $0 == "b" ? "bias" : String($0)
      }
      return OwnModule(name: String(parts[0]), kind: kind, parameters: parameters)
    }
    lacking = Set(fields[10].split(separator: " "))
    kinds = fields[11].split(separator: " ").compactMap { text in
      let parts = text.split(separator: ":")
      guard parts.count == 2, let kind = BaseModule.Kind(letter: parts[1]) else { return nil }
      return (String(parts[0]), kind)
    }
    conversionNumbers =
      fields[12] == "?" ? nil : fields[12].split(separator: " ").compactMap { Int($0) }
  }

  /// A class like this one that has every module of the files, under its name there.
  func havingAllModules(as name: String) -> ModelClass {
    var modelClass = self
    modelClass.name = name
    modelClass.children = []
    modelClass.lacking = []
    return modelClass
  }

  /// The conversions of names in files, in their order; nil where they are not described.
  var conversions: [NameConversion]? { conversionNumbers.flatMap(ModelClasses.conversions) }
}
