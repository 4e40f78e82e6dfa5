"""Git's index: another one, prepared entry by entry, and the lock on that of the work tree."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaffold.errors import ScaffoldError
from scaffold.git import process
from scaffold.git.repository import raw_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path, PurePosixPath

    from scaffold.git.repository import Entry, Repository


@dataclass(frozen=True, slots=True)
class Index:
    """An index file.

    Attributes:
        repository: Whose objects it names.
        file: Where it is.
    """

    repository: Repository
    file: Path

    def put(self, entries: Mapping[PurePosixPath, Entry | None]) -> None:
        """Have these at their paths, and nothing where there is none."""
        gone = [self._line(path, None) for path in entries]
        self._change(gone + [self._line(path, entry) for path, entry in entries.items() if entry])

    def put_conflicts(self, unmerged: Mapping[PurePosixPath, Mapping[int, Entry]]) -> None:
        """Have a conflict at these paths: an entry for each of its stages."""
        lines = [self._line(path, None) for path in unmerged]
        for path, stages in unmerged.items():
            lines += [self._line(path, entry, at) for at, entry in sorted(stages.items())]
        self._change(lines)

    def check_out(self, paths: Iterable[PurePosixPath], tree: Path) -> None:
        """Write files as git does, with its filters and line ends, into a folder."""
        process.raw(
            "checkout-index", "-z", "--stdin",
            cwd=self.repository.top, env=self._environment(tree),
            feed=b"".join(raw_path(path) + b"\0" for path in paths),
        )  # fmt: skip

    def differing(self) -> list[str]:
        """Give the paths whose files are not what it says."""
        listed = process.raw(
            "update-index", "--refresh",
            cwd=self.repository.top, env=self._environment(), fine=(0, 1),
        )  # fmt: skip
        lines = listed.decode("utf-8", "replace").splitlines()
        return [line.removesuffix(": needs update") for line in lines]

    def _environment(self, tree: Path | None = None) -> dict[str, str]:
        return {
            "GIT_DIR": str(self.repository.git_dir),
            "GIT_INDEX_FILE": str(self.file),
            "GIT_WORK_TREE": str(tree or self.repository.top),
        }

    def _change(self, lines: list[bytes]) -> None:
        if lines:
            process.raw(
                "update-index", "-z", "--replace", "--index-info",
                cwd=self.repository.top, env=self._environment(), feed=b"".join(lines),
            )  # fmt: skip

    def _line(self, path: PurePosixPath, entry: Entry | None, stage: int = 0) -> bytes:
        """Say what is to be at a path, as `update-index --index-info` reads it."""
        if entry is None:
            return b"0 %b\t%b\0" % (b"0" * len(self.repository.head), raw_path(path))
        return b"%b %b %d\t%b\0" % (
            entry.mode.encode(), entry.oid.encode(), stage, raw_path(path),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class IndexLock:
    """Git's lock on the index of a work tree, taken in a way that shows whose it is.

    Attributes:
        file: Git's lock.
        token: A file of whoever takes it: the lock is a link to it.
    """

    file: Path
    token: Path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it.

        Raises:
            ScaffoldError: When somebody else does.
        """
        self.token.touch()
        try:
            try:
                os.link(self.token, self.file)
            except FileExistsError:
                if not self._is_ours():
                    raise ScaffoldError(
                        f"Another git process is at work here ({self.file}).",
                        "Wait until it is done; nothing was changed.",
                    ) from None
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Let go of it, if it is ours."""
        if self._is_ours():
            self.file.unlink()

    def _is_ours(self) -> bool:
        with suppress(FileNotFoundError):
            return self.token.samefile(self.file)
        return False
