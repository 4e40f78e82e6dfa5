"""A folder that a project goes into although it has something: what a forge puts there.

A repository that was made on a forge first has a README, a licence or a `.gitignore` at most.
All of it stays; where git's own files are concerned, the template's lines come below.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from scaffold import git
from scaffold.adopt import evidence
from scaffold.errors import ScaffoldError, UsageError
from scaffold.files import File
from scaffold.git import repository
from scaffold.new.filling import STAGE
from scaffold.project import ownership
from scaffold.project.ownership import Owner
from scaffold.wording import count, printable, shown

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from scaffold.template.definition import Template

#: Texts that say the same under any of their names: README.rst is what README.md would be. Nothing
#: else that begins so is one: not `license.key`.
_ENDING = r"(\.(md|markdown|rst|txt|adoc|asciidoc|org))?"
_LICENCES = r"mit|apache|bsd|[al]?gpl|lesser|mpl|epl|eupl|isc|cc0"
_TEXTS = {
    "readme": re.compile(rf"(?i)readme([._-][a-z]{{2}}([_-][a-z]{{2}})?(?=\.))?{_ENDING}"),
    "licence": re.compile(
        rf"(?i)(licen[cs]e|copying)([._-]({_LICENCES})([.-]?v?\d[\d.]*)?(-clause)?)?{_ENDING}"
    ),
}

#: Files of rules in which the last one that fits decides, so that one can follow another.
_IGNORE = PurePosixPath(".gitignore")
_RULES = frozenset({_IGNORE, PurePosixPath(".gitattributes")})
#: What Prettier leaves alone.
_FORMATTER = PurePosixPath(".prettierignore")

#: What git has in its own folder in the middle of something, what that is, what takes it back.
_UNFINISHED = {
    "MERGE_HEAD": ("merge", "merge --abort"),
    "CHERRY_PICK_HEAD": ("cherry-pick", "cherry-pick --abort"),
    "REVERT_HEAD": ("revert", "revert --abort"),
    "rebase-merge": ("rebase", "rebase --abort"),
    "rebase-apply": ("rebase", "rebase --abort"),
}


@dataclass(frozen=True, slots=True)
class Ground:
    """A folder that is there, and what it has.

    Attributes:
        folder: The folder.
        files: Its files; all of them are such as forges put into a new repository.
        branch: The branch that it is on; empty when it is no repository's own folder.
        has_commits: Whether that has any.
    """

    folder: Path
    files: Mapping[PurePosixPath, bytes]
    branch: str = ""
    has_commits: bool = False

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Look at a folder.

        Raises:
            UsageError: When it has anything else, which is adopted and not built upon.
            ScaffoldError: When it is a repository with something that is not committed, or in
                the middle of something.
        """
        others = strangers(folder)
        if STAGE in others:
            raise UsageError(
                f"{shown(folder, 200)} has a {STAGE}, which a `scaffold new` leaves when it is "
                "killed.",
                f"Nothing was changed. Clone it anew or take another folder; {STAGE}/old has what "
                "was replaced here.",
            )
        if others:
            names = ", ".join(map(printable, others[:3]))
            more = f" and {count(len(others) - 3, 'other')}" if len(others) > 3 else ""  # noqa: PLR2004
            raise UsageError(
                f"{shown(folder, 200)} exists and is not an empty folder: it has {names}{more}.",
                "Nothing was changed. Choose another folder, or commit what is there and run "
                "`scaffold adopt` in it.",
            )
        files = {
            PurePosixPath(path.name): path.read_bytes()
            for path in sorted(folder.iterdir())
            if path.name != ".git"
        }
        git_dir = repository.git_dir(folder)
        if not git_dir:
            return cls(folder, files)
        _require_idle(folder, Path(git_dir))
        _require_clean(folder)
        branch = git.run("symbolic-ref", "--quiet", "--short", "HEAD", cwd=folder, fine=(0, 1))
        if not branch:
            raise UsageError(
                f"{shown(folder, 200)} is on no branch that a commit could go to.",
                "Nothing was changed. Go to one first: git switch main",
            )
        return cls(folder, files, branch, bool(repository.head(folder)))

    def answers(self, template: Template) -> dict[str, str]:
        """Give the answers that its files give: under which licence the code is."""
        axes = template.catalog.axes
        if "license" not in axes:
            return {}
        here = evidence.Folder(self.folder, tuple(self.files))
        guess = evidence.infer(template.catalog, template.questions, here, "").get("license")
        return {"license": guess.answer} if guess and guess.answer is not None else {}

    def fitted(self, files: Iterable[File], seeds: Iterable[str]) -> Fit:
        """Fit a project's files to what is there.

        Args:
            files: The template's files.
            seeds: Patterns of those that it writes only once.
        """
        fit = Fit()
        for file in files:
            there = self.files.get(file.path)
            if there == file.content:
                continue
            if there is not None and file.path in _RULES:
                fit.completed.append(file.path)
                fit.files.append(replace(file, content=_joined(there, file.content)))
            elif there is not None or self._has_text(file.path):
                fit.kept.append(file.path)
            else:
                fit.files.append(file)
        fit.files = [self._unformatted(file, fit) for file in fit.files]
        owners = ownership.Ownership(seeds=tuple(seeds))
        keep = [ownership.pattern(p) for p in fit.kept if owners.of(p) is Owner.MANAGED]
        if keep:  # or the next update would bring the template's
            text = ownership.written("", keep)
            fit.files.append(File(ownership.FILE, text.encode(), False, ownership.FILE))  # noqa: FBT003
        if _IGNORE in fit.completed:
            fit.files = [
                _unignored(file, self.files[_IGNORE], fit.files) if file.path == _IGNORE else file
                for file in fit.files
            ]
        fit.files.sort()
        return fit

    def _unformatted(self, file: File, fit: Fit) -> File:
        """Spare the texts that stay, or the first `ops/lint` would ask for them to be changed."""
        texts = [path for path in self.kept(fit) if path.suffix == ".md"]
        if file.path != _FORMATTER or not texts:
            return file
        lines = "".join(f"{ownership.pattern(path)}\n" for path in texts)
        return replace(file, content=file.content + lines.encode())

    @property
    def has_licence(self) -> bool:
        """Whether there is a licence already."""
        return any(_TEXTS["licence"].fullmatch(str(path)) for path in self.files)

    def kept(self, fit: Fit) -> list[PurePosixPath]:
        """Give the files that stay as they are."""
        return [path for path in self.files if path not in fit.completed]

    def _has_text(self, path: PurePosixPath) -> bool:
        names = [known for known in _TEXTS.values() if known.fullmatch(str(path))]
        return any(name.fullmatch(str(there)) for name in names for there in self.files)


@dataclass(slots=True)
class Fit:
    """What becomes of a project's files in a folder that has some.

    Attributes:
        files: What is written.
        completed: Those of them that hold what was there, and the template's lines below.
        kept: The template's files that are not written, because there is one.
    """

    files: list[File] = field(default_factory=list)
    completed: list[PurePosixPath] = field(default_factory=list)
    kept: list[PurePosixPath] = field(default_factory=list)


def strangers(folder: Path) -> Sequence[str]:
    """Name what a folder has that no forge puts into a new repository, checked out or not."""
    found = {
        path.name
        for path in folder.iterdir()
        if path.name != ".git"
        and not (_is_known(path.name) and path.is_file() and not path.is_symlink())
    }
    return sorted(found.union(_tracked(folder) if repository.git_dir(folder) else ()))


def _tracked(folder: Path) -> Iterator[str]:
    """Name what git tracks in a folder and no forge puts there, or what it does not look at.

    In a sparse clone that is nowhere else to be seen.
    """
    for line in git.raw("ls-files", "-v", "-z", cwd=folder).split(b"\0")[:-1]:
        tag, path = line[:1], repository.posix(line[2:])
        if tag not in {b"H", b"M"} or not _is_known(str(path)):
            yield path.parts[0]


def _is_known(name: str) -> bool:
    return PurePosixPath(name) in _RULES or any(text.fullmatch(name) for text in _TEXTS.values())


def require_code(folder: Path) -> None:
    """Make sure that there is more in a repository's folder than what a new service goes around.

    Raises:
        UsageError: When there is not; says how to make one.
    """
    if not folder.is_dir() or strangers(folder) or not git.top(folder) or any(_tracked(folder)):
        return
    there = ", ".join(path.name for path in sorted(folder.iterdir()) if path.name != ".git")
    raise UsageError(
        f"{shown(folder.resolve(), 200)} has no code to adopt, only {there or 'a repository'}.",
        f"Make a new service around that: scaffold new {shlex.quote(os.path.relpath(folder))}",
    )


def _require_idle(folder: Path, git_dir: Path) -> None:
    for mark, (what, command) in _UNFINISHED.items():
        if os.path.lexists(git_dir / mark):
            raise ScaffoldError(
                f"{shown(folder, 200)} is in the middle of a {what}, which a commit would end.",
                f"Nothing was changed. Finish it first, or take it back: git {command}",
            )


def _require_clean(folder: Path) -> None:
    status = git.run(
        "--no-optional-locks", "status", "--porcelain", "--untracked-files=no", cwd=folder
    )
    # What was added and not committed yet becomes a part of the first commit.
    changed = [line[3:] for line in status.splitlines() if not line.startswith("A ")]
    if changed:
        raise ScaffoldError(
            f"{shown(folder, 200)} has changes that are not committed: {', '.join(changed[:3])}.",
            "Commit them, or put them aside with `git stash`; nothing was changed.",
        )


def _joined(first: bytes, second: bytes) -> bytes:
    """Give one file of rules below another; all of the second, so that updates find it."""
    return first.rstrip(b"\r\n") + b"\n\n" + second


def _unignored(file: File, there: bytes, files: Iterable[File]) -> File:
    """Except from the rules that were there what they would keep out of every clone.

    Above the template's lines: it is those that updates add to.
    """
    end = len(there.rstrip(b"\r\n")) + 1
    head, tail = file.content[:end], file.content[end:]
    paths = [file.path for file in files]
    added: dict[str, None] = {}
    with tempfile.TemporaryDirectory(prefix="scaffold-") as name:
        scratch = Path(name)
        git.run("init", "--quiet", "--template=", cwd=scratch)
        git.run("config", "core.excludesFile", os.devnull, cwd=scratch)  # nor a person's own
        for path in paths:
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        while True:
            (scratch / _IGNORE).write_bytes(head + tail)
            lines = set(_exceptions(scratch, paths, added)) - added.keys()
            if not lines:
                return replace(file, content=head + tail)
            if not added:
                head += b"\n# Of the project, though a line above says otherwise.\n"
            head += "".join(f"{line}\n" for line in sorted(lines)).encode()
            added |= dict.fromkeys(lines)


def _exceptions(
    scratch: Path, paths: Sequence[PurePosixPath], added: Container[str]
) -> Iterator[str]:
    """Give the lines that bring back which paths, or the outermost folder that keeps them out.

    Of a folder that is back already and still has none of its files, all of them.
    """
    folders = {parent for path in paths for parent in path.parents[:-1]}
    ignored = {PurePosixPath(name) for name in git.ignored(scratch, map(str, [*folders, *paths]))}
    for path in ignored.intersection(paths):
        parents = path.parents[-2::-1]
        back = (f"!{ownership.pattern(parent)}/" for parent in parents)
        opened = next((f"{line}**" for line in back if line in added), None)
        outer = next((f"!{ownership.pattern(p)}/" for p in parents if p in ignored), None)
        if opened and opened not in added:
            yield opened
        else:
            yield outer or f"!{ownership.pattern(path)}"
