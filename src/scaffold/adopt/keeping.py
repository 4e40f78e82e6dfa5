"""What of a repository is its own, and what is the template's after all."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from scaffold.errors import UsageError
from scaffold.project import ownership
from scaffold.project.ownership import Owner
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from scaffold.files import File
    from scaffold.git.repository import Entry


def chosen(
    take: Iterable[PurePosixPath],
    files: Iterable[File],
    present: Mapping[PurePosixPath, Entry],
) -> list[File]:
    """Give the template's files at some paths, each a file or a folder.

    Raises:
        UsageError: When it has none there, or when one could not be written without removing more
            than the file that it replaces.
    """
    found: dict[PurePosixPath, File] = {}
    for path in take:
        below = {file.path: file for file in files if file.path.is_relative_to(path)}
        if not below:
            raise UsageError(
                f"With these answers the template has nothing at {shown(path, 200)}.",
                "Paths are those of the project: `scaffold new` would have them at the same place.",
            )
        found |= below
    for path in found:
        clash = next((parent for parent in path.parents if parent in present), None)
        if clash or any(path in other.parents for other in present):
            raise UsageError(
                f"{path} cannot be taken: {shown(clash or path, 200)} is a "
                f"{'file' if clash else 'folder'} here.",
                "Move that out of the way, commit, and run it again.",
            )
    return list(found.values())


def kept(
    text: str,
    keep: Iterable[str],
    managed: Collection[PurePosixPath],
    take: Collection[PurePosixPath] = (),
) -> str:
    """Write down in a project's settings what is its own, and what is the template's after all.

    Args:
        text: The settings so far.
        keep: Patterns of what is its own.
        managed: Files that are the template's, whatever a pattern says.
        take: Those of them, and folders with some, that somebody named.
    """
    returned = [*managed, *(PurePosixPath(ownership.pattern(path)[1:]) for path in managed)]
    text = ownership.written(text, keep, returned=returned)
    owners = ownership.parsed(text, ())
    covered = [path for path in managed if owners.of(path) is Owner.YOURS]
    named = (
        next((t for t in take if t.parts and path.is_relative_to(t)), path) for path in covered
    )
    lines = dict.fromkeys(f"!{ownership.pattern(path)}" for path in named)
    return ownership.written(text, lines) if lines else text
