internal import Tensors
internal import Pickle

extension ScanMachine {
  /// Notes a tensor whose shape is impossible, or that reaches beyond its storage.
  mutating func checkView(
    of role: AllowedGlobal.Role, _ arguments: [ScanValue], at offset: Int
  ) {
    switch role {
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildQuantized: break
    case .rebuildFromTypeV2:
      if case .name(let index) = arguments[0], let inner = roles[Int(index)]?.role,
        inner != .rebuildFromTypeV2, let items = items(of: arguments[2])
      {
        checkView(of: inner, Array(items), at: offset)
      }
      return
    default: return
    }
    guard case .storage(let index?) = arguments[0], storages.indices.contains(Int(index)),
      case .integer(let start) = arguments[1], let size = integers(arguments[2]),
      let stride = integers(arguments[3])
    else { return }
    guard start >= 0, size.count == stride.count, (size + stride).allSatisfy({ $0 >= 0 }) else {
      return find(.malformed, "has a tensor of an impossible shape", at: offset)
    }
    let storage = storages[Int(index)]
    var itemSize = storage.itemSize
    if role == .rebuildTensorV3, case .name(let type) = arguments[6] {
      itemSize = roles[Int(type)]?.dtype?.byteCount ?? itemSize
    }
    if size.contains(0) { return }
    var last: Int? = start
    for (extent, step) in zip(size, stride) {
      let reach = (extent - 1).multipliedWithoutOverflow(by: step)
      guard let sum = last, let reach, !sum.addingReportingOverflow(reach).overflow else {
        last = nil
        break
      }
      last = sum + reach
    }
    let end = last.flatMap { $0 < .max ? ($0 + 1).multipliedWithoutOverflow(by: itemSize) : nil }
    guard let end, let byteCount = storage.byteCount, end <= byteCount else {
      return find(.storage, "has a tensor that reaches beyond its storage", at: offset)
    }
  }

  /// The numbers of a tuple; nil for a `torch.Size`, whose numbers are not kept, and for what is
  /// none.
  private func integers(_ value: ScanValue) -> [Int]? {
    guard let items = items(of: value) else { return nil }
    var numbers: [Int] = []
    for item in items {
      guard case .integer(let number) = item else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
