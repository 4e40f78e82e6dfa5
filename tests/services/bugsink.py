"""Bugsink, a server that takes what Sentry's SDKs send: installed apart, as it brings Django along.

It is what takes the envelopes for a living; Sentry's own server needs dozens of containers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from ports import free_port
from store import Store

VERSION = "bugsink==2.6.2"
#: Has a token, and a project for each of some tests, and says what they are known by.
PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("migrate", database="snappea", verbosity=0)
from bsmain.models import AuthToken
from projects.models import Project
projects = [Project.objects.create(name=f"my-service-{number}").dsn for number in range(8)]
print(AuthToken.create_full_access().token, *projects)
"""


@dataclass(frozen=True)
class Bugsink:
    """One that runs."""

    url: str
    token: str
    #: Of projects that nobody uses yet.
    dsns: list[str]

    def project(self) -> Tracked:
        """Give a project that nobody else uses."""
        dsn = self.dsns.pop(0)
        return Tracked(self, dsn, dsn.rpartition("/")[2])

    def get(self, path: str) -> Any:
        """Ask it for something."""
        answer = httpx.get(
            f"{self.url}/api/canonical/0/{path}",
            headers={"authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass(frozen=True)
class Tracked:
    """A project of it."""

    server: Bugsink
    dsn: str
    id: str

    def events(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many events; give what it shows of each, in the order in which they came."""
        end = time.monotonic() + 20
        while len(found := self._events()) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} events came"
            time.sleep(0.1)
        found.sort(key=lambda each: str(each["ingested_at"]))
        return [self.server.get(f"events/{each['id']}/")["data"] for each in found]

    def releases(self) -> set[str]:
        """Give the releases that it knows by their events."""
        return {each["version"] for each in self._list(f"releases/?project={self.id}")}

    def _events(self) -> list[dict[str, Any]]:
        issues = self._list(f"issues/?project={self.id}")
        return [event for each in issues for event in self._list(f"events/?issue={each['id']}")]

    def _list(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.get(path)["results"]
        return found


@contextmanager
def bugsink(store: Store, folder: Path) -> Iterator[Bugsink]:
    """Be there while the block runs."""
    installed = store.made("bugsink", lambda made: _install(store, made)) / "bin"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    _said(
        installed / "bugsink-create-conf",
        "--template=singleserver",
        f"--base-dir={folder}",
        cwd=folder,
    )
    settings = folder / "bugsink_conf.py"
    text = settings.read_text().replace('"TASK_ALWAYS_EAGER": False', '"TASK_ALWAYS_EAGER": True')
    settings.write_text(re.sub(r'"BASE_URL": ".*?"', f'"BASE_URL": "{url}"', text))
    token, *dsns = _said(installed / "python", "-c", PREPARE, cwd=folder).split()
    with (folder / "gunicorn.log").open("wb") as log:
        process = subprocess.Popen(
            [installed / "gunicorn", f"--bind=127.0.0.1:{port}", "bugsink.wsgi"],
            cwd=folder, env=_environment(folder), stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait(url, process, folder / "gunicorn.log")
        yield Bugsink(url, token, dsns)
    finally:
        process.terminate()
        process.wait(10)


def _install(store: Store, folder: Path) -> None:
    store.run("uv", "venv", "--quiet", "--clear", f"--python={sys.executable}", ".", cwd=folder)
    store.run("uv", "pip", "install", "--quiet", "--python=bin/python", VERSION, cwd=folder)


def _environment(folder: Path) -> dict[str, str]:
    # Gunicorn keeps a socket at home.
    settings = {
        "DJANGO_SETTINGS_MODULE": "bugsink_conf",
        "HOME": str(folder),
        "PYTHONPATH": str(folder),
    }
    return {**{n: v for n, v in os.environ.items() if not n.endswith("_proxy")}, **settings}


def _said(program: Path, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [program, *arguments], cwd=cwd, env=_environment(cwd), check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())
