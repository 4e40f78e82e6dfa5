"""Git, as a process that asks nothing, runs no hook and touches no repository but the one named."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from scaffold import child
from scaffold.errors import EnvironmentLackError, UsageError
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
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


#: What a repository's own settings would have git run: hooks, and what watches its files.
_NOTHING_RUNS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")

#: The first that merges without a work tree (`git merge-tree --write-tree`).
OLDEST = (2, 38)

#: Seconds that a host may say nothing for.
PATIENCE = 20


class GitError(Exception):
    """Git refused; the message is the line in which it says why."""


def explained(error: GitError) -> tuple[str, str, int]:
    """Give what happened where nobody reckoned with it, what to do next, and the exit code."""
    if "No space left on device" in str(error):
        lack = EnvironmentLackError.exit_code
        return f"The disk is full: {error}", "Make room, and run it again.", lack
    found = re.search(r"(\d+)\.(\d+)", run("version"))
    if found and (int(found[1]), int(found[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        lack = EnvironmentLackError.exit_code
        return f"This git is {found[0]}, and {wanted} is needed: {error}", "Upgrade git.", lack
    return f"git refused: {error}", "Mend that, and run it again; nothing was changed.", 1


def required(hint: str = "Install it (apt install git, brew install git).") -> None:
    """Make sure that git can be run.

    Args:
        hint: What to do where it cannot.

    Raises:
        EnvironmentLackError: When there is no git.
    """
    if shutil.which("git") is None:
        raise EnvironmentLackError(
            "git is not installed, or not on PATH.",
            hint,
        )


def run(
    *args: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    fine: tuple[int, ...] = (0,),
) -> str:
    """Run git and give what it printed, without the final line break.

    Raises:
        GitError: When git exits with an error.
        EnvironmentLackError: When there is no git.
    """
    return raw(*args, cwd=cwd, env=env, fine=fine).decode(errors="replace").rstrip("\n")


def raw(
    *args: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    feed: bytes = b"",
    fine: tuple[int, ...] = (0,),
) -> bytes:
    """Run git on what is fed to it and give the bytes it printed.

    Args:
        args: Its arguments.
        cwd: Where it runs.
        env: What its environment has besides ours.
        feed: Its standard input.
        fine: The exit codes that are no error.

    Raises:
        GitError: When git exits with an error.
        EnvironmentLackError: When there is no git.
    """
    required()
    done = subprocess.run(
        ["git", *_NOTHING_RUNS, *args],  # noqa: S607
        cwd=cwd,
        env={**_environment(), **(env or {})},
        check=False,
        capture_output=True,
        input=feed,
    )
    if done.returncode not in fine:
        said = _reason(done.stderr.decode(errors="replace"))
        raise GitError(without_password(said or f"git {args[0]} failed"))
    return done.stdout


def _environment() -> dict[str, str]:
    return {
        "GIT_SSH_COMMAND": f"ssh -oBatchMode=yes -oConnectTimeout={PATIENCE}",
        **{k: v for k, v in os.environ.items() if k not in LOCAL_VARIABLES},
        "GIT_TERMINAL_PROMPT": "0",
        # `ext::` and other transports that run commands stay out.
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    }


def require_answer(url: str, cwd: Path) -> None:
    """Make sure that a host says something, if only that it refuses.

    Args:
        url: Where a repository is.
        cwd: Any folder that is in none.

    Raises:
        GitError: When it says nothing for so long that nothing will come.
    """
    required()
    command = ["git", "ls-remote", "--quiet", "--", url, "HEAD"]
    try:
        child.run(command, cwd, _environment(), PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise GitError(f"its host gave no answer in {PATIENCE:g} seconds") from error


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal: ", "error: ", "ERROR: "))]
    return (telling or lines or [""])[0]


def without_password(text: str) -> str:
    """Take the passwords out of every URL in a text, and the user too where it may be a token."""
    text = re.sub(r"(https?://)[^/@\s]+@", r"\1", text)
    return re.sub(r"(://[^/@:\s]+):[^/@\s]*@", r"\1@", text)


def top(folder: Path) -> str:
    """Give the folder of the repository that a folder belongs to; nothing when it is in none.

    Raises:
        UsageError: When there is one that git refuses to read.
    """
    try:
        return run("rev-parse", "--show-toplevel", cwd=folder, env={"LC_ALL": "C"})
    except GitError as error:
        if re.search(r"not a git repository \(or any|must be run in a work tree", str(error)):
            return ""
        raise unreadable(folder, error) from error


def unreadable(folder: Path, error: GitError) -> UsageError:
    """Say that git refuses to read a folder's repository, and what it advises."""
    hint = "Mend that first; nothing was changed."
    if owned := re.search(r"dubious ownership in repository at '(.+)'", str(error)):
        trust = f"git config --global --add safe.directory {shlex.quote(owned[1])}"
        hint = f"Nothing was changed. If you trust it: {trust}"
    return UsageError(f"{shown(folder, 200)} is no repository that git can read: {error}", hint)


def ignored(folder: Path, files: Iterable[str]) -> list[str]:
    """Tell which files of a repository's folder it ignores and does not track all the same.

    Args:
        folder: The folder.
        files: The files; they need not be there.

    Raises:
        GitError: When that is in no repository.
    """
    listed = raw("check-ignore", "-z", "--stdin", cwd=folder, feed=fed(files), fine=(0, 1))
    return [os.fsdecode(name) for name in listed.split(b"\0")[:-1]]


def fed(files: Iterable[str]) -> bytes:
    """Write paths as git reads them with `-z --stdin`."""
    return b"".join(os.fsencode(file) + b"\0" for file in files)
