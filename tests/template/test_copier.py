"""Plain Copier, without `--trust`, gives the same projects, and updates them."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from compiled import compiled_once
from conftest import (
    ROOT,
    TEMPLATE,
    Render,
    copy_template,
    pairwise,
    sampled,
    tree,
    with_something_new,
)
from pytest_copie.plugin import Copie

from scaffold import project
from scaffold.template.answers import resolve
from scaffold.template.definition import Template
from scaffold.template.renderer import render as render_files
from scaffold.template.source import opened

ANSWERS = ".copier-answers.yml"
#: In which every two options meet that can; those in which every option is are not for the night.
PAIRS = pairwise()
ROWS = sampled(PAIRS, *with_something_new(PAIRS), others=pytest.mark.nightly)

HOSTILE = {
    "description": """He said "it's" \\ {{ project_name }} {% raw %} ${{ x }}: # $(id) </script>
    on two lines""",
    "owner": """O'Brien & "Søns" $HOME \\""",
}


@pytest.fixture(autouse=True, scope="module")
def compiled() -> Iterator[None]:
    """Most of what Copier does in all these copies is to compile the same texts."""
    with compiled_once():
        yield


def git(*args: str, cwd: Path) -> str:
    return subprocess.check_output(["git", *args], cwd=cwd, text=True).strip()


def commit_all(folder: Path, message: str) -> None:
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", message, cwd=folder)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """This checkout's template as a plain folder."""
    return copy_template(tmp_path / "template")


@pytest.fixture
def versions(plain: Path) -> Path:
    """The template as a repository: v1.0.0, and v1.1.0 that changes, adds, moves and removes."""
    files = plain / "template/project"
    git("init", "--quiet", "--initial-branch=main", cwd=plain)
    (files / "OLD.md").write_text("# Old\n")
    (files / "ops/old").write_text("#!/bin/sh\nexit 0\n")
    commit_all(plain, "first")
    git("tag", "v1.0.0", cwd=plain)
    (files / "OLD.md").unlink()
    (files / "ops/old").unlink()
    (files / "NEW.md.jinja").write_text("# New in {{ project_name }}\n")
    readme = files / "README.md.jinja"
    readme.write_text(readme.read_text().replace("## Runbook", "## Runbook of {{ owner }}"))
    (files / "ops/new").write_text("#!/bin/sh\nexit 0\n")
    (files / "ops/new").chmod(0o755)
    commit_all(plain, "second")
    git("tag", "v1.1.0", cwd=plain)
    return plain


def fresh(source: str | Path, folder: Path, ref: str | None = None, **answers: Any) -> Path:
    """Render with our own renderer, in this process."""
    with opened(str(source), ref) as template:
        project.write(render_files(template, resolve(template, answers)), folder)
    return folder


@pytest.mark.parametrize(
    "answers",
    [*ROWS, pytest.param(HOSTILE, id="hostile text", marks=pytest.mark.slow)],
    ids=lambda row: "-".join(row.values()),
)
def test_copier_copy_gives_the_same_bytes_and_modes(
    plain: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    copier.run_copy(
        str(plain), tmp_path / "copier", data=answers, defaults=True, quiet=True, unsafe=False
    )
    fresh(plain, tmp_path / "scaffold", **answers)
    assert tree(tmp_path / "scaffold") == tree(tmp_path / "copier")


def test_a_folder_that_renders_to_a_dot_is_flattened_and_one_to_nothing_left_out(
    tmp_path: Path,
) -> None:
    """What the layers rest on. Copier does not document it."""
    template = tmp_path / "mini"
    for path in (
        "files/{{ '.' }}/a/{{ '.' }}/{{ '.' }}/b.txt",
        "files/{{ '.' }}/{{ '' }}/c.txt",
        "files/{{ '' }}/{{ '.' }}/d.txt",
    ):
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        (template / path).write_text(path)
    (template / "copier.yml").write_text("project_name: x\n_subdirectory: files\n")
    copier.run_copy(str(template), tmp_path / "copier", defaults=True, quiet=True)
    assert set(tree(tmp_path / "copier")) == {"a/b.txt"}
    assert tree(fresh(template, tmp_path / "scaffold")) == tree(tmp_path / "copier")


MINIS = {
    "a suffix of its own": (
        "_templates_suffix: .tmpl",
        {"a.tmpl": "{{ project_name }}", "b.jinja": "{{"},
    ),
    "what is left out": (
        "_exclude: ['*.bak', '{{ project_name }}-x']",
        {"a.bak": "", "sub/b.bak": "", "x-x": "", "c": ""},
    ),
    "what is left out twice over": (
        "_exclude: ['*.bak']\n---\n_exclude: [c]", {"a.bak": "", "c": "", "d": ""},
    ),
    "left out by default": (
        "",
        {"~a": "", "b.pyc": "", "__pycache__/c": "", ".DS_Store": "", "d": ""},
    ),
    "a rendered file beside a plain one": ("", {"a": "plain", "a.jinja": "{{ 1 + 1 }}"}),
    "a file called .jinja": ("", {".jinja": "{{ 1 + 1 }}"}),
    "a question that does not apply": (
        "q: {default: a, when: 'no'}\nr: {default: b, when: '{{ q == \"a\" }}'}",
        {"a.jinja": "{{ q }}{{ r }}", "{{ _copier_conf.answers_file }}.jinja":
         "{{ _copier_answers | to_nice_yaml }}"},
    ),
    "answers of every type": (
        """\
i: 3
f: 1.5
b: {default: 'yes', type: bool}
l: [1, x]
j: {type: json, default: '{"a": 1}'}
y: {type: yaml, default: '{a: [1]}'}
c: {default: two, choices: {One: one, Two: two}}""",
        {"a.jinja": "{{ i + 1 }} {{ f }} {{ b }} {{ l }} {{ j }} {{ y }} {{ c }}",
         "{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}"},
    ),
    "an answers file of its own": (
        "_answers_file: .mine.yml",
        {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("mini", MINIS)
def test_other_templates_too_are_rendered_as_copier_does(mini: str, tmp_path: Path) -> None:
    settings, files = MINIS[mini]
    template = tmp_path / "mini"
    for path, text in files.items():
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        (template / path).write_text(text)
    (template / "copier.yml").write_text(f"project_name: x\n{settings}\n")
    copier.run_copy(str(template), tmp_path / "copier", defaults=True, quiet=True)
    assert tree(fresh(template, tmp_path / "scaffold")) == tree(tmp_path / "copier")


@pytest.mark.parametrize(
    "answers",
    [{"description": True, "owner": 7}, {"description": "[a]", "owner": 1.0}],
    ids=str,
)
@pytest.mark.slow
def test_an_answer_of_another_type_means_the_same_to_both(
    answers: dict[str, Any], plain: Path, tmp_path: Path
) -> None:
    copier.run_copy(str(plain), tmp_path / "copier", data=answers, defaults=True, quiet=True)
    assert tree(fresh(plain, tmp_path / "scaffold", **answers)) == tree(tmp_path / "copier")


def test_the_template_asks_for_the_copier_that_is_installed_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    minimum = TEMPLATE.settings["_min_copier_version"]
    assert f"copier>={minimum},<10" in project["dependencies"]


@pytest.mark.slow
def test_copier_copy_of_a_repository_takes_the_same_version(versions: Path, tmp_path: Path) -> None:
    copier.run_copy(str(versions), tmp_path / "copier", defaults=True, quiet=True, unsafe=False)
    fresh(versions, tmp_path / "scaffold")
    assert tree(tmp_path / "scaffold") == tree(tmp_path / "copier")
    assert "_commit: v1.1.0\n" in (tmp_path / "copier" / ANSWERS).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("maker", ["copier", "scaffold"])
def test_copier_update_of_an_unedited_project_gives_a_fresh_render(
    versions: Path, tmp_path: Path, maker: str
) -> None:
    old = tmp_path / "project"
    if maker == "copier":
        copier.run_copy(str(versions), old, vcs_ref="v1.0.0", defaults=True, quiet=True)
    else:
        fresh(versions, old, "v1.0.0")
    git("init", "--quiet", cwd=old)
    commit_all(old, "start")
    assert (old / "OLD.md").exists()
    copier.run_update(old, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert tree(old) == tree(fresh(versions, tmp_path / "fresh", "v1.1.0"))


@pytest.mark.slow
def test_copier_update_of_an_edited_project_keeps_the_edits(versions: Path, tmp_path: Path) -> None:
    mine = fresh(versions, tmp_path / "project", "v1.0.0")
    readme = mine / "README.md"
    readme.write_text(readme.read_text().replace("## Quick start", "## Quick start, ours"))
    (mine / "src/ours.ts").write_text("export {};\n")
    git("init", "--quiet", cwd=mine)
    commit_all(mine, "start")
    copier.run_update(mine, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert "## Quick start, ours" in readme.read_text()
    assert "## Runbook of The my-service team" in readme.read_text()
    assert (mine / "src/ours.ts").exists()
    assert (mine / "NEW.md").read_text() == "# New in my-service\n"
    assert not (mine / "OLD.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "gone", "come"),
    [
        ("ci=gitlab", ".github", ".gitlab-ci.yml"),
        ("hosting=render", "fly.live.toml", ".render/live.json"),
    ],
)
def test_copier_update_switches_an_option(
    versions: Path, tmp_path: Path, answer: str, gone: str, come: str
) -> None:
    mine = fresh(versions, tmp_path / "project")
    git("init", "--quiet", cwd=mine)
    commit_all(mine, "start")
    axis, option = answer.split("=")
    copier.run_update(mine, data={axis: option}, defaults=True, overwrite=True, quiet=True)
    other = fresh(versions, tmp_path / "fresh", **{axis: option})
    assert tree(mine) == tree(other)
    assert not (mine / gone).exists()
    assert (mine / come).exists()


@pytest.fixture
def glob_includes(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-copie reads copier.yml itself, with an `!include` that cannot glob."""

    def ignore_includes(_: Path) -> None:
        yaml.SafeLoader.add_constructor("!include", lambda *_: {})

    monkeypatch.setattr("pytest_copie.plugin._add_yaml_include_constructor", ignore_includes)


@pytest.mark.usefixtures("glob_includes")
@pytest.mark.slow
def test_pytest_copie_copies_and_updates(copie: Copie, versions: Path) -> None:
    copied = copie.copy(template_dir=versions, vcs_ref="v1.0.0")
    project_dir = copied.project_dir
    assert project_dir is not None, copied.exception
    git("init", "--quiet", cwd=project_dir)
    commit_all(project_dir, "start")
    updated = copie.update(copied, vcs_ref="v1.1.0")
    assert updated.exception is None
    assert (project_dir / "NEW.md").read_text() == "# New in my-service\n"


@pytest.mark.slow
def test_the_default_answers_are_the_same(render: Render, plain: Path, tmp_path: Path) -> None:
    copier.run_copy(str(plain), tmp_path / "copier", defaults=True, quiet=True, unsafe=False)
    ours = (render() / ANSWERS).read_text()
    assert ours.replace("the-template", str(plain)) == (tmp_path / "copier" / ANSWERS).read_text()
    assert Template(plain, "x").questions.keys() == TEMPLATE.questions.keys()
