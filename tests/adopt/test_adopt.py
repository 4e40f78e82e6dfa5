"""Adopting a repository loses nothing, changes nothing at once, and makes it a project.

`docs/reference/adopt-proof.md` has the table that comes of it. `UPDATE_TABLES=1` writes it anew.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import copier
import pexpect
import pytest
import yaml
from conftest import ROOT, TEMPLATE, Scaffold, Screen, Terminal, copy_template, shared
from mini import mini_template
from repositories import REPOSITORIES, Repository, crlf
from test_evidence import own_tests

from scaffold.cli import app
from scaffold.errors import ScaffoldError
from scaffold.project.ownership import Owner, parsed
from scaffold.template import source as templates
from scaffold.template.answers import resolve
from scaffold.template.definition import Template
from scaffold.template.renderer import render
from scaffold.template.source import Shelf

PAGE = ROOT / "docs/reference/adopt-proof.md"
BRANCH = "scaffold/adopt"

#: What a template answers where a repository shows nothing.
DEFAULTS = {
    "ci": "github",
    "description": "A backend service",
    "hosting": "fly",
    "license": "proprietary",
}

#: What the second version of each template changes, by file: text that goes, text that comes.
EDITS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "mini": {
        "ops/x": ("echo x\n", "echo x y\n"),
        "ops/y": ("", "#!/bin/sh\necho y\n"),
        "README.md.jinja": ("}}.\n", "}}.\n\nMore.\n"),
        ".editorconfig": ("lf\n", "lf\ncharset = utf-8\n"),
        "{{ use.stack.node }}/package.json.jinja": ('["dist"]', '["dist", "README.md"]'),
        "{{ use.trait.fastify }}/Dockerfile.jinja": ("FROM node\n", "FROM node:26\n"),
        "{{ use.trait.fastify }}/src/app.ts": ("1", "2"),
        "{{ use.stack.python }}/pyproject.toml.jinja": ("= 100", "= 110"),
        "{{ use.stack.python }}/Dockerfile.jinja": ("FROM python\n", "FROM python:3.15\n"),
        "{{ use.stack.python }}/app/main.py": ("1", "2"),
        "{{ use.ci.github }}/.github/workflows/ci.yml": ("ops/x", "ops/y"),
        "{{ use.ci.gitlab }}/.gitlab-ci.yml": ("ops/x", "ops/y"),
        "{{ use.hosting.fly }}/fly.toml.jinja": ("app =", "# Fly.io\napp ="),
        "{{ use.hosting.render }}/render.yaml.jinja": ("services:", "# Render\nservices:"),
    },
    "real": {
        "ops/smoke": ("# Usage", "# Ask a service how it is.\n# Usage"),
        "ops/audit": ("", "#!/bin/sh\nexec npm audit\n"),
        "CHANGELOG.md": ("# ", "# The "),
        "{{ use.trait.fastify }}/Dockerfile.jinja": ("FROM ", "# The image.\nFROM "),
        "{{ use.trait.fastify }}/src/app.ts": ("import ", "// The app.\nimport "),
        **{
            f"{{{{ use.stack.{stack} }}}}/package.json.jinja": (
                '  "version"',
                '  "keywords": [],\n  "version"',
            )
            for stack in ("node", "fullstack", "static")
        },
        "{{ use.stack.static }}/src/main.ts": ("import ", "// The site.\nimport "),
        "{{ use.trait.image }}/compose.yaml.jinja": ("services:", "# The service.\nservices:"),
        "{{ use.stack.python }}/Dockerfile.jinja": ("FROM ", "# The image.\nFROM "),
        "{{ use.stack.python }}/pyproject.toml.jinja": ("= 100", "= 110"),
        "{{ use.stack.python }}/app/main.py": ("import ", "# The app.\nimport "),
    },
}


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True)
    return done.stdout.decode(errors="surrogateescape").rstrip("\n")


def commit(top: Path, message: str = "More") -> None:
    git("add", "--all", "--force", cwd=top)
    git("commit", "--quiet", "--allow-empty", "--message", message, cwd=top)


def repository(
    top: Path, files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None
) -> Path:
    """Make a git repository of these files, in one commit."""
    Repository(top.name, files, {}, (), links=links or {}).write(top.parent)
    git("init", "--quiet", "--initial-branch=main", cwd=top)
    commit(top, "Start")
    return top


def released(folder: Path, edits: Mapping[str, tuple[str, str]]) -> Path:
    """Make a template two releases, v1.0.0 and v2.0.0."""
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    commit(folder, "Version 1")
    git("tag", "v1.0.0", cwd=folder)
    for name, (old, new) in edits.items():
        path = folder / "template/project" / name
        text = path.read_text() if path.exists() else ""
        assert old in text, name
        path.write_text(text.replace(old, new, 1) if old else new)
        if new.startswith("#!"):
            path.chmod(0o755)
    commit(folder, "Version 2")
    git("tag", "v2.0.0", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Give both templates, each with two versions."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "real").mkdir()
    made = {"mini": mini_template(folder / "mini"), "real": copy_template(folder / "real")}
    return {name: released(path, EDITS[name]) for name, path in made.items()}


@pytest.fixture(scope="session")
def shelf() -> Iterator[Shelf]:
    with Shelf() as shelf:
        yield shelf


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, what it printed, and the error, in two lines."""

    code: int
    out: str
    error: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def run(*args: str | Path, cwd: Path) -> Done:
    """Run the command line in this process, for speed: without `main`, which only prints errors."""
    out = io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out):
        try:
            code = app(args=[*map(str, args)], prog_name="scaffold", standalone_mode=False)
        except ScaffoldError as error:
            return Done(error.exit_code, out.getvalue(), (error.message, error.hint))
    return Done(code or 0, out.getvalue())


def work_tree(top: Path) -> dict[str, tuple[str, int, bytes]]:
    """Give everything in a work tree: what it is, its mode, what is in it."""
    found = {}
    for base, folders, names in os.walk(top):
        if Path(base) == top and ".git" in folders:
            folders.remove(".git")
        for name in [*names, *(f for f in folders if Path(base, f).is_symlink())]:
            path = Path(base, name)
            place = ("file", path.stat().st_mode & 0o777, path.read_bytes()) if (
                path.is_file() and not path.is_symlink()
            ) else ("link", 0, os.fsencode(path.readlink()))  # fmt: skip
            found[path.relative_to(top).as_posix()] = place
    return found


def state(top: Path) -> tuple[Any, ...]:
    """Give all of a repository that somebody could miss: files, index, HEAD, branches, settings."""
    folder = top / ".git"
    return (
        work_tree(top),
        (folder / "index").read_bytes(),
        (folder / "HEAD").read_bytes(),
        (folder / "config").read_bytes(),
        {path.name for path in folder.iterdir()} - {"packed-refs"},  # git writes that as it likes
        git("for-each-ref", cwd=top),
    )


def lines(content: bytes) -> list[bytes]:
    return [line for line in content.splitlines() if line.strip()]


def lost(old: bytes, new: bytes) -> list[bytes]:
    """Give the lines of an old file that are not in the new one, in their order.

    A comma that follows a line because there is a next one is no other line; and what a manifest
    has on one line is still there if all its parts are, in their order.
    """
    left, missing = iter(lines(new)), []
    for line in lines(old):
        if not any(line in (other, other.rstrip(b",")) for other in left):
            missing.append(line)
            left = iter(lines(new))
    parts = re.compile(rb'"[^"]*"|[\w.-]+|[^\s\w,]')
    rest = iter(parts.findall(new))
    return [] if all(part in rest for part in parts.findall(old)) else missing


def within(old: Any, new: Any) -> bool:
    """Tell whether new data has all that the old has, at the same place and of the same value."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and within(value, new[key]) for key, value in old.items())
    return type(old) is type(new) and bool(old == new)


def data(path: str, content: bytes) -> Any:
    return (tomllib.loads if path.endswith(".toml") else json.loads)(content.decode())


def loses_nothing(before: Mapping[str, Any], after: Mapping[str, Any], completed: set[str]) -> int:
    """Hold a work tree to the one before, and count the lines that are not there any more."""
    number = 0
    for path, (what, mode, content) in before.items():
        if path not in completed:
            assert after[path] == (what, mode, content), path
            continue
        assert after[path][:2] == (what, mode)
        assert within(data(path, content), data(path, after[path][2])), path
        assert (b"\r\n" in content) == (b"\r\n" in after[path][2])
        number += len(lost(content, after[path][2]))
    return number


# The repositories


@dataclass(frozen=True)
class Row:
    """What became of one repository: a line of the table."""

    name: str
    cells: tuple[str, ...]

    @property
    def line(self) -> str:
        return f"| {' | '.join((self.name.replace('_', ' '), *self.cells))} |"


class Story:
    """One repository, from the first look at it to the first update."""

    def __init__(self, name: str, source: Path, parent: Path) -> None:
        self.name, self.source = name, source
        self.repository = REPOSITORIES[name]
        self.top = self.repository.write(parent)
        self.project = self.top / self.repository.project
        git("init", "--quiet", "--initial-branch=main", cwd=self.top)
        git("add", *list(self.repository.files)[:2], cwd=self.top)
        git("commit", "--quiet", "--message", "Start", cwd=self.top)
        commit(self.top)
        self.head = git("rev-parse", "HEAD", cwd=self.top)
        self.before = work_tree(self.top)
        self.untouched = state(self.top)

    def scaffold(self, *args: str | Path) -> Done:
        return run(*args, cwd=self.project)

    def adopt(self, *args: str) -> Done:
        return self.scaffold(
            "adopt", "--template", self.source, "--ref", "v1.0.0", "--defaults", *args
        )

    @property
    def expected(self) -> dict[str, Any]:
        """What the labels say, and the template where they say nothing."""
        labels = self.repository.labels
        defaults = dict(DEFAULTS)
        if labels["stack"][0] == "static":
            defaults["hosting"] = "vercel"
        return {
            name: defaults.get(name) if answer is None else answer
            for name, (answer, _) in labels.items()
            if answer is not None or name in defaults
        }

    def passes(self) -> bool:
        return own_tests(self.repository, self.top).returncode == 0

    def told(self) -> Row:
        """Tell it to its end, and hold every step to what it promises."""
        assert self.passes()
        plan = self.adopt("--json", "--dry-run").data
        assert state(self.top) == self.untouched
        shown = self.adopt()
        assert shown.code == 0
        assert max(map(len, shown.out.splitlines())) < 80
        self.is_one_commit_beside_everything(plan)
        again = self.adopt()
        assert (again.code, again.error[0]) == (
            1, f"There is a branch {BRANCH} already; nothing was changed.",
        )  # fmt: skip
        git("merge", "--quiet", "--ff-only", BRANCH, cwd=self.top)
        after = work_tree(self.top)
        answers = yaml.safe_load((self.project / ".copier-answers.yml").read_text())
        right = sum(answers[name] == value for name, value in self.expected.items())
        completed, same = (
            {PurePosixPath(self.repository.project, path).as_posix() for path in plan[key]}
            for key in ("completed", "same")
        )
        gone = loses_nothing(self.before, after, completed)
        assert self.passes()
        self.is_a_project_already()
        update = self.updated(answers)
        gone += loses_nothing(self.before, work_tree(self.top), completed | same)
        assert self.passes()
        number = sum(len(lines(content)) for _, _, content in self.before.values())
        return Row(
            self.name,
            (
                str(answers["stack"]),
                f"{right} / {len(self.expected)}",
                ", ".join(plan["completed"]) or "none",
                f"{number} / {gone}",
                "pass / pass / pass",
                update,
            ),
        )

    def is_one_commit_beside_everything(self, plan: Mapping[str, Any]) -> None:
        assert git("rev-parse", f"{BRANCH}^", cwd=self.top) == self.head
        changed = git("diff", "--name-status", "HEAD", BRANCH, cwd=self.top).splitlines()
        prefix = f"{self.repository.project}/" if self.repository.project else ""
        assert sorted(changed) == sorted(
            f"{letter}\t{prefix}{path}"
            for letter, key in (("A", "added"), ("M", "completed"))
            for path in plan[key]
        )
        tip = git("rev-parse", BRANCH, cwd=self.top)
        git("branch", "--quiet", "-D", BRANCH, cwd=self.top)
        assert state(self.top) == self.untouched  # all that there was, is forgotten
        git("branch", BRANCH, tip, cwd=self.top)

    def is_a_project_already(self) -> None:
        git("branch", "--quiet", "-D", BRANCH, cwd=self.top)
        before = state(self.top)
        again = self.scaffold("adopt", "--defaults")
        assert again.code == 0
        assert again.out.endswith("makes this a project already: nothing to do.\n")
        assert state(self.top) == before

    def updated(self, answers: Mapping[str, Any]) -> str:
        report = self.scaffold("update", "--no-lock", "--json").data
        (step,) = report["projects"]
        assert step["conflicts"] == []
        assert (step["from"], step["to"]) == ("v1.0.0", "v2.0.0")
        assert {k: v for k, v in answers.items() if k[0] != "_"} == step["answers"]
        owners = parsed((self.project / ".scaffold.yml").read_text(), seeds=["CHANGELOG.md"])
        for kept in step["kept"]:
            assert owners.of(PurePosixPath(kept["path"])) is not Owner.MANAGED
        assert (self.project / "ops/audit").exists()
        template = Template(self.source, str(self.source), "v2.0.0")
        for file in render(template, resolve(template, step["answers"])):
            name = PurePosixPath(self.repository.project, file.path).as_posix()
            if owners.of(file.path) is Owner.MANAGED and name not in self.before:
                now = self.project / file.path
                assert now.read_bytes() == file.content, name
                assert os.access(now, os.X_OK) == file.executable, name
        git("commit", "--quiet", "--all", "--message", "Update", cwd=self.top)
        return f"{len(step['changes'])} changed, {len(step['kept'])} kept, 0 conflicts"


STACKS = ", ".join(option.label for option in TEMPLATE.catalog.axis("stack"))
FITTING = [name for name, one in REPOSITORIES.items() if one.labels["stack"][0] is not None]

#: All others are slow.
QUICK = "express_docker_github"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == QUICK else [pytest.mark.slow]) for name in FITTING],
)
def test_a_repository_becomes_a_project_and_loses_nothing(
    name: str, sources: Mapping[str, Path], shelf: Shelf, tmp_path: Path
) -> None:
    with shared(shelf):
        row = Story(name, sources["real"], tmp_path).told()
    if "UPDATE_TABLES" not in os.environ:
        assert row.line in PAGE.read_text().splitlines()


@pytest.mark.parametrize("name", [name for name in REPOSITORIES if name not in FITTING])
def test_a_repository_of_another_stack_is_left_alone(
    name: str, sources: Mapping[str, Path], tmp_path: Path
) -> None:
    story = Story(name, sources["real"], tmp_path)
    done = story.adopt()
    assert done.error == (
        f"Nothing here is of a stack that this template has: {STACKS}.",
        "If it is one of them, say so: -d stack=node",
    )
    assert (done.code, done.out) == (2, "")
    assert state(story.top) == story.untouched


HEAD_OF_PAGE = """\
# What `scaffold adopt` does to repositories

Written by `tests/adopt/test_adopt.py`, which fails when this page is not what a run gives.

Each line is a repository from `tests/adopt/repositories.py`, adopted with this template, merged,
and then brought to a second version of it with `scaffold update`.

- **Answers**: how many are what the repository is labelled with, of those that it has a label for.
- **Completed**: manifests that were given keys. Nothing else changes: the test holds every other
  file to what it was, byte for byte, and the data in the manifests to what it said before.
- **Lines, lost**: lines of the repository before, and how many of them were gone after the merge
  and after the update.
- **Own tests**: the repository's own, before, after the merge and after the update.

| Repository | Stack | Answers | Completed | Lines, lost | Own tests | Update |
|---|---|---|---|---|---|---|
"""
END_OF_PAGE = """
Refused, as nothing in them is of a stack that the template has (exit code 2, nothing changed):
"""


def page(rows: Iterable[str]) -> str:
    """Give the page: the rows between what is said about them."""
    refused = [f"- {name.replace('_', ' ')}" for name in REPOSITORIES if name not in FITTING]
    return "\n".join([HEAD_OF_PAGE.rstrip("\n"), *rows, END_OF_PAGE, *refused, ""])


def test_the_page_is_what_a_run_gives(sources: Mapping[str, Path], tmp_path: Path) -> None:
    if "UPDATE_TABLES" in os.environ:
        rows = []
        for name in FITTING:
            (tmp_path / name).mkdir()
            rows.append(Story(name, sources["real"], tmp_path / name).told().line)
        PAGE.write_text(page(rows))
    # What is in each row is what the tests above are about.
    rows = [line for line in PAGE.read_text().splitlines() if line.endswith(" conflicts |")]
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert names == [name.replace("_", " ") for name in FITTING]
    assert PAGE.read_text() == page(rows)


# What it says

SERVICE: Mapping[str, str | bytes] = {
    "package.json": '{ "name": "api", "dependencies": { "express": "5.1.0" } }\n',
    "index.js": 'require("express")().listen(3000);\n',
}
Adopt = Callable[..., Done]


@pytest.fixture
def adopt(sources: Mapping[str, Path]) -> Adopt:
    """Give a function that adopts a repository with the mini template's first version."""

    def adopt(top: Path, *args: str, template: str = "mini") -> Done:
        return run(
            "adopt", "--template", sources[template], "--ref", "v1.0.0", "--defaults", *args,
            cwd=top,
        )  # fmt: skip

    return adopt


def merge(top: Path) -> None:
    git("merge", "--quiet", "--ff-only", BRANCH, cwd=top)


def on_branch(top: Path, path: str) -> str:
    return git("show", f"{BRANCH}:./{path}", cwd=top)


def test_a_person_sees_what_was_found_what_becomes_of_it_and_what_is_next(
    adopt: Adopt, tmp_path: Path
) -> None:
    top = repository(tmp_path / "api", {**SERVICE, "README.rst": "API\n===\n", "yarn.lock": ""})
    done = adopt(top, "-d", "hosting=render", template="real")
    assert done.out.startswith("""\
What the repository shows:

  project_name  api             sure: package.json says 'api'
  description   A backend service
                                default: nothing here tells
  owner         The api team    default: nothing here tells
  stack         node            sure: package.json says 'express'
  ci            github          default: nothing here tells
  hosting       render          given
  scan          osv             default: nothing here tells
  secrets       dotenv          default: nothing here tells
  database      none            default: nothing here tells
  uptime        uptimerobot     default: nothing here tells
  performance   grafana         default: nothing here tells
  logs          betterstack     default: nothing here tells
  errors        none            default: nothing here tells
  incidents     slack           default: nothing here tells
  license       proprietary     default: nothing here tells

  added      .copier-answers.yml
""")
    assert re.search(r"^  added      ops/ \(\d+ files\)$", done.out, re.MULTILINE)
    assert "  completed  package.json\n" in done.out
    assert "  yours      README.md (README.rst is there)\n" in done.out
    assert "  yours      LICENSE (nothing here says under which licence it is)\n" in done.out
    assert re.search(r"^  left out   .*\.editorconfig, ", done.out, re.MULTILINE)
    assert "  Dockerfile: .npmrc, tsconfig.json, tsconfig.build.json, npm run build,\n" in done.out
    assert "package.json was given none of these" in done.out
    assert "There is a yarn.lock; the files added here use npm.\n" in done.out
    assert "Pipelines deploy what is pushed to" not in done.out, "as they do here"
    assert done.out.endswith("""
One commit on the branch scaffold/adopt; your work tree is untouched.

Next:
  git diff HEAD...scaffold/adopt  look at it
  git merge scaffold/adopt        keep it
  git branch -D scaffold/adopt    or forget it
  scaffold adopt --take PATH      once merged: have the template's after all
""")


def test_a_dry_run_lists_every_file_and_changes_nothing(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    before = state(top)
    done = adopt(top, "--dry-run", template="real")
    assert "  added      ops/deploy\n" in done.out
    assert done.out.endswith("\nNothing was changed: this was a dry run.\n")
    assert state(top) == before


def test_what_goes_with_a_pipeline_of_theirs_is_told_with_the_next_step(
    adopt: Adopt, tmp_path: Path
) -> None:
    pipeline = {".github/workflows/ci.yml": "on: push\njobs: {}\n"}
    done = adopt(repository(tmp_path / "api", {**SERVICE, **pipeline}), template="real")
    why = "left out .github/workflows/scheduled.yml (goes with .github/workflows/ci.yml)"
    assert f" {why} " in " ".join(done.out.split())
    assert " 5\nleft out (what they go with is yours). " in done.out
    assert (
        """
.github/workflows/ci.yml: yours stays, and what goes with the template's is
left out. To have that too, give yours another name and adopt again, or take
the template's instead: --take .github/workflows/ci.yml
"""
        in done.out
    )


@pytest.mark.parametrize(
    ("ci", "branch", "told"),
    [("github", "master", True), ("github", "origin/trunk", True), ("gitlab", "master", False)],
)
def test_pipelines_that_deploy_from_a_branch_that_is_not_here_are_told(
    adopt: Adopt, tmp_path: Path, ci: str, branch: str, *, told: bool
) -> None:
    """GitLab's take the default branch, whatever its name."""
    top = repository(tmp_path / "api", SERVICE)
    if branch == "origin/trunk":
        git("update-ref", f"refs/remotes/{branch}", "HEAD", cwd=top)
        git("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/{branch}", cwd=top)
    else:
        git("branch", "--move", branch, cwd=top)
    done = adopt(top, "-d", f"ci={ci}", "--dry-run", template="real")
    name = branch.removeprefix("origin/")
    said = f"Pipelines deploy what is pushed to main, and the branch here is {name}"
    assert (said in " ".join(done.out.split())) == told


def test_json_tells_all_that_happened(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", {**SERVICE, "Dockerfile": "FROM node:22\n"})
    found = adopt(top, "--json").data
    assert found["answers"]["project_name"] == "api"
    assert found["guesses"]["stack"] == {
        "answer": "node",
        "confidence": "sure",
        "evidence": [
            {"path": "package.json", "says": "says 'express'"},
        ],
        "alternatives": [],
    }
    assert found["added"] == [
        ".copier-answers.yml", ".gitattributes", ".github/workflows/ci.yml", ".scaffold.yml",
        "README.md", "fly.toml", "ops/x",
    ]  # fmt: skip
    assert found["completed"] == ["package.json"]
    (offer,) = found["yours"]
    assert (offer["path"], offer["reason"]) == ("Dockerfile", "yours differs")
    assert offer["content"] == "FROM node\nLABEL name=api\n"
    assert found["left_out"] == [".dockerignore", ".editorconfig", "src/app.ts", "test/app.test.ts"]
    assert found["lacks"] == {
        "package.json": ["dependencies.fastify", "engines", "scripts", "type", "version"]
    }
    assert found["branch"] == BRANCH
    assert found["commit"] == git("rev-parse", BRANCH, cwd=top)
    assert found["dry_run"] is False
    again = repository(tmp_path / "again", SERVICE)
    found = adopt(again, "--json", "--dry-run").data
    assert (found["branch"], found["commit"], found["dry_run"]) == (None, None, True)
    merge(top)
    assert run("adopt", "--json", cwd=top).data["commit"] is None


def test_an_answer_that_is_given_overrides_a_guess(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", {**SERVICE, ".gitlab-ci.yml": "test:\n  script: npm test\n"})
    assert adopt(top, "--dry-run", "--json").data["answers"]["ci"] == "gitlab"
    adopt(top, "-d", "ci=github", "-d", "project_name=other")
    answers = yaml.safe_load(on_branch(top, ".copier-answers.yml"))
    assert (answers["ci"], answers["project_name"]) == ("github", "other")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("ci=zzz", "'zzz' is no choice for 'ci'."),
        ("project_name=-", "'-' is no answer to 'project_name'."),
        ("colour=red", "'colour' is no question of this template."),
        ("stack", "-d takes key=value, not 'stack'."),
    ],
)
def test_an_answer_that_is_none_is_refused(
    adopt: Adopt, tmp_path: Path, argument: str, said: str
) -> None:
    top = repository(tmp_path / "api", SERVICE)
    before = state(top)
    done = adopt(top, "-d", argument)
    assert (done.code, done.out, done.error[0]) == (2, "", said)
    assert state(top) == before


def test_the_stack_can_be_given_where_nothing_shows_it(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", {"main.lua": "print(1)\n"})
    assert adopt(top).code == 2
    assert adopt(top, "-d", "stack=node").code == 0


def test_what_a_repository_says_of_itself_need_not_be_an_answer(
    adopt: Adopt, tmp_path: Path
) -> None:
    manifest = {"name": "con", "author": "A" * 500, "dependencies": {"express": "5"}}
    top = repository(tmp_path / "api", {"package.json": json.dumps(manifest)})
    done = adopt(top, template="real")
    said = " ".join(done.out.split())
    assert "project_name api next best: package.json says 'con', which is no answer here" in said
    assert "owner The api team default: package.json says 'AAAA" in said
    answers = yaml.safe_load(on_branch(top, ".copier-answers.yml"))
    assert (answers["project_name"], answers["owner"]) == ("api", "The api team")


def test_what_a_repository_says_is_no_template(adopt: Adopt, tmp_path: Path) -> None:
    manifest = '{ "description": "{{ 7 * 7 }} {% raw %}", "dependencies": { "express": "5" } }'
    top = repository(tmp_path / "api", {"package.json": manifest})
    assert adopt(top).code == 0
    answers = yaml.safe_load(on_branch(top, ".copier-answers.yml"))
    assert answers["description"] == "{{ 7 * 7 }} {% raw %}"
    assert "{{ 7 * 7 }} {% raw %}" in on_branch(top, "README.md")


def test_no_path_reaches_the_terminal_as_it_is(adopt: Adopt, tmp_path: Path) -> None:
    workflow = ".github/workflows/\x1b]0;owned\x07.yml"
    top = repository(tmp_path / "api", {**SERVICE, workflow: "jobs:\n"})
    done = adopt(top)
    assert "\x1b" not in done.out
    assert ".github/workflows/�]0;owned�.yml" in "".join(done.out.split())


def test_names_need_not_be_text(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", {**SERVICE, os.fsdecode(b"fly.\xff.toml"): "app = 'x'\n"})
    before = work_tree(top)
    done = adopt(top, "--json")
    assert done.data["guesses"]["hosting"]["confidence"] == "sure"
    merge(top)
    assert loses_nothing(before, work_tree(top), {"package.json"}) == 0


# What is there already


def test_a_file_that_is_the_templates_already_is_managed(adopt: Adopt, tmp_path: Path) -> None:
    same = {"ops/x": "#!/bin/sh\necho x\n", ".editorconfig": "[*]\nend_of_line = lf\n"}
    top = repository(tmp_path / "api", {**SERVICE, **same})
    found = adopt(top, "--json").data
    assert found["same"] == ["ops/x", ".editorconfig"]
    merge(top)
    run("update", "--no-lock", "--json", cwd=top)
    assert "echo x y" in (top / "ops/x").read_text()
    assert "charset" in (top / ".editorconfig").read_text()


def test_a_folder_of_code_is_theirs_as_a_whole(adopt: Adopt, tmp_path: Path) -> None:
    same = {"src/app.ts": "export const app = 1;\n", "test/app.test.ts": "// our own\n"}
    top = repository(tmp_path / "api", {**SERVICE, **same})
    found = adopt(top, "--json").data
    assert found["same"] == ["src/app.ts"]
    assert "test/app.test.ts" in found["left_out"]


@pytest.mark.parametrize(
    ("files", "path", "reason"),
    [
        ({".github": "a note\n"}, ".github/workflows/ci.yml", ".github is there"),
        ({".GitHub/x": "echo\n"}, ".github/workflows/ci.yml", ".GitHub is there"),
        ({"dockerfile": "FROM x\n"}, "Dockerfile", "dockerfile is there"),
        ({"README.rst": "API\n"}, "README.md", "README.rst is there"),
        ({"readme": "API\n"}, "README.md", "readme is there"),
        ({"fly.toml/x": "a folder\n"}, "fly.toml", "fly.toml is there"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_what_is_in_the_way_stays(
    adopt: Adopt, tmp_path: Path, files: dict[str, str], path: str, reason: str
) -> None:
    top = repository(tmp_path / "api", {**SERVICE, **files})
    before = work_tree(top)
    found = adopt(top, "--json").data
    assert (path, reason) in [(offer["path"], offer["reason"]) for offer in found["yours"]]
    merge(top)
    assert loses_nothing(before, work_tree(top), {"package.json"}) == 0
    assert run("update", "--no-lock", "--json", cwd=top).data["projects"][0]["conflicts"] == []


def test_line_ends_that_are_there_stay(adopt: Adopt, tmp_path: Path) -> None:
    """What git has with CRLF it leaves alone, where a file is not plainly said to be text."""
    theirs = {**SERVICE, "notes.txt": crlf("one\ntwo\n"), "run.bat": crlf("@echo off\n")}
    top = repository(tmp_path / "api", theirs)
    adopt(top)
    merge(top)
    for path in theirs:
        (top / path).touch()  # so that git looks into it
    assert git("status", "--porcelain", cwd=top) == ""
    clone = tmp_path / "clone"
    git("clone", "--quiet", "-c", "core.autocrlf=true", str(top), str(clone), cwd=tmp_path)
    assert work_tree(clone) == work_tree(top)
    assert git("status", "--porcelain", cwd=clone) == ""
    (clone / "notes.txt").write_bytes(crlf("one\ntwo\nthree\n").encode())
    git("add", "--all", cwd=clone)
    assert git("diff", "--cached", "--numstat", cwd=clone) == "1\t0\tnotes.txt"


def test_links_are_neither_followed_nor_replaced(adopt: Adopt, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    links = {
        "Dockerfile": "/etc/passwd", "README.md": "nowhere", ".github/workflows": str(outside),
    }  # fmt: skip
    top = repository(tmp_path / "api", SERVICE, links)
    before = work_tree(top)
    found = adopt(top, "--json")
    assert "root:" not in found.out
    assert {offer["path"]: offer["reason"] for offer in found.data["yours"]} == {
        "Dockerfile": "yours is a link",
        "README.md": "yours is a link",
        ".github/workflows/ci.yml": ".github/workflows is there",
    }
    merge(top)
    assert loses_nothing(before, work_tree(top), {"package.json"}) == 0
    assert list(outside.iterdir()) == []


def test_a_linked_manifest_is_not_read(adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text('{ "name": "secret", "dependencies": { "koa": "3" } }\n')
    top = repository(tmp_path / "api", {}, {"package.json": "../elsewhere"})
    found = adopt(top, "--json")
    assert "secret" not in found.out
    assert [offer["reason"] for offer in found.data["yours"]] == ["yours is a link"]


def test_settings_are_a_file(adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("keep: []\n")
    for number, (files, links) in enumerate([
        (SERVICE, {".scaffold.yml": "../elsewhere"}), ({**SERVICE, ".scaffold.yml/x": ""}, {}),
    ]):  # fmt: skip
        top = repository(tmp_path / str(number), files, links)
        before = state(top)
        done = adopt(top)
        assert done.code == 1
        assert done.error[0].startswith("There is no place for .scaffold.yml: ")
        assert state(top) == before


def test_a_submodule_stays_one(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    commit_ = git("rev-parse", "HEAD", cwd=top)
    for path in (".github", "fly.toml"):
        git("update-index", "--add", "--cacheinfo", f"160000,{commit_},{path}", cwd=top)
    git("commit", "--quiet", "--message", "Submodules", cwd=top)
    found = adopt(top, "--json").data
    assert {offer["path"]: offer["reason"] for offer in found["yours"]} == {
        ".github/workflows/ci.yml": ".github is there",
        "fly.toml": "yours is a submodule",
    }
    listed = git("ls-tree", "-r", BRANCH, cwd=top)
    assert f"160000 commit {commit_}\t.github" in listed
    assert f"160000 commit {commit_}\tfly.toml" in listed


@pytest.mark.parametrize(
    ("files", "links", "why"),
    [
        ({"ops": "a note\n"}, {}, "ops is there"),
        ({"OPS/x": "echo\n"}, {}, "OPS is there"),
        ({}, {"ops": "tasks"}, "ops is there"),
        ({".gitignore": "ops\n"}, {}, "ops is not committed"),
    ],
)
def test_tasks_have_their_place_or_nothing_is_adopted(
    adopt: Adopt, tmp_path: Path, files: dict[str, str], links: dict[str, str], why: str
) -> None:
    """All pipelines call them."""
    top = repository(tmp_path / "api", {**SERVICE, **files}, links)
    if ".gitignore" in files:
        (top / "ops").write_text("a note\n")
    before = state(top)
    done = adopt(top)
    assert (done.code, done.error) == (
        1,
        (f"There is no place for ops/x, which pipelines call: {why}.",
         "Move what is there out of the way, and run it again."),
    )  # fmt: skip
    assert state(top) == before
    kept = {**SERVICE, **files, ".scaffold.yml": "keep: [/ops/]\n"}
    assert adopt(repository(tmp_path / "kept", kept, links)).code == 0, "whoever says so"


def test_what_is_not_committed_is_in_nobodys_way(adopt: Adopt, tmp_path: Path) -> None:
    """A merge would refuse for the one, and overwrite what git ignores."""
    top = repository(tmp_path / "api", {**SERVICE, ".gitignore": "Dockerfile\n"})
    (top / "Dockerfile").write_text("FROM my/own\n")
    (top / "fly.toml").write_text("app = 'mine'\n")
    (top / "index.js").write_text("changed\n")
    git("add", "index.js", cwd=top)
    (top / "index.js").write_text("changed again\n")
    before = state(top)
    found = adopt(top, "--json").data
    git("branch", "--quiet", "kept", BRANCH, cwd=top)
    git("branch", "--quiet", "-D", BRANCH, "kept", cwd=top)
    assert state(top) == before
    assert {offer["path"]: offer["reason"] for offer in found["yours"]} == {
        "Dockerfile": "yours is not committed",
        "fly.toml": "yours is not committed",
    }
    git("stash", "--quiet", cwd=top)
    adopt(top)
    merge(top)
    assert (top / "Dockerfile").read_text() == "FROM my/own\n"


MANIFEST = '{\n  "name": "api",\n  "dependencies": {\n    "express": "5.1.0"\n  }\n}\n'


@pytest.mark.parametrize(
    ("content", "becomes"),
    [
        (MANIFEST.encode(), "completed"),
        (crlf(MANIFEST).encode(), "completed"),
        (MANIFEST.replace("  ", "\t").encode().rstrip(), "completed"),
        (b'{"scripts": 7, "engines": [], "dependencies": "none"}', "completed"),
        (b"\xef\xbb\xbf" + MANIFEST.encode(), "yours"),
        (MANIFEST.replace("api", "\xe9").encode("latin-1"), "yours"),
        (MANIFEST.encode("utf-16"), "yours"),
        (MANIFEST.replace('"name"', '// why\n  "name"').encode(), "yours"),
        (MANIFEST.replace('"api",', '"api", "name": "again",').encode(), "yours"),
        (b'{"express": }', "yours"),
        (b"", "yours"),
        (b"[" * 100_000, "yours"),
        (MANIFEST.encode() + b" " * 20_000_000, "yours"),
    ],
    ids=["plain", "CRLF", "tabs", "odd", "BOM", "latin-1", "UTF-16", "comment", "double", "broken",
         "empty", "deep", "huge"],
)  # fmt: skip
def test_a_manifest_is_completed_or_left_alone(
    adopt: Adopt, tmp_path: Path, content: bytes, becomes: str
) -> None:
    top = repository(tmp_path / "api", {**SERVICE, "package.json": content})
    found = adopt(top, "-d", "stack=node", "--json").data
    if becomes == "yours":
        (offer,) = found["yours"]
        assert offer["path"] == "package.json"
        assert offer["reason"] in {
            "yours is nothing that keys can be added to",
            "yours is too long to be looked at",
        }
    before = work_tree(top)
    merge(top)
    assert loses_nothing(before, work_tree(top), set(found["completed"])) == 0
    assert found["completed"] == (["package.json"] if becomes == "completed" else [])


def test_comments_and_order_in_a_manifest_stay(adopt: Adopt, tmp_path: Path) -> None:
    manifest = """\
# Ours, and well kept.
[project]
name = "stock"   # short
dependencies = [
  "fastapi",  # the framework
]

[tool.other]
b = 1  # before a
a = 2
"""
    top = repository(tmp_path / "stock", {"pyproject.toml": manifest})
    adopt(top)
    now = on_branch(top, "pyproject.toml")
    assert now.replace("[tool.ruff]\nline-length = 100\n\n", "") == manifest.rstrip()


def test_a_manifest_that_has_everything_is_only_managed(adopt: Adopt, tmp_path: Path) -> None:
    manifest = '{ "name": "api", "description": "", "files": [], "dependencies": {"koa": "3"} }\n'
    top = repository(tmp_path / "api", {"package.json": manifest})
    found = adopt(top, "--json").data
    assert (found["same"], found["completed"]) == (["package.json"], [])


def test_settings_from_before_are_kept_to(adopt: Adopt, tmp_path: Path) -> None:
    settings = "# ours\nkeep:\n  - /ops/ # never again\n"
    top = repository(tmp_path / "api", {**SERVICE, ".scaffold.yml": settings})
    found = adopt(top, "--json").data
    assert [offer["path"] for offer in found["yours"]] == ["ops/x"]
    assert on_branch(top, ".scaffold.yml").startswith(settings)


@pytest.mark.parametrize("settings", ["keep: no list\n", "{", "other: tool\n", "\xff"])
def test_a_foreign_settings_file_is_not_overwritten(
    adopt: Adopt, tmp_path: Path, settings: str
) -> None:
    top = repository(tmp_path / "api", {**SERVICE, ".scaffold.yml": settings.encode("latin-1")})
    before = state(top)
    done = adopt(top)
    assert done.code == 1
    assert done.error[0].startswith(".scaffold.yml cannot be read: ")
    assert state(top) == before


def test_the_answers_need_their_place(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    (top / ".copier-answers.yml").write_text("not committed\n")
    before = state(top)
    done = adopt(top)
    assert (done.code, done.error[0][:28]) == (1, ".copier-answers.yml is taken")
    assert state(top) == before


# Where it is run


def test_nothing_of_a_repository_is_run(adopt: Adopt, tmp_path: Path) -> None:
    touch = f"touch {tmp_path / 'touched'}"
    names = ("preinstall", "install", "postinstall", "prepare", "start", "test", "build")
    manifest = {"dependencies": {"express": "5"}, "scripts": dict.fromkeys(names, touch)}
    files = {
        "package.json": json.dumps(manifest),
        ".npmrc": "node-options=--require ./evil.js\n",
        ".gitattributes": "* filter=evil diff=evil merge=evil\n",
    }
    top = repository(tmp_path / "api", files)
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction",
                 "post-checkout", "post-index-change", "pre-auto-gc"):  # fmt: skip
        hook = top / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\n{touch}\n")
        hook.chmod(0o755)
    for key in ("filter.evil.clean", "filter.evil.smudge", "core.fsmonitor", "core.editor",
                "diff.evil.textconv", "merge.evil.driver", "core.pager"):  # fmt: skip
        git("config", key, f"sh -c '{touch}; cat'", cwd=top)
    git("config", "commit.gpgsign", "true", cwd=top)
    assert adopt(top).code == 0
    assert not (tmp_path / "touched").exists()


def test_a_commit_needs_somebody(
    scaffold: Scaffold, sources: Mapping[str, Path], tmp_path: Path
) -> None:
    top = repository(tmp_path / "api", SERVICE)
    (tmp_path / "gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    identity = [
        f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    ]
    before = state(top)
    done = scaffold(
        "adopt", "--template", str(sources["mini"]), cwd=top,
        GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"), **dict.fromkeys(identity, ""),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 2
    assert "git does not know who you are" in done.stderr
    assert state(top) == before


def test_a_detached_head_is_as_good_as_a_branch(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    git("checkout", "--quiet", "--detach", cwd=top)
    before = state(top)
    assert adopt(top).code == 0
    git("branch", "--quiet", "-D", BRANCH, cwd=top)
    assert state(top) == before


def test_a_second_work_tree_is_as_good_as_the_first(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    git("worktree", "add", "--quiet", "../second", cwd=top)
    assert adopt(tmp_path / "second").code == 0
    merge(tmp_path / "second")
    assert not (top / "ops").exists()
    assert run("adopt", "--take", "Dockerfile", cwd=tmp_path / "second").code == 0


def test_sha256_is_as_good_as_sha1(adopt: Adopt, tmp_path: Path) -> None:
    top = Repository("api", {**SERVICE, "ops/x": "#!/bin/sh\necho x\n"}, {}, ())
    top.write(tmp_path)
    git("init", "--quiet", "--object-format=sha256", cwd=tmp_path / "api")
    commit(tmp_path / "api")
    assert adopt(tmp_path / "api", "--json").data["same"] == ["ops/x"]


def nothing(folder: Path) -> None:
    folder.mkdir()


def empty(folder: Path) -> None:
    folder.mkdir()
    git("init", "--quiet", cwd=folder)


def bare(folder: Path) -> None:
    folder.mkdir()
    git("init", "--quiet", "--bare", cwd=folder)


def inside_git(folder: Path) -> None:
    repository(folder.with_name("around"), SERVICE)
    folder.symlink_to(folder.with_name("around") / ".git")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, "is in no git repository with a work tree"),
        (empty, "has no code to adopt, only a repository."),
        (bare, "is in no git repository with a work tree"),
        (inside_git, "is in no git repository with a work tree"),
        (lambda _: None, "There is no "),
    ],
    ids=["no repository", "no commit", "bare", "inside .git", "no folder"],
)
def test_without_a_commit_and_a_work_tree_there_is_nothing_to_adopt(
    adopt: Adopt, tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path / "there")
    done = adopt(tmp_path, str(tmp_path / "there"))
    assert (done.code, done.out) == (2, "")
    assert said in done.error[0]


def test_pipelines_below_the_top_do_not_run_and_it_says_so(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "all", {f"api/{name}": text for name, text in SERVICE.items()})
    said = "Pipelines run from the top of the repository only: those in api/ do not yet.\n"
    assert said in adopt(top / "api").out
    other = repository(tmp_path / "one", SERVICE)
    assert said.partition(":")[0] not in adopt(other).out


def test_two_services_of_one_repository_are_two_projects(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(
        tmp_path / "platform",
        {f"services/{name}/{path}": text for name in "ab" for path, text in SERVICE.items()},
    )
    for name in "ab":
        assert adopt(top / "services" / name, "-d", f"project_name=the-{name}").code == 0
        merge(top)
        git("branch", "--quiet", "-D", BRANCH, cwd=top)
    assert sorted(path.name for path in top.iterdir()) == [".git", "services"]
    report = run("update", "--all", "--no-lock", "--json", cwd=top).data
    assert [step["answers"]["project_name"] for step in report["projects"]] == ["the-a", "the-b"]
    assert (top / "services/a/ops/y").exists()
    assert (top / "services/b/ops/y").exists()


def test_a_file_is_no_project(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    done = adopt(top, "package.json")
    assert (done.code, done.error[0]) == (2, "'package.json' is no folder.")


@pytest.mark.parametrize(
    ("branch", "code", "said"),
    [
        ("main", 1, "There is a branch main already; nothing was changed."),
        ("main/adopt", 1, "git made no commit: "),
        ("a..b", 2, "'a..b' cannot be the name of a branch."),
        ("-x", 2, "'-x' cannot be the name of a branch."),
        ("a b\nM 100644", 2, "'a b�M 100644' cannot be the name of a branch."),
        ("@{-1}", 2, "'@{-1}' cannot be the name of a branch."),
    ],
)
def test_the_branch_is_a_new_one(
    adopt: Adopt, tmp_path: Path, branch: str, code: int, said: str
) -> None:
    top = repository(tmp_path / "api", SERVICE)
    before = state(top)
    done = adopt(top, f"--branch={branch}")
    assert done.code == code
    assert done.error[0].startswith(said)
    assert state(top) == before


def test_any_other_branch_will_do(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    assert "git merge mine " in adopt(top, "--branch", "mine").out
    assert git("branch", "--list", "--format=%(refname:short)", cwd=top).split() == ["main", "mine"]


def test_a_template_without_versions_is_refused(tmp_path: Path) -> None:
    mini_template(tmp_path / "mini")
    top = repository(tmp_path / "api", SERVICE)
    done = run("adopt", "--template", "../mini", "--defaults", cwd=top)
    assert done.code == 2
    assert "is no git repository, so no update could follow." in done.error[0]


# --take


@pytest.mark.parametrize("path", ["README.md", "src/app.ts", "src", "package.json", "./Dockerfile"])
def test_the_templates_file_can_be_taken_instead(adopt: Adopt, tmp_path: Path, path: str) -> None:
    theirs = {"README.md": "# Ours\n", "src/app.ts": "export {};\n", "Dockerfile": "FROM x\n"}
    top = repository(tmp_path / "api", {**SERVICE, **theirs})
    before = work_tree(top)
    found = adopt(top, "--take", path, "--json").data
    name = {"src": "src/app.ts", "./Dockerfile": "Dockerfile"}.get(path, path)
    assert found["taken"] == [name]
    merge(top)
    after = work_tree(top)
    for other in before.keys() - {name, "package.json"}:
        assert after[other] == before[other]
    assert after[name] != before[name]
    owners = parsed((top / ".scaffold.yml").read_text(), ())
    assert owners.of(PurePosixPath(name)) is Owner.MANAGED
    (step,) = run("update", "--no-lock", "--json", cwd=top).data["projects"]
    assert name in [change["path"] for change in step["changes"]]


@pytest.mark.parametrize("path", ["README.md", "src"])
def test_it_can_be_taken_afterwards(adopt: Adopt, tmp_path: Path, path: str) -> None:
    theirs = {"README.md": "# Ours\n", "src/app.ts": "export {};\n", "Dockerfile": "FROM x\n"}
    top = repository(tmp_path / "api", {**SERVICE, **theirs})
    adopt(top)
    merge(top)
    before = state(top)
    name = {"src": "src/app.ts"}.get(path, path)
    done = run("adopt", "--take", path, "--dry-run", cwd=top)
    assert f"+++ b/{name}\n" in done.out
    assert state(top)[:4] == before[:4]
    done = run("adopt", "--take", path, cwd=top)
    assert done.out.endswith(
        f"  changed    .scaffold.yml\n  taken      {name}\n\n"
        "Staged, not committed. `scaffold update --abort` takes it back.\n"
    )
    assert run("adopt", "--take", path, cwd=top).code == 1  # one after the other
    run("update", "--abort", cwd=top)
    assert (work_tree(top), state(top)[2:4]) == (before[0], before[2:4])
    assert git("status", "--porcelain", cwd=top) == ""
    found = run("adopt", "--take", path, "--json", cwd=top).data
    assert found == {"taken": [name], "dry_run": False}
    commit(top, "Take it")
    owners = parsed((top / ".scaffold.yml").read_text(), ())
    assert owners.of(PurePosixPath(name)) is Owner.MANAGED
    (step,) = run("update", "--no-lock", "--json", cwd=top).data["projects"]
    assert name in [change["path"] for change in step["changes"]]
    assert step["conflicts"] == []


def test_what_is_the_templates_needs_no_taking(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    adopt(top)
    merge(top)
    done = run("adopt", "--take", "ops/x", cwd=top)
    assert (done.code, done.out) == (
        0, "All of that is the template's already: nothing to do.\n",
    )  # fmt: skip
    assert git("status", "--porcelain", cwd=top) == ""


@pytest.mark.parametrize("adopted", [False, True])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "--take names no path."),
        ("nothing", "With these answers the template has nothing at 'nothing'."),
        ("/etc/passwd", "With these answers the template has nothing at '/etc/passwd'."),
        ("../x", "With these answers the template has nothing at '../x'."),
        (
            ".github/workflows/ci.yml",
            ".github/workflows/ci.yml cannot be taken: '.github' is a file here.",
        ),
        ("fly.toml", "fly.toml cannot be taken: 'fly.toml' is a folder here."),
    ],
)
def test_what_cannot_be_taken_is_refused(
    adopt: Adopt, tmp_path: Path, path: str, said: str, *, adopted: bool
) -> None:
    top = repository(tmp_path / "api", {**SERVICE, ".github": "", "fly.toml/x": "a folder\n"})
    if adopted:
        adopt(top)
        merge(top)
    before = state(top)
    done = run("adopt", "--take", path, cwd=top) if adopted else adopt(top, "--take", path)
    assert (done.code, done.error[0]) == (2, said)
    assert state(top)[:4] == before[:4]


def test_a_project_answers_no_more_questions(adopt: Adopt, tmp_path: Path) -> None:
    top = repository(tmp_path / "api", SERVICE)
    adopt(top)
    merge(top)
    done = run("adopt", "-d", "ci=gitlab", cwd=top)
    assert (done.code, done.error[1]) == (2, "To change an answer: scaffold update -d ci=gitlab")


# Projects of plain Copier


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the template inside the package: here the mini one, with three versions."""
    folder = released(mini_template(tmp_path / "embedded"), EDITS["mini"])
    (folder / "template/project/ops/x").write_text("#!/bin/sh\necho x y z\n")
    commit(folder, "Version 3")
    git("tag", "v3.0.0", cwd=folder)
    monkeypatch.setattr(templates, "CHECKOUT", folder)
    monkeypatch.setattr(templates, "EMBEDDED", folder / "no-wheel")  # it may be installed as one
    return folder


def by_copier(top: Path, source: Path, ref: str | None = None, **answers: str) -> Path:
    copier.run_copy(str(source), top, data=answers, vcs_ref=ref, defaults=True, quiet=True)
    git("init", "--quiet", "--initial-branch=main", cwd=top)
    commit(top)
    return top


def at_version(source: Path, version: str, folder: Path) -> Path:
    """Give one version of a template as a plain folder."""
    git("clone", "--quiet", "--branch", version, str(source), str(folder), cwd=source)
    shutil.rmtree(folder / ".git")
    return folder


@pytest.mark.parametrize("version", ["v1.0.0", "v2.0.0", "v3.0.0"])
def test_a_project_from_a_plain_folder_gets_the_version_it_is_most_like(
    embedded: Path, tmp_path: Path, version: str
) -> None:
    top = by_copier(
        tmp_path / "api", at_version(embedded, version, tmp_path / "plain"), ci="gitlab"
    )
    assert "_commit" not in (top / ".copier-answers.yml").read_text()
    (top / "Dockerfile").write_text("FROM my/own\n")
    commit(top, "Edit")
    before = work_tree(top)
    files = len(before)
    done = run("adopt", cwd=top)
    # All but the answers and what was edited.
    assert f"a project at {version} ({files - 2} of its {files} files are as" in done.out
    merge(top)
    answers = yaml.safe_load((top / ".copier-answers.yml").read_text())
    assert (answers["_commit"], answers["_src_path"]) == (version, str(embedded))
    assert answers["ci"] == "gitlab"
    after = work_tree(top)
    assert after.pop(".copier-answers.yml") != before.pop(".copier-answers.yml")
    assert after == before
    assert run("adopt", cwd=top).out.endswith("makes this a project already: nothing to do.\n")
    (step,) = run("update", "--no-lock", "--json", cwd=top).data["projects"]
    assert step["to"] == "v3.0.0"


def test_a_project_made_on_another_machine_is_taken_over(embedded: Path, tmp_path: Path) -> None:
    """Its template's folder is gone, but the history that comes with scaffold knows the commit."""
    (embedded / "template/project/ops/x").write_text("#!/bin/sh\necho unreleased\n")
    commit(embedded, "On the way to version 4")
    shutil.copytree(embedded, tmp_path / "clone")
    top = by_copier(tmp_path / "api", tmp_path / "clone", "HEAD")
    shutil.rmtree(tmp_path / "clone")
    version = git("describe", "--tags", cwd=embedded)
    found = run("adopt", "--json", cwd=top).data
    assert found == {
        "answers_file": ".copier-answers.yml",
        "branch": BRANCH,
        "commit": git("rev-parse", BRANCH, cwd=top),
        "template": str(embedded),
        "version": version,
    }
    assert git("diff", "--name-only", "HEAD", BRANCH, cwd=top) == ".copier-answers.yml"


@pytest.mark.usefixtures("embedded")
def test_a_project_of_another_template_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "template").mkdir(parents=True)
    (other / "copier.yml").write_text("_subdirectory: template\nproject_name: x\n")
    (other / "template/ops").write_text("echo\n")
    (other / "template/{{ _copier_conf.answers_file }}.jinja").write_text(
        "{{ _copier_answers | to_nice_yaml }}"
    )
    (other / "template/.editorconfig").write_text("[*]\nend_of_line = lf\n")  # as ours has it
    top = by_copier(tmp_path / "api", other)
    before = state(top)
    done = run("adopt", cwd=top)
    assert (done.code, done.error) == (
        1,
        (
            ".copier-answers.yml: no version of the template is like this project.",
            "If it came from another template, name that with --template.",
        ),
    )
    assert state(top) == before
    git("init", "--quiet", cwd=other)
    commit(other)
    done = run("adopt", "--template", other, cwd=top)
    assert "2 of its 3 files are as" in done.out
    merge(top)
    assert run("adopt", cwd=top).out.endswith("makes this a project already: nothing to do.\n")


# At a terminal


@pytest.fixture
def adopting(terminal: Terminal, sources: Mapping[str, Path]) -> Terminal:
    """Give a function that adopts a repository in a terminal."""

    def adopting(top: Path, *args: str, template: str = "real") -> Screen:
        return terminal("adopt", "--template", str(sources[template]), *args, cwd=top)

    return adopting


def test_only_what_is_unsure_is_asked_with_the_guess_for_a_default(
    adopting: Terminal, tmp_path: Path
) -> None:
    files = {
        "requirements.txt": "flask\n",
        # Only beside the service, so that what it says is less than sure; and it is no template.
        "package.json": '{ "name": "styles", "description": "{{ 7 * 7 }}", "author": "Ada" }\n',
        ".gitlab-ci.yml": "test:\n  script: make test\n",
        "fly.toml": "app = 'api'\n",
        "render.yaml": "services: []\n",
    }
    top = repository(tmp_path / "api", files)
    screen = adopting(top, "-downer=Us", template="mini")
    screen.expect("What the repository shows:")
    screen.expect("description ")
    screen.expect(r"description .*{{ 7 \* 7 }}")
    screen.send("\r")
    screen.expect("hosting ")
    screen.expect(r"» \S*Fly.io")
    screen.send("\x1b[B\r")
    screen.expect("One commit on the branch")
    screen.expect(pexpect.EOF)
    assert screen.wait() == 0
    answers = yaml.safe_load(on_branch(top, ".copier-answers.yml"))
    del answers["_commit"], answers["_src_path"]
    assert answers == {
        "project_name": "api", "description": "{{ 7 * 7 }}", "owner": "Us", "stack": "python",
        "ci": "gitlab", "hosting": "render",
    }  # fmt: skip


def test_what_is_sure_needs_no_questions_and_a_licence_that_was_chosen_is_added(
    adopting: Terminal, tmp_path: Path
) -> None:
    top = repository(tmp_path / "api", SERVICE)
    given = [f"-d{key}={value}" for key, value in DEFAULTS.items() if key != "license"]
    given += ["-dsecrets=dotenv", "-ddatabase=none"]
    given += [f"-d{axis}=none" for axis in ("uptime", "performance", "logs", "errors", "incidents")]
    screen = adopting(top, *given, "-downer=Us", "-dscan=osv")
    screen.expect("Under which licence?")
    screen.send("\x1b[B\r")
    screen.expect(pexpect.EOF)
    assert screen.wait() == 0
    assert on_branch(top, "LICENSE").startswith("MIT License")


@pytest.mark.slow
@pytest.mark.parametrize("keys", [0, 2])
def test_ctrl_c_leaves_everything_as_it_was(adopting: Terminal, tmp_path: Path, keys: int) -> None:
    top = repository(tmp_path / "api", SERVICE)
    before = state(top)
    screen = adopting(top)
    for question in ("What does it do", "owns it", "pipelines run")[:keys]:
        screen.expect(question)
        screen.send("\r")
    screen.expect(("What does it do", "owns it", "pipelines run")[keys])
    screen.send("\x03")
    screen.expect("Left; nothing was written.")
    screen.expect(pexpect.EOF)
    assert screen.wait() == 130
    assert state(top) == before


def test_what_stands_in_the_way_is_said_before_anything_is_asked(
    adopting: Terminal, tmp_path: Path
) -> None:
    top = repository(tmp_path / "api", SERVICE)
    git("branch", BRANCH, cwd=top)
    screen = adopting(top)
    screen.expect(f"There is a branch {BRANCH} already; nothing was changed.")
    # A line of progress hides the cursor, for which there is a question mark as well.
    assert "?" not in re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", str(screen.before))
    screen.expect(pexpect.EOF)
    assert screen.wait() == 1
