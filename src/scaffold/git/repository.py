"""A git repository with a project in it: what its last commit holds. Nothing here writes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scaffold import git
from scaffold.errors import ScaffoldError, UsageError
from scaffold.wording import count, shown

if TYPE_CHECKING:
    from collections.abc import Mapping


ATTRIBUTES = ".gitattributes"

#: Modes of what is neither a file nor a folder.
SUBMODULE, SYMLINK = "160000", "120000"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree has at one path.

    Attributes:
        mode: Git's mode: 100644, 100755, 120000 for a symlink, 160000 for a submodule.
        oid: The object's name.
    """

    mode: str
    oid: str


@dataclass(frozen=True)
class Repository:
    """A repository, and the place in it that a command was pointed at.

    Attributes:
        top: Its folder.
        git_dir: Where git keeps what belongs to this work tree.
        objects: Where its objects are.
        head: The last commit.
        object_format: How objects are named: `sha1` or `sha256`.
        folder: The folder that the command was pointed at.
        pointed_at: The answers file, when the command was pointed at one instead of a folder.
    """

    top: Path
    git_dir: Path
    objects: Path
    head: str
    object_format: str
    folder: Path
    pointed_at: PurePosixPath | None

    @classmethod
    def opened(cls, path: Path) -> Repository:
        """Find the repository that a folder or an answers file is in.

        Raises:
            UsageError: When there is no such path, or no repository with a commit.
        """
        if not path.exists():
            raise UsageError(f"There is no {shown(path, 200)}.", "Name a project's folder.")
        folder = (path if path.is_dir() else path.parent).resolve()
        try:
            top, git_dir, objects, object_format = git.run(
                "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-dir",
                "--git-path", "objects", "--show-object-format", cwd=folder,
            ).splitlines()  # fmt: skip
        except git.GitError as error:
            raise UsageError(
                f"{shown(folder, 200)} is in no git repository with a work tree: {error}",
                "Commit the project first: git init, git add --all, git commit.",
            ) from error
        try:
            head = git.run("rev-parse", "--verify", "HEAD^{commit}", cwd=folder)
        except git.GitError as error:
            raise UsageError(
                f"{shown(top, 200)} has no commit yet.",
                "Commit the project first: git add --all, git commit.",
            ) from error
        pointed_at = None
        if not path.is_dir():
            pointed_at = _relative(folder, Path(top)) / path.name
        return cls(Path(top), Path(git_dir), Path(objects), head, object_format, folder, pointed_at)

    @cached_property
    def prefix(self) -> PurePosixPath:
        """The folder that the command was pointed at, in the repository."""
        return _relative(self.folder, self.top)

    @cached_property
    def files(self) -> Mapping[PurePosixPath, Entry]:
        """Everything in the last commit, by its path in the repository."""
        return parsed_tree(git.raw("ls-tree", "-r", "-z", "--full-tree", self.head, cwd=self.top))

    @cached_property
    def converts(self) -> bool:
        """Whether what git keeps differs from what is in the work tree: line ends, filters."""
        if any(path.name == ATTRIBUTES for path in self.files):
            return True
        asked = ("core.autocrlf", "core.attributesFile")
        said = [git.raw("config", "--get", key, cwd=self.top, fine=(0, 1)) for key in asked]
        own = self.git_dir / "info/attributes"
        return any(value.strip() not in {b"", b"false"} for value in said) or own.exists()

    def oid(self, content: bytes) -> str:
        """Name a blob as git does."""
        named = b"blob %d\0%b" % (len(content), content)
        return hashlib.new(self.object_format, named, usedforsecurity=False).hexdigest()

    def below(self, folder: PurePosixPath) -> dict[PurePosixPath, Entry]:
        """Give the last commit's files in a folder, by their path in it."""
        if not folder.parts:
            return dict(self.files)
        try:
            listing = git.raw("ls-tree", "-r", "-z", "--full-tree", self.tree(folder), cwd=self.top)
        except git.GitError:  # it has nothing there
            return {}
        return parsed_tree(listing)

    def blob(self, path: PurePosixPath) -> bytes:
        """Give a file of the last commit.

        Raises:
            git.GitError: When it has none there.
        """
        return git.raw("cat-file", "blob", f"{self.head}:{path}", cwd=self.top)

    def text(self, path: PurePosixPath) -> str:
        """Give a file of the last commit, as text.

        Raises:
            git.GitError: When it has none there.
        """
        return self.blob(path).decode("utf-8", "replace")

    def tree(self, folder: PurePosixPath) -> str:
        """Give the name of the last commit's tree at a folder."""
        return git.run(
            "rev-parse", f"{self.head}:{'' if folder == _HERE else folder}", cwd=self.top
        )

    @property
    def is_clean(self) -> bool:
        """Whether all is committed (see `require_clean`)."""
        try:
            self.require_clean()
        except ScaffoldError:
            return False
        return True

    def require_clean(self) -> None:
        """Make sure that all is committed, so that nothing can be lost.

        Files that git does not track do not matter: none of them is ever touched.

        Raises:
            ScaffoldError: When it is not; says what is in the way, and how to move it.
        """
        status = git.run(
            "--no-optional-locks", "status", "--porcelain", "--untracked-files=no",
            "--ignore-submodules=dirty", cwd=self.top,
        )  # fmt: skip
        if status:
            changed = [line[3:] for line in status.splitlines()]
            more = f" and {count(len(changed) - 3, 'more file')}" if len(changed) > 3 else ""  # noqa: PLR2004
            raise ScaffoldError(
                f"{shown(self.top, 200)} has changes that are not committed: "
                f"{', '.join(changed[:3])}{more}.",
                "Commit them, or put them aside with `git stash` and bring them back afterwards.",
            )


def git_dir(folder: Path) -> str:
    """Give where git keeps what belongs to a folder that is a work tree's top; else nothing.

    Raises:
        UsageError: When that is no repository after all.
    """
    if not os.path.lexists(folder / ".git"):
        return ""
    try:
        return git.run("rev-parse", "--absolute-git-dir", cwd=folder, env={"LC_ALL": "C"})
    except git.GitError as error:
        raise git.unreadable(folder, error) from error


def head(folder: Path) -> str:
    """Give the last commit of a folder that is a work tree's top; nothing when it has none."""
    if not os.path.lexists(folder / ".git"):
        return ""
    return git.run("rev-parse", "--verify", "--quiet", "HEAD", cwd=folder, fine=(0, 1))


_HERE = PurePosixPath()


def parsed_tree(listing: bytes) -> dict[PurePosixPath, Entry]:
    """Read what `git ls-tree -r -z` prints."""
    found = {}
    for line in listing.split(b"\0")[:-1]:
        facts, _, path = line.partition(b"\t")
        mode, _, oid = facts.decode().split(" ")
        found[posix(path)] = Entry(mode, oid)
    return found


def posix(path: bytes) -> PurePosixPath:
    """Read a path as git prints it; any bytes are a name."""
    return PurePosixPath(path.decode("utf-8", "surrogateescape"))


def raw_path(path: PurePosixPath) -> bytes:
    """Write a path as git reads it."""
    return str(path).encode("utf-8", "surrogateescape")


def _relative(folder: Path, top: Path) -> PurePosixPath:
    return PurePosixPath(folder.relative_to(top.resolve()).as_posix())
