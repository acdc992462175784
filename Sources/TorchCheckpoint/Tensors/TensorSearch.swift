// SPDX-License-Identifier: Apache-2.0
internal import Pickle

/// Finds containers below which there are no tensors.
struct TensorSearch {
  private enum State: UInt8 {
    case unknown, open, plain, other
  }

  private var states: [State] = []

  /// Whether there may be a tensor or an object below a container. True, too, for a container that
  /// contains itself.
  ///
  /// - Complexity: O(parts), without recursion; all searches together visit each part once, and those
  ///   before the first tensor of a container again.
  mutating func mayFindTensor(below node: Int, in graph: PickleGraph) -> Bool {
    if states.isEmpty { states = Array(repeating: .unknown, count: graph.nodes.count) }
    if states[node] != .unknown { return states[node] != .plain }
    states[node] = .open
    var path = [(node: node, cursor: PartCursor(graph, node))]
    while let last = path.indices.last {
      guard let part = path[last].cursor.next(in: graph) else {
        states[path[last].node] = .plain
        path.removeLast()
        continue
      }
      guard let child = part.node, states[child] != .plain else { continue }
      switch graph.nodes[child].kind {
      case .list, .tuple, .dict, .set:
        if states[child] == .unknown {
          states[child] = .open
          path.append((child, PartCursor(graph, child)))
          continue
        }
      case .call where graph.type(of: part) != .tensor: continue
      case .object where graph.nodes[child].name.role == .valueClass: continue
      case .call, .object, .persistent: break
      }
      for step in path { states[step.node] = .other }
      return true
    }
    return false
  }
}
