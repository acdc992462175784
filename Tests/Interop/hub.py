# SPDX-License-Identifier: Apache-2.0
"""A Hub on this machine: enough of its answers that huggingface_hub fills a cache from it."""

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOWNLOAD = """
import sys
from huggingface_hub import hf_hub_download
repository, revision, *names = sys.argv[1:]
for name in names:
    try:
        hf_hub_download(repository, name, revision=revision)
    except Exception as error:
        if type(error).__name__ != "RemoteEntryNotFoundError":
            raise
"""


def commit_of(repository, revision):
    """The commit that a revision of a repository gets: 40 digits, as git's."""
    return hashlib.sha1(f"{repository} {revision}".encode()).hexdigest()


class LocalHub:
    """Serves files of repositories, and lets huggingface_hub download them in a process of its own."""

    def __init__(self):
        self.files = {}
        self.stalls = set()
        self.reached_stall = threading.Event()
        self.ending = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()

    def publish(self, repository, revision, directory):
        """Let a revision of a repository have the files of a directory."""
        for path in directory.rglob("*"):
            if path.is_file():
                name = path.relative_to(directory).as_posix()
                self.files[repository, revision, name] = path.read_bytes()

    def download(self, cache, repository, names, revision="main", wait=True, variables=None):
        """Download files; a file that the repository lacks is noted in the cache."""
        environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("HF_", "HUGGINGFACE_")) and not name.lower().endswith("_proxy")
        }  # fmt: skip
        environment |= {
            "HF_ENDPOINT": f"http://127.0.0.1:{self.server.server_port}", "HF_HUB_CACHE": str(cache),
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            **(variables or {}),
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", DOWNLOAD, repository, revision, *names], env=environment,
            stderr=subprocess.DEVNULL if not wait else None,
        )  # fmt: skip
        if wait:
            assert process.wait(60) == 0
        return process

    def _handler(self):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self.answer(sends=False)

            def do_GET(self):
                self.answer(sends=True)

            def answer(self, sends):
                path = self.path.split("?")[0]
                repository, found, place = path.removeprefix("/").partition("/resolve/")
                revision, _, name = place.partition("/")
                commits = {commit_of(repository, r): r for (owner, r, _) in hub.files if owner == repository}
                revision = commits.get(revision, revision)
                data = hub.files.get((repository, revision, name))
                self.send_response(200 if data is not None else 404)
                self.send_header("X-Repo-Commit", commit_of(repository, revision))
                if data is None:
                    self.send_header("X-Error-Code", "EntryNotFound")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if not sends:
                    return
                if name in hub.stalls:
                    self.wfile.write(data[: len(data) // 2])
                    self.wfile.flush()
                    hub.reached_stall.set()
                    hub.ending.wait(60)
                    return
                self.wfile.write(data)

        return Handler
