"""A folder that is filled in place: all of a project's files arrive, or none.

They are written out of sight, in a folder of the folder's own, and then renamed into place one by
one. What was begun is known to this process alone: nothing that is found in a folder is ever
taken for a note of ours, since an archive or a clone can bring anything.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scaffold import git
from scaffold.errors import EnvironmentLackError, ScaffoldError
from scaffold.files import Move, Moves, digest
from scaffold.git import repository
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Where that is, until it is done; what comes next when it cannot be done.
STAGE = ".scaffold-new"
_AGAIN = "Nothing was written. Run it again."


@dataclass(slots=True)
class _State:
    """What was begun.

    Attributes:
        init: Whether the folder becomes a repository.
        git_dir: Where git's files are; empty when the folder is no repository yet.
        head: The commit that it was at; empty when there was none.
        moves: The files that go into place.
        made: Folders that are made for them, in that order.
    """

    init: bool
    git_dir: str
    head: str
    moves: list[Move] = field(default_factory=list)
    made: list[str] = field(default_factory=list)


class Filling:
    """What goes into one folder. Nobody else fills it meanwhile.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stage = folder / STAGE
        self._moves = Moves(folder, self._stage, folder)
        self._is_ours = False
        self._state: _State | None = None

    def opened(self) -> Path:
        """Give the place where files are written first."""
        self._is_ours = True  # before it is made, or an interrupt in between would leave it
        try:
            self._stage.mkdir()
        except FileExistsError:
            self._is_ours = False
            raise
        new = self._stage / "new"
        new.mkdir()
        (self._stage / ".gitignore").write_text("*\n")
        return new

    def move_in(self, there: Mapping[PurePosixPath, bytes], *, init: bool) -> None:
        """Move what was written into the folder, until the block is left with an error.

        Args:
            there: What the folder has, as far as it may be replaced.
            init: Whether somebody makes a repository of the folder afterwards.

        Raises:
            ScaffoldError: When something has changed there meanwhile.
        """
        state = _State(init, repository.git_dir(self._folder), repository.head(self._folder))
        new = self._stage / "new"
        for path in sorted(new.rglob("*")):
            name = PurePosixPath(path.relative_to(new).as_posix())
            place = self._folder / name
            if path.is_dir():
                state.made += [] if place.is_dir() else [str(name)]
                continue
            if os.path.lexists(place) and there.get(name) != place.read_bytes():
                raise ScaffoldError(f"{place} was changed meanwhile.", _AGAIN)
            state.moves.append(Move(str(name), digest(place), digest(path)))
        index = Path(state.git_dir, "index")
        if state.git_dir and index.exists():
            shutil.copyfile(index, self._stage / "index")
        (self._stage / "old").mkdir()
        self._state = state
        self._moves.redo(state.moves, (), _AGAIN)

    def go_back(self) -> None:
        """Take back what was begun, unless that is committed. It can be interrupted and repeated.

        What somebody edited since is kept in a folder beside (see `Moves.aside`).
        """
        state = self._state
        if state is not None and not self._has_more(state):
            self._moves.undo(state.moves, state.made, {})
            if state.init:
                shutil.rmtree(self._folder / ".git", ignore_errors=True)
            elif state.git_dir:
                self._take_index_back(Path(state.git_dir, "index"))
        self.forget()

    def forget(self) -> None:
        """Remove all that is left of the work."""
        self._state = None
        if self._is_ours:
            shutil.rmtree(self._stage, ignore_errors=True)

    def _has_more(self, state: _State) -> bool:
        """Tell whether something was committed since, by this or by anybody."""
        if not state.init:
            return state.head != repository.head(self._folder)
        try:  # not the folder's: in half a repository git would look for one around it
            return bool(git.run(f"--git-dir={self._folder / '.git'}", "for-each-ref", "--count=1"))
        except git.GitError:  # there is none yet
            return False

    def _take_index_back(self, index: Path) -> None:
        saved = self._stage / "index"
        if saved.exists():
            again = self._stage / "index.again"
            shutil.copyfile(saved, again)
            shutil.move(again, index)  # which may be on another file system
        else:
            index.unlink(missing_ok=True)


@contextmanager
def filled(folder: Path) -> Iterator[Filling]:
    """Fill a folder that is there, which stays as it was if the block fails or is interrupted.

    Raises:
        ScaffoldError: When somebody else is filling it.
        EnvironmentLackError: When the file system refuses: no space, no permission.
    """
    filling = Filling(folder)
    try:
        with _held(folder):
            try:
                yield filling
                filling.forget()
            except BaseException:
                try:
                    filling.go_back()
                except KeyboardInterrupt:  # there is one at most (see `cli`)
                    filling.go_back()
                raise
    except OSError as error:
        raise EnvironmentLackError(
            f"{shown(folder, 200)} cannot be written: {error.strerror or error}.",
            "Nothing was left behind. Make room or get permission, and run it again.",
        ) from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScaffoldError(
                f"Another `scaffold new` is at work in {shown(folder, 200)}.",
                "Wait until it is done.",
            ) from None
        yield
    finally:
        os.close(handle)
