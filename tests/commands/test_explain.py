"""`scaffold explain`: where a file comes from, and whose it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from conftest import TEMPLATE, Scaffold, copy_template
from small import commit, git, release

from scaffold.project.provenance import Provenance
from scaffold.template.answers import resolve
from scaffold.template.renderer import render


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return release(tmp_path / "template", "v1.0.0")


@pytest.fixture
def project(scaffold: Scaffold, tmp_path: Path, template: Path) -> Path:
    done = scaffold(
        "new", "demo", "--template", str(template), "--defaults", "-d", "owner=Team\u00a0Blue 'n'"
    )
    assert done.returncode == 0, done.stderr
    return tmp_path / "demo"


def test_a_file_has_a_layer_fragments_answers_an_owner_and_a_state(
    scaffold: Scaffold, project: Path
) -> None:
    done = scaffold("explain", "README.md", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
README.md
  written by  the template, whatever the answers
  from        files/README.md.jinja
  with        ci: github (GitHub Actions), its _layer/readme.jinja
  answers     project_name: demo
              owner: Team Blue 'n'
              ci: github
  owner       managed: updates merge what you and the template change
  state       as written
"""
    )


def test_a_file_of_an_option_says_which(scaffold: Scaffold, project: Path) -> None:
    (project / ".github/ci.yml").write_text("mine\n")
    done = scaffold("explain", "../.github/ci.yml", cwd=project / "src")
    assert (
        done.stdout
        == """\
../.github/ci.yml
  written by  ci: github (GitHub Actions)
  from        files/{{ use.ci.github }}/.github/ci.yml
  owner       managed: updates merge what you and the template change
  state       edited
"""
    )


def test_json_says_the_same(scaffold: Scaffold, project: Path) -> None:
    git(project, "mv", "README.md", "LIESMICH.md")
    done = scaffold("explain", "--json", "demo/LIESMICH.md")
    github = {"question": "ci", "answer": "github", "label": "GitHub Actions", "trait": ""}
    assert json.loads(done.stdout) == {
        "project": ".",
        "answers_file": ".copier-answers.yml",
        "path": "LIESMICH.md",
        "version": "v1.0.0",
        "source": {"path": "files/README.md.jinja", "because_of": []},
        "fragments": [
            {
                "path": "files/{{ use.ci.github }}/_layer/readme.jinja",
                "because_of": [github],
            }
        ],
        "macros": ["macros/title.jinja", "macros/loud.jinja"],
        "answers": {"project_name": "demo", "owner": "Team\u00a0Blue 'n'", "ci": "github"},
        "rows": [],
        "pins": {},
        "line": None,
        "owner": "managed",
        "reason": "updates merge what you and the template change",
        "unread": [],
        "state": "moved",
        "edited": False,
        "written_at": "README.md",
        "moved_to": "LIESMICH.md",
        "would_be_written_with": [],
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".gitlab-ci.yml", "ci: gitlab (GitLab CI)"),
        ("Dockerfile", "docker: True"),
        ("mine.txt", None),
        ("src/mine.txt", None),
        ("no/such", None),
    ],
)
def test_what_the_template_does_not_write_is_yours(
    scaffold: Scaffold, project: Path, path: str, said: str | None
) -> None:
    (project / "mine.txt").write_text("mine\n")
    done = scaffold("explain", path, cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"{path}\n  owner       you: the template does not write it\n"
        + (f"  written if  {said}\n" if said else "")
    )


def test_an_answer_that_decides_over_a_name_is_named(scaffold: Scaffold, template: Path) -> None:
    scaffold("new", "boxed", "--template", str(template), "--defaults", "-d", "docker=true")
    done = scaffold("explain", "boxed/Dockerfile")
    assert (
        done.stdout
        == """\
boxed/Dockerfile
  written by  docker: True
  from        files/{% if docker %}Dockerfile{% endif %}
  answers     docker: True
  owner       managed: updates merge what you and the template change
  state       as written
"""
    )


@pytest.mark.parametrize(
    ("settings", "path", "said"),
    [
        ("", "src/main.txt", "seed: written once, then yours (/src/)"),
        ("keep: ['', a, '*.md', b]\n", "README.md", "yours: .scaffold.yml keeps *.md"),
        ("keep: ['*', '!*.md']\n", "README.md", "managed: updates merge what you and the "),
        (
            "deleted: [tool.sh]\n",
            "tool.sh",
            "yours: you deleted it, and updates do not bring it back",
        ),
    ],
)
def test_the_owner_has_a_reason(
    scaffold: Scaffold, project: Path, settings: str, path: str, said: str
) -> None:
    (project / ".scaffold.yml").write_text(settings)
    assert f"  owner       {said}" in scaffold("explain", path, cwd=project).stdout


def test_what_was_moved_is_known_by_both_names(scaffold: Scaffold, project: Path) -> None:
    (project / "bin").mkdir()
    git(project, "mv", "tool.sh", "bin/tool")
    (project / "bin/tool").write_text("#!/bin/sh\necho one\necho two\necho four\n")
    old, new = (scaffold("explain", path, cwd=project).stdout for path in ("tool.sh", "bin/tool"))
    assert old.endswith("  state       moved to bin/tool, edited\n")
    assert new.endswith("  state       moved from tool.sh, edited\n")
    assert "  from        files/tool.sh\n" in new


def test_the_nearest_project_is_meant(scaffold: Scaffold, project: Path, template: Path) -> None:
    scaffold("new", "inner", "--into", "demo/src", "--template", str(template), "-d", "ci=gitlab")
    shutil.copy(project / "src/inner/tool.sh", project / "src/inner/other.sh")
    commit(project)
    found = json.loads(scaffold("explain", "--json", "demo/src/inner/README.md").stdout)
    assert (found["project"], found["path"]) == ("src/inner", "README.md")
    assert found["answers"]["ci"] == "gitlab"
    found = json.loads(scaffold("explain", "--json", "main.txt", cwd=project / "src").stdout)
    assert (found["project"], found["path"]) == (".", "src/main.txt")


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\n\x1b[2J",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (b"caf\xc3\xa9 \xe2\x86\x92", b"-rf", b"a'\"$\\")
        ),
    ],
)
def test_any_name_will_do(scaffold: Scaffold, project: Path, name: bytes) -> None:
    path = os.fsdecode(name)
    git(project, "mv", "tool.sh", f"./{path}")
    done = scaffold("explain", "--", path, cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("  state       moved from tool.sh\n")
    assert "\x1b" not in done.stdout
    found = json.loads(scaffold("explain", "--json", "--", path, cwd=project).stdout)
    assert os.fsencode(found["moved_to"]) == name


@pytest.mark.parametrize(
    ("prepare", "path", "said"),
    [
        ("true", "README.md", "is in no git repository"),
        ("git init -q && git commit -q --allow-empty -m x", "README.md", "is in no project"),
        ("git init -q && git commit -q --allow-empty -m x", "no/such/folder/f", "is in no project"),
        ("cp -r demo/. .", ".", "'.' is a folder."),
        ("cp -r demo/. .", "/", "is in no git repository"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_cannot_be_explained_is_said(
    scaffold: Scaffold, tmp_path: Path, prepare: str, path: str, said: str
) -> None:
    subprocess.run(["sh", "-ec", prepare], cwd=tmp_path, check=True)
    done = scaffold("explain", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.slow
def test_each_file_of_a_project_comes_from_somewhere() -> None:
    """Every file of this template, and every fragment in it."""
    answers = resolve(TEMPLATE, {"ci": "github", "hosting": "fly"})
    made = {file.path: Provenance.of(file, TEMPLATE, answers) for file in render(TEMPLATE, answers)}
    for provenance in made.values():
        for source in (provenance.source, *provenance.fragments):
            assert (TEMPLATE.root / source.path).is_file()
            assert len(source.causes) == sum("{{ use." in part for part in source.path.parts)
    readme = made[PurePosixPath("README.md")]
    assert not readme.source.causes
    fragments = {fragment.path.name: fragment.causes for fragment in readme.fragments}
    assert {"quick-start.jinja", "hosting.jinja", "pipelines.jinja"} <= fragments.keys()
    assert [(cause.question, cause.answer) for cause in fragments["hosting.jinja"]] == [
        ("hosting", "fly")
    ]
    setup = made[PurePosixPath(".github/actions/setup/action.yml")].source.causes
    assert [(cause.question, cause.answer, cause.trait) for cause in setup] == [
        ("stack", "node", "npm"), ("ci", "github", ""),
    ]  # fmt: skip
    traits = {cause.trait for fragment in readme.fragments for cause in fragment.causes}
    assert traits == {"", "fastify", "image", "logwire", "tells"}


@pytest.mark.parametrize(
    ("stack", "path", "trait"),
    [
        ("node", "src/app.ts", "fastify"),
        ("python", "compose.yaml.jinja", "image"),
        pytest.param("fullstack", "src/app.ts", "fastify", marks=pytest.mark.slow),
        pytest.param("static", ".npmrc", "npm", marks=pytest.mark.slow),
    ],
)
def test_what_stacks_have_in_common_is_written_by_the_trait_that_the_chosen_one_brings(
    scaffold: Scaffold, tmp_path: Path, stack: str, path: str, trait: str
) -> None:
    release(copy_template(tmp_path / "ours"), "v1.0.0", {})
    scaffold("new", "demo", "--template=ours", "--defaults", "--no-lock", f"-dstack={stack}")
    done = scaffold("explain", f"demo/{path.removesuffix('.jinja')}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:3] == [
        f"  written by  trait: {trait} (brought by stack: {stack})",
        f"  from        template/project/{{{{ use.trait.{trait} }}}}/{path}",
    ]
