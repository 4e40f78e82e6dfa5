"""Files of a project, and how they move into a work tree and back out of it.

Each move is a rename that is done or is not. What a file replaces is put beside first, so going
back needs no space. Doing and taking back can both be interrupted at any point, and begun again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

#: What can be at a path besides a file.
FOLDER, ELSEWHERE = "folder", "behind a link"


@dataclass(frozen=True, slots=True, order=True)
class File:
    """One file of a project.

    Attributes:
        path: Where it goes, relative to the project.
        content: What is in it.
        executable: Whether it can be run.
        origin: The template's file that it comes from, relative to the template.
    """

    path: PurePosixPath
    content: bytes
    executable: bool
    origin: PurePosixPath

    @property
    def mode(self) -> str:
        """Its mode, as git writes it."""
        return "100755" if self.executable else "100644"


@dataclass(frozen=True, slots=True)
class Move:
    """What happens at one path.

    Attributes:
        path: Where, in the repository.
        old: The digest of what is there before; empty when nothing is.
        new: The digest of what is there afterwards; empty when nothing is.
    """

    path: str
    old: str
    new: str


class Moves:
    """What can be moved into one work tree.

    Args:
        top: The work tree.
        stage: A folder on the same file system: `new/` has what comes, `old/` takes what goes.
        home: A folder that stays, even when it is empty.
    """

    def __init__(self, top: Path, stage: Path, home: Path) -> None:
        self.top = top
        self.stage = stage
        self.home = home

    @property
    def aside(self) -> Path:
        """Where files go that were edited in between and would be lost to going back."""
        return self.stage.with_name(f"{self.stage.name}-aborted")

    def redo(self, moves: Iterable[Move], emptied: Iterable[str], hint: str) -> None:
        """Do what is not done yet; what is done already is left as it is.

        Args:
            moves: What is to be done.
            emptied: Folders to remove when that leaves them empty, the outer before the inner.
            hint: What to do when a file is not what it should be.

        Raises:
            ScaffoldError: When one is not.
        """
        for move in moves:
            place, old, new = self._places(move)
            waits = bool(move.new) and os.path.lexists(new)
            if move.old and not os.path.lexists(old):
                self._expect(move.path, {move.old}, hint)
                old.parent.mkdir(parents=True, exist_ok=True)
                if move.new:
                    _link(place, old)
                else:
                    place.rename(old)
            elif not waits:
                self._expect(move.path, {move.new} if move.new else {"", FOLDER}, hint)
            if waits:
                if not move.old:
                    _remove_folders(place)
                self._expect(move.path, {move.old, ""}, hint)
                place.parent.mkdir(parents=True, exist_ok=True)
                new.rename(place)
        for folder in reversed(list(emptied)):
            self._remove_if_empty(self.top / folder)

    def undo(
        self, moves: Collection[Move], made: Sequence[str], emptied: Mapping[str, int]
    ) -> list[str]:
        """Take back what is done; what is not done is left as it is.

        Args:
            moves: What was to be done.
            made: Folders that were made for it, the outer before the inner.
            emptied: Folders that may have gone, the outer before the inner, with their modes.

        Returns:
            Files that were edited since, and put aside.
        """
        kept: list[str] = []
        for move in reversed([move for move in moves if move.new]):
            self._take_back(move, kept)
        self._take_folders_back(made, emptied, kept)
        for move in moves:
            if not move.new:
                self._take_back(move, kept)
        return kept

    def _expect(self, path: str, digests: set[str], hint: str) -> None:
        if self._found(path) not in digests:
            raise ScaffoldError(f"{path} was changed meanwhile.", hint)

    def _found(self, path: str) -> str:
        """Tell what is at a path; what is behind a link is none of ours."""
        return ELSEWHERE if self._link_to(path) else digest(self.top / path)

    def _link_to(self, path: str) -> PurePosixPath | None:
        parents = reversed(PurePosixPath(path).parents[:-1])
        return next((parent for parent in parents if (self.top / parent).is_symlink()), None)

    def _take_back(self, move: Move, kept: list[str]) -> None:
        place, old, new = self._places(move)
        now = self._found(move.path)
        if move.old:
            taken_back = not os.path.lexists(old)
        else:
            taken_back = os.path.lexists(new) or now in {"", FOLDER, ELSEWHERE}
        if taken_back:  # or not begun
            return
        if now not in {move.old, move.new, ""}:
            self._put_aside(str(self._link_to(move.path) or move.path), kept)
        if move.old:
            place.parent.mkdir(parents=True, exist_ok=True)
            old.replace(place)
        else:
            place.unlink(missing_ok=True)

    def _take_folders_back(
        self, made: Sequence[str], emptied: Mapping[str, int], kept: list[str]
    ) -> None:
        for folder in reversed(made):
            if self._found(folder) == FOLDER:
                with suppress(OSError):  # somebody else put something there
                    (self.top / folder).rmdir()
        for folder, mode in emptied.items():
            place = self.top / folder
            if self._found(folder) != FOLDER:
                self._put_aside(str(self._link_to(folder) or folder), kept)
                place.mkdir()
            if stat.S_IMODE(place.stat().st_mode) != mode:
                place.chmod(mode)

    def _put_aside(self, path: str, kept: list[str]) -> None:
        if not os.path.lexists(self.top / path):
            return
        target = self.aside / path
        while os.path.lexists(target):
            target = target.with_name(f"{target.name}~")
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.top / path).rename(target)
        kept.append(path)

    def _places(self, move: Move) -> tuple[Path, Path, Path]:
        return (
            self.top / move.path,
            self.stage / "old" / move.path,
            self.stage / "new" / move.path,
        )

    def _remove_if_empty(self, folder: Path) -> None:
        with suppress(OSError):  # it is not, or we were started in a folder that is gone
            if folder not in {self.home, Path.cwd()}:
                folder.rmdir()


def digest(path: Path) -> str:
    """Tell apart all that can be at a path; nothing is an empty text."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if stat.S_ISDIR(mode):
        return FOLDER
    if stat.S_ISLNK(mode):
        return f"link to {os.fsencode(path.readlink())!r}"
    if not stat.S_ISREG(mode):
        return "neither a file nor a folder"
    return hashlib.sha256(path.read_bytes()).hexdigest() + ("+x" if mode & 0o111 else "")


def _link(place: Path, other: Path) -> None:
    """Give a file a second place, or where the file system cannot do that, move it there."""
    try:
        os.link(place, other, follow_symlinks=False)
    except OSError:
        place.rename(other)


def _remove_folders(folder: Path) -> None:
    """Remove a folder that has only folders in it."""
    if digest(folder) == FOLDER:
        with suppress(OSError):  # it has more
            for path, _, _ in os.walk(folder, topdown=False):
                Path(path).rmdir()
