/// How much a pickle may ask for before it is refused.
package struct PickleLimits: Sendable {
  /// The largest pickle, in bytes; places in it are held in 28 bits.
  package static let largestPickle = 1 << 28
  /// How deep values may nest.
  package static let depth = 1000
  /// How many opcodes it may have, and how many values a walk over it may meet.
  package static let items = 10_000_000
  /// How many values may wait on the stack.
  package static let stack = 1 << 20

  /// The bytes of working memory for the graph.
  package var graphByteCount: Int
  /// The bytes of working memory for what is made of the graph.
  package var tableByteCount: Int

  /// Limits for a pickle in a file: fixed ones, and shares of what it takes and of what the file holds
  /// besides it. Tensors take three times what their part of the pickle does.
  package init(fileByteCount: Int, pickleByteCount: Int) {
    let rest = max(0, fileByteCount - pickleByteCount)
    let share = min(rest / 2 + 3 * pickleByteCount, 1 << 28)
    graphByteCount = (20 << 20) + share
    tableByteCount = (24 << 20) + share
  }
}

/// What may stand in a pickle, besides plain values.
package enum PickleDialect: Sendable {
  /// Nothing: numbers, text, lists and dicts.
  case plain
  /// Storages, by persistent ids, and names such as `torch FloatStorage`.
  case torch
  /// The same, and instances of TorchScript classes.
  case torchScript
}
