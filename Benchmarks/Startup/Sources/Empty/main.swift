import ArgumentParser

struct Empty: ParsableCommand {
  @Argument var path: String

  func run() {
    print(path)
  }
}

Empty.main()
