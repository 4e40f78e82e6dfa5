"""Git, as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from scaffold.errors import EnvironmentLackError

if TYPE_CHECKING:
    from pathlib import Path


class GitError(Exception):
    """Git refused; the message is the last line it wrote."""


def available() -> bool:
    """Tell whether git can be run."""
    return shutil.which("git") is not None


def run(*args: str, cwd: Path | None = None) -> str:
    """Run git and give what it printed, without the final line break.

    Hooks stay out: a repository of ours runs nothing that a machine's settings add.

    Raises:
        GitError: When git exits with an error.
        EnvironmentLackError: When there is no git.
    """
    try:
        done = subprocess.run(
            ["git", "-c", f"core.hooksPath={os.devnull}", *args],  # noqa: S607
            cwd=cwd,
            # `ext::` and other transports that run commands stay out.
            env={**os.environ, "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"},
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        if cwd is not None and not cwd.is_dir():
            raise
        raise EnvironmentLackError(
            "git is not installed, or not on PATH.",
            "Install it (apt install git, brew install git), or use --no-git.",
        ) from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        raise GitError(lines[-1] if lines else f"git {args[0]} failed") from None
    return done.stdout.rstrip("\n")


def inside_work_tree(folder: Path) -> bool:
    """Tell whether a folder belongs to a repository already."""
    try:
        return run("rev-parse", "--is-inside-work-tree", cwd=folder) == "true"
    except GitError:
        return False
