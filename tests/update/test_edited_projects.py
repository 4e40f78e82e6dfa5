"""Edited projects of every stack: `copier update` of the real template, beside `scaffold update`.

Either comes to an end, and to the same, but for what docs/how-to/use-plain-copier.md names.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from by_copier import updated_by_copier
from conftest import TEMPLATE, copy_template
from history import Source
from project import Files, commit_all, copied, differing, files, git, write

from scaffold.template.source import Shelf

STACKS = [row.id for row in TEMPLATE.catalog.axes["stack"]]
OLD, NEW = "v1.0.0", "v1.1.0"
OWN = "Our own words.\n"


@dataclass(frozen=True)
class Project:
    """An edited project.

    Attributes:
        folder: Where.
        code: A managed file of its stack, which the next version changes at its end.
        seed: A file of the example, which the next version changes, too.
        managed: A folder of managed files, and one of seeds.
    """

    folder: Path
    code: str
    seed: str
    managed: str
    seeds: str

    def delete(self, *paths: str) -> Project:
        for path in paths:
            place = self.folder / path
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        return self

    def move(self, path: str, to: str) -> Project:
        (self.folder / to).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).rename(self.folder / to)
        return self

    def edit(self, path: str) -> Project:
        """Write a line of our own behind the first, which may be a `#!`."""
        place = self.folder / path
        first, rest = place.read_text().split("\n", 1)
        place.write_text(f"{first}\n# {OWN}{rest}")
        return self

    def link(self, path: str, to: str) -> Project:
        (self.folder / path).unlink(missing_ok=True)
        (self.folder / path).symlink_to(to)
        return self

    def add(self, *paths: str) -> Project:
        write(self.folder, dict.fromkeys(paths, OWN))
        return self

    def write(self, path: str, text: str) -> Project:
        write(self.folder, {path: text})
        return self

    def answer(self, question: str, answer: str) -> Project:
        """Write another answer where Copier keeps them, as its users do."""
        file = self.folder / ".copier-answers.yml"
        text, changed = re.subn(rf"(?m)^{question}: .*$", f"{question}: {answer}", file.read_text())
        assert changed
        file.write_text(text)
        return self

    def convert(self, path: str) -> Project:
        """Give a file other line ends."""
        place = self.folder / path
        place.write_bytes(place.read_bytes().replace(b"\n", b"\r\n"))
        return self

    def mode(self, path: str) -> Project:
        (self.folder / path).chmod((self.folder / path).stat().st_mode ^ 0o111)
        return self


#: What is where in a stack: see `Project`.
PLACES = {
    "node": ("src/errors.ts", "src/resources/notes/routes.ts", "test/helpers", "src/resources"),
    "python": ("app/errors.py", "app/resources/notes/routes.py", "tests/fixtures", "app/resources"),
    "static": ("plugins/site.ts", "src/main.ts", "plugins", "public"),
    "fullstack": ("src/web.ts", "web/main.ts", "test/helpers", "web"),
}


def change(folder: Path) -> None:
    """Make the next version: it edits what people edit, and adds, renames and drops tasks."""
    root = folder / "template/project"
    for stack, (code, seed, *_) in PLACES.items():
        for path in (code, seed):
            layers = (f"{{{{ use.stack.{stack} }}}}", "{{ use.trait.fastify }}")
            place = next(root / layer / path for layer in layers if (root / layer / path).exists())
            if OWN not in (text := place.read_text()):
                place.write_text(f"{text}{'#' if path.endswith('.py') else '//'} {OWN}")
    for path in ("CODEOWNERS.jinja", "README.md.jinja", "ops/ci", "CHANGELOG.md", "ops/deploy"):
        with (root / path).open("a") as file:
            file.write("# The next version.\n")
    (root / "ops/deploy").rename(root / "ops/ship")
    (root / "ops/releases").unlink()
    write(root, {"NEXT.md": "# Next\n", "ops/next": "#!/bin/sh\n"})


@dataclass(frozen=True)
class Edit:
    """What somebody does to a project.

    Attributes:
        does: That.
        unlike: Where Copier comes to something else; a place by its name in `Project`.
        everywhere: Whether it is done in every stack, rather than in one.
        copier: Whether Copier gets through.
    """

    does: Callable[[Project], Project]
    unlike: tuple[str, ...] = ()
    everywhere: bool = False
    copier: bool = True


EDITS = {
    "nothing": Edit(lambda project: project),
    "delete a file": Edit(lambda p: p.delete("CODEOWNERS"), everywhere=True),
    "move a file": Edit(
        lambda p: p.move("CODEOWNERS", "docs/CODEOWNERS"), ("docs/CODEOWNERS",), everywhere=True
    ),
    "delete code": Edit(lambda p: p.delete(p.code)),
    "rename code": Edit(lambda p: p.move(p.code, f"{p.managed}/code"), ("managed",)),
    "delete a seed": Edit(lambda p: p.delete(p.seed), ("seed",), everywhere=True),
    "delete all of the example": Edit(lambda p: p.delete(p.seeds), ("seeds",)),
    "move a seed": Edit(lambda p: p.move(p.seed, "own/seed.txt"), ("seed",)),
    "delete the changelog": Edit(lambda p: p.delete("CHANGELOG.md"), ("CHANGELOG.md",)),
    "delete the readme": Edit(lambda p: p.delete("README.md")),
    "delete the license": Edit(lambda p: p.delete("LICENSE")),
    "delete a file that is dropped": Edit(lambda p: p.delete("ops/releases")),
    "delete a file that is renamed": Edit(lambda p: p.delete("ops/deploy"), ("ops/ship",)),
    "delete a folder": Edit(lambda p: p.delete(p.managed)),
    # Tasks are so much alike that Copier takes one for another, and brings that one back.
    "delete all tasks": Edit(lambda p: p.delete("ops"), ("ops/notify", "ops/ship")),
    "rename a folder": Edit(lambda p: p.move(p.managed, "elsewhere"), ("elsewhere/site.ts",)),
    "rename the tasks": Edit(
        lambda p: p.move("ops", "tasks"),
        ("ops/notify", "ops/ship", "tasks/ci", "tasks/deploy"),
    ),
    "edit the readme": Edit(lambda p: p.edit("README.md")),
    "edit code": Edit(lambda p: p.edit(p.code)),
    "edit a seed": Edit(lambda p: p.edit(p.seed)),
    "edit a task that is renamed": Edit(lambda p: p.edit("ops/deploy"), ("ops/ship",)),
    "edit a task that is dropped": Edit(lambda p: p.edit("ops/releases"), ("ops/releases",)),
    "edit and rename": Edit(lambda p: p.edit("ops/ci").move("ops/ci", "ops/all"), ("ops/all",)),
    "change a mode": Edit(lambda p: p.mode("ops/ci")),
    "change the mode of what is renamed": Edit(lambda p: p.mode("ops/deploy"), ("ops/ship",)),
    "link a file": Edit(lambda p: p.link("CODEOWNERS", "README.md")),
    "link a seed": Edit(lambda p: p.link(p.seed, "/dev/null")),
    "link a folder": Edit(
        lambda p: p.move("ops", "tasks").link("ops", "tasks"),
        ("tasks/next", "tasks/ship"),
    ),
    "make a folder of a file": Edit(
        lambda p: p.delete("CODEOWNERS").add("CODEOWNERS/own.md"), copier=False
    ),
    "make a file of a folder": Edit(lambda p: p.delete(p.managed).add(p.managed), copier=False),
    "change an answer": Edit(lambda p: p.answer("license", "mit")),
    "add files": Edit(lambda p: p.add("own.md", "ops/own", "own/deep/file")),
    "have what is added": Edit(lambda p: p.add("NEXT.md"), ("NEXT.md",)),
    "have a folder where a file is added": Edit(lambda p: p.add("NEXT.md/own"), copier=False),
    "have what is moved": Edit(lambda p: p.add("ops/ship"), ("ops/deploy", "ops/ship")),
    "convert line ends": Edit(lambda p: p.convert("README.md")),
    "have git keep other line ends": Edit(
        lambda p: p.write(".gitattributes", "* -text\n").convert("README.md"), ("README.md",)
    ),
}
BREAKING = [name for name, edit in EDITS.items() if not edit.copier]
#: Projects by their stack, and what is done to each: edits that do not meet. Copier takes seconds.
PROJECTS = [
    ("node", (
        "delete a file", "delete code", "delete a seed", "edit the readme", "delete all tasks",
        "have what is added", "delete a folder",
    )),
    ("node", (
        "move a file", "edit code", "link a seed", "edit a task that is renamed",
        "edit a task that is dropped", "change a mode", "delete the license",
    )),
    ("python", ("move a file", "delete a seed", "rename the tasks", "convert line ends")),
    ("python", (
        "delete a file", "rename code", "delete all of the example",
        "delete a file that is renamed", "delete a file that is dropped", "edit and rename",
        "change an answer", "add files",
    )),
    ("static", (
        "delete a file", "delete a seed", "link a folder", "rename a folder", "delete the readme",
        "delete the changelog",
    )),
    ("static", (
        "move a file", "move a seed", "change the mode of what is renamed",
        "have git keep other line ends",
    )),
    ("fullstack", ("delete a file", "delete a seed", "have what is moved")),
    ("fullstack", ("move a file", "edit a seed")),
    ("fullstack", ("link a file", "nothing")),
]  # fmt: skip


def alone(names: list[str]) -> list[object]:
    """Give each of some edits a project of its own, of every stack or of one in turn."""
    return [
        pytest.param(stack, name, id=f"{name}, {stack}")
        for name in names
        for stack in (
            STACKS if EDITS[name].everywhere else [STACKS[[*EDITS].index(name) % len(STACKS)]]
        )
    ]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The template as it is, and a version after that, in one repository."""
    folder = copy_template(tmp_path_factory.mktemp("source") / "template")
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    commit_all(folder)
    git("tag", OLD, cwd=folder)
    change(folder)
    commit_all(folder)
    git("tag", NEW, cwd=folder)
    with Shelf() as shelf:
        yield Source(folder, shelf)


def test_all_is_done_to_some_project() -> None:
    assert len(EDITS) > 30
    assert {name for _, names in PROJECTS for name in names} == EDITS.keys() - BREAKING
    for stack in STACKS:
        done = {name for of, names in PROJECTS if of == stack for name in names}
        assert {name for name, edit in EDITS.items() if edit.everywhere} <= done


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stack", "names"), [pytest.param(*each, id="-".join(each[1])) for each in PROJECTS]
)
def test_both_come_to_an_end(
    stack: str, names: tuple[str, ...], source: Source, tmp_path: Path
) -> None:
    mine, copy = edited(stack, names, source, tmp_path)
    ours, theirs = files(mine.folder), updated_by_copier(copy, NEW)
    ours.pop(".scaffold.yml", None)
    unlike = [getattr(mine, place, place) for name in names for place in EDITS[name].unlike]
    differ = differing(ours, theirs)
    assert {path for path in differ if not path.startswith(tuple(unlike))} == set()
    assert [place for place in unlike if not any(path.startswith(place) for path in differ)] == []


@pytest.mark.nightly
@pytest.mark.parametrize(("stack", "name"), alone([name for name in EDITS if name not in BREAKING]))
def test_so_they_do_with_one_edit(stack: str, name: str, source: Source, tmp_path: Path) -> None:
    """Nothing that one edit breaks is mended by another."""
    test_both_come_to_an_end(stack, (name,), source, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("stack", "name"), alone(BREAKING))
def test_where_copier_breaks_off_git_goes_back(
    stack: str, name: str, source: Source, tmp_path: Path
) -> None:
    _, copy = edited(stack, (name,), source, tmp_path)
    before = files(copy)
    command = ["copier", "update", "--defaults"]
    assert subprocess.run(command, cwd=copy, check=False, capture_output=True).returncode != 0
    git("reset", "--hard", "--quiet", cwd=copy)
    git("clean", "-d", "--force", "--quiet", cwd=copy)
    assert files(copy) == before


def edited(
    stack: str, names: tuple[str, ...], source: Source, folder: Path
) -> tuple[Project, Path]:
    """Make an edited project; give it as `scaffold update` leaves it, and a copy from before."""
    mine = Project(source.project(folder / "mine", OLD, stack=stack), *PLACES[stack])
    was = lines(files(mine.folder))
    for name in names:
        EDITS[name].does(mine)
    commit_all(mine.folder)
    own = lines(files(mine.folder)) - was
    copy = copied(mine.folder, folder / "copy")
    assert source.updated(mine.folder, to=NEW) == 0
    assert own <= lines(files(mine.folder))
    return mine, copy


def lines(found: Files) -> set[bytes]:
    return {line for _, content in found.values() for line in content.splitlines()}
