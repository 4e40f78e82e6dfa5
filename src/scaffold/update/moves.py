"""What an update moves, and what it may not touch: worked out before anything is moved."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scaffold.errors import ScaffoldError
from scaffold.files import FOLDER, Move, digest
from scaffold.git.repository import SUBMODULE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scaffold.git.repository import Entry, Repository
    from scaffold.update.state import State


def plan_moves(
    state: State, result: Mapping[PurePosixPath, Entry | None], repository: Repository, new: Path
) -> None:
    """Work out each move of an update, and refuse what would touch what git does not know.

    Args:
        state: Where they are noted, with the folders that come and go.
        result: What is different from the last commit.
        repository: Whose work tree they are in.
        new: A folder with what comes.

    Raises:
        ScaffoldError: When something is in the way.
    """
    known = repository.files
    going = {path for path, entry in result.items() if entry is None}
    for path, entry in sorted(result.items(), key=lambda item: (item[1] is not None, item[0])):
        was = known.get(path)
        if SUBMODULE in {getattr(was, "mode", ""), getattr(entry, "mode", "")}:
            raise ScaffoldError(
                f"The update would move the submodule {path}; nothing was changed.",
                f"List {path} under keep: in .scaffold.yml.",
            )
        parents = list(reversed(path.parents))[1:]
        _check_parents(repository.top, path, parents, going)
        old = digest(repository.top / path)
        if old == FOLDER and _is_vacated(repository.top, path, going):
            old = ""
        if old and (was is None or old == FOLDER):
            raise ScaffoldError(
                f"{path} is in the way: the update adds it, and git does not track yours.",
                "Commit it, move it away or remove it; nothing was changed.",
            )
        state.moves.append(Move(str(path), old, digest(new / path) if entry else ""))
        for parent in parents:
            place, name = repository.top / parent, str(parent)
            there = place.is_dir() and not place.is_symlink()
            if entry is None and there:
                state.emptied.setdefault(name, stat.S_IMODE(place.stat().st_mode))
            elif entry and not there and name not in state.made:
                state.made.append(name)


def _check_parents(
    top: Path, path: PurePosixPath, parents: list[PurePosixPath], going: set[PurePosixPath]
) -> None:
    for parent in parents:
        place = top / parent
        if parent in going:
            return  # a folder takes its place
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise ScaffoldError(
                f"{path} cannot be written: {parent} is no folder; nothing was changed.",
                "Move it away, or list the path under keep: in .scaffold.yml.",
            )


def _is_vacated(top: Path, folder: PurePosixPath, going: set[PurePosixPath]) -> bool:
    """Tell whether nothing is left of a folder when the update has removed what goes."""
    return all(
        PurePosixPath(place.relative_to(top)) in going
        for place in (top / folder).rglob("*")
        if place.is_symlink() or not place.is_dir()
    )
