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

    from scaffold.files import File


#: The branch that pipelines deploy from.
BRANCH = "main"


def is_path(wanted: str) -> bool:
    """Tell whether somebody names a folder, and not just what it is to be called."""
    return "/" in wanted or wanted in {os.curdir, os.pardir}


def named(into: Path, wanted: str) -> str:
    """Give the name of a project, wherever its folder is."""
    return os.path.basename(os.path.abspath(into / wanted)) if is_path(wanted) else wanted  # noqa: PTH100, PTH119  # links stay


def free_destination(into: Path, wanted: str) -> Path:
    """Give the folder that a new project will be, whether it is there or not.

    Raises:
        UsageError: When it cannot be made, or something else is there.
    """
    destination = into / wanted
    if not destination.parent.is_dir():
        raise UsageError(
            f"{shown(destination.parent, 200)} is not a folder.",
            "Create it first, or name another with --into.",
        )
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise UsageError(
            f"{shown(destination, 200)} exists and is not a folder; nothing was changed.",
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


def commit(folder: Path, message: str, files: Iterable[str], others: Iterable[str] = ()) -> str:
    """Commit files of a folder on the branch it is on; on `main` where it was no repository.

    Args:
        folder: The folder.
        message: What the commit is about.
        files: The project's, whatever is ignored: a person's own rules are not the project's.
        others: What was there before, of which git keeps only what it does not ignore.

    Returns:
        The commit.

    Raises:
        git.GitError: When git refuses, as it does when it knows no author.
    """
    if not os.path.lexists(folder / ".git"):
        git.run("init", "--quiet", f"--initial-branch={BRANCH}", cwd=folder)
    others = set(others)
    listed = sorted({*files, *others.difference(git.ignored(folder, others))})
    git.raw("update-index", "--add", "-z", "--stdin", cwd=folder, feed=git.fed(listed))
    git.run("commit", "--quiet", "--message", message, cwd=folder)
    return git.run("rev-parse", "HEAD", cwd=folder)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
