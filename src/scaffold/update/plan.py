"""Updates: a project, the template it came from and the template as it is now, merged.

Nothing here changes a project: what comes of it is a plan, for the journal to carry out.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from scaffold.errors import UsageError
from scaffold.git.repository import SUBMODULE, Entry
from scaffold.git.store import scratch_store
from scaffold.project import lockfile, ownership
from scaffold.project.origin import Origin
from scaffold.project.packagemanager import MANAGERS
from scaffold.template.answers import Answers, applicable, resolve
from scaffold.template.renderer import render, seeds
from scaffold.update.keeping import owned
from scaffold.update.merge import is_marked, merged, overlap
from scaffold.update.outcome import Change, Conflict, Merge
from scaffold.wording import brief, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scaffold.git.repository import Repository
    from scaffold.git.store import Store
    from scaffold.project.answersfile import AnswersFile
    from scaffold.template.definition import Template
    from scaffold.template.questions import Question
    from scaffold.template.source import Shelf


@dataclass(frozen=True)
class Wish:
    """What an update is to do.

    Attributes:
        to: The version of the template; None for the newest there is.
        data: Answers that change.
        source: Where the template is, when not where the project says.
        ask: Asks a question that the project has no answer to; None to take the default.
        lock: Whether a lock file is to follow its manifest.
    """

    to: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    ask: Callable[[Question], Any] | None = None
    lock: bool = True


@dataclass(frozen=True)
class Step:
    """The update of one project.

    Attributes:
        record: Its answers file.
        before: The template's version it is at.
        after: The version it goes to.
        answers: Its answers afterwards.
        changed: Those among them that are different from before, or new.
        merge: What is to be done; paths are relative to the project.
        lock: The lock file that follows its manifest, or None.
        note: What could not be done, and what to do about it.
    """

    record: AnswersFile
    before: str
    after: str
    answers: Answers
    changed: Mapping[str, Any]
    merge: Merge
    lock: str | None = None
    note: tuple[str, str] | None = None

    @property
    def goal(self) -> str:
        """Where it goes, in a few words: a version, or answers when that stays."""
        return _goal(self.before, self.after, self.changed)


def _goal(before: str, after: str, changed: Mapping[str, Any]) -> str:
    answers = ", ".join(f"{key}={brief(value)}" for key, value in changed.items())
    return answers if answers and before == after else after


@dataclass
class Plan:
    """What an update comes to, for one or more projects of a repository.

    Attributes:
        repository: Whose.
        store: Where the new objects are.
        steps: Each project's part.
    """

    repository: Repository
    store: Store
    steps: list[Step]
    _written: bool = False

    @property
    def result(self) -> dict[PurePosixPath, Entry | None]:
        """What is different from the last commit, by path in the repository."""
        return {
            step.record.project / path: entry
            for step in self.steps
            for path, entry in step.merge.result.items()
        }

    @property
    def title(self) -> str:
        """What it is, in a few words; a commit message."""
        first = self.steps[0]
        if any((s.before, s.goal) != (first.before, first.goal) for s in self.steps):
            return f"Update the template to {first.after}"
        if first.before == first.after:
            return f"Set {first.goal}"
        return f"Update the template from {first.before} to {first.after}"

    def diff(self, step: Step, *paths: PurePosixPath, color: bool = False) -> str:
        """Give what an update changes in a project, or at some paths of it, as git shows it."""
        wanted = [step.record.project / path for path in paths or step.merge.result]
        if not wanted:
            return ""
        if not self._written:
            self.store.write_result(self.repository.tree(PurePosixPath()), self.result)
            self._written = True
        return self.store.diff(wanted, color=color).decode("utf-8", "replace")

    @property
    def conflicts(self) -> list[Conflict]:
        """What somebody has to decide, by path in the repository."""
        return [
            replace(conflict, path=step.record.project / conflict.path)
            for step in self.steps
            for conflict in step.merge.conflicts
        ]

    def marked(self) -> set[PurePosixPath]:
        """Give the conflicts that show as markers in a file."""
        contents = {
            path: entry for path, entry in self.result.items() if entry and entry.mode != SUBMODULE
        }
        return {
            conflict.path
            for conflict in self.conflicts
            if conflict.path in contents and is_marked(self.store.read(contents[conflict.path].oid))
        }

    def export(self) -> None:
        """Put the objects of the result where the repository has its own."""
        entries = [entry for entry in self.result.values() if entry]
        for conflict in self.conflicts:
            entries += conflict.stages.values()
        oids = [entry.oid for entry in entries if entry.mode != SUBMODULE]
        self.store.export(oids, self.repository)


@contextmanager
def planned(
    repository: Repository, records: list[AnswersFile], shelf: Shelf, wish: Wish
) -> Iterator[Plan]:
    """Work out an update.

    Args:
        repository: Where the projects are.
        records: The projects' answers files.
        shelf: Where templates are fetched.
        wish: What is wanted.

    Raises:
        UsageError: When an answer or a version does not fit.
        ScaffoldError: When a project's settings cannot be read.
        TemplateError: When the template cannot be rendered.
    """
    with scratch_store(repository) as store:
        plan = Plan(repository, store, [])
        for record in records:
            plan.steps.append(_step(plan, record, shelf, wish))
        yield plan


def _step(plan: Plan, record: AnswersFile, shelf: Shelf, wish: Wish) -> Step:
    origin = Origin.of(record, shelf, wish.source)
    target = _target(record, origin, shelf, wish)
    answers = _answers(record, target, wish)
    theirs = render(target, answers)
    ours = plan.repository.below(record.project)
    earlier = {
        (step.record.project / path).relative_to(record.project): entry
        for step in plan.steps
        if overlap(step.record.project, record.project)
        for path, entry in step.merge.result.items()
        if (step.record.project / path).is_relative_to(record.project)
    }
    for path, entry in earlier.items():
        ours.pop(path, None)
        if entry:
            ours[path] = entry
    settings = _settings(plan, ours)
    owners = ownership.parsed(
        settings,
        [*seeds(origin.template, origin.answers), *seeds(target, answers)],
        PurePosixPath(record.path.name),
    )
    before, after = record.commit, target.commit or "?"
    old = origin.answers.remembered
    changed = {k: v for k, v in answers.remembered.items() if k not in old or old[k] != v}
    # Attributes that came later have not reached what was committed before.
    raw = {
        file.path
        for file in origin.files
        if file.path in ours and ours[file.path].oid == plan.repository.oid(file.content)
    }
    came_from, theirs = (
        plan.store.as_added(files, plan.repository, record.project, raw)
        for files in (origin.files, theirs)
    )
    base, new, kept = owned(came_from, theirs, ours, owners)
    merge = merged(
        plan.store,
        base,
        (plan.repository.tree(record.project), earlier),
        new,
        f"scaffold {before} → {_goal(before, after, changed)}",
    )
    merge.kept[:0] = kept
    merge.result = {**earlier, **merge.result}
    step = Step(record, before, after, answers, changed, merge)
    _remember(plan, step, settings, owners)
    return _with_lock(plan, step, target, ours) if wish.lock else step


def _target(record: AnswersFile, origin: Origin, shelf: Shelf, wish: Wish) -> Template:
    """Give the version to update to.

    Raises:
        UsageError: When nothing newer is there and nobody said which older one it is to be.
    """
    new = shelf.at(origin.source, wish.to)
    if wish.to is None and new.commit != record.commit:
        if new.commit is None:
            raise UsageError(
                f"The template {shown(new.source)} is no git repository, so it has no version.",
                "Name one with --to, from a repository given with --template.",
            )
        if shelf.versions(origin.source).precedes(new.commit, record.commit):
            raise UsageError(
                f"{record.path} is at {record.commit}, which is newer than {new.commit}, "
                "the newest version here.",
                f"Upgrade scaffold, or go back on purpose with --to {new.commit}.",
            )
    source = new.source if wish.source else record.source
    return new.for_project(source, new.commit, record.path.name)


def _answers(record: AnswersFile, target: Template, wish: Wish) -> Answers:
    given = {**applicable(record.answers, target), **wish.data}
    try:
        return resolve(target, given, wish.ask, carried=record.answers)
    except UsageError as error:
        change = "" if wish.data else " Change the answer with -d question=…"
        raise UsageError(f"{record.path}: {error.message}", f"{error.hint}{change}") from error


def _settings(plan: Plan, ours: Mapping[PurePosixPath, Entry]) -> str:
    entry = ours.get(ownership.FILE)
    return plan.store.read(entry.oid).decode("utf-8", "replace") if entry else ""


def _remember(plan: Plan, step: Step, settings: str, owners: ownership.Ownership) -> None:
    """Write down what is somebody's own: files of the template that they deleted, or have."""
    deleted = [path for path in step.merge.deleted if path not in owners.deleted]
    keep = [ownership.pattern(path) for path in step.merge.keep]
    if not (deleted or keep):
        return
    text = ownership.written(settings, keep, deleted)
    step.merge.result[ownership.FILE] = Entry("100644", plan.store.write(text.encode()))
    what = "changed" if settings else "added"
    step.merge.changes.append(Change(what, ownership.FILE))
    step.merge.changes.sort(key=lambda change: change.path)


def _with_lock(
    plan: Plan, step: Step, target: Template, ours: Mapping[PurePosixPath, Entry]
) -> Step:
    """Let the lock file follow its manifest, where the project has one."""
    manager = MANAGERS.get(target.catalog.said(step.answers.values, "lock"))
    if manager is None:
        return step
    manifest, file = PurePosixPath(manager.manifest), PurePosixPath(manager.file)
    changed, lock = step.merge.result.get(manifest), ours.get(file)
    if changed is None or lock is None or manifest not in ours:
        return step
    if any(conflict.path == manifest for conflict in step.merge.conflicts):
        return replace(step, note=(f"{file} waits for {manifest}.", manager.later(renew=True)))
    content = plan.store.read(changed.oid)
    if not manager.concerns(plan.store.read(ours[manifest].oid), content):
        return step
    try:
        place, old = plan.repository.top / step.record.project, plan.store.read(lock.oid)
        made = lockfile.resolved(manager, content, place, old)
    except lockfile.LockError as error:
        return replace(step, note=(error.message, error.hint))
    step.merge.result[file] = Entry(lock.mode, plan.store.write(made))
    step.merge.changes.append(Change("changed", file))
    step.merge.changes.sort(key=lambda change: change.path)
    return replace(step, lock=str(file), note=lockfile.remark(manager, content + old, made))
