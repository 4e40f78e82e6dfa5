"""Lock files: the exact versions of everything a new project depends on.

A row of the stack says which package manager there is (`lock: npm`); how each makes a lock is
written here, not in the template: what a template says is never run.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds that resolving may take; a cold resolve of the default service takes about ten.
TIMEOUT = 300


class LockError(ScaffoldError):
    """No lock file could be made; the message says why, the hint says what to run."""


@dataclass(frozen=True, slots=True)
class PackageManager:
    """How one package manager makes a lock file without installing or running anything."""

    manifest: str
    file: str
    command: tuple[str, ...]


MANAGERS: Mapping[str, PackageManager] = {
    "npm": PackageManager(
        manifest="package.json",
        file="package-lock.json",
        # Nothing is run, so the Node that will run it need not be this one.
        command=(
            "npm", "install", "--package-lock-only", "--ignore-scripts", "--no-engine-strict",
            "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund",
        ),
    ),
}  # fmt: skip


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
    later = f"Run ops/setup in the project once {manager} works; it makes {known.file}."
    program = shutil.which(known.command[0])
    if program is None:
        raise LockError(f"{manager} is not installed, so there is no {known.file} yet.", later)
    # Beside the manifest alone: a template's own settings could name programs to run, or
    # registries to send this machine's tokens to.
    with tempfile.TemporaryDirectory(prefix="scaffold-") as scratch:
        made = Path(scratch, known.file)
        try:
            shutil.copy(folder / known.manifest, scratch)
            done = subprocess.run(
                [program, *known.command[1:]],
                cwd=scratch,
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
                shutil.copyfile(made, folder / known.file)
                return known.file
            reason = _reason(done.stderr)
    raise LockError(f"{manager} made no {known.file}: {reason}", later)


def _reason(output: str) -> str:
    """Give the line of an npm log that says most."""
    lines = [line.removeprefix("npm error ").strip() for line in output.splitlines()]
    telling = [
        line
        for line in lines
        if line
        and not line.startswith(("npm warn", "code ", "errno ", "syscall ", "A complete log"))
    ]
    return telling[0] if telling else "it gave no reason"
