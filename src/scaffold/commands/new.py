"""`scaffold new`: a name in, a project out."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scaffold import console, git, project
from scaffold.errors import ScaffoldError, UsageError
from scaffold.new import surroundings
from scaffold.new.filling import filled
from scaffold.new.ground import Fit, Ground
from scaffold.project import lockfile
from scaffold.project.folder import appearing_at
from scaffold.template.answers import Answers, pairs, resolve
from scaffold.template.renderer import render, seeds
from scaffold.template.source import opened
from scaffold.wording import count, printable, shown, slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scaffold.files import File
    from scaffold.template.definition import Template

NAME = "project_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        name: The project's name, and its folder's; or a path to its folder.
        data: Answers as `key=value`.
        answers: A file of answers, or nothing.
        defaults: Whether to take the default for every other question.
        template: Where the template is, or nothing for the embedded one.
        ref: The template's version, or nothing for the newest.
        into: The folder that the project's folder goes into.
        git: Whether to make a repository with a first commit.
        lock: Whether to make the lock file.
        as_json: Whether to report in JSON, and so never to prompt.
    """

    name: str
    data: tuple[str, ...]
    answers: Path | None
    defaults: bool
    template: str | None
    ref: str | None
    into: Path
    git: bool
    lock: bool
    as_json: bool


def new(wishes: Wishes) -> None:
    """Make a project.

    Raises:
        UsageError: When the name, an answer or the destination will not do.
        ScaffoldError: When the destination is a repository with something uncommitted.
        EnvironmentLackError: When a tool is missing or the disk refuses.
        TemplateError: When the template cannot be rendered.
    """
    if wishes.git:
        git.required("Install it (apt install git, brew install git), or use --no-git.")
    given = _given(wishes)
    with ExitStack() as stack:
        with console.fetching(wishes.template):
            template = stack.enter_context(opened(wishes.template, wishes.ref))
        _check_name(template, given[NAME], wishes)
        destination = project.free_destination(wishes.into, wishes.name)
        filling = stack.enter_context(filled(destination)) if destination.is_dir() else None
        ground = Ground.of(destination) if filling else Ground(destination, {})
        outer = _outer(ground) if wishes.git else ""
        given = {**ground.answers(template), **given}
        ask = not (wishes.defaults or wishes.as_json) and console.interactive()
        answers, fit = _answered(template, given, ground, ask=ask)
        manager = template.catalog.said(answers.values, "lock")
        folder = filling.opened() if filling else stack.enter_context(appearing_at(destination))
        project.write(fit.files, folder)
        lock = _lock(manager, folder, wanted=wishes.lock) if manager else None
        own = wishes.git and not outer
        if filling:
            filling.move_in(ground.files, init=own and not ground.branch)
            folder = destination
        paths = [str(file.path) for file in fit.files] + ([lock] if lock else [])
        commit = _commit(folder, given[NAME], template, paths, ground) if own else None
    _report(
        wishes,
        template,
        {
            "path": str(destination.resolve()),
            "template": dict(template.metadata),
            "answers": answers.remembered,
            "files": [str(file.path) for file in fit.files],
            "completed": [str(path) for path in fit.completed],
            "yours": [str(path) for path in ground.kept(fit)],
            "lock": lock,
            "commit": commit,
            "pipeline": _pipeline(fit.files, template.catalog.choice("ci", answers.values))
            if wishes.as_json
            else None,
            "next": [*_cd(destination), *_next(fit.files)],
        },
        answers,
        ground,
    )
    _advise(template, given, ground, paths, outer)


def _answered(
    template: Template, given: Mapping[str, Any], ground: Ground, *, ask: bool
) -> tuple[Answers, Fit]:
    if not ask:
        answers = resolve(template, given)
        return answers, _fitted(template, answers, ground)
    from scaffold.template import prompts  # noqa: PLC0415  # questionary, only where somebody answers

    resolve(template, given)  # what is wrong already is said before anything is asked
    answers = prompts.interview(template, given)
    fit = _fitted(template, answers, ground)
    if not prompts.confirmed(ground.folder, fit.files, ground.kept(fit)):
        raise KeyboardInterrupt
    return answers, fit


def _fitted(template: Template, answers: Answers, ground: Ground) -> Fit:
    return ground.fitted(render(template, answers), seeds(template, answers))


def _given(wishes: Wishes) -> dict[str, Any]:
    """Collect the answers of the command line: the file's, over them `-d`'s, and the name."""
    given = _read(wishes.answers) if wishes.answers else {}
    changed = pairs(wishes.data)
    name = project.named(wishes.into, wishes.name)
    if project.is_path(wishes.name):
        name = changed.get(NAME, name)
    elif changed.get(NAME, name) != name:
        raise UsageError(
            f"The name is {shown(name)}, but -d says {shown(changed[NAME])}.",
            f"Leave out -d {NAME}=…",
        )
    return {**given, **changed, NAME: name}


def _read(path: Path) -> dict[str, Any]:
    """Read a file of answers, YAML or JSON; a project's own answers file will do."""
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(
            f"The answers {shown(path)} cannot be read: {reason}.", "Name a YAML or JSON file."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UsageError(
            f"The answers {shown(path)} are no valid YAML{where}: "
            f"{getattr(error, 'problem', None) or error}",
            "One `question: answer` on each line.",
        ) from error
    found = {} if found is None else found
    if not isinstance(found, dict):
        raise UsageError(
            f"The answers {shown(path)} are no mapping.", "One `question: answer` on each line."
        )
    return {str(key): value for key, value in found.items() if not str(key).startswith("_")}


def _check_name(template: Template, name: str, wishes: Wishes) -> None:
    """Hold the name to the template's rule, and suggest one that keeps it."""
    try:
        resolve(template, {NAME: name})
    except UsageError as error:
        for candidate in (slug(name), f"{slug(name)}-service", "my-service"):
            try:
                resolve(template, {NAME: candidate})
            except UsageError:
                continue
            option = f"-d {NAME}=" if project.is_path(wishes.name) else ""
            raise UsageError(
                f"{shown(name)} is no name for a project; try '{option}{candidate}'.", error.hint
            ) from error
        raise


def _lock(manager: str, folder: Path, *, wanted: bool) -> str | None:
    try:
        known = lockfile.known(manager)
        manifest = folder / known.manifest
        lockfile.require_own_name(known, manifest.read_bytes() if manifest.is_file() else b"")
        if not wanted:
            return None
        with console.progress(f"Resolving dependencies with {manager} (Ctrl-C skips it) …"):
            file, remark = lockfile.make(known, folder)
    except lockfile.LockError as error:
        if wanted:
            console.note(f"Note: {error.message}", error.hint)
        return None
    if remark:
        console.note(f"Note: {remark[0]}", remark[1])
    return file


def _outer(ground: Ground) -> str:
    """Give the repository that a folder is a part of; nothing when it has or gets its own."""
    place = ground.folder
    return "" if ground.branch else git.top(place if place.is_dir() else place.parent)


def _commit(
    folder: Path, name: str, template: Template, files: Iterable[str], ground: Ground
) -> str | None:
    version = f" {template.commit}" if template.commit else ""
    message = f"Start {name} from scaffold's template{version}"
    try:
        return project.commit(folder, message, files, map(str, ground.files))
    except git.GitError as error:
        lacks = "project is not committed"
        if not ground.has_commits:
            lacks = "repository has no first commit"
        console.note(
            f"Note: the {lacks} yet: {error}",
            f"Run there: git add --all && git commit -m {shlex.quote(message)}",
        )
        return None


def _cd(folder: Path) -> list[str]:
    if folder.resolve() == Path.cwd():
        return []
    path = str(folder)
    return [f"cd {shlex.quote(f'./{path}' if path.startswith('-') else path)}"]


def _next(files: Iterable[File]) -> list[str]:
    """Give the tasks that come first, where the template has them."""
    written = {str(file.path) for file in files}
    return [task for task in ("ops/setup", "ops/dev") if task in written]


def _pipeline(files: Iterable[File], provider: str) -> dict[str, Any] | None:
    """Give what the project's CI provider will do, as `Pipeline.to_json` describes it."""
    from scaffold import pipeline  # noqa: PLC0415  # only for a report

    contents = {str(file.path): file.content for file in files}
    try:
        return pipeline.read(contents, provider=provider).to_json()
    except ScaffoldError as error:
        console.note(f"Note: the pipeline is not in the report: {error.message}", error.hint)
        return None


def _report(
    wishes: Wishes, template: Template, done: Mapping[str, Any], answers: Answers, ground: Ground
) -> None:
    if wishes.as_json:
        console.say(json.dumps(done, indent=2))
        return
    labels = ", ".join(o.label for o in template.catalog.chosen(answers.values))
    name = answers.values[NAME]
    extras = [count(len(done["files"]), "file")]
    extras += ["a lock file"] if done["lock"] else []
    if done["commit"]:
        extras.append(f"a commit on {ground.branch}" if ground.has_commits else "a first commit")
    what = f"{name} ({labels})" if labels else name
    console.say(f"Created {what}: {', '.join(extras)}.")
    for how, paths in [
        ("as it was", done["yours"]),
        ("with the template's lines below", done["completed"]),
    ]:
        if paths:
            console.say(f"\nYours, {how}: {printable(', '.join(paths))}.")
    console.say("\nNext:")
    for command in done["next"]:
        console.say(f"  {command}")


def _advise(
    template: Template,
    given: Mapping[str, Any],
    ground: Ground,
    files: Iterable[str],
    outer: str,
) -> None:
    """Say what follows from where the project is."""
    axes = template.catalog.axes
    for message, hint in surroundings.notes(ground.folder, files, outer):
        console.note(f"Note: {message}", hint)
    if ground.branch and ground.branch != project.BRANCH and "ci" in axes:
        when = "here and at the forge" if ground.has_commits else "before it is pushed"
        console.note(
            f"Note: the branch is {ground.branch}, and pipelines deploy from {project.BRANCH}.",
            f"Rename it {when}: git branch -m {project.BRANCH}",
        )
    if "license" in axes and ground.has_licence and "license" not in given:
        console.note(
            "Note: the licence that is there is none that the template knows.",
            "Name it where the project's manifest has another.",
        )
