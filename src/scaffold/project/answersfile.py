"""Answers files: what a project remembers of the template it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from scaffold.errors import ScaffoldError, UsageError
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import PurePosixPath

    from scaffold.git.repository import Repository

#: What Copier calls it, and what a template's own name for it may look like.
NAME = ".copier-answers.yml"
PATTERN = ".copier-answers*.y*ml"


@dataclass(frozen=True, slots=True)
class AnswersFile:
    """One answers file.

    Attributes:
        path: Where it is in the repository.
        source: Where the project's template came from (`_src_path`).
        commit: The template's version that the project is at (`_commit`); empty when it was made
            from a plain folder.
        answers: The answers, by question.
    """

    path: PurePosixPath
    source: str
    commit: str
    answers: Mapping[str, Any]

    @property
    def project(self) -> PurePosixPath:
        """The project's folder in the repository; `.` is the repository's own."""
        return self.path.parent

    @classmethod
    def parsed(cls, path: PurePosixPath, text: str) -> AnswersFile:
        """Read one.

        Raises:
            ScaffoldError: When it is no answers file.
        """
        try:
            found = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            where = f" (line {mark.line + 1})" if mark else ""
            raise ScaffoldError(
                f"{path} is no valid YAML{where}: {getattr(error, 'problem', None) or error}",
                f"Take it from an older commit: git log --oneline -- {path}",
            ) from error
        if not isinstance(found, dict) or not isinstance(found.get("_src_path"), str):
            raise ScaffoldError(
                f"{path} does not say which template the project came from (_src_path).",
                "Take it from an older commit; or remove it, commit, and run `scaffold adopt`.",
            )
        answers = {str(key): value for key, value in found.items() if not str(key).startswith("_")}
        version = found.get("_commit")
        return cls(path, found["_src_path"], "" if version is None else str(version), answers)


def listed(repository: Repository) -> list[PurePosixPath]:
    """Give where the last commit has answers files."""
    return [path for path in repository.files if path.match(PATTERN)]


def found_in(repository: Repository, *, every: bool = False) -> list[AnswersFile]:
    """Read the answers file of the project that a command was pointed at.

    Args:
        repository: Where, and which part of it.
        every: Whether to read all below the folder instead.

    Raises:
        UsageError: When there is none, or more than one and not all are wanted.
        ScaffoldError: When one cannot be read.
    """
    place = repository.prefix if repository.pointed_at is None else repository.pointed_at
    records = around(repository, place, repository.text, every=every)
    if len(records) > 1 and not every:
        raise UsageError(
            f"{shown(repository.folder, 200)} has more than one answers file: "
            f"{', '.join(record.path.name for record in records)}.",
            "Name one of them instead of the folder, or use --all.",
        )
    return records


def around(
    repository: Repository,
    place: PurePosixPath,
    text: Callable[[PurePosixPath], str],
    *,
    every: bool = False,
) -> list[AnswersFile]:
    """Read the answers file of the project that a path belongs to.

    Args:
        repository: Where.
        place: The path in it: an answers file, or anything in a project.
        text: Reads a file.
        every: Whether to read all below the path instead.

    Returns:
        The one that the path names, or those of the nearest folder at or above it that has any.

    Raises:
        UsageError: When there is none.
        ScaffoldError: When one cannot be read.
    """
    known = listed(repository)
    below = [path for path in known if path.is_relative_to(place)]
    folders = (place, *place.parents)
    above = ([path for path in known if path.parent == folder] for folder in folders)
    paths = below if every or place in below else next(filter(None, above), [])
    if not paths:
        raise UsageError(
            f"{shown(repository.top / place, 200)} is in no project of scaffold's: the last commit "
            f"has no {NAME} there{' or below' if every else ' or above'}.",
            f"There are projects below it: {_listed(below)}."
            if below
            else "To make it one: scaffold adopt. To start a new one: scaffold new.",
        )
    return [AnswersFile.parsed(path, text(path)) for path in paths]


def _listed(paths: list[PurePosixPath]) -> str:
    return ", ".join(str(path.parent) for path in paths[:3]) + (" …" if len(paths) > 3 else "")  # noqa: PLR2004
