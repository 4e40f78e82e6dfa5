"""Lock files: the exact versions of everything a project depends on, the same for everybody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scaffold import child
from scaffold.errors import ScaffoldError, UsageError
from scaffold.project import personal
from scaffold.project.packagemanager import MANAGERS, PackageManager, Workplace, at, reason, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Seconds that resolving may take; a cold resolve of the default service takes about ten.
TIMEOUT = 300
#: Seconds that a registry may take for its first answer.
FIRST_ANSWER = 15
#: What package managers are told while they wait for it: not to try for long.
HASTY = {
    "UV_HTTP_RETRIES": "1", "npm_config_fetch_retries": "1",
    "npm_config_fetch_retry_mintimeout": "1000", "npm_config_fetch_retry_maxtimeout": "1000",
}  # fmt: skip


class LockError(ScaffoldError):
    """No lock file could be made; the message says why, the hint says what to run."""


class RefusedError(LockError):
    """The package manager got its answers, and makes no lock file of them."""


#: Lock files of package managers that do the same job for the same manifest.
OTHER_LOCKS: Mapping[str, tuple[str, ...]] = {
    "npm": ("yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
    "uv": ("poetry.lock", "pdm.lock", "Pipfile.lock"),
}

#: What a note says: what is the matter, and what to do about it.
Note = tuple[str, str]


def known(manager: str) -> PackageManager:
    """Give a package manager by its name.

    Raises:
        LockError: When it is not known here.
    """
    if manager not in MANAGERS:
        raise LockError(f"The template's package manager '{manager}' is not known here.")
    return MANAGERS[manager]


def make(manager: PackageManager, folder: Path) -> tuple[str, Note | None]:
    """Make the lock file of a new project, in a folder beside where it is to lie.

    Returns:
        Its name, and what is to be said about it.

    Raises:
        LockError: When the package manager is missing, fails or takes too long.
        UsageError: When the project has the name of something that it depends on.
    """
    manifest = (folder / manager.manifest).read_bytes()
    python = text(folder / ".python-version").strip()
    try:
        lock = resolved(manager, manifest, folder.parent, python=python)
    except RefusedError:
        if manager.hides:  # was it for the name? Under another one that package is seen
            other = re.sub(rb"(?m)^name = .*", b'name = "scaffold-looks"', manifest, count=1)
            with suppress(LockError):
                lock = resolved(manager, other, folder.parent, python=python)
                require_own_name(manager, manifest, lock)
        raise
    require_own_name(manager, manifest, lock)
    (folder / manager.file).write_bytes(lock)
    return manager.file, remark(manager, manifest, lock)


def require_own_name(manager: PackageManager, manifest: bytes, lock: bytes = b"") -> None:
    """Refuse a project's name that hides a package it depends on.

    Args:
        manager: The package manager.
        manifest: Its manifest, which knows what the project itself depends on.
        lock: The lock file, which knows the rest.

    Raises:
        UsageError: When it does.
    """
    if not manager.hides:
        return
    try:
        project = tomllib.loads(manifest.decode())
        name = canonicalize_name(project["project"]["name"])
        groups = at(project, "dependency-groups").values()
        wanted = chain(at(project, "project.dependencies"), *groups)
        taken = {canonicalize_name(Requirement(e).name) for e in wanted if isinstance(e, str)}
    except (ValueError, LookupError, TypeError, AttributeError):
        return  # the package manager will say what is wrong
    if name in taken | set(_depended_on(lock)):
        raise UsageError(
            f"'{name}' is no name for a project that depends on the package {name}.",
            f"Choose another name, such as {name}-service.",
        )


def _depended_on(lock: bytes) -> Iterator[str]:
    for package in tomllib.loads(lock.decode()).get("package", []):
        groups = {**package.get("optional-dependencies", {}), **package.get("dev-dependencies", {})}
        for each in chain(package.get("dependencies", []), *groups.values()):
            yield each["name"]


def remark(manager: PackageManager, known: bytes, lock: bytes) -> Note | None:
    """Say where a lock file names an index that only this machine's settings do.

    Args:
        manager: The package manager.
        known: The manifest, and the lock file so far: an index in there is known to the project.
        lock: The lock file.

    uv holds a lock file to the index that somebody has set, so with another name in it the lock
    file would be out of date right here.
    """
    if not manager.hides:
        return None
    packages = tomllib.loads(lock.decode()).get("package", [])
    named = {each["source"]["registry"] for each in packages if "registry" in each["source"]}
    told = personal.uv_told(os.environ)
    own = sorted(each for each in named if each in told and each.encode() not in known)
    if not own:
        return None
    return (
        f"{manager.file} names {own[0]}, the index that is set on this machine.",
        f"For everybody, name it in {manager.manifest} as well, under [[tool.uv.index]].",
    )


def resolved(
    manager: PackageManager,
    manifest: bytes,
    place: Path,
    lock: bytes | None = None,
    python: str = "",
) -> bytes:
    """Resolve what a manifest asks for.

    Args:
        manager: The package manager.
        manifest: Its manifest.
        place: The folder where the project is or comes to be.
        lock: The lock file so far: what still fits stays at its version.
        python: The version of Python that the project names, if not in a file in that folder.

    Returns:
        The lock file.

    Raises:
        LockError: When the package manager is missing, fails or takes too long, when its registry
            does not answer, or when somebody had enough of it.
    """
    later = manager.later(renew=lock is not None)
    state = f"there is no {manager.file} yet" if lock is None else f"{manager.file} stays as it was"
    if shutil.which(manager.name) is None:
        raise LockError(f"{manager.name} is not installed, so {state}.", later)
    kind: type[LockError]
    try:
        with child.skippable(), tempfile.TemporaryDirectory(prefix="scaffold-") as scratch:
            work = Workplace(Path(scratch), place, python)
            work.project.mkdir()
            (work.project / manager.manifest).write_bytes(manifest)
            if lock is not None:
                (work.project / manager.file).write_bytes(lock)
            return _made(manager, work)
    except child.SkippedError:
        raise LockError(f"{manager.name} was stopped, so {state}.", later) from None
    except subprocess.TimeoutExpired as error:
        kind, why = LockError, f"it took more than {error.timeout} seconds"
    except (OSError, ValueError) as error:
        kind, why = LockError, str(error)
    except RefusedError as error:
        kind, why = RefusedError, error.message
    raise kind(f"{manager.name} made no {manager.file}: {why}", later)


def _made(manager: PackageManager, work: Workplace) -> bytes:
    """Have the lock file made, and tried.

    Raises:
        RefusedError: When the package manager refuses; the message is its reason.
        OSError: When there is no answer.
        subprocess.TimeoutExpired: When it takes too long.
    """
    env = manager.environment(work)

    def run(command: tuple[str, ...], limit: int, **more: str) -> subprocess.CompletedProcess[str]:
        full = [*command, manager.project, str(work.project)]
        # What it reads is what uv is to look for.
        return child.run(full, work.place, {**env, **more}, limit, said="packaging")

    try:
        asked = run(manager.ask, FIRST_ANSWER, **HASTY)
    except subprocess.TimeoutExpired:
        raise OSError(f"its registry answered nothing in {FIRST_ANSWER} seconds") from None
    if asked.returncode and re.search(manager.unanswered, asked.stderr):
        raise OSError(reason(asked.stderr))
    for command in (manager.lock, manager.check):
        done = run(command, TIMEOUT)
        if done.returncode:
            raise RefusedError(reason(done.stderr))
    return (work.project / manager.file).read_bytes()
