"""A branch with one commit on it, made beside the work tree and the index: neither is touched."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from scaffold import git
from scaffold.errors import ScaffoldError, UsageError
from scaffold.git.store import inline
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from scaffold.git.repository import Repository


def ready(repository: Repository, branch: str) -> str:
    """Make sure that git will make a commit on a new branch, before anybody is asked anything.

    Returns:
        Who makes it, as git records it.

    Raises:
        UsageError: When that cannot be the name of a branch.
        ScaffoldError: When there is such a branch, or git does not know whose commit it would be.
    """
    try:
        named = git.run("check-ref-format", "--branch", branch, cwd=repository.top)
    except git.GitError:
        named = ""
    if named != branch:
        raise UsageError(
            f"{shown(branch)} cannot be the name of a branch.", "For example: --branch adopt"
        )
    with suppress(git.GitError):
        git.run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", cwd=repository.top)
        raise ScaffoldError(
            f"There is a branch {branch} already; nothing was changed.",
            f"Merge it, or drop it with `git branch -D {branch}`, or name another with --branch.",
        )
    try:
        return git.run("var", "GIT_COMMITTER_IDENT", cwd=repository.top)
    except git.GitError as error:
        raise ScaffoldError(
            f"git does not know who you are, so it makes no commit: {error}",
            "Tell it: git config user.name 'Your Name', git config user.email you@example.com",
        ) from error


def main(repository: Repository) -> str:
    """Name the branch that the others of a repository start from, as far as it knows."""
    listed = git.run(
        "for-each-ref", "--format=%(refname) %(symref)", "refs/heads", "refs/remotes/origin",
        cwd=repository.top,
    )  # fmt: skip
    refs = dict(line.partition(" ")[::2] for line in listed.splitlines())
    if said := refs.get("refs/remotes/origin/HEAD"):
        return said.removeprefix("refs/remotes/origin/")
    if not refs.keys().isdisjoint({"refs/heads/main", "refs/remotes/origin/main"}):
        return "main"
    return git.run("branch", "--show-current", cwd=repository.top) or "main"


def commit(
    repository: Repository,
    branch: str,
    message: str,
    result: Mapping[PurePosixPath, tuple[bytes, str]],
) -> str:
    """Commit files to a new branch; the work tree and the index stay as they are.

    Returns:
        The commit.

    Raises:
        UsageError: As for `ready`.
        ScaffoldError: As for `ready`, or when git refuses.
    """
    who = ready(repository, branch)
    ref = f"refs/heads/{branch}"
    said = os.fsencode(message)
    stream = [
        b"commit %b\ncommitter %b\ndata %d\n%b\n" % (ref.encode(), who.encode(), len(said), said),
        b"from %b\n" % repository.head.encode(),
    ]
    stream += [inline(repository.prefix / path, *file) for path, file in sorted(result.items())]
    stream.append(b"done\n")
    try:
        git.raw("fast-import", "--quiet", "--done", cwd=repository.top, feed=b"".join(stream))
        return git.run("rev-parse", "--verify", ref, cwd=repository.top)
    except git.GitError as error:
        raise ScaffoldError(
            f"git made no commit: {error}", "Nothing was changed. Mend that, and run it again."
        ) from error
