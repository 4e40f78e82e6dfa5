"""Every project there can be, by the different files in them.

Projects have most files in common: a tool looks at each different one once, beside what else it
reads, and what it says of one is said of all that have it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from conftest import rendered
from pathspec import PathSpec

#: How a script of ours takes in another.
SOURCE = re.compile(r"^\. (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """A rendered file: what is in it, whether it can be run, and the layer that it is from."""

    content: bytes = field(repr=False)
    executable: bool
    layer: Path

    @property
    def text(self) -> str:
        """What is in it, for people."""
        return self.content.decode("utf-8")


Files: TypeAlias = dict[str, Written]


@dataclass(frozen=True, eq=False)
class Project:
    """A rendered project: its row's options, joined by hyphens, and its files by their paths."""

    name: str
    row: dict[str, str]
    files: Files = field(repr=False)

    def some(self, *patterns: str) -> Files:
        """Give the files that match any of some patterns, as git's ignore files have them."""
        matched = PathSpec.from_lines("gitignore", patterns).match_files(self.files)
        return {path: self.files[path] for path in sorted(matched)}

    def sourced(self, *paths: str) -> Files:
        """Give some scripts, and those that they source, and so on."""
        found: Files = {}
        left = [*paths]
        while left:
            path = left.pop()
            if path in self.files and path not in found:
                found[path] = self.files[path]
                left += SOURCE.findall(found[path].text)
        return found


@dataclass(frozen=True)
class Projects:
    """A set of projects, who has each different file, and a folder for what tools read."""

    # A failed test shows its arguments; these would be gigabytes.
    all: list[Project] = field(repr=False)
    owners: dict[tuple[str, Written], list[Project]] = field(repr=False)
    folder: Path = Path()

    def new(self, *patterns: str) -> Iterator[tuple[Project, Files]]:
        """Give, project by project, the files that match and none before it had."""
        spec = PathSpec.from_lines("gitignore", patterns)
        matched = {*spec.match_files({path for path, _ in self.owners})}
        found: dict[Project, Files] = {}
        for (path, file), (first, *_) in self.owners.items():
            if path in matched:
                found.setdefault(first, {})[path] = file
        yield from found.items()

    def groups(self, *patterns: str) -> list[Path]:
        """Write all that match, once where projects have the same: below the first one's name."""
        found: dict[frozenset[tuple[str, Written]], Project] = {}
        for project in self.all:
            if files := project.some(*patterns):
                found.setdefault(frozenset(files.items()), project)
        return [write(dict(files), self.folder / project.name) for files, project in found.items()]

    def laid_out(self, *patterns: str) -> list[Path]:
        """Write every different file that matches, below the name of the first project with it."""
        return [
            write({path: file}, self.folder / project.name) / path
            for project, found in self.new(*patterns)
            for path, file in found.items()
        ]

    def scripts(self, *patterns: str) -> Iterator[tuple[Path, list[str]]]:
        """Give each script that matches once for all that it may source, and where they lie."""
        seen = set()
        for project in self.all:
            new = []
            for path in project.some(*patterns):
                closure = path, frozenset(project.sourced(path).items())
                if closure not in seen:
                    seen.add(closure)
                    new.append(path)
            if new:
                yield write(project.sourced(*new), self.folder / project.name), new

    def run(self, *command: str | Path, cwd: Path | None = None) -> None:
        """Run a tool; when it is not content, show what it says, and who has what it names."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.folder, check=False, capture_output=True, text=True,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0, "\n".join([f"{command[0]}:", said, *self.who(said, cwd)])

    def who(self, said: str, cwd: Path | None = None) -> Iterator[str]:
        """Tell of each file that is named which projects have it, by what they have in common."""
        for project in self.all:
            at = "" if cwd == self.folder / project.name else f"{project.name}/"
            for path, file in project.files.items() if at in said else ():
                if at + path in said:
                    owners = self.owners[path, file]
                    told = f"{len(owners)} of {len(self.all)} projects, {self.common(owners)}"
                    yield f"{at}{path}: {told}"

    def common(self, some: list[Project]) -> str:
        """Name the options of some projects on each axis where those of all are more."""
        told = []
        for axis in some[0].row:
            ours = dict.fromkeys(project.row[axis] for project in some)
            if len(ours) < len({project.row[axis] for project in self.all}):
                told.append(f"{axis} {' or '.join(ours)}")
        return ", ".join(told) or "with any options"


def render_all(rows: list[dict[str, str]]) -> Projects:
    """Render projects; a file that several have is one object."""
    known: dict[Written, Written] = {}
    found = Projects([], {})
    for row in rows:
        project = Project("-".join(row.values()), row, {})
        for file in rendered(*row.items()):
            layer = Path(*file.origin.parts[:3])
            written = Written(file.content, file.executable, layer)
            written = known.setdefault(written, written)
            project.files[path := file.path.as_posix()] = written
            found.owners.setdefault((path, written), []).append(project)
        found.all.append(project)
    return found


def write(files: Files, folder: Path) -> Path:
    """Write files to a folder, and give it."""
    for path, file in files.items():
        target = folder / PurePosixPath(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)
    return folder
