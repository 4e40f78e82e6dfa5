"""`scaffold new`: a name in, a project out."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from scaffold import console, git, lockfile, project
from scaffold.answers import Answers, pairs, resolve
from scaffold.errors import ScaffoldError, UsageError
from scaffold.render import render
from scaffold.template import Template, opened
from scaffold.wording import count, shown, slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from scaffold.render import File

NAME = "project_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        name: The project's name, and its folder's.
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
        EnvironmentLackError: When a tool is missing or the disk refuses.
        TemplateError: When the template cannot be rendered.
    """
    if wishes.git:
        git.required("Install it (apt install git, brew install git), or use --no-git.")
    given = _given(wishes)
    with opened(wishes.template, wishes.ref) as template:
        _check_name(template, wishes.name)
        destination = project.free_destination(wishes.into, wishes.name)
        ask = not (wishes.defaults or wishes.as_json) and console.interactive()
        answers, files = _answered(template, given, destination, ask=ask)
    manager = template.catalog.said(answers.values, "lock")
    with project.appearing_at(destination) as folder:
        project.write(files, folder)
        lock = _lock(manager, folder, wanted=wishes.lock) if manager else None
        commit = _commit(folder, wishes, template) if wishes.git else None
    _report(
        wishes,
        template,
        {
            "path": str(destination.resolve()),
            "template": dict(template.metadata),
            "answers": answers.remembered,
            "files": [str(file.path) for file in files],
            "lock": lock,
            "commit": commit,
            "pipeline": _pipeline(files) if wishes.as_json else None,
            "next": [_cd(destination), *_next(files)],
        },
        answers,
    )


def _answered(
    template: Template, given: Mapping[str, Any], destination: Path, *, ask: bool
) -> tuple[Answers, list[File]]:
    if not ask:
        answers = resolve(template, given)
        return answers, render(template, answers)
    from scaffold import prompts  # noqa: PLC0415  # questionary, only where somebody answers

    resolve(template, given)  # what is wrong already is said before anything is asked
    answers = prompts.interview(template, given)
    files = render(template, answers)
    if not prompts.confirmed(destination, files):
        raise KeyboardInterrupt
    return answers, files


def _given(wishes: Wishes) -> dict[str, Any]:
    """Collect the answers of the command line: the file's, over them `-d`'s, and the name."""
    given = _read(wishes.answers) if wishes.answers else {}
    changed = pairs(wishes.data)
    if changed.get(NAME, wishes.name) != wishes.name:
        raise UsageError(
            f"The name is {shown(wishes.name)}, but -d says {shown(changed[NAME])}.",
            f"Leave out -d {NAME}=…",
        )
    return {**given, **changed, NAME: wishes.name}


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


def _check_name(template: Template, name: str) -> None:
    """Hold the name to the template's rule, and suggest one that keeps it."""
    try:
        resolve(template, {NAME: name})
    except UsageError as error:
        for candidate in (slug(name), f"{slug(name)}-service", "my-service"):
            try:
                resolve(template, {NAME: candidate})
            except UsageError:
                continue
            raise UsageError(
                f"{shown(name)} is no name for a project; try '{candidate}'.", error.hint
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


def _commit(folder: Path, wishes: Wishes, template: Template) -> str | None:
    if git.inside_work_tree(wishes.into):
        console.note(
            f"Note: {wishes.into.resolve()} is in a git repository already, so none was made.",
            "Commit the new folder there.",
        )
        return None
    version = f" {template.commit}" if template.commit else ""
    message = f"Start {wishes.name} from scaffold's template{version}"
    try:
        project.first_commit(folder, message)
        return git.run("rev-parse", "HEAD", cwd=folder)
    except git.GitError as error:
        console.note(
            f"Note: the repository has no first commit yet: {error}",
            f"Run there: git commit -m {shlex.quote(message)}",
        )
        return None


def _cd(folder: Path) -> str:
    path = str(folder)
    return f"cd {shlex.quote(f'./{path}' if path.startswith('-') else path)}"


def _next(files: Iterable[File]) -> list[str]:
    """Give the tasks that come first, where the template has them."""
    written = {str(file.path) for file in files}
    return [task for task in ("ops/setup", "ops/dev") if task in written]


def _pipeline(files: Iterable[File]) -> dict[str, Any] | None:
    """Give what the project's CI provider will do, as `Pipeline.to_json` describes it."""
    from scaffold import pipeline  # noqa: PLC0415  # only for a report

    try:
        return pipeline.read({str(file.path): file.content for file in files}).to_json()
    except ScaffoldError as error:
        console.note(f"Note: the pipeline is not in the report: {error.message}", error.hint)
        return None


def _report(wishes: Wishes, template: Template, done: Mapping[str, Any], answers: Answers) -> None:
    if wishes.as_json:
        console.say(json.dumps(done, indent=2))
        return
    labels = ", ".join(o.label for o in template.catalog.chosen(answers.values))
    extras = [count(len(done["files"]), "file")]
    extras += ["a lock file"] if done["lock"] else []
    extras += ["a first commit"] if done["commit"] else []
    what = f"{wishes.name} ({labels})" if labels else wishes.name
    console.say(f"Created {what}: {', '.join(extras)}.")
    console.say("\nNext:")
    for command in done["next"]:
        console.say(f"  {command}")
