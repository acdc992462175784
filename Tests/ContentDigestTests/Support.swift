// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// A fixture and its digests, as Python computed them.
struct DigestVector: Decodable, Sendable, CustomTestStringConvertible {
  let path: String
  let digest: String
  /// Names and hexadecimal digits; nil for files that came from torch.
  let tensors: [[String]]?

  var testDescription: String { path }

  static let all: [DigestVector] = {
    let path = Fixtures.projectRoot + "/Tests/ContentDigestTests/Vectors/digests.json"
    do {
      return try JSONDecoder().decode([DigestVector].self, from: Data(bytes(of: path)))
    } catch {
      fatalError("\(path): \(error)")
    }
  }()
}
