"""The real template with versions of before, and what an update from one of them comes to."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, copy_template, pairwise, shared, with_something_new
from pathspec import PathSpec
from project import Files, commit_all, git, updated

from scaffold import project as made
from scaffold.errors import UsageError
from scaffold.template.answers import resolve
from scaffold.template.definition import Template
from scaffold.template.renderer import render, seeds
from scaffold.template.source import Shelf

ANSWERS = ".copier-answers.yml"
#: What the present template is in a history that tests make.
PRESENT = "v1.0.0"
# In which every option is once.
ROWS = with_something_new(pairwise())


def restart(folder: Path) -> None:
    for name in ("template", "copier.yml"):
        subprocess.run(["rm", "-rf", name], cwd=folder, check=True)


def history(folder: Path, versions: Mapping[str, str]) -> Path:
    """Make a repository of versions, by their tags and commits, and of the files as they are now.

    The test is skipped where a checkout does not have those commits.
    """
    if not versions or git("rev-parse", "--is-shallow-repository", cwd=ROOT) == "true":
        pytest.skip("this checkout has no history of the template: git fetch --unshallow")
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    for tag, commit in versions.items():
        restart(folder)
        archive = subprocess.check_output(
            ["git", "archive", commit, "template", "copier.yml"], cwd=ROOT
        )
        subprocess.run(["tar", "--extract"], cwd=folder, input=archive, check=True)
        commit_all(folder)
        git("tag", tag, cwd=folder)
    restart(folder)
    copy_template(folder)
    commit_all(folder)
    git("tag", PRESENT, cwd=folder)
    return folder


@dataclass
class Source:
    """The template with its history.

    Attributes:
        folder: Its repository.
        shelf: Where its versions are.
    """

    folder: Path
    shelf: Shelf

    def at(self, tag: str) -> Template:
        return self.shelf.at(str(self.folder), tag)

    def rendered(self, tag: str, **answers: Any) -> Files:
        """Render a version, in memory."""
        version = self.at(tag)
        return {
            str(file.path): (0o100755 if file.executable else 0o100644, file.content)
            for file in render(version, resolve(version, answers))
        }

    def rows(self, tag: str, among: list[dict[str, str]] = ROWS) -> list[dict[str, str]]:
        """Give the rows of options that a version has; the oldest one has some of them."""
        version = self.at(tag)
        found: list[dict[str, str]] = []
        for row in among:
            known = {axis: option for axis, option in row.items() if axis in version.questions}
            with suppress(UsageError):
                resolve(version, known)
                found += [known] * (known not in found)
        assert found
        return found

    def project(self, folder: Path, tag: str, **answers: Any) -> Path:
        """Make a project's repository, from a version."""
        version = self.at(tag)
        made.write(render(version, resolve(version, answers)), folder)
        git("init", "--quiet", cwd=folder)
        commit_all(folder)
        return folder

    def updated(self, project: Path, **wishes: Any) -> int:
        """Update a project, as `project.updated` does, without fetching the template anew."""
        with shared(self.shelf):
            return updated(project, **wishes)


def expected(source: Source, old: Files, after: str, **changed: str) -> Files:
    """Render a version with a project's answers; what is written only once is as it was written."""
    given = {**yaml.safe_load(old[ANSWERS][1]), **changed}
    once = [*written_once(source, given["_commit"], given), *written_once(source, after, given)]
    new = source.rendered(after, **answered(source, after, given))
    theirs = PathSpec.from_lines("gitignore", once)
    return {
        path: old[path] if path in old and theirs.match_file(path) else new[path] for path in new
    }


def answered(source: Source, tag: str, given: dict[str, str]) -> dict[str, str]:
    """Give the answers that a version asks for."""
    return {key: given[key] for key in given if key in source.at(tag).questions}


def written_once(source: Source, tag: str, given: dict[str, str]) -> list[str]:
    version = source.at(tag)
    return seeds(version, resolve(version, answered(source, tag, given)))


def given_away(source: Source, old: Files, after: str) -> set[str]:
    """Give what was written once, and is the template's again in a later version."""
    given = yaml.safe_load(old[ANSWERS][1])
    was, still = (
        PathSpec.from_lines("gitignore", written_once(source, tag, given))
        for tag in (given["_commit"], after)
    )
    return {path for path in old if was.match_file(path) and not still.match_file(path)}
