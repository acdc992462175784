// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import ArgumentParser
internal import Checkpoints
internal import Conversion
internal import Files
internal import Tensors
public import TorchCheckpoint

/// The options for tensors and metadata, of one checkpoint or of many.
struct ConversionArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Cast floating-point tensors to a dtype as torch spells it, or only those whose names match \
      a pattern: float16, '*.lora_A.*=float32'. Repeat for more; the last match decides. \
      Quantized tensors of GGUF files are cast too; q8_0 quantizes tensors for them.
      """, valueName: "[pattern=]dtype"),
    transform: { try CastRule(parsing: $0) })
  var dtype: [CastRule] = []

  @Option(
    help: ArgumentHelp(
      "Convert only tensors whose names match a shell pattern. Repeat for more.",
      valueName: "pattern"),
    transform: { GlobPattern($0) })
  var include: [GlobPattern] = []

  @Option(
    help: ArgumentHelp(
      "Leave out tensors whose names match a shell pattern. Repeat for more.",
      valueName: "pattern"),
    transform: { GlobPattern($0) })
  var exclude: [GlobPattern] = []

  @Option(
    help: ArgumentHelp(
      "Replace matches of a regular expression in names; \\1 is its first group. Repeat for more.",
      valueName: "pattern=replacement"),
    transform: { try NameReplacement(parsing: $0) })
  var rename: [NameReplacement] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Set a metadata key of safetensors files. Repeat for more.", valueName: "key=text"))
  var metadata: [MetadataAssignment] = []

  @Flag(help: "Leave out the metadata of the source.")
  var dropMetadata = false

  @Option(
    help: ArgumentHelp(
      "Reserve space in the headers of safetensors files for later changes in place: at most "
        + "50,000,000 bytes.",
      valueName: "bytes"))
  var reserve: Int = 0

  @Option(
    help: ArgumentHelp(
      "Split a model into files of at most this size, with an index: 5GB, 500MB.",
      valueName: "size"),
    transform: { try ByteSize(parsing: $0) })
  var maxShardSize: ByteSize?

  @Flag(help: "Compress the arrays of npz files.")
  var compress = false

  @Option(
    help: ArgumentHelp(
      "The torch layout to write, named after a release: 1.13, 2.1 or 2.7.", valueName: "layout"))
  var torchLayout: TorchLayout = .newest

  @Flag(
    help: "Write a tensor that has two names once, and record the other name in the metadata.")
  var dropAliases = false

  @Flag(help: "Leave out tensors that the format cannot store, instead of refusing them.")
  var skipUnsupported = false

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Write an output even if it has no tensors.")
  var allowEmpty = false

  func validate() throws {
    guard (0...Self.mostReserve).contains(reserve) else {
      throw ValidationError("--reserve takes 0 to \(Self.mostReserve) bytes.")
    }
  }

  private static let mostReserve = 50_000_000

  /// The options that these arguments ask for.
  ///
  /// - Throws: `ValidationError` for what the format cannot do.
  func options(
    format: any CheckpointFormat, output: OutputOptions
  ) throws -> ConversionOptions {
    var options = ConversionOptions(format: try settings(of: format), policy: output.policy)
    options.selection.included = include
    options.selection.excluded = exclude
    options.selection.replacements = rename
    options.casts = dtype
    options.metadata.drops = dropMetadata
    options.metadata.entries = metadata.map {
      ArchiveMetadata.Entry(key: UTF8Text($0.key), value: $0.value)
    }
    options.shardByteCount = maxShardSize?.byteCount
    options.dropsAliases = dropAliases
    options.skipsUnsupported = skipUnsupported
    options.refusesCode = reading.strictPickle
    options.allowsEmpty = allowEmpty
    return options
  }

  /// The format with the settings that these arguments give it.
  ///
  /// - Throws: `ValidationError` for a setting that it does not have.
  private func settings(of format: any CheckpointFormat) throws -> any CheckpointFormat {
    if !metadata.isEmpty, !format.holdsMetadata {
      throw Self.unsuitable("--metadata", format) { $0.holdsMetadata }
    }
    var format = format
    if reserve > 0 { format = try Self.apply(.reservedByteCount(reserve), "--reserve", to: format) }
    if compress { format = try Self.apply(.compressed, "--compress", to: format) }
    return format.with(.layout(torchLayout.rawValue)) ?? format
  }

  private static func apply(
    _ setting: FormatSetting, _ option: String, to format: any CheckpointFormat
  ) throws -> any CheckpointFormat {
    guard let changed = format.with(setting) else {
      throw unsuitable(option, format) { $0.with(setting) != nil }
    }
    return changed
  }

  /// The error for an option that is for files of other formats.
  private static func unsuitable(
    _ option: String, _ format: any CheckpointFormat,
    isFor suits: (any CheckpointFormat) -> Bool
  ) -> ValidationError {
    let names = CheckpointFormats.all.filter(suits).map(\.name).joined(separator: " and ")
    return ValidationError("\(option) is for \(names) files, not \(format.name).")
  }
}

extension TorchLayout: ExpressibleByArgument {}
