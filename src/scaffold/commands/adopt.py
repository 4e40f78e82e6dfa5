"""`scaffold adopt`: a repository that has a life of its own, brought under the template."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from scaffold import console, git
from scaffold.adopt import plan, report
from scaffold.adopt.answering import answered, guesses
from scaffold.adopt.keeping import chosen, kept
from scaffold.errors import ScaffoldError, UsageError
from scaffold.git import branch
from scaffold.git.repository import Entry, Repository
from scaffold.git.store import scratch_store
from scaffold.new import ground
from scaffold.project import answersfile, ownership
from scaffold.project.origin import Origin, nearest_version, stands_in
from scaffold.template.answers import pairs
from scaffold.template.source import Shelf, is_embedded
from scaffold.update.journal import Journal
from scaffold.wording import count, printable, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scaffold.project.answersfile import AnswersFile
    from scaffold.template.definition import Template
    from scaffold.template.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        path: The folder that is to be a project.
        data: Answers as `key=value`.
        take: Paths at which the template's file is wanted instead of the one that is there.
        branch: The branch for the commit.
        template: Where the template is, or nothing for the embedded one.
        ref: The template's version, or nothing for the newest.
        defaults: Whether to ask nothing.
        dry_run: Whether to show only what would happen.
        as_json: Whether to report in JSON, and so never to prompt.
    """

    path: Path
    data: tuple[str, ...]
    take: tuple[str, ...]
    branch: str
    template: str | None
    ref: str | None
    defaults: bool
    dry_run: bool
    as_json: bool


def adopt(wishes: Wishes) -> None:
    """Adopt a repository.

    Raises:
        UsageError: When the path or an answer will not do, or no stack fits.
        ScaffoldError: When git refuses, or the branch is there already.
        TemplateError: When the template cannot be rendered.
    """
    git.required()
    if "" in wishes.take:
        raise UsageError("--take names no path.", "Name a file or a folder, or . for everything.")
    ground.require_code(wishes.path)
    repository = Repository.opened(wishes.path)
    take = [PurePosixPath(path) for path in wishes.take]
    with Shelf(console.note) as shelf:
        if not any(path.parent == repository.prefix for path in answersfile.listed(repository)):
            if repository.pointed_at:
                raise UsageError(
                    f"{shown(wishes.path, 200)} is no folder.",
                    "Name the folder that is to be a project.",
                )
            with console.fetching(wishes.template):
                template = shelf.at(wishes.template, wishes.ref)
            _adopt(wishes, repository, template, take)
            return
        (record,) = answersfile.found_in(repository)
        if wishes.data:
            raise UsageError(
                f"{record.path} makes this a project already.",
                f"To change an answer: scaffold update -d {wishes.data[0]}",
            )
        if take:
            _take(wishes, repository, record, shelf, take)
        else:
            _take_over(wishes, repository, record, shelf)


def _adopt(
    wishes: Wishes, repository: Repository, template: Template, take: list[PurePosixPath]
) -> None:
    if template.commit is None:
        raise UsageError(
            f"The template {template.source} is no git repository, so no update could follow.",
            "Name a git repository with --template.",
        )
    if not wishes.dry_run:
        branch.ready(repository, wishes.branch)
    found = guesses(template, repository)
    given = pairs(wishes.data)
    answers = answered(template, found, given)
    if not wishes.as_json:
        report.show_answers(found, given, answers)
    known = {*given}
    if ask := _asker(wishes, known):
        answers = answered(template, found, given, ask)
        console.say()
    default = {name for name, guess in found.items() if guess.answer is None and name not in known}
    result = plan.adopted(template, answers, repository, take, default)
    name = answers.values.get("project_name", repository.folder.name)
    commit = None
    if not wishes.dry_run:
        message = f"Adopt scaffold's template {template.commit} for {name}"
        commit = branch.commit(repository, wishes.branch, message, result.result)
    if wishes.as_json:
        data = report.as_data(template, found, result) | {
            "dry_run": wishes.dry_run,
            "branch": None if commit is None else wishes.branch,
            "commit": commit,
        }
        console.say(json.dumps(data, indent=2))
        return
    present = repository.below(repository.prefix)
    told = result.added if commit is None else report.folded(result.added, present)
    report.show_files(result, told)
    report.advise(result, repository.prefix, branch.main(repository))
    _next(wishes, commit)


def _asker(wishes: Wishes, known: set[str]) -> Callable[[Question], Any] | None:
    """Ask what is unsure of whoever is there, and note what was asked."""
    if wishes.defaults or wishes.as_json or wishes.dry_run or not console.interactive():
        return None
    from scaffold.template import prompts  # noqa: PLC0415  # questionary, only where somebody answers

    def ask(question: Question) -> Any:
        known.add(question.name)
        return prompts.ask(question)

    return ask


def _take_over(wishes: Wishes, repository: Repository, record: AnswersFile, shelf: Shelf) -> None:
    """Make a project of plain Copier's one that updates work on, wherever it was made."""
    source = wishes.template
    with console.fetching(source or record.source):
        if source is None:
            known = bool(record.commit) and stands_in(record, shelf)
            here = is_embedded(record.source) or _can_be_had(record, shelf)
        else:
            known = bool(record.commit and shelf.versions(source).commit(record.commit))
            here = record.source == shelf.at(source).source
    data = {"answers_file": str(record.path), "branch": None, "commit": None}
    if (here and record.commit) or (not known and _can_be_had(record, shelf)):
        known_as = git.without_password(record.source)
        data |= {"template": known_as, "version": record.commit}
        said = f"{printable(str(record.path))} makes this a project already: nothing to do."
        console.say(json.dumps(data, indent=2) if wishes.as_json else said)
        return
    if not wishes.dry_run:
        branch.ready(repository, wishes.branch)
    how = f"it says it is at {record.commit}"
    version = record.commit
    if not known:
        with console.progress("Comparing it with the template's versions …"):
            version, same, files = nearest_version(record, repository, shelf, source)
        how = f"{same} of its {count(files, 'file')} are as {version} has them"
    address = shelf.at(source).source
    template = shelf.at(source, version).for_project(address, version, record.path.name)
    origin = Origin.rendered(template, record)
    (file,) = (file for file in origin.files if file.path.name == record.path.name)
    if not wishes.dry_run:
        message = f"Follow scaffold's template from {version} on"
        result = {file.path: (file.content, "100644")}
        data["branch"] = wishes.branch
        data["commit"] = branch.commit(repository, wishes.branch, message, result)
    if wishes.as_json:
        data |= {"template": address, "version": version}
        console.say(json.dumps(data, indent=2))
        return
    console.say(f"{printable(str(record.path))}: a project at {version} ({how}).")
    _next(wishes, data["commit"])


def _can_be_had(record: AnswersFile, shelf: Shelf) -> bool:
    """Tell whether updates find the very version of a template that a project names."""
    try:
        return bool(record.commit) and bool(shelf.at(record.source, record.commit))
    except ScaffoldError:
        return False


def _take(
    wishes: Wishes,
    repository: Repository,
    record: AnswersFile,
    shelf: Shelf,
    take: list[PurePosixPath],
) -> None:
    """Let the template have paths back: its files replace what is there, staged."""
    journal = Journal(repository)
    with journal.held():
        journal.require_none()
        repository.require_clean()
        with console.progress("Comparing with the template …"):
            origin = Origin.of(record, shelf, wishes.template)
        files = chosen(take, origin.files, repository.below(record.project))
        with scratch_store(repository) as store:
            result = {
                record.project / file.path: Entry(file.mode, store.write(file.content))
                for file in files
            }
            settings = record.project / ownership.FILE
            if settings in repository.files:
                before = repository.text(settings)
                text = kept(before, (), [file.path for file in files], take)
                result[settings] = Entry("100644", store.write(text.encode()))
            changed = {
                path: entry for path, entry in result.items() if repository.files.get(path) != entry
            }
            if not wishes.as_json and wishes.dry_run:
                tree = repository.tree(PurePosixPath())
                store.write_result(tree, changed)
                console.show(store.diff(changed, color=console.colorful()))
            elif changed and not wishes.dry_run:
                store.export([entry.oid for entry in changed.values()], repository)
                title = f"Take {', '.join(map(str, take))} from the template"
                journal.apply(title, dict(changed), ())
    _report_taken(wishes, sorted(changed), settings)


def _report_taken(wishes: Wishes, changed: list[PurePosixPath], settings: PurePosixPath) -> None:
    if wishes.as_json:
        taken = [str(path) for path in changed if path != settings]
        console.say(json.dumps({"taken": taken, "dry_run": wishes.dry_run}, indent=2))
        return
    for path in changed:
        what = "changed" if path == settings else "taken"
        console.say(f"  {what:<10} {printable(str(path))}")
    if not changed:
        console.say("All of that is the template's already: nothing to do.")
    elif wishes.dry_run:
        console.say("\nNothing was changed: this was a dry run.")
    else:
        console.say("\nStaged, not committed. `scaffold update --abort` takes it back.")


def _next(wishes: Wishes, commit: str | None) -> None:
    if commit is None:
        console.say("\nNothing was changed: this was a dry run.")
        return
    name = wishes.branch
    console.say(f"\nOne commit on the branch {name}; your work tree is untouched.")
    commands = {
        f"git diff HEAD...{name}": "look at it",
        f"git merge {name}": "keep it",
        f"git branch -D {name}": "or forget it",
        "scaffold adopt --take PATH": "once merged: have the template's after all",
    }
    width = max(map(len, commands))
    console.say("\nNext:")
    for command, what in commands.items():
        console.say(f"  {command:<{width}}  {what}")
