"""The engine of a project in this process: what a task does, without a shell or a Python.

A task runs as `ops/lib/__main__.py` runs it, by `main`, but what it starts and what it waits for
goes through here: git is real, a vendor's command answers at once, and nobody sleeps.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar
from unittest import mock

from conftest import ENGINE, memory, rendered
from vendors.base import SKOPEO, Machine, Vendor

from scaffold import project

TASKS = (
    "alerts",
    "notify",
    "bootstrap", "deploy", "drill", "publish", "release", "releases", "rollback", "settings",
    "smoke",
)  # fmt: skip
PACKAGE = ENGINE
#: What no task reads, of a generated project.
UNREAD = ("src", "test", "tests", "app", "web", "docs")


Done = subprocess.CompletedProcess[str]


class Killed(BaseException):
    """The task is no more: nothing that it starts from here on happens."""


class Clock:
    """The time as tasks see it: a pause is over at once, and they find that it took its time."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.slept: list[float] = []
        #: What else happens while a task sleeps.
        self.meanwhile: Callable[[], object] = int

    def __getattr__(self, name: str) -> Any:
        """Give what is as everywhere."""
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        """Note a pause."""
        self.slept.append(seconds)
        self.meanwhile()

    def monotonic(self) -> float:
        """Give the time that passed."""
        return time.monotonic() + sum(self.slept)

    def time(self) -> float:
        """Give the time of day."""
        return time.time() + sum(self.slept)


@lru_cache
def scratch() -> Path:
    """Give a folder that is there until the tests end."""
    folder = tempfile.TemporaryDirectory(prefix="scaffold-process-", dir=memory() or None)
    atexit.register(folder.cleanup)
    return Path(folder.name)


@dataclass
class Engine:
    """The package of a project, under a name of its own, and the machine that it works on."""

    name: str
    host: type | None = None
    at: Tasks | None = None
    clock: Clock = field(default_factory=Clock)
    modules: dict[str, Any] = field(default_factory=dict)

    def load(self, folder: Path) -> None:
        """Import all of its modules, the host among them, if none is given."""
        sys.path.insert(0, str(folder.parent))
        try:
            if self.host:
                made = ModuleType(f"{self.name}.host")
                made.__dict__["Host"] = self.host
                sys.modules[made.__name__] = made
            http = self._module("http")
            http.send = self._seen(http.send)
            for file in sorted(folder.glob("[!_]*.py")):
                # Where nothing runs our tasks, there is no drill, nor what it deploys.
                if file.stem != "drill" or file.with_name("broken.py").exists():
                    self._module(file.stem)
        finally:
            sys.path.remove(str(folder.parent))

    def __getattr__(self, name: str) -> Any:
        """Give a module of it."""
        try:
            return self.__dict__["modules"][name]
        except KeyError:
            raise AttributeError(name) from None

    def _module(self, name: str) -> Any:
        module: Any = importlib.import_module(f"{self.name}.{name}")
        self.modules[name] = module
        if getattr(module, "time", None) is time:
            module.time = self.clock
        if getattr(module, "subprocess", None) is subprocess:
            known = {name: getattr(subprocess, name) for name in subprocess.__all__}
            module.subprocess = SimpleNamespace(**{**known, "run": self._started})
        return module

    def _seen(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def seen(method: str, url: str, *rest: Any, **options: Any) -> Any:
            if self.at:
                self.at.step(f"{method} {url}")
            return send(method, url, *rest, **options)

        return seen

    def _started(self, command: Sequence[str], **options: Any) -> Done:
        assert self.at
        return self.at.started(command, **options)


@lru_cache
def engine_of(*answers: tuple[str, str], host: type | None = None) -> Engine:
    """Load the engine of a project, or with another host."""
    chosen = "_".join(value for _, value in answers)
    engine = Engine(f"engine_{chosen}_{host.__name__ if host else 'host'}", host)
    folder = scratch() / engine.name
    files = [file for file in rendered(*answers) if str(file.path).startswith(f"{PACKAGE}/")]
    if host:
        files = [file for file in files if file.path.name != "host.py"]
    for file in files:
        folder.mkdir(exist_ok=True)
        (folder / file.path.name).write_bytes(file.content)
    engine.load(folder)
    return engine


def project_of(*answers: tuple[str, str]) -> dict[str, Any]:
    """Give what differs from project to project."""
    files = {str(file.path): file for file in rendered(*answers)}
    told: dict[str, Any] = json.loads(files["ops/project.json"].content)
    return told


@lru_cache
def repository_of(*answers: tuple[str, str]) -> Path:
    """Make what a new service is committed to: `project`, and `origin.git`, its remote."""
    folder = scratch() / "_".join(["repository", *(value for _, value in answers)])
    kept = [
        file
        for file in rendered(*answers)
        if file.path.parts[0] not in UNREAD and PACKAGE not in str(file.path)
    ]
    project.write(kept, folder / "project")
    (folder / "template").mkdir()
    new = ["git", "init", "--quiet", "--initial-branch=main", f"--template={folder}/template"]
    subprocess.run([*new, "--bare", str(folder / "origin.git")], check=True)
    subprocess.run([*new, str(folder / "project")], check=True)
    config = "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[receive]\n\tautogc = false\n"
    for git in (folder / "origin.git", folder / "project/.git"):
        (git / "hooks").mkdir()
        with (git / "config").open("a") as file:
            file.write(config)
    with (folder / "project/.git/config").open("a") as file:
        file.write('[remote "origin"]\n\turl = ../origin.git\n')
        file.write("\tfetch = +refs/heads/*:refs/remotes/origin/*\n")
    subprocess.run(["git", "add", "--all"], cwd=folder / "project", check=True)
    return folder


@dataclass
class Tasks:
    """Runs tasks in this process, and answers for the programs that they start.

    Args:
        engine: What they are made of.
        steps: What the newest one did: programs that it started, and calls that it made.
        before: What happens before a step, given its number, from 1 on, and what it is.
    """

    engine: Engine
    steps: list[str] = field(default_factory=list, init=False)
    before: Callable[[int, str], object] = field(default=lambda *_: None, init=False)
    killed: bool = field(default=False, init=False)
    #: All that tasks did and said.
    heard: list[str] = field(default_factory=list, init=False)

    @property
    def clock(self) -> Clock:
        """The time as tasks see it."""
        return self.engine.clock

    def perform(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> Done:
        """Run a task in a folder."""
        self.engine.at = self
        self.steps.clear()
        self.killed = False
        with mock.patch.dict(os.environ, environment, clear=True), contextlib.chdir(folder):
            try:
                return self.task(command)
            except Killed:
                return Done(command, -signal.SIGKILL, "", "")

    def task(self, command: Sequence[str]) -> Done:
        """Run a task here and now, as `ops/lib/__main__.py` does."""
        out, err = io.StringIO(), io.StringIO()
        with (
            handlers(),
            mock.patch.object(sys, "stdin", io.StringIO()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            name = command[0].removeprefix("ops/")
            code = self.engine.tasks.main(name, list(command[1:]))
        done = Done(command, code, out.getvalue(), err.getvalue())
        self.heard += [*self.steps, done.stdout, done.stderr]
        return done

    def step(self, what: str) -> None:
        """Note what a task is about to do; one that was killed does nothing any more."""
        if self.killed:
            raise Killed
        self.steps.append(what)
        self.before(len(self.steps), what)

    def kill(self) -> None:
        """Kill the task that runs, in `before`."""
        self.killed = True
        raise Killed

    def started(self, command: Sequence[str], **options: Any) -> Done:
        """Start a program, in place of `subprocess.run`."""
        self.step(" ".join(command))
        done = self.program(command, **options)
        if done.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            # Who interrupts a task interrupts those that it started, too.
            os.kill(os.getpid(), done.returncode - 128)
        if options.get("stdout") != subprocess.PIPE:
            (sys.stderr if options.get("stdout") == 2 else sys.stdout).write(done.stdout)
        if options.get("stderr") != subprocess.PIPE:
            sys.stderr.write(done.stderr)
        return done

    def program(self, command: Sequence[str], **options: Any) -> Done:
        """Answer for a program."""
        raise NotImplementedError(command, options)


@dataclass
class Inside(Tasks, Machine):
    """A machine whose tasks run in this process; its git is real."""

    stubbed: set[str] = field(default_factory=set)
    #: What of a new service's folders is not on disk.
    in_memory: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def inside(cls, vendor: Vendor, home: Path, **answers: str) -> Inside:
        """Set one up with a new service, where nothing was deployed yet."""
        chosen = {"stack": vendor.stack, "ci": "github", "hosting": vendor.hosting, **answers}
        without = shutil.ignore_patterns(*cls.in_memory)
        shutil.copytree(repository_of(*chosen.items()), home, dirs_exist_ok=True, ignore=without)
        folder = home / "bin"
        folder.mkdir()
        environment = cls.told(vendor, home, folder)
        for name in ("POLL_INTERVAL", "RETRY_DELAY"):
            del environment[name]  # nobody sleeps
        at = cls(
            project=home / "project", environment=environment, bin=folder, vendor=vendor,
            engine=engine_of(*chosen.items()),
        )  # fmt: skip
        at.clock.reset()
        at.equip()
        return at

    def stub(self, name: str, then: str = "") -> Path:
        """Put a command on PATH, which is a process of its own."""
        if then != SKOPEO:
            self.stubbed.add(name)
        return super().stub(name, then)

    def commit(self, tag: str) -> str:
        """Commit everything, tag it, and return the commit."""
        (self.project / "marker").write_text(f"{tag}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        commit = (self.project / ".git/refs/heads/main").read_text().strip()
        (self.project / f".git/refs/tags/{tag}").write_text(f"{commit}\n")
        return commit

    def locked(self) -> bool:
        """Say whether somebody deploys to live."""
        return (self.project.parent / "origin.git/refs/deployments/locks/live").exists()

    def run(self, *command: str, cwd: Path | None = None, **variables: str) -> Done:
        """Run a command: a task in this process."""
        if command[0].removeprefix("ops/") not in TASKS or "--help" in command:
            return super().run(*command, cwd=cwd, **variables)
        return self.perform(command, cwd or self.project, {**self.environment, **variables})

    def program(self, command: Sequence[str], **options: Any) -> Done:
        """Answer for a program: a task, a vendor's, skopeo, or let it run."""
        name = Path(command[0]).name
        if command[0].startswith("ops/") and name in TASKS and unchanged(name):
            return self.task(command)
        if name in self.vendor.commands and name not in self.stubbed:
            return self._vendors(name, command, **options)
        if name == "skopeo" and name not in self.stubbed:
            return self._skopeo(command)
        known: dict[str, Any] = {
            key: options[key] for key in ("input", "cwd", "env") if key in options
        }
        if "input" not in known:
            known["stdin"] = subprocess.DEVNULL
        return subprocess.run(
            command, **known, check=False, capture_output=True, encoding="utf-8", errors="replace",
            timeout=self.limit,
        )  # fmt: skip

    def _vendors(self, name: str, command: Sequence[str], **options: Any) -> Done:
        folder = Path(options.get("cwd") or ".")
        config = dict(pairwise(command)).get("--config")
        told = {
            "argv": list(command[1:]),
            "environment": dict(options.get("env") or os.environ),
            "config": (folder / config).read_text() if config else None,
            "files": sorted(file.name for file in folder.iterdir()),
            "stdin": options.get("input"),
        }
        done = self.vendor.called(name, told)
        return Done(command, done["code"], done["out"], done.get("err", ""))

    def _skopeo(self, command: Sequence[str]) -> Done:
        """Answer as `SKOPEO` does."""
        with (self.bin.parent / "skopeo.log").open("a") as log:
            log.write(" ".join(command) + "\n")
        commit = command[-1].rpartition(":")[2]
        said = f"sha256:{commit}{'0' * 24}\n" if command[1] == "inspect" else ""
        return Done(command, 0, said, "")


def unchanged(task: str) -> bool:
    """Say whether a task is still the engine's."""
    return Path("ops", task).read_text().endswith('\nengine "$task" "$@"\n')


@contextlib.contextmanager
def handlers() -> Iterator[None]:
    """Take back what a task does when it is interrupted, at the end of the block."""
    known = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)
