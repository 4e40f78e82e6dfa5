"""`scaffold status`: where a project stands, and what became of the template's files in it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaffold import console, git
from scaffold.errors import ScaffoldError, UsageError
from scaffold.project import answersfile
from scaffold.template.source import Shelf
from scaffold.update import drift
from scaffold.update.drift import Standing, State
from scaffold.update.journal import Journal
from scaffold.update.state import CONFLICTS, NEXT, STAGED
from scaffold.wording import count, printable, shown

if TYPE_CHECKING:
    from scaffold.git.repository import Repository
    from scaffold.project.answersfile import AnswersFile
    from scaffold.update.state import State as Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        path: The project's folder or answers file, or anything in the project.
        paths: Whether to list what became of each path.
        every: Whether to look at all projects below the folder.
        template: Where the template is, when not where the project says.
        as_json: Whether to report in JSON.
    """

    path: Path
    paths: bool
    every: bool
    template: str | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class Report:
    """How one project is.

    Attributes:
        record: Its answers file.
        name: What it is called.
        newest: The newest version of its template, if it is known.
        standing: How its own compares with that.
        numbers: How many of the template's files are in each state.
        traces: The same, path by path.
        unread: Why nobody knows what its pipelines run, if so.
        problem: Why it is not known better, if it is not.
    """

    record: AnswersFile
    name: str
    newest: str | None = None
    standing: Standing = Standing.UNKNOWN
    numbers: dict[State, int] | None = None
    traces: tuple[drift.Trace, ...] = ()
    unread: str = ""
    problem: ScaffoldError | None = None


def status(wishes: Wishes) -> int:
    """Report on a project.

    Returns:
        The exit code: 0 up to date, 1 behind or with an update that waits, and that of the error
        where a project could not be looked at.

    Raises:
        UsageError: When there is no project.
        ScaffoldError: When an answers file cannot be read.
        EnvironmentLackError: When git is missing.
    """
    git.required()
    if not wishes.path.exists():
        raise UsageError(f"There is no {shown(wishes.path, 200)}.", "Name a project's folder.")
    repository, place = drift.located(wishes.path)
    records = drift.records(repository, place, every=wishes.every)
    with Shelf(console.note) as shelf, console.progress("Comparing with the template …"):
        reports = [_looked_at(repository, record, shelf, wishes.template) for record in records]
    waiting = Journal(repository).waiting
    behind = [report for report in reports if report.standing is Standing.BEHIND]
    following = _next(wishes, repository, behind, waiting)
    if wishes.as_json:
        data = _as_data(wishes, repository, reports, waiting)
        console.say(json.dumps({**data, "next": following}, indent=2))
    else:
        _say(wishes, reports, waiting)
        if following:
            console.say(f"\nNext:\n  {printable(following)}")
    for report in reports:
        if report.problem and not wishes.as_json:
            console.complain(report.problem.message, report.problem.hint)
    failed = [report.problem.exit_code for report in reports if report.problem]
    return max([1 if behind or waiting else 0, *failed])


def _looked_at(
    repository: Repository, record: AnswersFile, shelf: Shelf, source: str | None
) -> Report:
    folder = (repository.top / record.project).name
    name = str(record.answers.get("project_name") or folder)
    try:
        with drift.traced(repository, record, shelf, source) as found:
            newest, standing = drift.standing(record, found.origin, shelf)
            unread = found.origin.unread
            traces = tuple(found.traces)
            return Report(record, name, newest, standing, found.numbers, traces, unread)
    except ScaffoldError as error:
        return Report(record, name, problem=error)


def _say(wishes: Wishes, reports: list[Report], waiting: Waiting | None) -> None:
    for number, report in enumerate(reports):
        if number:
            console.say()
        place = report.record.path if len(reports) > 1 else None
        console.say(printable(f"{report.name} ({place})" if place else report.name))
        console.say(f"  version  {_version(report)}")
        if report.numbers is not None:
            console.say(f"  files    {_numbers(report.numbers)}")
        if report.unread:
            console.say(printable(f"  unread   {report.unread}"))
        if wishes.paths and report.traces:
            console.say()
            for trace in report.traces:
                console.say(_line(trace))
    if waiting:
        console.say(f"\n{printable(_waiting(waiting))}")


def _version(report: Report) -> str:
    at, newest = report.record.commit, report.newest
    return printable(
        {
            Standing.UP_TO_DATE: f"{at}, up to date",
            Standing.BEHIND: f"{at}, behind {newest}",
            Standing.AHEAD: f"{at}, ahead of {newest}, the newest here",
            Standing.UNKNOWN: f"{at}; the newest is not known",
        }[report.standing]
    )


def _numbers(numbers: dict[State, int]) -> str:
    """Say how many files there are and how many are as they were, and only then what is not."""
    rest = [f"{number} {state}" for state, number in numbers.items() if state != State.WRITTEN]
    written, total = numbers.get(State.WRITTEN, 0), sum(numbers.values())
    return ", ".join([f"{written} of {total} {State.WRITTEN}", *rest])


def _line(trace: drift.Trace) -> str:
    moved = f" → {trace.moved_to}{', edited' if trace.edited else ''}" if trace.moved_to else ""
    return printable(f"  {trace.state:<11}  {trace.owner:<7}  {trace.path}{moved}")


def _waiting(state: Waiting) -> str:
    if state.phase == CONFLICTS:
        conflicts = count(len(state.conflicts), "conflict")
        return f"An update waits for you: {state.title} ({conflicts})."
    if state.phase == STAGED:
        return f"An update is staged and not committed: {state.title}."
    return f"An update is not finished: {state.title}."


def _next(
    wishes: Wishes, repository: Repository, behind: list[Report], waiting: Waiting | None
) -> str:
    """Give the command that comes next, as it can be typed where we are."""
    if waiting:
        command = NEXT[waiting.phase]
        inside = Path.cwd().is_relative_to(repository.top.resolve())
        return command if inside else f"cd {_typed(repository.top)} && {command}"
    if not behind:
        return ""
    words = ["scaffold update"]
    if len(behind) == 1:
        place = _typed(_named(repository, behind[0].record))
    else:
        words.append("--all")
        place = _typed(wishes.path if wishes.every else repository.top / behind[0].record.project)
    words += [place] if place != "." else []
    words += ["--template", shlex.quote(wishes.template)] if wishes.template else []
    return " ".join(words)


def _typed(place: Path) -> str:
    path = os.path.relpath(place)
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _named(repository: Repository, record: AnswersFile) -> Path:
    """Name a project by its folder, or by its answers file where the folder has another."""
    beside = [path for path in repository.files if path.parent == record.project]
    alone = sum(path.match(answersfile.PATTERN) for path in beside) == 1
    return repository.top / (record.project if alone else record.path)


def _as_data(
    wishes: Wishes,
    repository: Repository,
    reports: list[Report],
    waiting: Waiting | None,
) -> dict[str, Any]:
    pending = waiting and {
        "phase": waiting.phase,
        "title": waiting.title,
        "conflicts": sorted(waiting.conflicts),
    }
    return {
        "repository": str(repository.top),
        "projects": [_report_as_data(wishes, report) for report in reports],
        "pending": pending,
    }


def _report_as_data(wishes: Wishes, report: Report) -> dict[str, Any]:
    problem = report.problem
    data: dict[str, Any] = {
        "path": str(report.record.project),
        "answers_file": str(report.record.path),
        "name": report.name,
        "template": git.without_password(report.record.source),
        "version": report.record.commit,
        "newest": report.newest,
        "standing": report.standing,
        "files": report.numbers and {state: report.numbers.get(state, 0) for state in State},
        "unread": [report.unread] if report.unread else [],
        "problem": problem and {"message": problem.message, "hint": problem.hint},
    }
    if wishes.paths:
        data["paths"] = [
            {
                "path": str(trace.path),
                "owner": trace.owner,
                "state": trace.state,
                "edited": trace.edited,
                "moved_to": str(trace.moved_to) if trace.moved_to else None,
            }
            for trace in report.traces
        ]
    return data
