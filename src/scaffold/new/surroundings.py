"""What is around a project's folder and acts upon it: a repository, a workspace."""

from __future__ import annotations

import json
import os
import shlex
import tomllib
from typing import TYPE_CHECKING, Any

from scaffold import git
from scaffold.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

#: Manifests that make members of the folders below them: how each is read, where it says so, and
#: how a folder is left out.
_WORKSPACES: Mapping[str, tuple[Callable[[str], Any], tuple[str, ...], str]] = {
    "package.json": (json.loads, ("workspaces",), '"!{}" at the end of workspaces'),
    "pyproject.toml": (tomllib.loads, ("tool", "uv", "workspace"), 'exclude = ["{}"]'),
}


def notes(folder: Path, files: Iterable[str], outer: str) -> Iterator[tuple[str, str]]:
    """Say what a project's owner has to know of what is around it, each with what to do.

    Args:
        folder: The project's folder.
        files: Its files.
        outer: The repository that it is a part of; empty when it has its own.
    """
    if outer:
        yield (
            f"{folder} is in a git repository already, {outer}, so none was made.",
            "Commit it there; forges look for pipelines at the top of a repository only.",
        )
        if ignored := _ignored(folder, files):
            yield (
                f"That repository ignores {count(len(ignored), 'file')} of it: {ignored[0]}, …",
                f"Mend its .gitignore, or: git add --force {shlex.quote(str(folder))}",
            )
    for parent in folder.resolve().parents:
        for name, (read, keys, without) in _WORKSPACES.items():
            if _says(parent / name, read, keys):
                place = os.path.relpath(folder.resolve(), parent)
                yield (
                    f"{parent / name} has a workspace, in which no member has a lock of its own.",
                    f"If this would be one, leave it out there: {without.format(place)}",
                )


def _ignored(folder: Path, files: Iterable[str]) -> list[str]:
    try:
        return git.ignored(folder, files)
    except git.GitError:  # only a word of advice
        return []


def _says(manifest: Path, read: Callable[[str], Any], keys: tuple[str, ...]) -> bool:
    try:
        found = read(manifest.read_text("utf-8"))
        for key in keys:
            found = found[key]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
    return True
