"""Changes to a work tree and its index: all of them or none, whatever happens on the way.

Everything new is written out of sight first, where a full disk does no harm. Then, under git's own
`index.lock`, each file that goes is linked aside and each new one renamed into place, and last the
index: that is the moment at which the update is done. `state.json` says what has been begun, so
that whoever comes next can go back or finish. Both need neither space nor luck, only the renames
of `files.py`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scaffold import git
from scaffold.errors import EnvironmentLackError, ScaffoldError
from scaffold.files import Moves, digest
from scaffold.git.index import Index, IndexLock
from scaffold.git.repository import SUBMODULE, posix, raw_path
from scaffold.update.merge import is_marked
from scaffold.update.moves import plan_moves
from scaffold.update.state import ABORTING, APPLYING, CONFLICTS, NEXT, STAGED, State
from scaffold.wording import count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from scaffold.git.repository import Entry, Repository
    from scaffold.update.outcome import Conflict

#: What going back takes on disk besides two copies of the index: a few folders.
RESERVE = 2**16


class Journal:
    """The journal of one work tree, held by one process at a time.

    Args:
        repository: Whose work tree.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.top = repository.top
        self.folder = repository.git_dir / "scaffold"
        self.index = repository.git_dir / "index"
        # Files can be renamed only within a file system, and a linked work tree may be on another.
        near = self.top.stat().st_dev == repository.git_dir.stat().st_dev
        self.stage = self.folder if near else self.top / ".scaffold-update"
        self.moves = Moves(self.top, self.stage, repository.folder)
        self._lock = IndexLock(repository.git_dir / "index.lock", self.folder / "token")
        self._is_held = False

    # What is known.

    @property
    def state(self) -> State | None:
        """The update that is not committed yet, if there is one."""
        state = State.read(self.folder / "state.json")
        if state and state.phase == APPLYING and not self._staged_index.exists():
            state.phase = CONFLICTS if state.conflicts else STAGED
        return state

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other update of this work tree out.

        Raises:
            ScaffoldError: When there is one.
        """
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ScaffoldError(
                    f"Another update of {self.top} is running.", "Wait until it is done."
                ) from None
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False

    @property
    def waiting(self) -> State | None:
        """The update that waits for somebody; none that was committed or undone since."""
        state = self.state
        if state is None or self.unmerged():
            return state
        done = state.phase in {CONFLICTS, STAGED}
        over = self.repository.head != state.head or (done and self.repository.is_clean)
        return None if over else state

    def pending(self) -> State | None:
        """Give the update that waits for somebody.

        Whoever holds the journal removes what any other has left.
        """
        waiting = self.waiting
        if self._is_held and (waiting is None or waiting.phase in {CONFLICTS, STAGED}):
            self._lock.release()  # it stays on one that is half done, lest somebody commits that
        if self._is_held and waiting is None:
            self._forget()
        return waiting

    def require_none(self) -> None:
        """Make sure that no update waits for somebody.

        Raises:
            ScaffoldError: When one does; says what stands in the way, and what to do about it.
        """
        state = self.pending()
        if state is None:
            return
        if state.phase == CONFLICTS:
            number = count(len(state.conflicts), "conflict")
            raise ScaffoldError(
                f"An update waits for you: {state.title} ({number}).",
                "Resolve them, then `scaffold update --continue`; or go back with --abort.",
            )
        if state.phase == STAGED:
            raise ScaffoldError(
                f"An update is staged and not committed: {state.title}.",
                "Commit it, or go back with `scaffold update --abort`.",
            )
        or_finish = ", or finish it with `scaffold update --continue`"
        raise ScaffoldError(
            f"An update was interrupted: {state.title}.",
            f"Go back with `scaffold update --abort`{or_finish * (state.phase == APPLYING)}.",
        )

    def unmerged(self) -> list[PurePosixPath]:
        """Give the paths that git's index holds a conflict for."""
        listed = git.raw("ls-files", "-z", "--unmerged", "--full-name", ":/", cwd=self.top)
        return sorted({posix(line.partition(b"\t")[2]) for line in listed.split(b"\0")[:-1]})

    # What is done.

    def apply(
        self,
        title: str,
        result: Mapping[PurePosixPath, Entry | None],
        conflicts: Iterable[Conflict],
        marked: Collection[PurePosixPath] = (),
    ) -> None:
        """Bring a result into the work tree and the index.

        Args:
            title: What it is, for whoever finds it half done.
            result: What is different from the last commit. Its objects are in the repository.
            conflicts: What the index is to hold as conflicts.
            marked: Those among them that show as markers in a file.

        Raises:
            ScaffoldError: When the work tree is not what the result was made for.
            EnvironmentLackError: When the file system or git refuses. All is as before.
        """
        unmerged = {conflict.path: conflict.stages for conflict in conflicts}
        # What somebody has to decide about is put aside too, so that going back brings it back.
        for path in unmerged:
            entry = self.repository.files.get(path)
            if entry and entry.mode != SUBMODULE:
                result = {path: entry, **result}
        try:
            with self._refusals(), self._lock.held():
                state = State(APPLYING, self.repository.head, digest(self.index), title)
                state.conflicts = {str(path): path in marked for path in unmerged}
                self._stage(result, unmerged)
                plan_moves(state, result, self.repository, self.stage / "new")
                self._require_unchanged(result)
                self._begin(state)
                try:
                    self._redo(state, "Run it again; nothing was changed.")
                except BaseException:
                    self._go_back()
                    raise
        finally:
            if self.state is None:
                self._forget()
        self._refresh()

    def resume(self, state: State) -> None:
        """Finish what was interrupted.

        Raises:
            ScaffoldError: When somebody changed something since. Going back is possible then.
            EnvironmentLackError: When the file system refuses.
        """
        hint = "Go back with `scaffold update --abort`."
        with self._refusals(), self._lock.held():
            if digest(self.index) != state.index:
                raise ScaffoldError(f"{self.index} was changed meanwhile.", hint)
            self._redo(state, hint)
        self._refresh()

    def abort(self) -> list[str]:
        """Put everything back as it was.

        Returns:
            Files that were edited since, which are kept (see `Moves.aside`).

        Raises:
            EnvironmentLackError: When the file system refuses.
        """
        with self._refusals(), self._lock.held():
            kept = self._go_back()
        self._refresh()
        return kept

    def finish(self, state: State) -> None:
        """Take the conflicts for decided: the files as they are now go into the index."""
        paths = [path for path in self.unmerged() if str(path) in state.conflicts]
        feed = b"".join(raw_path(path) + b"\0" for path in paths)
        with self._refusals():
            git.raw("update-index", "-z", "--add", "--remove", "--stdin", cwd=self.top, feed=feed)
            state.phase = STAGED
            state.conflicts = {}
            state.write(self.folder / "state.json")

    def undecided(self, state: State) -> list[tuple[str, str]]:
        """Give the paths that are not decided yet, each with the reason.

        Raises:
            ScaffoldError: When somebody decided to go back, and that was interrupted.
        """
        if state.phase == ABORTING:
            raise ScaffoldError(
                "Going back was interrupted, so there is nothing left to continue.",
                f"Finish that first: {NEXT[ABORTING]}",
            )
        unmerged = {str(path) for path in self.unmerged()}
        left = {}
        for path, marked in state.conflicts.items():
            if path in unmerged and not marked:
                left[path] = "git add it, or git rm it"
        found = git.raw(
            "grep", "-z", "--name-only", "--full-name", "-I",
            "-e", "^<<<<<<< yours", "-e", "^>>>>>>> scaffold ", "--", ":/",
            cwd=self.top, fine=(0, 1),
        )  # fmt: skip
        for path in {*found.decode("utf-8", "surrogateescape").split("\0")[:-1], *state.conflicts}:
            with suppress(OSError):
                if is_marked((self.top / path).read_bytes()):
                    left[path] = "it has conflict markers"
        return sorted(left.items())

    # How: what is prepared.

    @property
    def _staged_index(self) -> Path:
        return self.folder / "index"

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Say what the file system or git refuses, and what comes next.

        Raises:
            EnvironmentLackError: Instead of what they raise.
        """
        try:
            yield
        except (OSError, git.GitError) as error:
            where = getattr(error, "filename", None) or self.top
            why = getattr(error, "strerror", None) or str(error).partition(": ")[2] or str(error)
            state = self.state
            raise EnvironmentLackError(
                f"{where} cannot be written: {why.rstrip('.')}.",
                f"Make room or get permission, then: {NEXT[state.phase]}"
                if state
                else "Nothing was changed. Make room or get permission, and run it again.",
            ) from error

    def _stage(
        self,
        result: Mapping[PurePosixPath, Entry | None],
        unmerged: Mapping[PurePosixPath, Mapping[int, Entry]],
    ) -> None:
        """Let git write what is new out of the way: the files, with its filters and line ends.

        Where it does so is never used twice: a git that outlives us spoils nothing of others.
        """
        self._forget()
        if self.stage != self.folder:
            self.stage.mkdir(exist_ok=True)
            (self.stage / ".gitignore").write_text("*\n")
        (self.stage / "old").mkdir()
        with (
            tempfile.TemporaryDirectory(prefix="scratch-", dir=self.folder) as for_index,
            tempfile.TemporaryDirectory(prefix="scratch-", dir=self.stage) as for_files,
        ):
            index, tree = Index(self.repository, Path(for_index, "index")), Path(for_files, "new")
            tree.mkdir()
            shutil.copyfile(self.index, index.file)
            index.put(result)
            index.check_out([path for path, entry in result.items() if entry], tree)
            index.put_conflicts(unmerged)
            tree.rename(self.stage / "new")
            index.file.rename(self._staged_index)

    def _require_unchanged(self, result: Mapping[PurePosixPath, Entry | None]) -> None:
        """Make sure that what is replaced is what the last commit has.

        Raises:
            ScaffoldError: When somebody committed or edited something meanwhile.
        """
        if git.run("rev-parse", "--verify", "HEAD", cwd=self.top) != self.repository.head:
            raise ScaffoldError(
                f"Somebody committed to {self.top} meanwhile; nothing was changed.",
                "Run it again.",
            )
        self.repository.require_clean()
        # That takes the index's word, which may have been told not to look (assume-unchanged).
        known = self.repository.files
        there = {p: known[p] for p in result if p in known and os.path.lexists(self.top / p)}
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=self.folder) as scratch:
            index = Index(self.repository, Path(scratch, "index"))
            index.put(there)
            differing = index.differing()
        for path in differing:
            raise ScaffoldError(
                f"{path} has changes that are not committed, and that git was told to overlook; "
                "nothing was changed.",
                "git update-index --no-assume-unchanged --no-skip-worktree shows them again.",
            )

    def _begin(self, state: State) -> None:
        """Write down what is about to happen, and what going back from it needs."""
        size = 2 * self._staged_index.stat().st_size + RESERVE
        (self.folder / "reserve").write_bytes(bytes(size))
        replace(state, phase=ABORTING).write(self.folder / "abort.json")
        state.write(self.folder / "state.json")

    # How: what is moved.

    def _redo(self, state: State, hint: str) -> None:
        """Do what is not done yet; what is done already is left as it is.

        Raises:
            ScaffoldError: When a file is not what it should be, with the hint.
        """
        self.moves.redo(state.moves, state.emptied, hint)
        if self._staged_index.exists():
            self._staged_index.replace(self.index)
        with suppress(OSError):  # without the staged index, it says the same
            done = CONFLICTS if state.conflicts else STAGED
            replace(state, phase=done).write(self.folder / "state.json")

    def _go_back(self) -> list[str]:
        """Bring back the files, then the index; from now on there is no finishing.

        Returns:
            Files that were edited since, and put aside.
        """
        (self.folder / "reserve").unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # it was begun before
            (self.folder / "abort.json").replace(self.folder / "state.json")
        state = self.state
        if state is None:
            return []
        kept = self.moves.undo(state.moves, state.made, state.emptied)
        if not self._staged_index.exists():
            self._take_index_back(state)
        self._forget()
        return kept

    def _take_index_back(self, state: State) -> None:
        """Give the index at our paths what the last commit has there; the rest is somebody's."""
        files = self.repository.files
        paths = map(PurePosixPath, {*state.conflicts, *(move.path for move in state.moves)})
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=self.folder) as scratch:
            index = Index(self.repository, Path(scratch, "index"))
            shutil.copyfile(self.index, index.file)
            index.put({path: files.get(path) for path in paths})
            index.file.replace(self.index)

    # How: what is remembered.

    def _forget(self) -> None:
        """Remove all that an update leaves here; the state first, which says what the rest is."""
        (self.folder / "state.json").unlink(missing_ok=True)
        for name in ("abort.json", "reserve", "index", "state.json.new", "abort.json.new"):
            (self.folder / name).unlink(missing_ok=True)
        for folder in {self.folder, self.stage}:
            for name in ("new", "old", "scratch-*"):
                for left in folder.glob(name):
                    shutil.rmtree(left, ignore_errors=True)
        if self.stage != self.folder:
            shutil.rmtree(self.stage, ignore_errors=True)

    def _refresh(self) -> None:
        """Let git see that the files are those of the index, so that `git status` is quick."""
        with suppress(git.GitError, KeyboardInterrupt):  # it is done: too late to leave
            git.raw("update-index", "-q", "--refresh", cwd=self.top)
