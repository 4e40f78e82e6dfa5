"""A project's folder: made out of sight, and then there at once."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scaffold import git
from scaffold.errors import EnvironmentLackError, UsageError
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scaffold.render import File


def free_destination(into: Path, name: str) -> Path:
    """Give the folder a new project will be.

    Raises:
        UsageError: When `into` is no folder, or when the project's would not be new.
    """
    if not into.is_dir():
        raise UsageError(
            f"{shown(into, 200)} is not a folder.", "Create it first, or name another with --into."
        )
    destination = into / name
    if destination.is_symlink() or (
        destination.exists() and not (destination.is_dir() and not any(destination.iterdir()))
    ):
        raise UsageError(
            f"{shown(destination, 200)} exists and is not an empty folder; nothing was changed.",
            "Choose another name, another folder with --into, or remove it first.",
        )
    return destination


@contextmanager
def appearing_at(destination: Path) -> Iterator[Path]:
    """Give a scratch folder that becomes `destination` in one step when the block ends.

    It lies beside the destination, so that the last step is a rename within one file system.
    When the block fails or is interrupted, it goes and the destination stays as it was.

    Raises:
        EnvironmentLackError: When the file system refuses: no space, no permission.
        UsageError: When somebody else made the destination meanwhile.
    """
    scratch = None
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
        yield scratch
        scratch.chmod(0o777 & ~_umask())  # mkdtemp's is for its owner alone
        _move(scratch, destination)
    except OSError as error:
        raise EnvironmentLackError(
            f"{destination} cannot be written: {error.strerror or error}.",
            "Nothing was left behind. Make room or get permission, or choose another --into.",
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _move(scratch: Path, destination: Path) -> None:
    try:
        scratch.rename(destination)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
            raise UsageError(
                f"{shown(destination, 200)} appeared meanwhile; it was left alone.",
                "Choose another name, or remove it first.",
            ) from error
        raise


def write(files: Iterable[File], folder: Path) -> None:
    """Write files below a folder, with the modes that the user's umask gives."""
    mask = _umask()
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        if file.executable:
            path.chmod(0o777 & ~mask)


def first_commit(folder: Path, message: str) -> None:
    """Make a repository of a folder, with everything in one commit on `main`.

    Raises:
        git.GitError: When git refuses, as it does when it knows no author.
    """
    git.run("init", "--quiet", "--initial-branch=main", cwd=folder)
    # By force, because a person's own ignore rules are not the project's.
    git.run("add", "--all", "--force", cwd=folder)
    git.run("commit", "--quiet", "--message", message, cwd=folder)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
