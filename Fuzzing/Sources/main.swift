// SPDX-License-Identifier: Apache-2.0

// `Fuzzing TARGET [options of libFuzzer] [corpus…]`; without arguments it lists the targets.
internal import Glibc

/// The entry point of libFuzzer, for programs with a `main` of their own.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
  _ argumentCount: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The variable with the target's name for the processes that libFuzzer starts, to merge a corpus: it
/// gives them no arguments but its own.
let variable = "PEFTKIT_FUZZ_TARGET"
// SAFETY: the text of a variable is copied before anything changes it.
let inherited = unsafe getenv(variable).map { unsafe String(cString: $0) }
guard let name = inherited ?? CommandLine.arguments.dropFirst().first,
  let target = FuzzTarget.named(name)
else {
  for target in FuzzTarget.all { print(target.name) }
  exit(CommandLine.argc > 1 ? 64 : 0)
}

/// What libFuzzer calls; it has no argument for a context.
let check = target.check
var count = CommandLine.argc
// SAFETY: the arguments live as long as the process.
var arguments = unsafe CommandLine.unsafeArgv
if inherited == nil {
  // The name of the target is not an option of libFuzzer, and the name of the program is.
  // SAFETY: there are at least two arguments, and the texts live for the call.
  unsafe setenv(variable, name, 1)
  unsafe arguments[1] = arguments[0]
  unsafe arguments += 1
  count -= 1
}
let status = unsafe runFuzzer(&count, &arguments) { bytes, count in
  // SAFETY: libFuzzer lends `count` bytes for the call.
  unsafe check([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
exit(status)
