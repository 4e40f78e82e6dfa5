"""A host and a repository in memory, so that sequences take milliseconds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from process import Done, Engine, Inside, Tasks, engine_of, project_of

EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
LOCK = "refs/deployments/locks/live"
RECORD = "refs/deployments/live"


@dataclass(frozen=True)
class Commit:
    """A commit, as far as tasks ask."""

    message: str
    parent: str
    content: str = ""
    time: str = "2026-11-29T10:00:00+00:00"

    def trailer(self, key: str) -> str:
        """Give the value of a trailer."""
        lines = (line.partition(": ") for line in self.message.splitlines())
        return next((value for name, _, value in lines if name == key), "")


@dataclass
class Repository:
    """What `git` says of a clone and its remote.

    Args:
        names: Of commits: HEAD and tags.
        remote: Refs of the remote; None where it cannot be reached.
        refuses: Refs that its remote does not let be moved, and why.
        migrations: Of commits, where there are any: their texts, by their names.
    """

    commits: dict[str, Commit] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    remote: dict[str, str] | None = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    migrations: dict[str, dict[str, str]] = field(default_factory=dict)
    changes: str = ""

    def add(self, message: str, parent: str = "", content: str = "") -> str:
        """Write a commit, and give it."""
        name = hashlib.sha1(f"{len(self.commits)} {message}".encode(), usedforsecurity=False)
        self.commits[name.hexdigest()] = Commit(message, parent, content)
        return name.hexdigest()

    def version(self, tag: str) -> str:
        """Commit and tag a version, and give the commit."""
        made = self.add(tag, self.names.get("HEAD", ""))
        self.names |= {"HEAD": made, tag: made}
        return made

    def history(self, tip: str) -> list[Commit]:
        """Give what led to a commit, the newest first."""
        found = []
        while tip:
            found.append(self.commits[tip])
            tip = self.commits[tip].parent
        return found

    def run(self, command: Sequence[str], said: str) -> Done:
        """Answer as git does."""
        arguments = list(command[1:])
        while arguments[0] == "-c":
            del arguments[:2]
        try:
            out = self._answer(arguments, said)
        except LookupError as error:
            return Done(command, 128, "", f"{error.args[0]}\n")
        return Done(command, 0, out + "\n" if out else "", "")

    def _answer(self, arguments: list[str], said: str) -> str:  # noqa: C901, PLR0911, PLR0912
        match arguments:
            case ["rev-parse", *_, "--git-dir"]:
                return ".git"
            case ["rev-parse", *_, name]:
                name = name.removesuffix("^{commit}")
                return str(self.names.get(name) or {it: it for it in self.commits}[name])
            case ["remote", "get-url", name]:
                return {"origin": "https://example.com/repository"}[name]
            case ["status", *_]:
                return self.changes
            case ["mktree"]:
                return said.split()[2] if said else EMPTY  # of one file: what is in it
            case ["hash-object", "-w", file]:
                return self.add(file, content=Path(file).read_text("utf-8").strip())
            case ["var", _]:
                return "somebody"
            case ["commit-tree", tree, *rest]:
                parent = dict(pairwise(rest)).get("-p", "")
                message = rest[-1] if "-m" in rest else said
                content = self.commits[tree].content if tree in self.commits else ""
                return self.add(message, parent, content)
            case ["ls-remote", _, ref]:
                return f"{self._remote()[ref]}\t{ref}" if ref in self._remote() else ""
            case ["fetch", *_, ref]:
                return "" if ref in self.commits else self._remote()[ref][:0]
            case ["cat-file", "-e", commit]:
                return self.commits[commit].content[:0]
            case ["push", *_, lease, _, move]:
                return self._move(lease.partition(":")[2], *move.split(":"))
            case ["log", "-1", "--format=%s", commit]:
                return self.commits[commit].message.splitlines()[0]
            case ["log", "-1", "--format=%cI", commit] | ["show", *_, "--format=%cI", commit]:
                return self.commits[commit].time
            case ["log", "--reverse", _, tip]:
                keys = ("Action", "Commit", "Release", "Image", "Settings", "Age")
                rows = (
                    [*map(it.trailer, keys), it.time, "somebody"]
                    for it in reversed(self.history(tip))
                )
                return "\n".join("\x1f".join(row) for row in rows)
            case ["show", what] if ":./db/migrations/" in what or ":db/migrations/" in what:
                commit, _, path = what.partition(":")
                return self.migrations[commit][path.rpartition("/")[2]]
            case ["show", what] if ":./" in what:  # of every commit what the project has now
                return Path(what.partition(":")[2]).read_text("utf-8")
            case ["ls-tree", "--name-only", what, *_]:
                names = self.migrations[what.partition(":")[0]]
                return "\n".join(f"db/migrations/{name}" for name in names)
            case ["log", "--all", *_]:
                return "".join(
                    "\n".join([f"\0{it}", *(f"db/migrations/{name}" for name in names), ""])
                    for it, names in self.migrations.items()
                )
            case ["read-tree", _]:
                return ""
            case ["checkout-index", "--all", prefix]:  # the same
                to = Path(prefix.partition("=")[2])
                shutil.copytree(".", to, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True)
                (to / ".index").touch()  # which `read-tree` wrote
                return ""
            case ["show", what]:
                return self.commits[what.partition(":")[0]].content
            case ["for-each-ref", *_]:
                return "\n".join(f"{at} {name}" for name, at in self.names.items())
        raise AssertionError(arguments)

    def _remote(self) -> dict[str, str]:
        if self.remote is None:
            raise LookupError("unable to access 'origin'")
        return self.remote

    def _move(self, old: str, new: str, ref: str) -> str:
        remote = self._remote()
        if ref in self.refuses:
            why = f"remote: {self.refuses[ref]}\n ! [remote rejected] {ref} (hook declined)"
            raise LookupError(why)
        if remote.get(ref, "") != old:
            raise LookupError(f" ! [rejected] {ref} (stale info)")
        if new:
            remote[ref] = new
        else:
            del remote[ref]
        return ""


@dataclass
class Remembered(Inside):
    """A machine whose tasks run in this process, with a host's stand-in and a repository in memory.

    To it every commit has the files that the project has now.
    """

    repository: Repository = field(default_factory=Repository)
    in_memory = (".git", "origin.git")

    def commit(self, tag: str) -> str:
        """Commit and tag a version, and give the commit."""
        (self.project / "marker").write_text(f"{tag}\n")
        return self.repository.version(tag)

    def locked(self) -> bool:
        """Say whether somebody deploys to live."""
        return LOCK in (self.repository.remote or {})

    def program(self, command: Sequence[str], **options: Any) -> Done:
        """Answer for a program."""
        if command[0] == "git":
            return self.repository.run(command, options.get("input", ""))
        return super().program(command, **options)


class Host:
    """A host in memory: the Platform of the engine that it is put into."""

    world: ClassVar[World]

    def __init__(self, at: Any) -> None:
        self._at = at

    def __getattribute__(self, name: str) -> Any:
        """Give a method, whose call is a step."""
        found = super().__getattribute__(name)
        if name.startswith("_") or name == "world":
            return found

        def call(*arguments: Any) -> Any:
            self.world.step(f"host: {name}")
            fails = self.world.fails.get(name)
            error = fails.pop(0) if fails else None
            if error:
                raise error
            return found(*arguments)

        return call

    def check(self) -> None:
        """Miss nothing but a token."""
        self._at.settings.need("TOKEN", "a token")

    def image(self, commit: str) -> str:
        """Give the image of a commit."""
        return f"registry.example.com/service@sha256:{commit}" if self.world.images else ""

    def url(self) -> str:
        """Give where it answers."""
        return self.world.url

    def releases(self) -> list[Any]:
        """Give what was live, the newest first."""
        return [self._release(*row) for row in self.world.rows]

    def current(self) -> Any:
        """Give what is live."""
        known = (row for row in self.world.rows if row[0] == self.world.live)
        return next((self._release(*row) for row in known), None)

    def deploy(self, commit: str, image: str) -> None:
        """Have it live, unless it never gets there."""
        world = self.world
        if commit in world.doomed:
            raise world.engine.errors.DeployFailed(f"{commit} is doomed")
        world.rows.insert(0, (f"r{len(world.rows) + 1}", commit, image))
        world.live = world.rows[0][0]
        world.ran_with[world.live] = dict(world.told)

    def restore(self, target: Any) -> None:
        """Have one live again that was."""
        if target.release not in [row[0] for row in self.world.rows]:
            raise self.world.engine.errors.Failure(f"{target.release} is gone")
        self.world.live = target.release
        self.world.told = dict(self.world.ran_with.get(target.release, self.world.told))

    def freeze(self) -> None:
        """Nobody else deploys."""

    def told(self) -> dict[str, str | None] | None:
        """Give what the service is told."""
        if self.world.built:
            return None
        return {name: it if self.world.shows else None for name, it in self.world.told.items()}

    def tell(self, change: Any) -> None:
        """Tell it something else."""
        kept = {name: it for name, it in self.world.told.items() if name not in change.unsets}
        self.world.told = {**kept, **change.sets}

    def bootstrap(self, plan: Any) -> None:
        """Have a name."""
        if not self.world.named:
            plan.change("name it", self._name)

    def _name(self) -> None:
        self.world.named = True

    def _release(self, known: str, commit: str, image: str) -> Any:
        what = {"commit": commit, "image": image, "id": known}[self.world.tells]
        Release = self.world.engine.platform.Release  # noqa: N806 (a class)
        return Release(known, what, "2026-11-29", image if self.world.tells != "commit" else "")


@dataclass
class World(Tasks):
    """A project in memory, deployed to a host in memory.

    Args:
        rows: What the host ran, the newest first: the id of a release, its commit, its image.
        live: The release that runs.
        fails: By the methods of the host, how their next calls fail; by None one does not.
        tells: What the host knows a release by: `commit`, `image`, or only its `id`.
        sick: Commits that are not healthy.
        told: What the service is told; `ran_with` is what it was when a release began.
        shows: Whether the host shows values.
        built: Whether it is a site, which is built with its settings.
        files: Tasks of the project's own, such as `ops/notify`, and what they do; False fails, a
            text is printed.
    """

    folder: Path
    repository: Repository = field(default_factory=Repository)
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    live: str = ""
    named: bool = False
    told: dict[str, str] = field(default_factory=dict)
    ran_with: dict[str, dict[str, str]] = field(default_factory=dict)
    shows: bool = True
    built: bool = False
    fails: dict[str, list[Exception | None]] = field(default_factory=dict)
    tells: str = "commit"
    images: bool = True
    url: str = "https://live.example.com"
    sick: set[str] = field(default_factory=set)
    doomed: set[str] = field(default_factory=set)
    files: dict[str, Callable[..., object]] = field(default_factory=dict)

    @classmethod
    def new(cls, folder: Path, **more: str) -> World:
        """Make one where nothing was deployed yet."""
        answers = {"stack": "node", "ci": "github", "hosting": "render", **more}
        engine: Engine = engine_of(*answers.items(), host=Host)
        told = {**project_of(*answers.items()), "keeps": "its data"}
        (folder / "ops").mkdir()
        (folder / "ops/project.json").write_text(json.dumps(told))
        world = cls(engine, folder)
        engine.clock.reset()
        Host.world = world
        return world

    def commit(self, tag: str) -> str:
        """Commit and tag a version, and give the commit."""
        return self.repository.version(tag)

    def own(self, task: str, then: Callable[..., object]) -> None:
        """Give the project a task of its own."""
        self.files[f"ops/{task}"] = then
        (self.folder / "ops" / task).touch(0o755)

    def run(self, task: str, *arguments: str, **variables: str) -> Done:
        """Run a task."""
        settings = {
            "PATH": os.environ["PATH"], "TOKEN": "s3cr3t", "LOCK_HOLDER": "us",
            "IMAGE_REPOSITORY": "registry.example.com/service",
            "REGISTRY_USER": "robot", "REGISTRY_PASSWORD": "s3cr3t",
        }  # fmt: skip
        return self.perform([f"ops/{task}", *arguments], self.folder, {**settings, **variables})

    def deploy(self, tag: str) -> str:
        """Commit and deploy a version, which has to succeed, and give the commit."""
        commit = self.commit(tag)
        done = self.run("deploy", "live")
        assert done.returncode == 0, done.stderr
        return commit

    def running(self) -> str:
        """Give the commit that runs, or "none"."""
        return next((row[1] for row in self.rows if row[0] == self.live), "none")

    def recorded(self) -> list[str]:
        """Give what is on record, the newest first."""
        tip = (self.repository.remote or {}).get(RECORD, "")
        return [
            f"{it.trailer('Action')} {it.trailer('Commit')}" for it in self.repository.history(tip)
        ]

    def locked(self) -> bool:
        """Say whether somebody deploys."""
        return LOCK in (self.repository.remote or {})

    def host_calls(self) -> list[str]:
        """Give what the newest task had the host do, and its looks at the service."""
        steps = (step.removeprefix("host: ") for step in self.steps)
        known = (*dir(Host), "ops/smoke")
        return [step.split()[0] for step in steps if step.split()[0] in known]

    def program(self, command: Sequence[str], **options: Any) -> Done:
        """Answer for a program."""
        name, *arguments = command
        if name == "git":
            return self.repository.run(command, options.get("input", ""))
        if name in self.files:
            said = self.files[name](*arguments)
            return Done(command, int(said is False), said if isinstance(said, str) else "", "")
        if name == "ops/smoke":
            return self._smoke(command)
        if name == "skopeo":
            commit = command[-1].rpartition(":")[2]
            return Done(command, 0, f"sha256:{commit}\n" if "inspect" in command else "", "")
        return self.task(command)

    def _smoke(self, command: Sequence[str]) -> Done:
        commit = self.running()
        wanted = [commit, *command[2:]][-1]
        well = commit not in self.sick and commit == wanted
        return Done(command, int(not well), "", "" if well else f"smoke: {commit} is sick\n")
