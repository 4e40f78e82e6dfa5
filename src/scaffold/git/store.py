"""A scratch store of git objects: reads what the user's repository has, writes only beside it.

It has settings of its own, so that a merge gives the same bytes on every machine.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from scaffold import git
from scaffold.git.repository import ATTRIBUTES, Entry, parsed_tree, posix, raw_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import PurePosixPath

    from scaffold.files import File
    from scaffold.git.repository import Repository

#: Nothing of the user's or the machine's settings. Renames count from half alike on, as in git;
#: the limit is lifted, because a merge that loses a rename to a limit loses edits.
SETTINGS = {
    "core.attributesFile": os.devnull,
    "core.fsync": "none",
    "core.quotePath": "false",
    "diff.renameLimit": "0",
    "fastimport.unpackLimit": "1",
    "merge.conflictStyle": "merge",
    # A file of the user's own stays where it is, even when the template moves its neighbours.
    "merge.directoryRenames": "false",
    "merge.renameLimit": "0",
    "merge.renames": "true",
}

#: What git's index keeps of each path in conflict, and what git says of which paths.
Stages: TypeAlias = "dict[PurePosixPath, dict[int, Entry]]"
Messages: TypeAlias = "list[tuple[list[PurePosixPath], str]]"

AUTHOR = b"scaffold <scaffold> 0 +0000"


class Store:
    """A bare repository that borrows another's objects.

    Args:
        folder: An empty folder for it.
        repository: Whose objects it can read.
    """

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.folder = folder
        self._environment = {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_DIR": str(folder),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        self._settings = [
            part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")
        ]
        self.git(
            "init",
            "--quiet",
            "--bare",
            "--template=",
            f"--object-format={repository.object_format}",
        )
        (folder / "objects/info").mkdir(exist_ok=True)
        (folder / "objects/info/alternates").write_text(f"{repository.objects}\n")

    def git(self, *args: str, feed: bytes = b"", fine: tuple[int, ...] = (0,)) -> bytes:
        """Run git on this store.

        Raises:
            git.GitError: When git exits with an error.
        """
        return git.raw(
            *self._settings, *args, env=self._environment, cwd=self.folder, feed=feed, fine=fine
        )

    def write_files(self, name: str, files: Iterable[File]) -> None:
        """Write a commit that holds some files and nothing else."""
        stream = [*_commit(name.encode(), b"", map(_inline, files)), b"done\n"]
        self.git("fast-import", "--quiet", "--done", "--force", feed=b"".join(stream))

    def write_commits(
        self,
        base: Iterable[File],
        ours: str,
        changes: Mapping[PurePosixPath, Entry | None],
        theirs: Iterable[File],
    ) -> None:
        """Write the three commits of a merge: `base`, and on it `yours` and `scaffold`.

        Args:
            base: The files that both sides come from.
            ours: A tree in the user's repository.
            changes: What is different in ours from that tree: an entry, or None for a path removed.
            theirs: The template's files.
        """
        stream = [
            *_commit(b"base", b"", map(_inline, base)),
            *_commit(
                b"yours",
                b"base",
                [
                    b'M 040000 %b ""\n' % ours.encode(),
                    *(_change(*item) for item in changes.items()),
                ],
            ),
            *_commit(b"scaffold", b"base", [b"deleteall\n", *map(_inline, theirs)]),
            b"done\n",
        ]
        self.git("fast-import", "--quiet", "--done", "--force", feed=b"".join(stream))

    def as_added(
        self,
        files: list[File],
        repository: Repository,
        project: PurePosixPath,
        raw: Collection[PurePosixPath] = (),
    ) -> list[File]:
        """Give files as `git add` would keep them in a project, by its attributes and settings.

        Line ends and filters (Git LFS is one) make a commit differ from its work tree.

        Args:
            files: The files, as they are in a work tree.
            repository: The repository with the attributes and settings.
            project: The project's folder in it.
            raw: Paths that a commit holds as they are, whatever the attributes say.
        """
        if not repository.converts:
            return files
        attributes = {path for path in repository.files if path.name == ATTRIBUTES}
        paths = [project / file.path for file in files]
        with TemporaryDirectory(dir=self.folder) as scratch:
            tree = Path(scratch)
            contents = dict(zip(paths, (file.content for file in files), strict=True))
            contents |= {path: repository.blob(path) for path in attributes}
            for path, content in contents.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_bytes(content)
            environment = {
                "GIT_DIR": str(repository.git_dir),
                "GIT_WORK_TREE": str(tree),
                "GIT_OBJECT_DIRECTORY": str(self.folder / "objects"),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repository.objects),
            }
            names = b"".join(raw_path(path) + b"\n" for path in paths)
            try:
                listed = git.raw(
                    "hash-object", "-w", "--stdin-paths", cwd=tree, env=environment, feed=names
                )
            except git.GitError:  # a filter that is not installed, another encoding
                return files
        return [
            file
            if oid == repository.oid(file.content)
            or file.path in raw
            or project / file.path in attributes
            else replace(file, content=self.read(oid))
            for file, oid in zip(files, listed.decode().split(), strict=True)
        ]

    def merge(self) -> tuple[str, Stages, Messages]:
        """Merge `yours` and `scaffold` as git does.

        Returns:
            The tree that comes of it, what is in conflict, and what git says of conflicts.
        """
        return _merged(
            self.git(
                "merge-tree", "--write-tree", "-z", "--messages", "yours", "scaffold", fine=(0, 1)
            )
        )

    def merge_texts(self, ours: bytes, base: bytes, theirs: bytes, label: str) -> bytes:
        """Merge three texts by lines; conflicts are marked with `yours` and a label."""
        with TemporaryDirectory(dir=self.folder) as scratch:
            names = [Path(scratch, name) for name in ("ours", "base", "theirs")]
            for name, text in zip(names, (ours, base, theirs), strict=True):
                name.write_bytes(text)
            # Its exit code is the number of conflicts.
            return self.git(
                "merge-file", "-p", "-L", "yours", "-L", "base", "-L", label,
                *map(str, names), fine=tuple(range(128)),
            )  # fmt: skip

    def read(self, oid: str) -> bytes:
        """Give a blob."""
        return self.git("cat-file", "blob", oid)

    def write(self, content: bytes) -> str:
        """Keep a blob, and give its name."""
        return self.git("hash-object", "-w", "--stdin", feed=content).decode().strip()

    def tree(self, name: str) -> dict[PurePosixPath, Entry]:
        """Give the files of a commit or tree."""
        return parsed_tree(self.git("ls-tree", "-r", "-z", "--full-tree", name))

    def changes(self, old: str, new: str) -> list[tuple[str, PurePosixPath, PurePosixPath, Entry]]:
        """Compare two commits or trees.

        Returns:
            For each file that differs: `A`, `D`, `M`, `T` or `R`, its old path, its new one
            (the same but for `R`), and what is there now (of mode 000000 for `D`).
        """
        listing = self.git("diff-tree", "-r", "-z", "-M", "--raw", old, new).split(b"\0")[:-1]
        found = []
        fields = iter(listing)
        for line in fields:
            _, mode, _, oid, status = line.decode().removeprefix(":").split(" ")
            before = posix(next(fields))
            after = posix(next(fields)) if status.startswith("R") else before
            found.append((status[0], before, after, Entry(mode, oid)))
        return found

    def write_result(self, tree: str, changes: Mapping[PurePosixPath, Entry | None]) -> None:
        """Write what changes do to a tree of the user's repository, for `diff` to show."""
        before = [b'M 040000 %b ""\n' % tree.encode()]
        stream = [
            *_commit(b"before", b"", before),
            *_commit(b"after", b"before", [_change(*item) for item in changes.items()]),
            b"done\n",
        ]
        self.git("fast-import", "--quiet", "--done", "--force", feed=b"".join(stream))

    def diff(self, paths: Iterable[PurePosixPath], *, color: bool) -> bytes:
        """Show what was written with `write_result` at some paths, as git shows it."""
        return self.git(
            "diff-tree", "-r", "-p", "-M", f"--color={'always' if color else 'never'}",
            "before", "after", "--", *map(str, paths),
        )  # fmt: skip

    def export(self, oids: Iterable[str], repository: Repository) -> None:
        """Copy blobs into the user's repository, where it has not got them."""
        names = "".join(f"{oid}\n" for oid in sorted(set(oids)))
        if names:
            pack = self.git("pack-objects", "--quiet", "--stdout", feed=names.encode())
            git.raw("unpack-objects", "-q", cwd=repository.top, feed=pack)


@contextmanager
def scratch_store(repository: Repository) -> Iterator[Store]:
    """Give a store for as long as it is needed."""
    with TemporaryDirectory(prefix="scaffold-") as folder:
        yield Store(Path(folder), repository)


def _merged(output: bytes) -> tuple[str, Stages, Messages]:
    """Read what `git merge-tree -z --messages` prints: the tree, the stages, the messages."""
    fields = iter(output.split(b"\0"))
    tree = next(fields).decode()
    stages: Stages = {}
    for line in fields:
        if not line:
            break
        facts, _, path = line.partition(b"\t")
        mode, oid, stage = facts.decode().split(" ")
        stages.setdefault(posix(path), {})[int(stage)] = Entry(mode, oid)
    messages = []
    for number in fields:
        if not number:
            break
        paths = [posix(next(fields)) for _ in range(int(number))]
        kind = re.fullmatch(rb"CONFLICT \((.*)\)", next(fields))
        next(fields)  # the same as a sentence
        if kind:
            messages.append((paths, kind[1].decode()))
    return tree, stages, messages


def _commit(name: bytes, parent: bytes, lines: Iterable[bytes]) -> list[bytes]:
    start = b"reset refs/heads/%b\ncommit refs/heads/%b\ncommitter %b\ndata 0\n" % (
        name, name, AUTHOR,
    )  # fmt: skip
    return [start, *([b"from refs/heads/%b\n" % parent] if parent else []), *lines, b"\n"]


def _inline(file: File) -> bytes:
    return inline(file.path, file.content, file.mode)


def inline(path: PurePosixPath, content: bytes, mode: str) -> bytes:
    """Say that a commit has a file, as `git fast-import` reads it."""
    head = b"M %b inline %b\ndata %d\n" % (mode.encode(), _path(path), len(content))
    return head + content + b"\n"


def _change(path: PurePosixPath, entry: Entry | None) -> bytes:
    if entry is None:
        return b"D %b\n" % _path(path)
    return b"M %b %b %b\n" % (entry.mode.encode(), entry.oid.encode(), _path(path))


def _path(path: PurePosixPath) -> bytes:
    return b'"%b"' % raw_path(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(
        b"\n", b"\\n"
    )
