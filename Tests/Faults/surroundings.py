# SPDX-License-Identifier: Apache-2.0
"""Real full disks, limits, read-only places, and files that others change meanwhile."""

import errno
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

import tracing
from commands import COMMANDS, Command, named
from suite import Case, Skip
from workspace import Problem, Workspace, contents

FULL = ("torch-large", "safetensors-large", "copy", "copy-forced", "directory-forced")
LIMITED = FULL + ("torch", "safetensors", "directory", "directory-in-place")


# A file system of its own

@contextmanager
def mounted(directory, options):
    run = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], capture_output=True, text=True)
    if run.returncode != 0:
        raise OSError(run.stderr.strip().splitlines()[0])
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def mounting_problem(suite):
    """Why nothing can be mounted, or None."""
    try:
        with mounted(suite.fresh_directory(), "size=1m"):
            return None
    except OSError as error:
        return f"nothing may be mounted: {error}"


def full_disks(suite):
    """A file system that is too small for the output."""
    if reason := mounting_problem(suite):
        return Skip(reason)
    return [Case(f"full/{name}/{room}", lambda n=name, r=room: full_disk(suite, named(n), r))
            for name in FULL for room in (128, 1024, 4096, 9000, 20000)]


def full_disk(suite, command, kibibytes):
    root = suite.fresh_directory()
    (root / "out").mkdir()
    with mounted(root / "out", "size=40m"):
        with Workspace(suite, command, root) as workspace:
            before = shutil.disk_usage(root / "out").used >> 10
            resize = f"remount,size={before + kibibytes}k"
            remount(root / "out", resize)
            workspace.expect_failure(*workspace.run())
            after = shutil.disk_usage(root / "out").used >> 10
            if after != before:
                raise Problem(f"{after - before} KiB are not free again")
            remount(root / "out", "remount,size=60m")
            workspace.expect_success(*workspace.run())


def size_limits(suite):
    """A limit on the size of files: the write that meets it is cut short, the next one fails."""
    return [Case(f"limit/{name}/{blocks}", lambda n=name, b=blocks: size_limit(suite, named(n), b))
            for name in LIMITED for blocks in (0, 3, 20, 9000)
            if blocks < 9000 or named(name).is_large]


def size_limit(suite, command, blocks):
    with Workspace(suite, command) as workspace:
        before = ["sh", "-c", f'ulimit -c 0; ulimit -f {blocks}; exec "$@"', "sh"]
        workspace.expect_failure(*workspace.run(before))


def read_only(suite):
    """A place where nothing may be written, as the output's and as the source's."""
    if os.geteuid() == 0 and (reason := mounting_problem(suite)):
        return Skip(reason)
    cases = [Case(f"read-only/{c.name}", lambda c=c: read_only_output(suite, c))
             for c in COMMANDS if not c.always]
    cases += [Case(f"read-only-source/{c.name}", lambda c=c: read_only_source(suite, c))
              for c in COMMANDS if not c.always and not c.in_place]
    return cases


def remount(directory, options):
    """Another case's process, just forked, may hold a file that is open for writing for a moment."""
    for attempt in reversed(range(50)):
        if subprocess.run(["mount", "-o", options, directory], check=not attempt, stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.1)


@contextmanager
def write_protected(directory):
    """root writes into directories whatever their permissions are."""
    if os.geteuid() == 0:
        remount(directory, "remount,ro")
        yield
        remount(directory, "remount,rw")
    else:
        os.chmod(directory, 0o555)
        yield
        os.chmod(directory, 0o755)


@contextmanager
def separate(directory):
    """A directory that can be write-protected."""
    directory.mkdir()
    if os.geteuid() == 0:
        with mounted(directory, "size=96m"):
            yield
    else:
        yield


def read_only_output(suite, command):
    root = suite.fresh_directory()
    with separate(root / "out"), Workspace(suite, command, root) as workspace:
        with write_protected(root / "out"):
            workspace.expect_failure(*workspace.run())
        workspace.expect_success(*workspace.run())


def read_only_source(suite, command):
    root = suite.fresh_directory()
    with separate(root / "in"), Workspace(suite, command, root) as workspace:
        with write_protected(root / "in"):
            workspace.expect_success(*workspace.run())


# Others at work

# Long enough for this program to act while the command waits in a call.
PAUSE = "delay_enter=300000:when=1"
PAUSES = {"copy": ("copy_file_range:" + PAUSE,), "default": ("pwrite64:" + PAUSE,)}
MEANWHILE_COMMANDS = ("torch-large", "safetensors-large", "copy", "copy-forced", "directory-forced")


def meanwhile(suite):
    """Something happens to source or target while the output is being written."""
    if reason := tracing.unavailable():
        return Skip(reason)
    return [Case(f"meanwhile/{name}/{event.__name__}", lambda n=name, e=event: e(suite, named(n)))
            for name in MEANWHILE_COMMANDS for event in EVENTS]


def run_while(suite, workspace, act):
    """Run the command, and `act` when its temporary is there."""
    log = workspace.root / "trace"
    kind = "copy" if workspace.command.name.startswith("copy") else "default"
    process = workspace.start(tracing.strace(log, *PAUSES[kind]))
    deadline = time.monotonic() + 20
    while not any(name.endswith(".peftkit-tmp") for name in os.listdir(workspace.root / "out")):
        if process.poll() is not None or time.monotonic() > deadline:
            break
        time.sleep(0.001)
    act()
    result = workspace.finish(process)
    if " = -1 EBADF" in log.read_text(errors="replace"):
        raise Problem("a descriptor is used after it was closed")
    log.unlink()
    return result


def weights(path):
    """The file with the tensors."""
    return path if path.is_file() else next(path.glob("adapter_model.*"))


def own_source(workspace):
    """A copy of the source that may be changed, in place of the link to the input."""
    path = weights(workspace.root / workspace.source)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    return path


def source_truncated(suite, command):
    with Workspace(suite, command) as workspace:
        source = own_source(workspace)
        code, stderr = run_while(suite, workspace, lambda: os.truncate(source, 8 << 20))
        workspace.expect_intact_source = lambda: None
        workspace.expect_failure(code, stderr)
        if str(source.relative_to(workspace.root)) not in stderr:
            raise Problem(f"the error does not name the source: {stderr.strip()}")


def source_emptied(suite, command):
    with Workspace(suite, command) as workspace:
        source = own_source(workspace)
        code, stderr = run_while(suite, workspace, lambda: os.truncate(source, 0))
        workspace.expect_intact_source = lambda: None
        workspace.expect_failure(code, stderr)


def source_rewritten(suite, command):
    """In place and as long as it was, as `cp` over it does: part of the output would be new."""
    with Workspace(suite, command) as workspace:
        source = own_source(workspace)

        def act():
            with open(source, "r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"!")

        code, stderr = run_while(suite, workspace, act)
        workspace.expect_intact_source = lambda: None
        workspace.expect_failure(code, stderr)
        if "was changed by another program" not in stderr:
            raise Problem(f"the error is another one: {stderr.strip()}")


def source_replaced(suite, command):
    """By a rename, as all careful programs do it: what was opened is what is converted."""
    with Workspace(suite, command) as workspace:
        source = weights(workspace.root / workspace.source)
        other = workspace.root / "other"
        other.write_bytes(b"something else")
        code, stderr = run_while(suite, workspace, lambda: other.replace(source))
        workspace.expect_intact_source = lambda: None
        workspace.expect_success(code, stderr)


def source_removed(suite, command):
    with Workspace(suite, command) as workspace:
        source = weights(workspace.root / workspace.source)
        code, stderr = run_while(suite, workspace, source.unlink)
        workspace.expect_intact_source = lambda: None
        workspace.expect_success(code, stderr)


def remove_while_written(directory):
    """Removes a directory to which a process adds files meanwhile, and from which it removes some."""
    for _ in range(100):
        if not directory.exists():
            return
        try:
            shutil.rmtree(directory)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                raise
    raise Problem("the directory could not be removed")


def target_directory_removed(suite, command):
    with Workspace(suite, command) as workspace:
        out = workspace.root / "out"
        code, stderr = run_while(suite, workspace, lambda: remove_while_written(out))
        if out.exists():
            raise Problem("the directory that was removed is there again")
        out.mkdir()
        workspace.expect_failure(code, stderr, "absent")


def temporary_removed(suite, command):
    with Workspace(suite, command) as workspace:
        def act():
            for path in (workspace.root / "out").glob(".*.peftkit-tmp"):
                # In one step, as the command may be putting more into it.
                path.rename(workspace.root / "taken")

        code, stderr = run_while(suite, workspace, act)
        workspace.expect_failure(code, stderr)


def target_comes(suite, command):
    """Somebody else puts something where the output is to go: without --force it stays."""
    with Workspace(suite, command) as workspace:
        target = workspace.root / workspace.target
        is_directory = contents(suite.inputs.root / command.source)[""] == "directory"

        def act():
            if command.previous is None:
                target.write_bytes(b"somebody else's")

        code, stderr = run_while(suite, workspace, act)
        if command.previous is not None:
            return workspace.expect_success(code, stderr)
        if code != 2 or "already exists" not in stderr:
            raise Problem(f"exit code {code}: {stderr.strip()}")
        if is_directory or target.read_bytes() != b"somebody else's":
            raise Problem("what somebody else put there is gone")
        workspace.expect_no_leftovers()


def target_goes(suite, command):
    """What is to be replaced is gone before it can be: then there is nothing to replace."""
    with Workspace(suite, command) as workspace:
        target = workspace.root / workspace.target

        def act():
            if target.is_dir():
                shutil.rmtree(target)
            elif target.exists():
                target.unlink()

        workspace.expect_success(*run_while(suite, workspace, act))


def target_changes_kind(suite, command):
    """A directory where a file was, and the other way round, is nothing that may be replaced."""
    if command.previous is None:
        return
    with Workspace(suite, command) as workspace:
        target = workspace.root / workspace.target

        def act():
            if target.is_dir():
                shutil.rmtree(target)
                target.write_bytes(b"a file now")
            else:
                target.unlink()
                target.mkdir()
                (target / "a").write_bytes(b"file in it")

        code, stderr = run_while(suite, workspace, act)
        if code != 2 or not stderr.startswith("error: out/"):
            raise Problem(f"exit code {code}: {stderr.strip()}")
        if contents(target) not in ({"": b"a file now"}, {"": "directory", "a": b"file in it"}):
            raise Problem("what somebody else put there is gone")
        workspace.expect_no_leftovers()


EVENTS = [source_truncated, source_emptied, source_rewritten, source_replaced, source_removed,
          target_directory_removed, temporary_removed, target_comes, target_goes,
          target_changes_kind]


# Several at once

def rivals(suite):
    """Runs onto one target at the same time, some of them killed: it is always whole."""
    return [Case(f"rivals/{index}", lambda i=index: rival(suite, i)) for index in range(12)]


def rival(suite, index):
    source = suite.random(f"rivals/{index}")
    kind = ("adapter", "safetensors", "bin")[index % 3]
    inputs = ["large-adapter", "small-adapter", "old-adapter"] if kind == "adapter" else [
        f"{size}.{kind}" for size in ("large", "small", "old")]
    target = "x" if kind == "adapter" else "x.safetensors"
    root = suite.fresh_directory()
    (root / "out").mkdir()
    command = [suite.peftkit, "convert", "--force", "--no-sync"]
    wholes = []
    for name in inputs:
        subprocess.run([*command, suite.inputs.root / name, root / target], check=True)
        wholes.append(contents(root / target))
    for _ in range(4):
        processes = [
            subprocess.Popen([*command, suite.inputs.root / name, root / "out" / target],
                             stderr=subprocess.PIPE) for name in inputs]
        time.sleep(source.uniform(0, 0.06))
        victim = source.choice(processes)
        victim.kill()
        for process in processes:
            _, stderr = process.communicate(timeout=60)
            if process is not victim and process.returncode not in (0, 2):
                raise Problem(f"exit code {process.returncode}: {stderr}")
        found = contents(root / "out" / target)
        if found is not None and found not in wholes:
            raise Problem("the output is none of the three")
    subprocess.run([*command, suite.inputs.root / inputs[0], root / "out" / target], check=True)
    if os.listdir(root / "out") != [target]:
        raise Problem(f"temporaries are left: {os.listdir(root / 'out')}")
    shutil.rmtree(root)
