"""Migrations of other commits: of the last release, and of releases that are newer than what is checked out."""

from __future__ import annotations

from collections.abc import Container

from .git import Git
from .migrations import FOLDER, Migration
from .release import TAG, order
from .script import SUFFIX


def called(git: Git, commit: str) -> list[str]:
    """Give what those of a commit are called, oldest first."""
    listed = git("ls-tree", "--name-only", f"{commit}:./", "--", f"{FOLDER}/").splitlines()
    return sorted(name.rpartition("/")[2] for name in listed if name.endswith(SUFFIX))


def of(git: Git, commit: str, known: Container[str] = ()) -> list[Migration]:
    """Give those of a commit that are not known, oldest first."""
    new = [name for name in called(git, commit) if name not in known]
    return [Migration(name, git("show", f"{commit}:./{FOLDER}/{name}") + "\n") for name in new]


def newest(git: Git, commit: str) -> str:
    """Give the number of the newest that a commit has, or an empty text."""
    return max((Migration(name, "").version for name in called(git, commit)), default="")


def last_release(git: Git) -> str:
    """Give the tag of the newest release that HEAD comes from, or an empty text."""
    found = filter(None, map(TAG.fullmatch, git.tags("--merged=HEAD")))
    newest = max((it[1] for it in found if not it[2]), key=order, default="")
    return f"v{newest}" if newest else ""


def missing(git: Git, known: Container[str]) -> list[Migration]:
    """Give those that this repository has in any commit, and that are not here: the database may have them."""
    listed = git.found("log", "--all", "--format=%x00%H", "--name-only", "--diff-filter=AM", "--", str(FOLDER))
    found: dict[str, Migration] = {}
    for commit, *names in (block.split() for block in listed.split("\0")[1:]):
        for path in names:
            name = path.rpartition("/")[2]
            if name.endswith(SUFFIX) and name not in known and name not in found:
                found[name] = Migration(name, git("show", f"{commit}:{path}") + "\n")
    return list(found.values())
