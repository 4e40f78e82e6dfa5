"""Git, as a process that asks nothing, runs no hook and touches no repository but the one named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from scaffold.errors import EnvironmentLackError

if TYPE_CHECKING:
    from pathlib import Path

#: What points git at another repository than the folder it is run in, as a hook's environment
#: does: `git rev-parse --local-env-vars`.
LOCAL_VARIABLES = frozenset({
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
})  # fmt: skip


class GitError(Exception):
    """Git refused; the message is the line in which it says why."""


def required() -> None:
    """Make sure that git can be run.

    Raises:
        EnvironmentLackError: When there is no git.
    """
    if shutil.which("git") is None:
        raise EnvironmentLackError(
            "git is not installed, or not on PATH.",
            "Install it (apt install git, brew install git), or use --no-git.",
        )


def run(*args: str, cwd: Path | None = None) -> str:
    """Run git and give what it printed, without the final line break.

    Raises:
        GitError: When git exits with an error.
        EnvironmentLackError: When there is no git.
    """
    required()
    inherited = {k: v for k, v in os.environ.items() if k not in LOCAL_VARIABLES}
    done = subprocess.run(
        ["git", "-c", f"core.hooksPath={os.devnull}", *args],  # noqa: S607
        cwd=cwd,
        env={
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            **inherited,
            "GIT_TERMINAL_PROMPT": "0",
            # `ext::` and other transports that run commands stay out.
            "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        },
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise GitError(without_password(_reason(done.stderr) or f"git {args[0]} failed"))
    return done.stdout.rstrip("\n")


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal: ", "error: ", "ERROR: "))]
    return (telling or lines or [""])[0]


def without_password(text: str) -> str:
    """Take the passwords out of every URL in a text, and the user too where it may be a token."""
    text = re.sub(r"(https?://)[^/@\s]+@", r"\1", text)
    return re.sub(r"(://[^/@:\s]+):[^/@\s]*@", r"\1@", text)


def inside_work_tree(folder: Path) -> bool:
    """Tell whether a folder belongs to a repository already."""
    try:
        return run("rev-parse", "--is-inside-work-tree", cwd=folder) == "true"
    except GitError:
        return False
