"""A hosting vendor on loopback: its API, what it runs, and the machine that deploys to it."""

from __future__ import annotations

import json
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from conftest import Checkout

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)
REGISTRY = {
    "IMAGE_REPOSITORY": "registry.example.com/team/service",
    "REGISTRY_USER": "robot",
    "REGISTRY_PASSWORD": SECRET,
}
#: What a recorded command does when the vendor says nothing else.
RECORDER = """\
#!/bin/sh
printf '%s\\n' "${{0##*/}} $*" >>'{log}'
{then}
"""
#: A registry that has an image of every commit: its digest is the commit, padded with zeros.
SKOPEO = """\
for name; do :; done
case $1 in
  login) cat >/dev/null ;;
  inspect) echo "sha256:${name##*:}000000000000000000000000" ;;
esac"""


def commit_of(image: str) -> str:
    """Give the commit of an image that `SKOPEO` told the digest of."""
    return image.rpartition("sha256:")[2][:40]


@dataclass(frozen=True)
class Call:
    """A call of a vendor's API."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass
class Vendor(ABC):
    """A vendor's API for one service in one environment, as far as the tasks use it.

    It serves what it runs at `url`: `/healthz` says the commit, and `/readyz` that it is ready.
    """

    #: The row of the template's catalogue.
    hosting: ClassVar[str]
    env: str = "live"
    url: str = ""
    #: Commits that start, but are not healthy; and commits whose deploy the vendor gives up on.
    sick: set[str] = field(default_factory=set)
    doomed: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    #: How the next calls are answered instead: a status, or "drop" for a connection that ends.
    faults: list[int | str] = field(default_factory=list)

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""

    @abstractmethod
    def running(self) -> str:
        """Give the commit that it runs, or "none"."""

    @abstractmethod
    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer a call: a status and JSON, or None for no body."""

    def authorized(self, call: Call) -> bool:
        """Tell whether a call is one of the API's, with the right token."""
        return call.headers.get("Authorization") == f"Bearer {SECRET}"

    def is_api(self, call: Call) -> bool:
        """Tell a call of the API from one of the service."""
        return call.path not in ("/healthz", "/readyz")

    def commands(self) -> dict[str, str]:
        """Give stand-ins of commands that cannot be had: name, and script after it is recorded."""
        return {"skopeo": SKOPEO}

    def changes(self) -> list[str]:
        """Give the calls that were no mere questions."""
        return [f"{call.method} {call.path}" for call in self.calls if call.method != "GET"]

    def _serve(self, call: Call) -> tuple[int, Any]:
        if not self.is_api(call):
            commit = self.running()
            status = "down" if commit in self.sick else "ok"
            return (404, {}) if commit == "none" else (200, {"status": status, "commit": commit})
        self.calls.append(call)
        if not self.authorized(call):
            return 401, {}
        return self.answer(call)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer until the end of the block."""
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def reply(self) -> None:
                address = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                call = Call(self.command, unquote(address.path), query, dict(self.headers), body)
                fault = vendor.faults.pop(0) if vendor.faults and vendor.is_api(call) else None
                if fault == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                status, told = (fault, {}) if isinstance(fault, int) else vendor._serve(call)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"" if told is None else json.dumps(told).encode())

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply  # noqa: N815 (http.server's)

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@dataclass
class Machine(Checkout):
    """A project, the vendor that it is deployed to, and what its tasks run on."""

    vendor: Vendor
    bin: Path
    limit = 60

    @classmethod
    def new(cls, project: Path, vendor: Vendor, folder: Path, shell: str = "sh") -> Machine:
        """Set one up; the tasks run in `shell`."""
        for task in (project / "ops").iterdir():
            if task.is_file():  # so that a task calls another one in the same shell
                task.write_text(task.read_text().replace("#!/bin/sh", f"#!{shell}", 1))
        environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder.parent),
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "SMOKE_TIMEOUT": "0",
            "POLL_INTERVAL": "0",
            "SERVICE_URL": vendor.url,
            **REGISTRY,
            **vendor.environment(),
        }
        made = cls(project, environment, vendor, folder)
        for name, then in vendor.commands().items():
            made.stub(name, then)
        made.git("init", "--quiet", "--initial-branch", "main")
        return made

    def stub(self, name: str, then: str = "") -> Path:
        """Put a command on PATH that writes down how it was called; return where."""
        log = self.bin.parent / f"{name}.log"
        log.touch()
        script = self.bin / name
        script.write_text(RECORDER.format(log=log, then=then.replace("{python}", sys.executable)))
        script.chmod(0o755)
        return log

    def commit(self, tag: str) -> str:
        """Commit everything, tag it, and return the commit."""
        (self.project / "marker").write_text(f"{tag}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)
        return self.git("rev-parse", "HEAD")

    def deploy(self, tag: str) -> str:
        """Commit and deploy a version, which has to succeed, and return its commit."""
        commit = self.commit(tag)
        done = self.run("ops/deploy", self.vendor.env)
        assert done.returncode == 0, done.stderr
        assert self.vendor.running() == commit
        return commit
