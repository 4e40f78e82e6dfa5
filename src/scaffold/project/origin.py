"""What a project came from: its template, the version that it is at, what that wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaffold import git
from scaffold.errors import ScaffoldError, UsageError
from scaffold.providers import unread
from scaffold.template.answers import Answers, applicable, resolve
from scaffold.template.renderer import render
from scaffold.template.source import is_embedded
from scaffold.wording import shown

if TYPE_CHECKING:
    from scaffold.files import File
    from scaffold.git.repository import Repository
    from scaffold.project.answersfile import AnswersFile
    from scaffold.template.definition import Template
    from scaffold.template.source import Shelf

#: How many of a template's versions are compared when a project does not say which one it is at,
#: and which part of its files must be a version's, byte for byte, for the project to be of it.
MOST_VERSIONS = 50
LEAST_ALIKE = 1 / 4


@dataclass(frozen=True)
class Origin:
    """What a project came from.

    Attributes:
        template: The version of the template it is at.
        answers: Its answers.
        files: What the template wrote then.
        source: What to open for other versions: None for the embedded template.
    """

    template: Template
    answers: Answers
    files: list[File]
    source: str | None

    @property
    def unread(self) -> str:
        """Say that nobody can read the files of its CI provider; nothing if somebody can."""
        provider = self.template.catalog.choice("ci", self.answers.values)
        return unread(provider) if provider else ""

    @classmethod
    def of(cls, record: AnswersFile, shelf: Shelf, source: str | None = None) -> Origin:
        """Render a project as it was when it was made or last updated.

        Args:
            record: The project's answers file.
            shelf: Where templates are fetched.
            source: Where its template is now, when it moved.

        Raises:
            ScaffoldError: When it does not say which version that was.
            UsageError: When the template or its version cannot be found.
            TemplateError: When it cannot be rendered.
        """
        if not record.commit:
            raise ScaffoldError(
                f"{record.path} does not say which version of the template it is at (_commit).",
                "It was made from a plain folder. Find it with `scaffold adopt`.",
            )
        where = source or source_of(record, shelf)
        try:
            known = shelf.at(where, record.commit)
        except UsageError as error:
            raise UsageError(
                f"{record.path}: the version {shown(record.commit)} of the template cannot be had: "
                f"{error.message}",
                "If the template has moved, name its new place with --template.",
            ) from error
        template = known.for_project(record.source, record.commit, record.path.name)
        return cls.rendered(template, record, where)

    @classmethod
    def rendered(cls, template: Template, record: AnswersFile, source: str | None = None) -> Origin:
        """Render a version of the template with a project's answers.

        Raises:
            TemplateError: When it cannot be rendered.
        """
        given = applicable(record.answers, template)
        answers = resolve(template, given, carried=record.answers)
        return cls(template, answers, render(template, answers), source)


def source_of(record: AnswersFile, shelf: Shelf) -> str | None:
    """Tell where a project's template is: None for the embedded one.

    That is the place the project names. The embedded one is that place, or it stands in for one
    that cannot be reached, and then it is told so.
    """
    if is_embedded(record.source):
        return None
    try:
        shelf.at(record.source, record.commit)
    except UsageError as error:
        if stands_in(record, shelf):
            shelf.stand_in(record.source, error.message)
            return None
    return record.source


def stands_in(record: AnswersFile, shelf: Shelf) -> bool:
    """Tell whether the embedded template can stand in: by a commit that only its history has."""
    name = record.commit.rpartition("-g")[2]
    if len(name) < 7 or any(c not in "0123456789abcdef" for c in name):  # noqa: PLR2004  # a tag
        return False
    try:
        return bool(shelf.versions(None).commit(record.commit))
    except UsageError:  # this installation has no history
        return False


def nearest_version(
    record: AnswersFile, repository: Repository, shelf: Shelf, source: str | None = None
) -> tuple[str, int, int]:
    """Find the version of a template that a project is most like.

    Returns:
        The version, how many of its files the project has unchanged, and how many it has.

    Raises:
        ScaffoldError: When the project is like none of them.
    """
    where = ["."] if source else ["copier.yml", "template"]
    listed = git.run(
        "log", "--format=%H", f"--max-count={MOST_VERSIONS}", "HEAD", "--", *where,
        cwd=shelf.versions(source).clone,
    ).split()  # fmt: skip
    ours = repository.below(record.project)
    best = ("", 0, 1)
    for version in listed:
        template = shelf.at(source, version)
        try:
            files = render(template, resolve(template, applicable(record.answers, template)))
        except ScaffoldError:
            continue  # that version asked something else
        same = sum(
            file.path in ours and ours[file.path].oid == repository.oid(file.content)
            for file in files
        )
        if same > best[1]:
            best = (template.commit or version, same, len(files))
        if same >= len(files) - 1:
            break  # all but the answers file
    if best[1] < best[2] * LEAST_ALIKE:
        raise ScaffoldError(
            f"{record.path}: no version of the template is like this project.",
            "If it came from another template, name that with --template.",
        )
    return best
