// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct Empty: ParsableCommand {
  @Argument var path: String

  func run() {
    print(path)
  }
}

Empty.main()
