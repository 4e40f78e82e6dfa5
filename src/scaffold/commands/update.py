"""`scaffold update`: a project brought to another version of its template, or other answers."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scaffold import console, git
from scaffold.errors import LeftError, ScaffoldError, UsageError
from scaffold.git.repository import Repository
from scaffold.project import answersfile
from scaffold.project.origin import source_of
from scaffold.template.answers import pairs
from scaffold.template.source import Shelf
from scaffold.update.journal import Journal
from scaffold.update.plan import Plan, Step, Wish, planned
from scaffold.update.state import APPLYING, NEXT
from scaffold.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scaffold.template.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        path: The project's folder, its answers file, or a folder with projects below it.
        to: The template's version, or nothing for the newest.
        data: Answers to change, as `key=value`.
        template: Where the template is, when not where the project says.
        every: Whether to update all projects below the folder.
        defaults: Whether to take the default for new questions.
        lock: Whether the lock file is to follow its manifest.
        dry_run: Whether to show only what would happen.
        as_json: Whether to report in JSON, and so never to prompt.
        resume: Whether to finish an update that waits.
        abort: Whether to take back an update that waits.
    """

    path: Path
    to: str | None
    data: tuple[str, ...]
    template: str | None
    every: bool
    defaults: bool
    lock: bool
    dry_run: bool
    as_json: bool
    resume: bool
    abort: bool


def update(wishes: Wishes) -> int:
    """Update a project.

    Returns:
        The exit code: 0 done, 1 when there are conflicts.

    Raises:
        UsageError: When the path, a version or an answer will not do.
        ScaffoldError: When the project is not ready for it.
        EnvironmentLackError: When a tool is missing or the disk refuses.
        TemplateError: When the template cannot be rendered.
    """
    if wishes.resume and wishes.abort:
        raise UsageError("--continue and --abort exclude each other.", "Choose one.")
    git.required("Install it (apt install git, brew install git).")
    repository = Repository.opened(wishes.path)
    journal = Journal(repository)
    if wishes.dry_run:
        return _update(wishes, repository, journal)
    with journal.held():
        try:
            if wishes.resume or wishes.abort:
                return _settle(wishes, journal)
            return _update(wishes, repository, journal)
        except KeyboardInterrupt:
            if (state := journal.state) is None:
                raise
            raise LeftError(f"Left halfway: {state.title}.", f"Next: {NEXT[state.phase]}") from None


def _update(wishes: Wishes, repository: Repository, journal: Journal) -> int:
    if not wishes.dry_run:  # which does not even tidy up
        journal.require_none()
    records = answersfile.found_in(repository, every=wishes.every)
    repository.require_clean()
    wish = Wish(wishes.to, pairs(wishes.data), wishes.template, _asker(wishes), wishes.lock)
    with Shelf(console.note) as shelf, ExitStack() as stack:
        if wish.ask:  # what it is about is fetched before anything is asked
            with console.progress("Fetching the template …"), suppress(ScaffoldError):
                shelf.at(wishes.template or source_of(records[0], shelf))
        with nullcontext() if wish.ask else console.progress("Working out the update …"):
            plan = stack.enter_context(planned(repository, records, shelf, wish))
        if not wishes.dry_run and (plan.result or plan.conflicts):
            plan.export()
            journal.apply(plan.title, plan.result, plan.conflicts, marked=plan.marked())
        _report(wishes, plan)
        return 1 if plan.conflicts else 0


def _asker(wishes: Wishes) -> Callable[[Question], Any] | None:
    """Ask new questions of whoever is there; else their defaults do."""
    if wishes.defaults or wishes.as_json or wishes.dry_run or not console.interactive():
        return None
    from scaffold.template import prompts  # noqa: PLC0415  # questionary, only where somebody answers

    return prompts.ask


def _settle(wishes: Wishes, journal: Journal) -> int:
    """Continue or abort what waits."""
    state = journal.pending()
    if state is None:
        raise UsageError(
            "No update waits to be continued or aborted.",
            "One that is committed is undone as any commit: git revert.",
        )
    if state.head != journal.repository.head:
        raise ScaffoldError(
            "Somebody committed since the update began; it can be neither continued nor aborted.",
            "Resolve what `git status` shows, and commit.",
        )
    if wishes.abort:
        kept = journal.abort()
        console.say("Everything is as it was before the update.")
        if kept:
            console.note(
                f"What you edited since is kept: {', '.join(kept)}.",
                f"It is in {journal.moves.aside}.",
            )
        return 0
    if state.phase == APPLYING:
        journal.resume(state)
        state = journal.pending() or state
    left = journal.undecided(state)
    if left:
        names = ", ".join(f"{path} ({why})" for path, why in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""  # noqa: PLR2004
        raise ScaffoldError(
            f"Not decided yet: {names}{more}.",
            "Edit them, `git add` or `git rm` what has no markers, then run it again.",
        )
    journal.finish(state)
    console.say("Every conflict is decided, and the update is staged.")
    _next([f"git commit -m {shlex.quote(state.title)}"])
    return 0


def _report(wishes: Wishes, plan: Plan) -> None:
    if wishes.as_json:
        console.say(json.dumps(_as_data(wishes, plan), indent=2))
        return
    for step in plan.steps:
        _report_step(wishes, plan, step)
    conflicts = plan.conflicts
    if wishes.dry_run:
        console.say("Nothing was changed: this was a dry run.")
    elif conflicts:
        console.say(f"{count(len(conflicts), 'conflict')} to decide; the rest is staged.")
        _next(["git diff", "scaffold update --continue", "scaffold update --abort"])
    elif plan.result:
        console.say("All of it is staged, nothing is committed.")
        _next(["git diff --staged", f"git commit -m {shlex.quote(plan.title)}"])


def _report_step(wishes: Wishes, plan: Plan, step: Step) -> None:
    name = step.answers.values.get("project_name") or step.record.path
    merge = step.merge
    if not (merge.result or merge.conflicts):
        console.say(f"{name} is at {step.after} already: nothing to do.")
        return
    console.say(f"{name}: {step.before} → {step.goal}\n")
    for change in merge.changes:
        was = f"{change.before} → " if change.before else ""
        console.say(f"  {change.what:<9} {was}{change.path}")
    for kept in merge.kept:
        console.say(f"  {'kept':<9} {kept.path} ({kept.reason})")
    for conflict in merge.conflicts:
        console.say(f"  {'CONFLICT':<9} {conflict.path} ({conflict.kind})")
    if step.note:
        console.note(f"Note: {step.note[0]}", step.note[1])
    if wishes.dry_run:
        diff = plan.diff(step, color=console.colorful())
        console.say(f"\n{diff.rstrip()}" if diff else "")
    console.say(f"\n{_summary(step)}")


def _summary(step: Step) -> str:
    numbers = Counter(change.what for change in step.merge.changes)
    words = [f"{number} {what}" for what, number in numbers.items()]
    words += [f"{len(step.merge.kept)} kept as yours"] if step.merge.kept else []
    words += [count(len(step.merge.conflicts), "conflict")] if step.merge.conflicts else []
    return f"{', '.join(words)}."


def _as_data(wishes: Wishes, plan: Plan) -> dict[str, Any]:
    waits = "scaffold update --continue" if plan.conflicts else "git commit" if plan.result else ""
    return {
        "repository": str(plan.repository.top),
        "dry_run": wishes.dry_run,
        "projects": [_step_as_data(wishes, plan, step) for step in plan.steps],
        "next": "" if wishes.dry_run else waits,
    }


def _step_as_data(wishes: Wishes, plan: Plan, step: Step) -> dict[str, Any]:
    merge = step.merge
    return {
        "path": str(step.record.project),
        "answers_file": str(step.record.path),
        "from": step.before,
        "to": step.after,
        "answers": step.answers.remembered,
        "changed_answers": dict(step.changed),
        "changes": [
            {"what": change.what, "path": str(change.path)}
            | ({"before": str(change.before)} if change.before else {})
            | (
                {"diff": plan.diff(step, *filter(None, (change.path, change.before)))}
                if wishes.dry_run
                else {}
            )
            for change in merge.changes
        ],
        "kept": [{"path": str(kept.path), "reason": kept.reason} for kept in merge.kept],
        "conflicts": [{"path": str(c.path), "kind": c.kind} for c in merge.conflicts],
        "deleted": [str(path) for path in merge.deleted],
        "lock": step.lock,
        "note": " ".join(step.note) if step.note else "",
    }


def _next(commands: list[str]) -> None:
    console.say("\nNext:")
    for command in commands:
        console.say(f"  {command}")
