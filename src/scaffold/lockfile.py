"""Lock files: the exact versions of everything a new project depends on.

A row of the stack says which package manager there is (`lock: npm`); how each makes a lock is
written here, not in the template: what a template says is never run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

#: Seconds that resolving may take; a cold resolve of the default service takes about ten.
TIMEOUT = 300


class LockError(ScaffoldError):
    """No lock file could be made; the message says why, the hint says what to run."""


@dataclass(frozen=True, slots=True)
class PackageManager:
    """How one package manager makes a lock file without installing or running anything."""

    name: str
    manifest: str
    file: str
    command: tuple[str, ...]
    #: How its manifest is read.
    read: Callable[[str], Any]
    #: What of the manifest the lock file repeats or follows from; a dot goes into a table.
    keys: tuple[str, ...]

    #: What makes the lock file follow a manifest that has changed.
    renew: str

    def later(self, *, renew: bool = False) -> str:
        """Say what to do when there is no lock file, or when an old one is to be renewed."""
        if renew:
            return f"Run `{self.renew}` in the project, and commit {self.file}."
        return f"Run ops/setup in the project once {self.name} works; it makes {self.file}."

    def concerns(self, before: bytes, after: bytes) -> bool:
        """Tell whether a lock file has to follow from one manifest to another."""
        try:
            old, new = self.read(before.decode()), self.read(after.decode())
            return any(_at(old, key) != _at(new, key) for key in self.keys)
        except (ValueError, AttributeError):
            return True  # the package manager will say what is wrong


def _at(manifest: Any, key: str) -> Any:
    for name in key.split("."):
        manifest = manifest.get(name, {})
    return manifest


MANAGERS: Mapping[str, PackageManager] = {
    "npm": PackageManager(
        name="npm",
        manifest="package.json",
        file="package-lock.json",
        # Nothing is run, so the Node that will run it need not be this one.
        command=(
            "npm", "install", "--package-lock-only", "--ignore-scripts", "--no-engine-strict",
            "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund",
        ),
        read=json.loads,
        keys=(
            "name", "version", "license", "bin", "engines", "os", "cpu", "workspaces", "overrides",
            "dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
            "peerDependenciesMeta", "bundleDependencies",
        ),
        renew="npm install",
    ),
    "uv": PackageManager(
        name="uv",
        manifest="pyproject.toml",
        file="uv.lock",
        # What has no wheel would have to be built, which runs its code.
        command=("uv", "lock", "--no-build", "--no-progress"),
        read=tomllib.loads,
        keys=(
            "project.name", "project.version", "project.requires-python", "project.dependencies",
            "project.optional-dependencies", "dependency-groups", "tool.uv",
        ),
        renew="uv lock",
    ),
}  # fmt: skip


#: Lock files of package managers that do the same job for the same manifest.
OTHER_LOCKS: Mapping[str, tuple[str, ...]] = {
    "npm": ("yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
    "uv": ("poetry.lock", "pdm.lock", "Pipfile.lock"),
}


def make(manager: str, folder: Path) -> str:
    """Make the lock file of a project.

    Returns:
        Its name.

    Raises:
        LockError: When the package manager is missing, fails or takes too long.
    """
    known = MANAGERS.get(manager)
    if known is None:
        raise LockError(f"The template's package manager '{manager}' is not known here.")
    (folder / known.file).write_bytes(resolved(known, (folder / known.manifest).read_bytes()))
    return known.file


def resolved(manager: PackageManager, manifest: bytes, lock: bytes | None = None) -> bytes:
    """Resolve what a manifest asks for.

    Args:
        manager: The package manager.
        manifest: Its manifest.
        lock: The lock file so far: what still fits stays at its version.

    Returns:
        The lock file.

    Raises:
        LockError: When the package manager is missing, fails or takes too long.
    """
    later = manager.later(renew=lock is not None)
    state = "there is no {} yet" if lock is None else "{} stays as it was"
    program = shutil.which(manager.command[0])
    if program is None:
        state = state.format(manager.file)
        raise LockError(f"{manager.name} is not installed, so {state}.", later)
    # Beside the manifest alone: a template's own settings could name programs to run, or
    # registries to send this machine's tokens to.
    with tempfile.TemporaryDirectory(prefix="scaffold-") as scratch:
        made = Path(scratch, manager.file)
        try:
            Path(scratch, manager.manifest).write_bytes(manifest)
            if lock is not None:
                made.write_bytes(lock)
            done = subprocess.run(
                [program, *manager.command[1:]],
                cwd=scratch,
                env={**os.environ, "UV_NO_WRAP": "1"},  # a reason is a whole line
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            reason = f"it took more than {TIMEOUT} seconds"
        except OSError as error:
            reason = str(error)
        else:
            if done.returncode == 0 and made.is_file():
                return made.read_bytes()
            reason = _reason(done.stderr)
    raise LockError(f"{manager.name} made no {manager.file}: {reason}", later)


def _reason(output: str) -> str:
    """Give the line of a package manager's log that says most."""
    noise = (
        "npm warn", "code ", "errno ", "syscall ", "A complete log",
        "Using ", "warning: ", "No solution found",
    )  # fmt: skip
    lines = (
        re.sub(r"^\W*(npm error|error:|cause:)?", "", line).strip() for line in output.splitlines()
    )
    telling = (line for line in lines if line and not line.startswith(noise))
    return next(telling, "it gave no reason")
