"""Adoption: a repository that never saw a template becomes a project of one.

Nothing is overwritten and nothing is removed. A file that is missing is added, a manifest gets the
keys that it lacks, and whatever else is there already stays and is written down as yours.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from scaffold.adopt import evidence
from scaffold.adopt.head import Head
from scaffold.adopt.keeping import chosen, kept
from scaffold.documents import merging
from scaffold.errors import ScaffoldError
from scaffold.git.repository import SYMLINK
from scaffold.project import ownership
from scaffold.project.lockfile import OTHER_LOCKS
from scaffold.project.ownership import Owner
from scaffold.template.renderer import render

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pathspec import PathSpec

    from scaffold.files import File
    from scaffold.git.repository import Repository
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template

#: The axis that is no technical choice: nobody's code gets a licence by default.
LICENSE = "license"

#: Names that a text about the same thing may end with: README.rst does what README.md would.
TEXTS = ("", ".adoc", ".markdown", ".md", ".rst", ".txt")

#: Where every pipeline, hook and text of a template looks for its tasks.
TASKS = PurePosixPath("ops")


@dataclass(frozen=True, slots=True)
class Offer:
    """A file of the template that is not taken.

    Attributes:
        path: Where it would be.
        reason: Why it is not, in a few words.
        content: What the template has for it.
        folder: The folder that cannot be made for it, where that is why.
    """

    path: PurePosixPath
    reason: str
    content: bytes
    folder: PurePosixPath | None = None

    @property
    def pattern(self) -> str:
        """What keeps updates from bringing it, and whatever else would be in that folder."""
        return f"{ownership.pattern(self.folder)}/" if self.folder else ownership.pattern(self.path)


@dataclass
class Adoption:
    """What an adoption comes to.

    Attributes:
        answers: The answers.
        result: What it writes: content, and whether that is executable, by path in the project.
        added: New files.
        completed: Manifests that get keys.
        taken: Files that the template's replace, as was wished.
        same: Files that are the template's already.
        offers: Files of the template that are not taken.
        left_out: Files of the template that the repository sees to itself.
        brought: The patterns that say so, and how many files each leaves out.
        stranded: Files of the template that are nothing without another one, each with that: it is
            not taken.
        keys: For each manifest, the keys that are its own.
        lacks: For each manifest, the keys that it could have and does not get.
        expects: Added files that name what is not there, and what that is.
        manager: The template's package manager.
        other_lock: The lock file of another one, where there is one.
    """

    answers: Answers
    result: dict[PurePosixPath, tuple[bytes, str]] = field(default_factory=dict)
    added: list[PurePosixPath] = field(default_factory=list)
    completed: list[PurePosixPath] = field(default_factory=list)
    taken: list[PurePosixPath] = field(default_factory=list)
    same: list[PurePosixPath] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    left_out: list[PurePosixPath] = field(default_factory=list)
    brought: dict[str, int] = field(default_factory=dict)
    stranded: dict[PurePosixPath, PurePosixPath] = field(default_factory=dict)
    keys: dict[PurePosixPath, list[str]] = field(default_factory=dict)
    lacks: dict[PurePosixPath, list[str]] = field(default_factory=dict)
    expects: dict[PurePosixPath, list[str]] = field(default_factory=dict)
    manager: str = ""
    other_lock: str = ""


def adopted(
    template: Template,
    answers: Answers,
    repository: Repository,
    take: Collection[PurePosixPath] = (),
    guessed_at: Collection[str] = (),
) -> Adoption:
    """Work out what an adoption writes.

    Args:
        template: The template.
        answers: The answers to its questions.
        repository: The repository, pointed at the folder that becomes a project.
        take: Paths at which the template's file is wanted although there is one.
        guessed_at: Axes whose answer nothing speaks for but the template's default.

    Raises:
        UsageError: When the template writes none of the paths to take, or they cannot be written.
        ScaffoldError: When what is there already leaves no place for the answers.
        TemplateError: When it cannot be rendered.
    """
    files = render(template, answers)
    head = Head.of(repository)
    wanted = {file.path for file in chosen(take, files, head.files)}
    settings = _settings(head)
    owners = ownership.parsed(settings, ())
    options = template.catalog.chosen(answers.values)
    patterns = evidence.brought(options, head)
    leave = evidence.brought_keys(options)
    adoption = Adoption(answers)
    groups: dict[str, list[File]] = defaultdict(list)
    for file in files:
        line = next((line for line, spec in patterns.items() if spec.match_file(file.path)), "")
        if file.path in wanted:
            _write(adoption, file, adoption.taken if file.path in head.files else adoption.added)
        elif reason := owners.reason(file.path):
            _offer(adoption, file, reason)
        elif line:
            groups[line].append(file)
        elif LICENSE in guessed_at and f"use.{LICENSE}." in str(file.origin):
            _offer(adoption, file, "nothing here says under which licence it is")
        elif file.path in head.files:
            _compare(adoption, file, head, leave.get(str(file.path)))
        else:
            _add(adoption, file, head)
    for line, group in groups.items():
        if all(map(head.has, group)):
            adoption.same += [file.path for file in group]
        else:
            adoption.brought[line] = len(group)
            adoption.left_out += [file.path for file in group]
    if PurePosixPath(template.answers_file) not in adoption.result:
        raise ScaffoldError(
            f"{template.answers_file} is taken, and the answers have no other place.",
            "Move what is there out of the way, and run it again.",
        )
    _require_tasks(adoption)
    _strand(adoption, evidence.requires(options), wanted)
    adoption.manager = template.catalog.said(answers.values, "lock")
    others = map(PurePosixPath, OTHER_LOCKS.get(adoption.manager, ()))
    adoption.other_lock = next((str(name) for name in others if name in head.files), "")
    _keep(adoption, settings, owners, take)
    _find_expectations(adoption, files, head)
    return adoption


def _settings(head: Head) -> str:
    """Give the settings that a repository has although it is no project: one that was, perhaps."""
    if ownership.FILE in head.files and not head.is_odd(ownership.FILE):
        return head.blob(ownership.FILE).decode("utf-8", "replace")
    place, obstacle = _obstacle(ownership.FILE, head)
    if place or ownership.FILE in head.files:
        raise ScaffoldError(
            f"There is no place for {ownership.FILE}: {obstacle or 'yours is no file'}.",
            "Move what is there out of the way, and run it again.",
        )
    return ""


def _write(adoption: Adoption, file: File, told: list[PurePosixPath]) -> None:
    adoption.result[file.path] = (file.content, file.mode)
    told.append(file.path)


def _offer(
    adoption: Adoption, file: File, reason: str, folder: PurePosixPath | None = None
) -> None:
    adoption.offers.append(Offer(file.path, reason, file.content, folder))


def _add(adoption: Adoption, file: File, head: Head) -> None:
    place, obstacle = _obstacle(file.path, head)
    if place:
        _offer(adoption, file, obstacle, None if place == file.path else place)
    else:
        _write(adoption, file, adoption.added)


def _obstacle(path: PurePosixPath, head: Head) -> tuple[PurePosixPath | None, str]:
    """Say what makes it impossible or confusing to add a path.

    Returns:
        The path or the folder that it would need, and what is there instead; None when nothing is.
    """
    for place in (*reversed(path.parents[:-1]), path):
        there = head.names.get(str(place).lower())
        if there is None:
            break
        if there != place or there in head.files or place == path:
            return place, f"{there} is there"
    if path.suffix in TEXTS:
        for suffix in TEXTS:
            there = head.names.get(str(path.with_suffix(suffix)).lower())
            if there in head.files:
                return path, f"{there} is there"
    for place in (path, *path.parents[:-1]):  # a merge would overwrite what git ignores
        disk = head.repository.folder / place
        if os.path.lexists(disk) and (place == path or disk.is_symlink() or not disk.is_dir()):
            return place, f"{'yours' if place == path else place} is not committed"
    return None, ""


def _compare(adoption: Adoption, file: File, head: Head, leave: frozenset[str] | None) -> None:
    """Look at a file that is there already; a manifest is one that a row says what to leave in."""
    if head.is_odd(file.path):
        link = head.files[file.path].mode == SYMLINK
        _offer(adoption, file, "yours is a link" if link else "yours is a submodule")
        return
    if head.has(file):
        adoption.same.append(file.path)
        return
    if leave is None:
        _offer(adoption, file, "yours differs")
        return
    content = head.blob(file.path)
    if len(content) > evidence.LIMIT:
        _offer(adoption, file, "yours is too long to be looked at")
        return
    completed = merging.add_missing(file.path, content, file.content, [(key,) for key in leave])
    if completed is None:
        _offer(adoption, file, "yours is nothing that keys can be added to")
        return
    adoption.keys[file.path] = sorted(leave)
    if lacking := _lacking(file, content, leave):
        adoption.lacks[file.path] = lacking
    if completed == content:
        adoption.same.append(file.path)
    else:
        adoption.result[file.path] = (completed, head.files[file.path].mode)
        adoption.completed.append(file.path)


def _parsed(path: PurePosixPath, content: bytes) -> dict[str, Any]:
    """Read a manifest; one that cannot be read is empty."""
    try:
        found = (tomllib.loads if path.suffix == ".toml" else json.loads)(content.decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _scripts(path: PurePosixPath, content: bytes) -> set[str]:
    """Give the names of what a package manager runs by its manifest."""
    found = _parsed(path, content).get("scripts")
    return set(found) if isinstance(found, dict) else set()


def _lacking(file: File, content: bytes, leave: frozenset[str]) -> list[str]:
    """Give the keys that are left out of a manifest, those of `scripts` and the like one by one."""
    ours, theirs = (_parsed(file.path, text) for text in (content, file.content))
    lacking = []
    for key in sorted(leave & theirs.keys()):
        if isinstance(theirs[key], dict) and isinstance(ours.get(key), dict):
            lacking += [f"{key}.{name}" for name in theirs[key] if name not in ours[key]]
        elif key not in ours:
            lacking.append(key)
    return lacking


def _require_tasks(adoption: Adoption) -> None:
    """Make sure that there is a folder for the tasks, which all else calls."""
    for offer in adoption.offers:
        if offer.folder and (offer.folder == TASKS or TASKS in offer.folder.parents):
            raise ScaffoldError(
                f"There is no place for {offer.path}, which pipelines call: {offer.reason}.",
                "Move what is there out of the way, and run it again.",
            )


def _strand(
    adoption: Adoption,
    requires: Iterable[tuple[PathSpec[Any], PathSpec[Any]]],
    wanted: Collection[PurePosixPath],
) -> None:
    """Take back what needs a file that is not taken, and what needs that in turn."""
    missing = {path: path for path in (*(o.path for o in adoption.offers), *adoption.left_out)}
    todo = [*missing]
    while todo:
        lacking = todo.pop()
        callers = [whose for whose, others in requires if others.match_file(lacking)]
        for path in [*adoption.added]:
            if path not in wanted and any(whose.match_file(path) for whose in callers):
                adoption.stranded[path] = missing[path] = missing[lacking]
                adoption.added.remove(path)
                del adoption.result[path]
                todo.append(path)


def _keep(
    adoption: Adoption,
    before: str,
    owners: ownership.Ownership,
    take: Collection[PurePosixPath],
) -> None:
    """Write down what was not taken, so that no update brings it."""
    offers = [offer for offer in adoption.offers if owners.of(offer.path) is not Owner.YOURS]
    keep = [*adoption.brought, *map(ownership.pattern, adoption.stranded)]
    keep += [offer.pattern for offer in offers]
    keep += [f"/{path}#{key}" for path, keys in adoption.keys.items() for key in keys]
    if keep or before:
        text = kept(before, keep, [*adoption.result, *adoption.same], take)
        if text != before:
            adoption.result[ownership.FILE] = (text.encode(), "100644")
            (adoption.completed if before else adoption.added).append(ownership.FILE)
            adoption.added.sort()


def _find_expectations(adoption: Adoption, files: Iterable[File], head: Head) -> None:
    """Find added files that name what is not there: somebody has to look at them."""
    missing = [re.escape(str(path)) for path in adoption.left_out if path not in head.files]
    for file in files:
        if adoption.manager and file.path in adoption.lacks:
            ours, theirs = (_scripts(file.path, c) for c in (head.blob(file.path), file.content))
            names = sorted(theirs - ours, key=len, reverse=True)  # `test:unit` before `test`
            missing += [rf"{adoption.manager} (?:run )?{re.escape(name)}" for name in names]
    # All names after one look at what is before them: the text is long, and so is the list.
    named = re.compile(rf"(?<![\w.-])(?:{'|'.join(missing)})(?![\w:-])")
    for path in adoption.added:
        text = adoption.result[path][0].decode("utf-8", "replace")
        if path != ownership.FILE and missing and (found := named.findall(text)):
            adoption.expects[path] = list(dict.fromkeys(found))
