"""What a repository shows of itself, and that looking at it is all that is done."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from conftest import TEMPLATE, Render, rendered, tree
from hypothesis import given
from hypothesis import strategies as st
from mini import mini_template
from repositories import DJANGO_ASSETS, EXPRESS, EXPRESS_DOCKER_GITHUB, REPOSITORIES, Repository

from scaffold.adopt.evidence import (
    LIMIT,
    Clue,
    Folder,
    Guess,
    brought,
    brought_keys,
    decoded,
    infer,
)
from scaffold.errors import TemplateError
from scaffold.template.answers import resolve
from scaffold.template.catalog import Catalog
from scaffold.template.definition import Template
from scaffold.template.questions import Question
from scaffold.template.renderer import render as render_files

ALL = pytest.mark.parametrize("repository", REPOSITORIES.values(), ids=REPOSITORIES)
STACKS = {option.id: option for option in TEMPLATE.catalog.axis("stack")}


class Files:
    """A repository in memory."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.paths = [PurePosixPath(name) for name in files]

    def read(self, path: PurePosixPath) -> str:
        return self.files[str(path)]


def guesses(files: Mapping[str, str], folder: str = "folder") -> dict[str, Guess]:
    return infer(TEMPLATE.catalog, TEMPLATE.questions, Files(files), folder)


def look(repository: Repository, parent: Path, template: Template = TEMPLATE) -> dict[str, Guess]:
    top = repository.write(parent)
    project = top / repository.project
    # Git tracks links as well, and says so by name alone.
    paths = [p.relative_to(project) for p in project.rglob("*") if p.is_symlink() or p.is_file()]
    name = Path(repository.folder, repository.project).name
    repo = Folder(project, tuple(map(PurePosixPath, paths)))
    return infer(template.catalog, template.questions, repo, name)


def rows(**evidence: list[Any]) -> Catalog:
    """Give a catalogue with one axis."""
    return Catalog.from_rows(
        [
            {
                "axis": "axis",
                "id": name,
                "label": name,
                "order": order,
                "why": "x",
                "evidence": signs,
            }
            for order, (name, signs) in enumerate(evidence.items())
        ],
        ["axis"],
    )


def guess(catalog: Catalog, files: Mapping[str, str]) -> Guess:
    return infer(catalog, {"axis": {}}, Files(files), "folder")["axis"]


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Give the mini template."""
    return Template(mini_template(tmp_path_factory.mktemp("mini")), "mini").checked()


# The repositories


@ALL
def test_a_repository_is_read_as_it_is_labelled(repository: Repository, tmp_path: Path) -> None:
    seen = look(repository, tmp_path)
    assert {
        question: (seen[question].answer, seen[question].confidence)
        for question in repository.labels
    } == repository.labels


@ALL
def test_clues_name_what_is_there(repository: Repository, tmp_path: Path) -> None:
    for question, seen in look(repository, tmp_path).items():
        assert seen.question == question
        assert bool(seen.clues) == (seen.answer is not None)
        for clue in seen.clues:
            assert (tmp_path / repository.folder / repository.project / clue.path).exists()
            assert clue.says


@ALL
def test_what_is_inferred_is_an_answer(repository: Repository, tmp_path: Path) -> None:
    seen = look(repository, tmp_path)
    resolve(TEMPLATE, {name: g.answer for name, g in seen.items() if g.answer is not None})


def own_tests(repository: Repository, top: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        repository.check,
        cwd=top / repository.project,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        timeout=60,
    )


@ALL
@pytest.mark.slow
def test_a_repository_passes_its_own_tests(repository: Repository, tmp_path: Path) -> None:
    top = repository.write(tmp_path)
    before = tree(top)
    done = own_tests(repository, top)
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(top) == before


def test_repositories_are_of_every_shape() -> None:
    files = [set(repository.files) for repository in REPOSITORIES.values()]
    for shape in (
        "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "requirements.txt", "poetry.lock",
        "uv.lock", "Dockerfile", ".gitlab-ci.yml", ".github/workflows/ci.yml", "fly.toml",
        "render.yaml", "tsconfig.json",
    ):  # fmt: skip
        assert any(shape in names for names in files), shape
        assert not all(shape in names for names in files), shape
    assert len(files) >= 13
    assert any(repository.links for repository in REPOSITORIES.values())


def test_what_is_only_beside_the_service_has_another_name(tmp_path: Path) -> None:
    seen = look(DJANGO_ASSETS, tmp_path)
    assert seen["project_name"].answer == "library"
    assert seen["project_name"].alternatives == ("library-styles",)


def test_a_question_that_the_template_does_not_ask_has_no_guess(
    tmp_path: Path, mini: Template
) -> None:
    assert "license" not in look(EXPRESS_DOCKER_GITHUB, tmp_path, mini)


@pytest.mark.parametrize("stack", STACKS)
def test_a_rendered_project_is_read_as_it_was_answered(stack: str, render: Render) -> None:
    hosting = "netlify" if stack == "static" else "render"
    answers = {
        "project_name": "bee-keeper", "description": "Keeps bees", "owner": "Ada",
        "stack": stack, "ci": "gitlab", "hosting": hosting, "scan": "osv", "license": "apache",
    }  # fmt: skip
    folder = render(**answers)
    paths = tuple(PurePosixPath(name) for name in tree(folder))
    seen = infer(TEMPLATE.catalog, TEMPLATE.questions, Folder(folder, paths), "elsewhere")
    # Where a service finds its settings is seen in no repository: they are elsewhere.
    for axis in (
        "secrets", "database", "uptime", "performance", "logs", "errors", "incidents",
    ):  # fmt: skip
        assert seen.pop(axis).answer is None
    assert {name: guess.answer for name, guess in seen.items()} == answers
    assert {g.confidence for name, g in seen.items() if name != "owner"} == {"sure"}


# Ranking


def test_what_a_file_says_outranks_that_it_is_there() -> None:
    catalog = rows(name=["a", "b", "c"], content=[{"file": "a", "says": "x"}])
    seen = guess(catalog, {"a": "x", "b": "", "c": ""})
    assert (seen.answer, seen.confidence, seen.alternatives) == ("content", "unsure", ("name",))


def test_more_signs_outrank_fewer_and_order_decides_between_equals() -> None:
    catalog = rows(first=["a"], second=["b"], third=["b", "c"])
    seen = guess(catalog, {"a": "", "b": "", "c": ""})
    assert (seen.answer, *seen.alternatives) == ("third", "first", "second")


def test_one_option_is_sure_by_what_files_say_and_likely_by_what_is_there() -> None:
    catalog = rows(one=["a", {"file": "*.b", "says": "x(.)"}], other=["z"])
    assert guess(catalog, {"a": "x"}) == Guess("axis", "one", "likely", (Clue("a", "is there"),))
    seen = guess(catalog, {"a": "", "no.b": "", "yes.b": "xy"})
    clues = (Clue("yes.b", "says 'y'"), Clue("a", "is there"))
    assert seen == Guess("axis", "one", "sure", clues)


def test_nothing_seen_is_no_answer() -> None:
    assert guess(rows(one=["a"], other=[]), {"b": ""}) == Guess("axis", None, "unsure")


def test_globs_start_in_the_projects_folder_and_ignore_case() -> None:
    catalog = rows(one=["licen[cs]e*"])
    assert guess(catalog, {"License.md": ""}).answer == "one"
    assert guess(catalog, {"vendor/LICENSE": ""}).answer is None
    assert guess(rows(one=["**/LICENSE"]), {"vendor/license": ""}).answer == "one"
    assert guess(rows(one=["folder"]), {"folder/in/it": ""}).clues[0].path == "folder/in/it"


def test_a_name_alone_is_refuted_and_a_content_is_doubted() -> None:
    express = '{"dependencies": {"express": "5"}}'
    assert guesses({"package.json": "{}"})["stack"].confidence == "likely"
    assert guesses({"package.json": "{}", "go.mod": ""})["stack"].answer is None
    assert guesses({"package.json": express})["stack"].confidence == "sure"
    seen = guesses({"package.json": express, "go.mod": ""})["stack"]
    assert (seen.answer, seen.confidence) == ("node", "unsure")
    assert Clue("go.mod", "is there, which speaks against Node", against=True) in seen.clues


def test_what_is_doubted_does_not_make_what_files_say_unsure() -> None:
    catalog = rows(first=["a"], second=[{"file": "b", "says": "x"}])
    doubted = replace(catalog.options[0], row={**catalog.options[0].row, "against": ["b"]})
    for first in (["a"], [{"file": "a", "says": "x"}]):
        row = {**doubted.row, "evidence": first}
        options = (replace(doubted, row=row), catalog.options[1])
        seen = guess(Catalog({"axis": options}), {"a": "x", "b": "x"})
        assert (seen.answer, seen.confidence) == ("second", "sure")


@pytest.mark.parametrize(
    ("files", "answer", "confidence"),
    [
        # An API in Python, however it says what it needs
        ({"requirements.txt": "uvicorn\nFastAPI[standard] >=0.115  # web\n"}, "python", "sure"),
        ({"requirements/base.in": "django\n"}, "python", "sure"),
        ({"pyproject.toml": 'dependencies = ["uvicorn", "litestar>=2"]\n'}, "python", "sure"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\nstarlette = "*"\n'}, "python", "sure"),
        ({"Pipfile": '[packages]\nflask = {extras = ["async"]}\n'}, "python", "sure"),
        ({"setup.py": "setup(install_requires=['Flask'])\n"}, "python", "sure"),
        ({"app.py": "from aiohttp import web\n", "Pipfile": "aiohttp = '*'\n"}, "python", "sure"),
        ({"manage.py": "print(1)\n"}, "python", "likely"),
        # and what is none
        ({"requirements.txt": "flask-login\naiohttp\n# flask\nnumpy\n"}, None, "unsure"),
        ({"pyproject.toml": '[project]\nname = "django-x"\nreadme = "a"\n'}, None, "unsure"),
        ({"pyproject.toml": 'description = "Django made easy"\n'}, None, "unsure"),
        (
            {"pyproject.toml": 'x = ["Framework :: Django"]\ndependencies = ["django"]\n'},
            "python",
            "unsure",
        ),
        ({"requirements.txt": "flask\n", "serverless.yml": ""}, "python", "unsure"),
        # Both in one repository
        ({"package.json": '{"express": ""}', "requirements.txt": "flask\n"}, "node", "unsure"),
        ({"package.json": '{"vite": ""}', "requirements.txt": "flask\n"}, "python", "sure"),
        # A page with a server of its own
        ({"package.json": '{"fastify": "", "vue": "", "vite": ""}'}, "fullstack", "sure"),
        ({"package.json": '{"express": "", "react-dom": "", "react-scripts": ""}'}, "fullstack",
         "sure"),
        ({"package.json": '{"@sveltejs/kit": "", "vite": ""}'}, "fullstack", "unsure"),
        ({"package.json": '{"nuxt": ""}'}, "fullstack", "unsure"),
        ({"package.json": '{"@remix-run/node": "", "vite": ""}'}, "fullstack", "unsure"),
        # a server that something beside it may or may not be the page of,
        ({"package.json": '{"express": "", "vite": ""}'}, "node", "unsure"),
        ({"package.json": '{"express": "", "vitest": ""}'}, "node", "sure"),
        ({"package.json": '{"express": "", "vite": "", "vitest": ""}'}, "node", "sure"),
        ({"package.json": '{"express": "", "vitest": "", "build:web": "vite build"}'}, "node",
         "unsure"),
        (
            {"package.json": '{"express": ""}', "client/package.json": '{"react-dom": ""}'},
            "node",
            "unsure",
        ),
        # and none
        ({"package.json": '{"build": "ng build", "@angular/core": ""}'}, "static", "sure"),
        ({"package.json": '{"@docusaurus/core": ""}'}, "static", "sure"),
        ({"package.json": '{"@11ty/eleventy": ""}'}, "static", "sure"),
        ({"package.json": '{"astro": "", "@astrojs/node": ""}'}, "static", "unsure"),
        ({"package.json": '{"electron": "", "vite": ""}'}, "static", "unsure"),
        ({"package.json": '{"vite": ""}', "vite.config.ts": "build: { lib: { x } }"}, "static",
         "unsure"),
        ({"hugo.toml": "baseURL = 'x'\n"}, "static", "unsure"),
        ({"_config.yml": "theme: minima\n", "Gemfile": ""}, "static", "unsure"),
        # Neither
        ({"package.json": '{"workspaces": [], "devDependencies": {}}'}, None, "unsure"),
        ({"package.json": '{"peerDependencies": {"express": ""}}'}, "node", "unsure"),
        ({"main.c": "", "index.html": ""}, None, "unsure"),
    ],
    ids=str,
)  # fmt: skip
def test_stacks_are_told_apart(files: dict[str, str], answer: str | None, confidence: str) -> None:
    seen = guesses(files)["stack"]
    assert (seen.answer, seen.confidence) == (answer, confidence), seen


def test_an_option_that_does_not_run_the_stack_is_no_guess() -> None:
    row = {"label": "x", "order": 1, "why": "x"}
    catalog = Catalog.from_rows(
        [
            {**row, "axis": "stack", "id": "python", "evidence": ["py"]},
            {**row, "axis": "stack", "id": "node"},
            {
                **row,
                "axis": "hosting",
                "id": "fly",
                "evidence": ["fly"],
                "needs": {"stack": ["node"]},
            },
        ],
        ["stack", "hosting"],
    )
    questions: dict[str, dict[str, Any]] = {"stack": {}, "hosting": {}}
    assert infer(catalog, questions, Files({"py": "", "fly": ""}), "")["hosting"].answer is None
    assert infer(catalog, questions, Files({"fly": ""}), "")["hosting"].answer == "fly"


@pytest.mark.parametrize(
    "signs",
    [[1], [{"file": "a"}], [{"file": "a", "says": "("}], ["\\"], [None], 7],
    ids=str,
)
def test_evidence_that_cannot_be_read_is_the_templates_fault(signs: Any) -> None:
    with pytest.raises(TemplateError, match="option row"):
        guess(rows(one=signs), {"a": ""})


# Names, purposes and owners


def test_the_name_fits_the_template() -> None:
    for said in ("@scope/Orders_API", "1st-thing", "x" * 214, "Ünïcode", "a--b__c.js"):
        seen = guesses({"package.json": f'{{"name": "{said}"}}'})["project_name"]
        spec = TEMPLATE.questions["project_name"]
        context = {**TEMPLATE.context, "reserved_names": []}
        Question("project_name", spec, TEMPLATE.environment, context).parse(seen.answer)
        assert seen.confidence == "likely"
    assert guesses({"package.json": '{"name": "orders"}'}, "x")["project_name"] == Guess(
        "project_name", "orders", "sure", (Clue("package.json", "says 'orders'"),), ("x",)
    )


def test_a_folder_without_a_name_is_no_answer() -> None:
    assert guesses({}, "42")["project_name"] == Guess("project_name", None, "unsure")


@pytest.mark.parametrize(
    ("author", "owner"),
    [
        ('"Ada"', "Ada"),
        ('"Ada B. <a@b.c> (https://x)"', "Ada B."),
        ('{"name": "Ada"}', "Ada"),
        ('{"email": "a@b.c"}', None),
        ('["Ada"]', None),
        ("null", None),
        ('"<a@b.c>"', None),
    ],
)
def test_an_author_is_the_likely_owner(author: str, owner: str | None) -> None:
    assert guesses({"package.json": f'{{"author": {author}}}'})["owner"].answer == owner


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '"text"', "[" * 100_000, '{"name": 7, "author": 7}', '{"a": 1,}', "\0"],
    ids=range(9),
)
def test_a_broken_manifest_says_nothing(content: str) -> None:
    seen = guesses({"package.json": content, "pyproject.toml": content})
    assert seen["project_name"].answer == "folder"
    assert seen["owner"].answer is None


# Looking does not touch


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "file").write_text("text")
    for name, target in {
        "passwd": "/etc/passwd", "up": "../secret", "same": "file", "self": "self", "gone": "gone?",
        "out": "..",
    }.items():  # fmt: skip
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe")
    names = ["passwd", "up", "same", "self", "gone", "out/secret", "../secret", "pipe", "nothing",
             "nul\0", "x" * 5000, "/etc/passwd", "."]  # fmt: skip
    repo = Folder(folder, tuple(map(PurePosixPath, names)))
    assert [repo.read(path) for path in repo.paths] == [""] * len(names)
    assert repo.read(PurePosixPath("file")) == "text"
    linked = tmp_path / "linked"
    linked.symlink_to(folder)  # the repository itself may lie behind one
    assert Folder(linked, ()).read(PurePosixPath("file")) == "text"


def test_a_linked_manifest_gives_nothing_away(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "hidden", "license": "MIT"}')
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository/package.json").symlink_to("../package.json")
    repo = Folder(tmp_path / "repository", (PurePosixPath("package.json"),))
    seen = infer(TEMPLATE.catalog, TEMPLATE.questions, repo, "repository")
    assert "hidden" not in str(seen)
    assert seen["license"].answer is None


def test_only_text_is_read(tmp_path: Path) -> None:
    assert decoded(b"a\r\nb\n") == "a\nb\n"
    assert decoded("\ufeff{}".encode()) == "{}"
    assert decoded("Größe".encode("latin-1")) == ""
    assert decoded("text".encode("utf-16")) == ""
    assert decoded(b"a\0b") == ""
    assert decoded(b"x" * LIMIT)
    assert decoded(b"x" * (LIMIT + 1)) == ""
    (tmp_path / "huge").write_bytes(b"x" * (LIMIT + 1))
    assert Folder(tmp_path, ()).read(PurePosixPath("huge")) == ""


def test_nothing_is_run_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        pytest.fail("a process was started")

    touch = f"touch {tmp_path / 'touched'}"
    scripts = ("preinstall", "install", "prepare", "start", "test")
    hostile = {
        "package.json": json.dumps({"scripts": dict.fromkeys(scripts, touch)}),
        "setup.py": f"import os; os.system('{touch}')\n",
        "conftest.py": f"import os; os.system('{touch}')\n",
        ".npmrc": "node-options=--require ./evil.js\n",
        ".git/config": f"[core]\n\tfsmonitor = {touch}\n",
    }
    repository = Repository("hostile", hostile, {}, ())
    top = repository.write(tmp_path)
    before = tree(tmp_path)
    for start in ("Popen", "run"):
        monkeypatch.setattr(subprocess, start, refused)
    monkeypatch.setattr(os, "system", refused)
    repo = Folder(top, tuple(map(PurePosixPath, hostile)))
    infer(TEMPLATE.catalog, TEMPLATE.questions, repo, "hostile")
    assert tree(tmp_path) == before


NAMES = st.sampled_from([
    "package.json", "pyproject.toml", "LICENSE", "License.md", "LICENSES/MIT.txt", "fly.toml",
    ".github/workflows/ci.yml", ".gitlab-ci.yml", "render.yaml", "manage.py", "requirements.txt",
])  # fmt: skip
PATHS = NAMES | st.text(min_size=1).filter(lambda name: name.strip("/.") != "")
TEXTS = st.text() | st.sampled_from(
    [content for r in REPOSITORIES.values() for content in r.files.values() if content]
).map(lambda content: content if isinstance(content, str) else decoded(content))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["name", "author", "description", "project", "tool", "poetry", "authors"])
        | st.text(), inner,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(PATHS, TEXTS, max_size=12), st.text())
def test_any_files_at_all_can_be_looked_at(files: dict[str, str], folder: str) -> None:
    files = {str(PurePosixPath(name)): content for name, content in files.items()}
    for name, seen in guesses(files, folder).items():
        assert seen.answer is None or isinstance(seen.answer, str)
        assert seen.answer not in seen.alternatives
        if name in TEMPLATE.catalog.axes:
            assert seen.answer in {None, *(option.id for option in TEMPLATE.catalog.axis(name))}
        assert {clue.path for clue in seen.clues} <= {*files, "."}


@given(JSON)
def test_any_manifest_at_all_can_be_read(content: Any) -> None:
    guesses({"package.json": json.dumps(content)})


@pytest.mark.parametrize(
    "unit",
    ["\n", " ", "\t\n", '"', '"license" : ', '"start" : "node', '"start":\n', '"express" ', "node ",
     "license =", "license = '", "All rights reserved ", "All rights reserved\n", "app ", "Apache ",
     "Permission\n", "Permission is hereby granted, ", "script", "jobs", "a", "\\", "[", '{"a":'],
)  # fmt: skip
def test_no_expression_takes_long(unit: str) -> None:
    content = (unit * (LIMIT // len(unit) + 1))[:LIMIT]
    files = ("package.json", "pyproject.toml", "LICENSE", "fly.toml", "render.yaml",
             ".gitlab-ci.yml", ".github/workflows/a.yml", "requirements.txt")  # fmt: skip
    started = time.process_time()
    guesses(dict.fromkeys(files, content))
    assert time.process_time() - started < 2


def test_a_large_repository_is_looked_at_in_no_time() -> None:
    files = {f"packages/p{i % 100}/src/file{i}.js": "" for i in range(20_000)}
    started = time.process_time()
    guesses({**files, **{k: v for k, v in EXPRESS.files.items() if isinstance(v, str)}})
    assert time.process_time() - started < 2


# What a repository brings itself


def written(**answers: str) -> set[str]:
    return {str(file.path) for file in rendered(*answers.items())}


def added(files: Mapping[str, str], **answers: str) -> set[str]:
    own = brought(TEMPLATE.catalog.chosen(resolve(TEMPLATE, answers).values), Files(files))
    return {
        path for path in written(**answers) if not any(it.match_file(path) for it in own.values())
    }


#: Files of every stack that a repository with a life of its own is given too.
COMMON = {
    ".copier-answers.yml", ".env.example", ".env.live.example", ".env.local.example",
    ".env.sandbox.example", ".env.testbed.example", ".gitattributes", ".gitignore",
    ".gitleaks.toml", ".pre-commit-config.yaml", "CHANGELOG.md", "CODEOWNERS", "LICENSE",
    "README.md", "SECURITY.md", "cliff.toml", "renovate.json",
}  # fmt: skip
IMAGE = {
    ".dockerignore", "Dockerfile", "compose.observability.yaml", "compose.yaml",
    "monitoring/alertmanager.yml", "monitoring/alerts.json", "monitoring/grafana/dashboard.json",
    "monitoring/grafana/dashboards.yml", "monitoring/grafana/datasources.yml",
    "monitoring/prometheus.yml", "monitoring/runbook.md", "monitoring/signals.json",
}  # fmt: skip


@pytest.mark.parametrize(
    ("stack", "wanted"),
    [
        ("node", {*COMMON, *IMAGE, "package.json"}),
        ("python", {*COMMON, *IMAGE}),
        ("fullstack", {*COMMON, *IMAGE, "package.json"}),
        ("static", {*COMMON, "package.json"}),
    ],
)
def test_every_file_of_a_stack_is_either_the_application_or_wanted(
    stack: str, wanted: set[str]
) -> None:
    elsewhere = (".github/", ".gitlab", "ops/", "fly.", "vercel.")  # pipelines, tasks, hosting
    paths = {path for path in added({}, stack=stack) if not path.startswith(elsewhere)}
    assert paths == wanted
    # Nor may any of them be code, which a test runner or compiler would find.
    assert not [path for path in paths if path.endswith((".cjs", ".js", ".mjs", ".py", ".ts"))]


@pytest.mark.parametrize("stack", ["node", "fullstack", "static"])
def test_every_key_of_a_manifest_is_either_the_applications_or_harmless(
    stack: str, render: Render
) -> None:
    manifest = yaml.safe_load((render(stack=stack) / "package.json").read_text())
    keys = brought_keys([STACKS[stack]])["package.json"]
    assert set(manifest) - keys == {"author", "description"}
    assert keys - {"dependencies"} <= set(manifest)


def test_a_file_that_another_stands_for_is_not_added() -> None:
    assert {"LICENSE", "compose.yaml", ".dockerignore"} <= added({"index.js": ""})
    for name in ("LICENSE.md", "licence", "LICENSE-MIT", "COPYING"):
        assert "LICENSE" not in added({name: ""}), name
    assert "LICENSE" in added({"LICENSE": "", "licenses.json": ""})  # it is there: no question
    updates = {"renovate.json", ".github/dependabot.yml"}
    assert updates <= added({}, ci="github")
    for name in (".renovaterc", ".renovaterc.json", "renovate.json5", ".github/renovate.json"):
        assert not updates & added({name: ""}, ci="github"), name
        assert "renovate.json" not in added({name: ""}, ci="gitlab"), name
    assert "compose.yaml" not in added({"docker-compose.yml": ""})
    assert ".dockerignore" not in added({"docker/api.Dockerfile": ""})
    for ci in ("github", "gitlab"):
        assert "CODEOWNERS" not in added({"docs/CODEOWNERS": ""}, ci=ci)
    assert "SECURITY.md" not in added({".github/SECURITY.md": ""})
    assert ".github/pull_request_template.md" not in added({"docs/PULL_REQUEST_TEMPLATE/a.md": ""})
    theirs = dict.fromkeys(EXPRESS_DOCKER_GITHUB.files, "")
    assert not {"LICENSE.md", "compose.yaml", ".dockerignore", "tsconfig.json"} & added(theirs)


def add(repository: Repository, top: Path, *, all_of_it: bool = False) -> None:
    """Add what is missing, as adopt does, to files and to package.json."""
    seen = look(repository, top.parent / "again")
    answers = resolve(TEMPLATE, {n: g.answer for n, g in seen.items() if g.answer is not None})
    chosen = TEMPLATE.catalog.chosen(answers.values)
    project = top / repository.project
    own = brought(chosen, Folder(project, tuple(map(PurePosixPath, tree(project)))))
    keys = frozenset() if all_of_it else brought_keys(chosen).get("package.json", frozenset())
    for file in render_files(TEMPLATE, answers):
        path = project / file.path
        is_own = any(it.match_file(file.path) for it in own.values())
        if not path.exists() and (all_of_it or not is_own):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
        elif path.name == "package.json":
            ours, theirs = json.loads(file.content), json.loads(path.read_text())
            more = {k: v for k, v in ours.items() if k not in theirs and k not in keys}
            path.write_text(json.dumps({**theirs, **more}))


@ALL
@pytest.mark.slow
def test_what_is_added_leaves_its_own_tests_alone(repository: Repository, tmp_path: Path) -> None:
    top = repository.write(tmp_path)
    add(repository, top)
    done = own_tests(repository, top)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "express",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("flask_pipfile", "koa_yarn", "hono_render", "monorepo", "library")
        ),
    ],
)
def test_all_of_the_template_would_break_its_tests(name: str, tmp_path: Path) -> None:
    top = REPOSITORIES[name].write(tmp_path)
    add(REPOSITORIES[name], top, all_of_it=True)
    assert own_tests(REPOSITORIES[name], top).returncode != 0


def test_patterns_that_cannot_be_read_are_the_templates_fault() -> None:
    catalog = Catalog.from_rows(
        [{"axis": "a", "id": "b", "label": "b", "order": 1, "why": "b", "application": ["\\"]}], "a"
    )
    with pytest.raises(TemplateError, match="option row"):
        brought(catalog.options, Files({}))


# The mini template


def test_the_mini_template_renders(tmp_path: Path) -> None:
    template = Template(mini_template(tmp_path), "mini").checked()
    for stack in ("node", "python"):
        for ci in ("github", "gitlab"):
            for hosting in ("fly", "render"):
                answers = resolve(template, {"stack": stack, "ci": ci, "hosting": hosting})
                files = {str(file.path): file for file in render_files(template, answers)}
                assert files["ops/x"].executable
                assert ("pyproject.toml" in files) == (stack == "python")


def test_plain_copier_renders_the_mini_template(tmp_path: Path) -> None:
    source = mini_template(tmp_path / "template")
    subprocess.run(
        ["copier", "copy", "--defaults", "--quiet", str(source), str(tmp_path / "project")],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "project/package.json").is_file()
    assert (tmp_path / "project/.copier-answers.yml").is_file()
