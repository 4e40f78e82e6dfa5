"""What became of a project: its files as they are now, beside what its template wrote.

Nothing of the project or its repository is written: what git needs, it has in a scratch store.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from scaffold import git
from scaffold.git.repository import Repository, posix, raw_path
from scaffold.git.store import Store
from scaffold.project import ownership
from scaffold.project.answersfile import around
from scaffold.project.origin import Origin
from scaffold.project.ownership import Owner
from scaffold.template.renderer import seeds
from scaffold.update.merge import is_marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scaffold.project.answersfile import AnswersFile
    from scaffold.project.ownership import Ownership
    from scaffold.template.source import Shelf


class State(StrEnum):
    """What became of a file that the template wrote."""

    WRITTEN = "as written"
    EDITED = "edited"
    MOVED = "moved"
    DELETED = "deleted"
    #: It is missing, and `.scaffold.yml` says that updates need not write it.
    ABSENT = "not written"


@dataclass(frozen=True, slots=True)
class Trace:
    """One path that the template wrote.

    Attributes:
        path: Where, in the project.
        owner: Who decides over it.
        state: What became of it.
        moved_to: Where it is now, when it was moved.
        edited: Whether its content or mode is another.
    """

    path: PurePosixPath
    owner: Owner
    state: State
    moved_to: PurePosixPath | None = None
    edited: bool = False


@dataclass(frozen=True)
class Drift:
    """What became of one project.

    Attributes:
        record: Its answers file.
        origin: What it came from.
        owners: Who owns what in it.
        traces: What became of each path, in their order.
    """

    record: AnswersFile
    origin: Origin
    owners: Ownership
    traces: list[Trace]
    _tree: _Tree = field(repr=False)

    @property
    def numbers(self) -> dict[State, int]:
        """How many paths are in each state, those that occur."""
        found = Counter(trace.state for trace in self.traces)
        return {state: found[state] for state in State if found[state]}

    def changed(self, limits: Iterable[PurePosixPath] = ()) -> list[Trace]:
        """Give what is not as it was written.

        Args:
            limits: Only at or below these paths in the project, unless there are none.
        """
        within = list(limits)
        return [
            trace
            for trace in self.traces
            if (trace.edited or trace.state in {State.MOVED, State.DELETED})
            and (not within or any(_is_within(trace, limit) for limit in within))
        ]

    def diff(self, traces: Iterable[Trace], *options: str) -> bytes:
        """Show what was changed at some paths, as git shows it."""
        places = [place for t in traces for place in (t.path, t.moved_to) if place]
        return self._tree.diff(*options, places=places) if places else b""


def _is_within(trace: Trace, limit: PurePosixPath) -> bool:
    places = (trace.path, trace.moved_to or trace.path)
    return any(place.is_relative_to(limit) for place in places)


class Standing(StrEnum):
    """How a project's version compares with the newest there is."""

    UP_TO_DATE = "up to date"
    BEHIND = "behind"
    AHEAD = "ahead"
    UNKNOWN = "unknown"


def standing(record: AnswersFile, origin: Origin, shelf: Shelf) -> tuple[str | None, Standing]:
    """Compare a project's version with the one that an update would go to.

    Returns:
        The newest version, if it has a name, and how the project stands to it. A project is
        behind when the newest version is none that its own contains.

    Raises:
        UsageError: When the versions cannot be had.
        TemplateError: When the newest cannot be read.
    """
    newest = shelf.at(origin.source).commit
    if newest is None:
        return None, Standing.UNKNOWN
    if newest == record.commit:
        return newest, Standing.UP_TO_DATE
    versions = shelf.versions(origin.source)
    if versions.commit(newest) == versions.commit(record.commit):
        return newest, Standing.UP_TO_DATE
    ahead = versions.precedes(newest, record.commit)
    return newest, Standing.AHEAD if ahead else Standing.BEHIND


def located(path: Path) -> tuple[Repository, PurePosixPath]:
    """Find the repository that a path is in, whether or not there is anything at it now.

    Returns:
        The repository, and the path in it.

    Raises:
        UsageError: When there is none.
    """
    # Links on the way are followed, but one that is named is meant itself.
    whole = path.resolve() if path.is_dir() else path.parent.resolve() / path.name
    folder = next(place for place in (whole, *whole.parents) if place.is_dir())
    repository = Repository.opened(folder)
    return repository, PurePosixPath(whole.relative_to(repository.top.resolve()).as_posix())


def records(
    repository: Repository, place: PurePosixPath, *, every: bool = False
) -> list[AnswersFile]:
    """Read the answers files of the projects around or, if all are wanted, below a path.

    They are read as they are now, committed or not.

    Raises:
        UsageError: When there is none.
        ScaffoldError: When one cannot be read.
    """
    return around(repository, place, lambda path: _on_disk(repository, path), every=every)


def _on_disk(repository: Repository, path: PurePosixPath) -> str:
    """Give a file as it is now, or as it was committed when it is gone or full of markers."""
    with suppress(OSError):
        content = (repository.top / path).read_bytes()
        if not is_marked(content):
            return content.decode("utf-8", "replace")
    return repository.text(path) if path in repository.files else ""


@contextmanager
def traced(
    repository: Repository, record: AnswersFile, shelf: Shelf, source: str | None = None
) -> Iterator[Drift]:
    """Compare a project with the version that it came from.

    Args:
        repository: Where it is.
        record: Its answers file.
        shelf: Where templates are fetched.
        source: Where its template is now, when it moved.

    Raises:
        UsageError: When the template or its version cannot be found.
        TemplateError: When it cannot be rendered.
        ScaffoldError: When the project's settings cannot be read.
    """
    origin = Origin.of(record, shelf, source)
    settings = _on_disk(repository, record.project / ownership.FILE)
    own = PurePosixPath(record.path.name)
    owners = ownership.parsed(settings, seeds(origin.template, origin.answers), own)
    with TemporaryDirectory(prefix="scaffold-") as scratch:
        tree = _Tree(Path(scratch), repository, record.project, origin)
        changes = tree.changes()
        traces = [_trace(file.path, owners, changes.get(file.path)) for file in origin.files]
        yield Drift(record, origin, owners, traces, tree)


def _trace(path: PurePosixPath, owners: Ownership, change: _Change | None) -> Trace:
    owner = owners.of(path)
    if change is None:
        return Trace(path, owner, State.WRITTEN)
    if change.status == "D":
        unwanted = owner is Owner.YOURS and path not in owners.deleted
        return Trace(path, owner, State.ABSENT if unwanted else State.DELETED)
    if change.status == "R":
        return Trace(path, owner, State.MOVED, change.now, change.edited)
    return Trace(path, owner, State.EDITED, edited=True)


@dataclass(frozen=True, slots=True)
class _Change:
    """What git says of a path: its status, where it is now, and whether it differs."""

    status: str
    now: PurePosixPath
    edited: bool


#: What would let git write into the repository, or look at more or less than the files:
#: daemons and caches of its own, LFS's store, folders that are not checked out.
_SETTINGS = (
    "core.fsmonitor=false", "core.splitIndex=false", "core.untrackedCache=false",
    "core.sparseCheckout=false", "core.quotePath=false", "core.safecrlf=false",
    "diff.autoRefreshIndex=true", "filter.lfs.process=", "filter.lfs.required=false",
)  # fmt: skip


class _Tree:
    """The work tree of a repository, with an index that holds what the template wrote.

    Git compares the two with the user's own settings, so that line ends, modes and filters count
    as they do in the project. What is moved is found among all files that git would track.
    """

    def __init__(
        self, scratch: Path, repository: Repository, project: PurePosixPath, origin: Origin
    ) -> None:
        (scratch / "store").mkdir()
        self.store = Store(scratch / "store", repository)
        self.repository = repository
        self.project = project
        self.known = {file.path for file in origin.files}
        self.ours = {
            "GIT_INDEX_FILE": str(scratch / "index"),
            "GIT_OBJECT_DIRECTORY": str(scratch / "store/objects"),
        }
        self.store.write_files("base", origin.files)
        tree = self.store.git("rev-parse", "base^{tree}").decode().strip()
        prefix = [f"--prefix={project}/"] if project.parts else []
        self._git("read-tree", *prefix, tree)

    def _git(self, *args: str, feed: bytes = b"", ours: bool = True) -> bytes:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        env = {"GIT_LITERAL_PATHSPECS": "1", **(self.ours if ours else {})}
        return git.raw(*settings, *args, cwd=self.repository.top, env=env, feed=feed)

    def _diff(self, *options: str) -> bytes:
        return self._git(
            "diff", "--no-ext-diff", "--no-textconv", "--no-relative", "--find-renames",
            "--diff-filter=a", "--ita-invisible-in-index", *options,
        )  # fmt: skip

    def changes(self) -> dict[PurePosixPath, _Change]:
        """Tell what differs, by the path at which the template wrote it."""
        found = self._changes()
        if any(change.status == "D" for change in found.values()):
            self._look_elsewhere()
            found = self._changes()
        return found

    def _changes(self) -> dict[PurePosixPath, _Change]:
        found = {}
        fields = iter(self._diff("--raw", "-z").split(b"\0")[:-1])
        for facts in fields:
            old_mode, new_mode, _, _, status = facts.decode().removeprefix(":").split(" ")
            before = self._in_project(next(fields))
            now = self._in_project(next(fields)) if status.startswith("R") else before
            edited = status != "R100" or old_mode != new_mode
            found[before] = _Change(status[0], now, edited)
        return found

    def _in_project(self, path: bytes) -> PurePosixPath:
        return posix(path).relative_to(self.project)

    def _look_elsewhere(self) -> None:
        """Add the names of the project's other files to the index, for renames to be found."""
        listed = self._git(
            "ls-files", "-z", "--cached", "--others", "--exclude-standard",
            "--", str(self.project), ours=False,
        )  # fmt: skip
        places = {parent for path in self.known for parent in path.parents}
        others = [
            path
            for path in map(self._in_project, {*listed.split(b"\0")[:-1]})
            if not self.known & {path, *path.parents}
            and path not in places
            and _is_file(self.repository.top / self.project / path)
        ]
        feed = b"".join(raw_path(self.project / path) + b"\0" for path in sorted(others))
        if feed:
            with suppress(git.GitError):  # one went meanwhile, or cannot be read
                self._git(
                    "add", "--intent-to-add", "--force", "--pathspec-from-file=-",
                    "--pathspec-file-nul", feed=feed,
                )  # fmt: skip

    def diff(self, *options: str, places: Iterable[PurePosixPath]) -> bytes:
        return self._diff(*options, "--", *(str(self.project / place) for place in places))


def _is_file(place: Path) -> bool:
    return place.is_file() and not place.is_symlink()
