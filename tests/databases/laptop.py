"""A laptop from which people take and restore backups."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bucket import Asked, Bucket


@dataclass
class Machine(ABC):
    """A project on a laptop, with a database beside it and a bucket elsewhere."""

    project: Path
    bucket: Bucket
    environment: dict[str, str]
    database: str

    @abstractmethod
    def databases(self) -> set[str]:
        """Give all that there are."""

    @abstractmethod
    def state(self) -> object:
        """Give what must not change: every row, and which tables there are."""

    @abstractmethod
    def exchange(self) -> None:
        """Have two rows have each other's values."""

    @abstractmethod
    def halve(self) -> None:
        """Lose rows of a table."""

    @abstractmethod
    def dumped(self, *, rows: bool = True) -> bytes:
        """Dump and encrypt by hand."""

    def closed(self, dump: bytes) -> bytes:
        """Encrypt by hand."""
        command = ["age", "-r", self.environment["BACKUP_RECIPIENT"]]
        return subprocess.run(command, input=dump, check=True, capture_output=True).stdout

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start a task."""
        return subprocess.Popen(
            command, cwd=self.project, env={**self.environment, **variables}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *command: str, code: int = 0, **variables: str) -> str:
        """Run a task; give what it says."""
        process = self.start(*command, **variables)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        assert "secret" not in err + out
        return out + err

    def killing(
        self,
        *command: str,
        when: Callable[[Asked], bool],
        kill: Callable[[], None] | None = None,
    ) -> str:
        """Kill the task, or something else, once the bucket is asked for something."""
        started: list[subprocess.Popen[str]] = []
        ready, once, over = threading.Event(), [True], threading.Event()

        def fails(asked: Asked) -> None:
            if once and when(asked):
                once.clear()
                assert ready.wait(20)
                (kill or started[0].kill)()
                over.set()

        self.bucket.fails = fails
        started.append(self.start(*command))
        ready.set()
        out, err = started[0].communicate(timeout=120)
        self.bucket.fails = lambda _: None
        # The task may end before what was killed has.
        assert over.wait(30), out + err
        assert started[0].returncode == (1 if kill else -signal.SIGKILL), out + err
        return out + err

    @property
    def folder(self) -> str:
        """Where its backups are."""
        return f"{json.loads((self.project / 'ops/project.json').read_text())['name']}/local/"

    def backup(self) -> str:
        """Take one, and give its name."""
        return self.run("ops/backup", "local").split()[0]

    def planted(self, name: str, dump: bytes, **more: Any) -> None:
        """Put another dump in place of one, with a manifest that is right about it."""
        told = json.loads(self.bucket.files[f"{self.folder}{name}.json"])
        told |= {"size": len(dump), "sha256": hashlib.sha256(dump).hexdigest(), **more}
        self.bucket.files[f"{self.folder}{name}.dump.age"] = dump
        self.bucket.files[f"{self.folder}{name}.json"] = json.dumps(told).encode()

    def change(self, name: str, how: Callable[[bytes], bytes]) -> None:
        """Have a dump be another one, which its manifest does not know."""
        file = f"{self.folder}{name}.dump.age"
        self.bucket.files[file] = how(self.bucket.files[file])


def at_home(home: Path, there: Bucket) -> dict[str, str]:
    """Give what a person has set: who reads backups, and where they are."""
    made = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout.split()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BACKUP_IDENTITY": made[-1],
        "BACKUP_RECIPIENT": next(word for word in made if word.startswith("age1")),
        "RETRY_DELAY": "0",
        **there.settings(),
    }


def is_dump(asked: Asked) -> bool:
    """Say whether a dump is uploaded."""
    return asked.method == "PUT" and asked.name.endswith(".dump.age")


def is_read(asked: Asked) -> bool:
    """Say whether a dump is read."""
    return asked.method == "GET" and asked.name.endswith(".dump.age")


def half(at: Machine, name: str) -> None:
    """Put one in its place that has lost rows."""
    at.halve()
    at.planted(name, at.dumped())


def other(at: Machine, name: str) -> None:
    """Put one in its place in which two rows have each other's values: nothing in it is new."""
    at.exchange()
    at.planted(name, at.dumped())


def cut(at: Machine, name: str) -> None:
    """Its manifest is right, and age says that it has no end."""
    at.planted(name, at.bucket.files[f"{at.folder}{name}.dump.age"][:-1000])


BAD: dict[str, tuple[Callable[[Machine, str], object], str]] = {
    "empty": (lambda at, name: at.change(name, lambda _: b""), "empty: the dump of"),
    "truncated": (lambda at, name: at.change(name, lambda it: it[:-1000]), "truncated: "),
    "tampered": (lambda at, name: at.change(name, lambda it: it[:-1] + b"x"), "tampered: "),
    "longer": (lambda at, name: at.change(name, lambda it: it + b"x"), "tampered: "),
    "no dump": (lambda at, name: at.bucket.files.pop(f"{at.folder}{name}.dump.age"), "empty: "),
    "unfinished": (lambda at, name: at.bucket.files.pop(f"{at.folder}{name}.json"), "unfinished: "),
    "of live": (
        lambda at, name: at.planted(name, at.dumped(), environment="live"), "wrong environment: ",
    ),
    "of another database": (
        lambda at, name: at.planted(name, at.dumped(), database="other"), "wrong database: ",
    ),
    "schema only": (lambda at, name: at.planted(name, at.dumped(rows=False)), "schema only: "),
    "other values": (other, "altered: "),
    "half the rows": (half, "rows, {rows} were written"),
    "cut before it was uploaded": (cut, "age failed"),
}  # fmt: skip
INTO, OVERWRITE = ("--into", "bad"), ("--overwrite", "local")


def every_bad_one_is_refused(at: Machine, rows: int) -> None:
    """Spoil a backup in every way; it has a table of so many rows."""
    name = at.backup()
    before, files = at.databases(), dict(at.bucket.files)
    for kind, (spoil, says) in BAD.items():
        at.bucket.files.clear()
        at.bucket.files.update(files)
        spoil(at, name)
        state = at.state()
        for how in (INTO, OVERWRITE) if kind in ("tampered", "schema only") else (INTO,):
            said = at.run("ops/restore", "local", name, *how, code=1)
            assert says.format(rows=rows) in said, kind
            assert at.databases() == before, kind
        assert at.state() == state, kind
