"""A hosting vendor on loopback: its API, what it runs, and the machine that deploys to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
from conftest import Bench, Call, answering, run_tasks_in

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Render

SECRET = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)
REGISTRY = {
    "IMAGE_REPOSITORY": "registry.example.com/team/service",
    "REGISTRY_USER": "robot",
    "REGISTRY_PASSWORD": SECRET,
}
#: A registry that has an image of every commit: its digest is the commit, padded with zeros.
SKOPEO = """\
for name; do :; done
case $1 in
  login) cat >/dev/null ;;
  inspect) echo "sha256:${name##*:}000000000000000000000000" ;;
esac"""
#: A command line of a vendor's: what it is called with goes to the stand-in, which answers for it.
COMMAND = """\
#!{python} -IS
import json, os, sys, urllib.error, urllib.request

config = dict(zip(sys.argv, sys.argv[1:])).get("--config")
told = {{
    "argv": sys.argv[1:],
    "environment": dict(os.environ),
    "config": open(config).read() if config else None,
    "files": sorted(os.listdir()),
    "stdin": None if sys.stdin.isatty() else sys.stdin.read(),
}}
request = urllib.request.Request("{url}/cli/{name}", json.dumps(told).encode())
try:
    done = json.load(urllib.request.urlopen(request, timeout=20))
except (OSError, urllib.error.URLError) as error:
    done = {{"code": 1, "out": "", "err": str(error)}}
sys.stdout.write(done["out"])
sys.stderr.write(done.get("err", ""))
sys.exit(done["code"])
"""


def commit_of(image: str) -> str:
    """Give the commit of an image that `SKOPEO` told the digest of."""
    return image.rpartition("sha256:")[2][:40]


class AllBut(set[str]):
    """Every commit but one."""

    def __init__(self, good: str) -> None:
        self.good = good

    def __contains__(self, commit: object) -> bool:
        """Say whether a commit is none of the good one."""
        return commit != self.good


@dataclass
class Fault:
    """What happens to the next calls of a kind instead of an answer.

    Args:
        calls: A regular expression for what `Vendor.said` gives, such as `POST /v1/.*`.
        kind: A status; `hang`, which answers too late; `drop`, which carries the call out and
            closes the connection; or `last`, which carries it out, and answers no other after it
            but with 401.
        times: How many calls it happens to.
        after: How many of them are answered before.
    """

    calls: str
    kind: Literal["401", "429", "500", "hang", "drop", "last"]
    times: int = 1
    after: int = 0


@dataclass
class Vendor(ABC):
    """A vendor's API for the service in `live`, as far as the tasks use it.

    It serves what it runs at `url`: `/healthz` says the commit, and `/readyz` that it is ready.
    """

    #: The row of the template's catalogue, and a stack that it runs.
    hosting: ClassVar[str]
    stack: ClassVar[str] = "node"
    #: Where the table of the documents has it.
    title: ClassVar[str] = ""
    #: The commands that stand in for the vendor's own.
    commands: ClassVar[tuple[str, ...]] = ()
    #: The call that starts a deploy, as `said` has it, as a regular expression.
    deploys: ClassVar[str]
    #: The call that changes what the service is told, likewise.
    tells: ClassVar[str] = ""
    #: How its command says that somebody may not do something.
    denial: ClassVar[str] = "Error: unauthorized"
    #: A call that only asks.
    asks: ClassVar[str] = "GET .*"
    url: str = ""
    #: Commits that start, but are not healthy; and commits whose deploy the vendor gives up on.
    sick: set[str] = field(default_factory=set)
    doomed: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    #: After how many seconds an answer is too late.
    late: float = 1.5
    calls: list[Call] = field(default_factory=list)

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""

    @abstractmethod
    def running(self) -> str:
        """Give the commit that it runs, or "none"."""

    def environ(self) -> dict[str, str]:
        """Give the settings in the processes of what it runs, by what it was told."""
        raise NotImplementedError

    def wanted(self) -> str:
        """Give the commit that it is told to run, also the next time that it looks: or "none"."""
        return self.running()

    @abstractmethod
    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer a call: a status and JSON, or None for no body."""

    def command(self, name: str, told: dict[str, Any]) -> dict[str, Any]:
        """Answer for a command: its exit `code`, and what it prints, `out` and `err`."""
        raise NotImplementedError(name, told)

    def forget(self) -> None:  # noqa: B027 (most begin so)
        """Have an account with nothing in it."""

    def lapse(self) -> None:  # noqa: B027 (with some nothing is under way once a task has ended)
        """Take all that is under way to its end, which takes a few looks."""

    def prepare(self, at: Machine) -> None:  # noqa: B027 (most need nothing)
        """Put on the machine what its tasks need besides."""

    def authorized(self, call: Call) -> bool:
        """Say whether a call says who makes it."""
        return call.headers["Authorization"] == f"Bearer {SECRET}"

    def changes(self) -> list[str]:
        """Give the calls that were no mere questions."""
        return [self.said(call) for call in self.calls if call.method != "GET"]

    def said(self, call: Call) -> str:
        """Give the name by which faults know a call."""
        return f"{call.method} {call.path}"

    def called(self, name: str, told: dict[str, Any]) -> dict[str, Any]:
        """Answer for a command that is called in this process: a subprocess says the same."""
        call = Call("POST", f"/cli/{name}", Message(), json.dumps(told).encode())
        done: dict[str, Any] = json.loads(self._reply(call)[1])
        return done

    def health(self, path: str) -> tuple[int, bytes]:
        """Answer as the service that it runs, at `/healthz` or `/readyz`."""
        del path  # a healthy one says the same at both
        commit = self.running()
        health = {"status": "down" if commit in self.sick else "ok", "commit": commit}
        return (404, b"") if commit == "none" else (200, json.dumps(health).encode())

    def _fault(self, said: str) -> str:
        for fault in self.faults:
            if not fault.times or not re.fullmatch(fault.calls, said):
                continue
            if fault.after:
                fault.after -= 1
            else:
                fault.times -= 1
                if fault.kind == "last":
                    self.faults.append(Fault("(?s).*", "401", times=999))
                return fault.kind
        return ""

    def _reply(self, call: Call) -> tuple[int, bytes]:
        if call.path in ("/healthz", "/readyz"):
            return self.health(call.path)
        self.calls.append(call)
        if call.path.startswith("/cli/"):
            return self._command(call)
        fault = self._fault(self.said(call))
        if fault.isdigit():
            return int(fault), b'{"message": "not now"}'
        if fault == "hang":
            time.sleep(self.late)
            return 0, b""
        if not self.authorized(call):
            return 401, b'{"message": "who are you?"}'
        status, told = self.answer(call)
        return 0 if fault == "drop" else status, b"" if told is None else json.dumps(told).encode()

    def _command(self, call: Call) -> tuple[int, bytes]:
        """Answer for a command, which tells every fault of its vendor by its exit code."""
        name = call.path.removeprefix("/cli/")
        fault = self._fault(f"{name} {' '.join(call.json['argv'])}")
        why = self.denial if fault == "401" else f"Error: {fault}"
        done = {"code": 1, "out": "", "err": f"{why}\n"}
        if fault in ("", "drop", "last"):
            carried_out = self.command(name, call.json)
            done = done if fault == "drop" else carried_out
        return 200, json.dumps(done).encode()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer until the end of the block."""
        with answering(self._reply) as self.url:
            yield


@dataclass
class Machine(Bench):
    """A project, the vendor that it is deployed to, and what its tasks run on."""

    vendor: Vendor

    @classmethod
    def new(
        cls, vendor: Vendor, render: Render, home: Path, shell: str = "dash", **answers: str
    ) -> Machine:
        """Set one up with a new service, where nothing was deployed yet.

        Args:
            vendor: Where it is deployed.
            render: What renders the service.
            home: Its folder; commands are in `bin` there.
            shell: What the tasks run in; a test is skipped where there is none.
            answers: What the service is made of, if not of what the vendor says.
        """
        command = shutil.which(shell) or pytest.skip(f"needs {shell}")
        project = render(
            **{"stack": vendor.stack, "ci": "github", "hosting": vendor.hosting, **answers}
        )
        folder = home / "bin"
        folder.mkdir()
        run_tasks_in(f"{command} sh" if shell == "busybox" else command, project)
        made = cls(project, cls.told(vendor, home, folder), folder, vendor)
        made.equip()
        made.init()
        return made

    @staticmethod
    def told(vendor: Vendor, home: Path, folder: Path) -> dict[str, str]:
        """Give the environment of tasks, with commands of a folder before others."""
        return {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "SMOKE_TIMEOUT": "0",
            "POLL_INTERVAL": "0",
            "RETRY_DELAY": "0",
            "HTTP_TIMEOUT": "1",
            "SERVICE_URL": vendor.url,
            # A site is built where it is deployed: by a pipeline.
            **({"CI": "true"} if vendor.stack == "static" else REGISTRY),
            **vendor.environment(),
        }

    def equip(self) -> None:
        """Put the commands that tasks call on the machine."""
        if os.environ.get("OPS_PYTHON"):
            (self.bin / "python3").symlink_to(os.environ["OPS_PYTHON"])
        self.stub("skopeo", SKOPEO)
        for name in self.vendor.commands:
            script = self.bin / name
            text = COMMAND.format(python=sys.executable, url=self.vendor.url, name=name)
            script.write_text(text)
            script.chmod(0o755)
        self.vendor.prepare(self)

    def deploy(self, tag: str) -> str:
        """Commit and deploy a version, which has to succeed, and return its commit."""
        commit = self.commit(tag)
        done = self.run("ops/deploy", "live")
        assert done.returncode == 0, done.stderr
        assert self.vendor.running() == commit
        return commit
