"""From a template and answers to the files of a project, in memory.

The rules are Copier's, and the tests hold every combination of options to it byte for byte:
a folder whose name renders to `.` is flattened into its parent, one whose name renders to
nothing is left out, `.jinja` files are rendered and all others are copied.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pathspec import PathSpec

from scaffold.errors import TemplateError
from scaffold.files import File
from scaffold.template.definition import broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template

#: What Copier leaves out of a template that is its own root and names no `_exclude`.
DEFAULT_EXCLUDE = ("copier.yaml", "copier.yml", "~*", "*.py[co]", "__pycache__", ".git",
                   ".DS_Store", ".svn")  # fmt: skip


def render(template: Template, answers: Answers) -> list[File]:
    """Render a project.

    Returns:
        Its files in the order of their paths.

    Raises:
        TemplateError: When the template cannot be rendered, when two options write one
            path, or when a path would leave the project.
    """
    rendered: dict[PurePosixPath, File] = {}
    with broken("The template cannot be rendered"):
        for file in _Renderer(template, answers).files():
            if file.path in rendered:
                raise TemplateError(
                    f"Two files of the template write {file.path}: "
                    f"{rendered[file.path].origin} and {file.origin}.",
                    "Options may share a file only through fragments "
                    "(docs/how-to/add-an-option.md).",
                )
            rendered[file.path] = file
    for file in rendered.values():
        for parent in file.path.parents:
            if parent in rendered:
                raise TemplateError(f"The template writes {parent} both as a file and a folder.")
    return sorted(rendered.values())


def seeds(template: Template, answers: Answers) -> list[str]:
    """Give the patterns of what a template writes only once (`_skip_if_exists`)."""
    with broken("The template's _skip_if_exists cannot be rendered"):
        renderer = _Renderer(template, answers)
        return [renderer.text(pattern) for pattern in template.settings.get("_skip_if_exists", ())]


def targets(template: Template, answers: Answers) -> dict[PurePosixPath, PurePosixPath]:
    """Tell which paths a template would write, and from which of its files, without rendering any.

    Raises:
        TemplateError: When it cannot be told.
    """
    with broken("The template cannot be rendered"):
        renderer = _Renderer(template, answers)
        return {target: renderer.origin(source) for source, target in renderer.paths()}


def is_rendered(template: Template, origin: PurePosixPath) -> bool:
    """Tell whether a file of a template is rendered, not copied."""
    return origin.name.endswith(template.settings.get("_templates_suffix", ".jinja"))


def context(template: Template, answers: Answers) -> dict[str, Any]:
    """Give what the template's files are rendered with."""
    return {
        **template.context,
        **answers.carried,
        **answers.values,
        "_copier_answers": {**template.metadata, **answers.remembered},
    }


class _Renderer:
    def __init__(self, template: Template, answers: Answers) -> None:
        settings = template.settings
        self.root = template.root.resolve()
        self.top = template.files_root.resolve()
        self.suffix = settings.get("_templates_suffix", ".jinja")
        self.environment = template.environment
        self.context = context(template, answers)
        exclude = settings.get("_exclude", () if self.top != self.root else DEFAULT_EXCLUDE)
        self.excluded = PathSpec.from_lines("gitignore", map(self.text, exclude))

    def files(self) -> Iterator[File]:
        return (self._file(*found) for found in self.paths())

    def paths(self) -> Iterator[tuple[Path, PurePosixPath]]:
        """Give each file of the template, and where it goes."""
        yield from self._folder(self.top, PurePosixPath())

    def _folder(self, folder: Path, path: PurePosixPath) -> Iterator[tuple[Path, PurePosixPath]]:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        names = {entry.name for entry in entries}
        for entry in entries:
            if f"{entry.name}{self.suffix}" in names:
                continue  # the rendered one is taken
            source = Path(entry.path)
            if entry.is_symlink():
                self._check_link(source)
            if not (entry.is_dir() or entry.is_file()):
                raise TemplateError(f"{self.origin(source)} is neither a file nor a folder.")
            name = entry.name if entry.is_dir() else self._without_suffix(entry.name)
            target = self._target(path, name)
            if target is None:
                continue
            if entry.is_dir():
                yield from self._folder(source, target)
            else:
                yield source, target

    def _without_suffix(self, name: str) -> str:
        return name.removesuffix(self.suffix) or name  # a file may be called `.jinja`

    def _check_link(self, link: Path) -> None:
        """Follow a link as Copier does, but neither out of the template nor in a circle."""
        leads_to = link.resolve()
        if not leads_to.is_relative_to(self.root):
            raise TemplateError(f"{self.origin(link)} leads out of the template.")
        if link.parent.resolve().is_relative_to(leads_to):
            raise TemplateError(f"{self.origin(link)} leads to a folder that it is in.")

    def _target(self, parent: PurePosixPath, name: str) -> PurePosixPath | None:
        rendered = self.text(name)
        if not rendered:
            return None
        target = parent / rendered
        if target.is_absolute() or ".." in target.parts or "\\" in rendered:
            raise TemplateError(f"The template writes outside the project: {target}")
        # Git would take its settings from there, and run what they name.
        if any(part.rstrip(" .").casefold() in {".git", "git~1"} for part in target.parts):
            raise TemplateError(f"The template writes into the repository itself: {target}")
        return None if target.parts and self.excluded.match_file(target) else target

    def _file(self, source: Path, target: PurePosixPath) -> File:
        origin = self.origin(source)
        if source.name.endswith(self.suffix):
            with broken(f"{origin} cannot be rendered"):
                text = self.environment.get_template(origin.as_posix()).render(self.context)
                content = text.encode()
        else:
            content = source.read_bytes()
        return File(target, content, bool(source.stat().st_mode & 0o100), origin)

    def text(self, text: str) -> str:
        if "{" not in text:
            return text
        with broken(f"{text!r} cannot be rendered"):
            return self.environment.text(text).render(self.context)

    def origin(self, source: Path) -> PurePosixPath:
        """Give where a file is in the template."""
        return PurePosixPath(source.relative_to(self.root).as_posix())
