"""`scaffold diff`: a project beside the version of the template that it came from."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scaffold import console, git
from scaffold.errors import UsageError
from scaffold.template.source import Shelf
from scaffold.update import drift
from scaffold.wording import shown

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from scaffold.git.repository import Repository
    from scaffold.project.answersfile import AnswersFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        paths: A project's folder or answers file, or files and folders in it; the project around
            us when there are none.
        stat: Whether to show only how much was changed.
        template: Where the template is, when not where the project says.
    """

    paths: tuple[Path, ...]
    stat: bool
    template: str | None


def diff(wishes: Wishes) -> None:
    """Show what was changed of what the template wrote.

    Raises:
        UsageError: When there is no project, or the paths are in different ones.
        ScaffoldError: When an answers file cannot be read.
        EnvironmentLackError: When git is missing.
        TemplateError: When the template cannot be rendered.
    """
    git.required()
    repository, places = _located(wishes.paths or (Path(),))
    records = drift.records(repository, places[0])
    named = {record.path for record in records}
    # Without a path it is the whole project, wherever in it we are.
    limits = [place for place in places if wishes.paths and place not in named]
    _check_together(repository, records, limits)
    options = [f"--color={'always' if console.colorful() else 'never'}"]
    options += [f"--stat={shutil.get_terminal_size().columns}"] if wishes.stat else ["--patch"]
    empty = True
    with Shelf(console.note) as shelf, ExitStack() as stack:
        for record in records:
            inside = [limit.relative_to(record.project) for limit in limits]
            with console.progress("Comparing with the template …"):
                found = stack.enter_context(
                    drift.traced(repository, record, shelf, wishes.template)
                )
                difference = found.diff(found.changed(inside), *options)
            console.show(difference)
            empty = empty and not difference
    if empty:
        what = ", ".join(shown(place) for place in limits if place != records[0].project)
        console.note(f"Nothing of the template's was changed{f' in {what}' if what else ''}.")


def _located(paths: tuple[Path, ...]) -> tuple[Repository, list[PurePosixPath]]:
    """Find what the paths name; all have to be in one repository."""
    found = [drift.located(path) for path in paths]
    repository = found[0][0]
    for path, (other, _) in zip(paths, found, strict=True):
        if other.top != repository.top:
            raise UsageError(
                f"{shown(path, 200)} is not in {shown(repository.top, 200)}, as the path before.",
                "Name paths of one project.",
            )
    return repository, [place for _, place in found]


def _check_together(
    repository: Repository, records: list[AnswersFile], limits: list[PurePosixPath]
) -> None:
    """Hold the paths to one project: that of the first of them."""
    mine = {record.path for record in records}
    for place in limits:
        if not {record.path for record in drift.records(repository, place)} <= mine:
            raise UsageError(
                f"{shown(place, 200)} is in another project than the path before.",
                "Name paths of one project.",
            )
