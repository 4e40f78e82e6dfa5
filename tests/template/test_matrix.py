"""Every combination of options, two by two, against the tools that read its files for a living."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import (
    PINS,
    RUNTIME,
    TEMPLATE,
    Render,
    Yaml,
    pairwise,
    prettier,
    rendered,
    tree,
    vendors_file,
    with_something_new,
)
from pathspec import PathSpec

from scaffold.answers import resolve
from scaffold.render import render as render_files
from scaffold.render import seeds

PAIRS = pairwise()
QUICK = with_something_new(PAIRS)


def rows(quick: list[dict[str, str]], **chosen: str) -> list[pytest.ParameterSet]:
    """Give all pairs of options, or those with some chosen ones, slow but for some."""
    return [
        pytest.param(row, id="-".join(row.values()), marks=[] if row in quick else pytest.mark.slow)
        for row in PAIRS
        if chosen.items() <= row.items()
    ]


ROWS = rows(QUICK)


@pytest.fixture(params=ROWS)
def project(request: pytest.FixtureRequest, render: Render) -> Path:
    folder = render(**request.param)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=folder, check=True)
    return folder


def run(*command: str | Path, cwd: Path) -> None:
    """Run a tool and show what it says when it is not content."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command[0]}:\n{done.stdout}{done.stderr}"


def scripts(project: Path) -> list[Path]:
    return [path.relative_to(project) for path in (project / "ops").rglob("*") if path.is_file()]


def test_files_are_clean_text(project: Path) -> None:
    for name, (content, _) in tree(project).items():
        text = content.decode("utf-8")
        if not text and name.endswith("__init__.py"):
            continue
        assert text.endswith("\n"), f"{name}: the last line has no end"
        assert not text.endswith("\n\n"), f"{name}: blank lines at the end"
        assert not text.startswith("\n"), f"{name}: a blank line at the start"
        # Between the functions of a Python file there are two, in the README as well.
        assert "\n\n\n" not in text or name == "LICENSE" or name.endswith((".py", "README.md")), (
            f"{name}: blank lines"
        )
        assert not re.search(r"[ \t]+$", text, re.MULTILINE) or name == "LICENSE", f"{name}: spaces"
        assert "\r" not in text
        # git-cliff has templates of its own.
        assert "{%" not in text or name == "cliff.toml", f"{name}: a statement is left"
        assert "{{ use" not in text, f"{name}: a switch of the template is left"


@pytest.mark.parametrize("row", ROWS)
def test_a_layer_makes_seeds_of_its_own_files_alone(row: dict[str, str]) -> None:
    """What one layer lists in _layer/seed.yml Copier reads for every project."""
    answers = resolve(TEMPLATE, row)
    once = PathSpec.from_lines("gitignore", seeds(TEMPLATE, answers))
    for file in render_files(TEMPLATE, answers):
        listed = TEMPLATE.root.joinpath(*file.origin.parts[:3], "_layer/seed.yml")
        if once.match_file(file.path) and listed.parents[1].is_dir():
            own = yaml.safe_load(listed.read_text())["_skip_if_exists"]
            assert PathSpec.from_lines("gitignore", own).match_file(file.path), file.path


@pytest.mark.parametrize("row", ROWS)
def test_a_project_names_one_version_of_its_runtime(row: dict[str, str]) -> None:
    """Images, `engines`, the dev container and what pipelines set up are all of the pin."""
    files = {str(file.path): file.content.decode() for file in rendered(*row.items())}
    (version_file,) = files.keys() & {".node-version", ".python-version"}
    runtime = version_file[1:].partition("-")[0]
    pin = PINS["runtimes"][runtime]
    assert files[version_file] == f"{pin}\n"
    named = {
        (path, name.lower(), version)
        for path, text in files.items()
        for name, version in RUNTIME.findall(text)
    }
    named.discard(("package.json", "node", PINS["npm"]["@types/node"]))
    manifest = {"node": "package.json", "python": "pyproject.toml"}[runtime]
    assert {path for path, *_ in named} >= {manifest, ".devcontainer/devcontainer.json"}
    assert {(name, version) for _, name, version in named} == {(runtime, pin)}, named


def test_files_parse(project: Path) -> None:
    for path in project.rglob("*"):
        match path.suffix:
            case ".yml" | ".yaml":
                list(yaml.load_all(path.read_text(), Loader=Yaml))  # a safe one
            case ".toml":
                tomllib.loads(path.read_text())
            case ".json" if not path.name.startswith("tsconfig"):
                json.loads(path.read_text())


def test_scripts_are_executable_and_libraries_are_not(project: Path) -> None:
    for name, (content, mode) in tree(project).items():
        runs = content.startswith(b"#!")
        assert bool(mode & 0o111) == runs, name
        if name.startswith("ops/"):
            assert runs != name.startswith("ops/lib/"), name


def test_every_task_has_its_script(project: Path) -> None:
    tasks = {"bootstrap", "build", "ci", "deploy", "dev", "help", "lint", "release", "releases"}
    tasks |= {"rollback", "scan", "setup"}
    if has_image(project):
        tasks.add("publish")
    if (project / "ops/lib/broken.sh").exists():
        tasks.add("drill")
    names = {path.name for path in (project / "ops").iterdir() if path.is_file()}
    assert names == {*tasks, "smoke", "test"}


# It follows every script into the ones it sources, which takes seconds.
@pytest.mark.parametrize("project", rows(QUICK[:3]), indirect=True)
def test_shellcheck_and_shfmt_are_content(project: Path) -> None:
    run("shellcheck", "--external-sources", *scripts(project), cwd=project)
    style = ["--indent", "2", "--case-indent", "--binary-next-line", "--language-dialect", "posix"]
    run("shfmt", "--diff", *style, *scripts(project), cwd=project)


def test_prettier_would_change_nothing(project: Path) -> None:
    run(*prettier(), "--check", ".", cwd=project)


def has_image(project: Path) -> bool:
    """Tell whether the stack is deployed as an image: then all files of one are there."""
    there = {
        name: (project / name).exists() for name in ("Dockerfile", ".dockerignore", "compose.yaml")
    }
    assert len(set(there.values())) == 1, there
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    (stack,) = (o for o in TEMPLATE.catalog.chosen(answers) if o.axis == "stack")
    assert there["Dockerfile"] == ("image" in stack.row["traits"])
    return there["Dockerfile"]


def test_hadolint_is_content(project: Path) -> None:
    if not has_image(project):
        return
    run("hadolint", "--failure-threshold", "style", "Dockerfile", cwd=project)


def test_yamllint_is_content(project: Path) -> None:
    rules = {
        "document-start": "disable",
        "line-length": {"max": 140},
        "truthy": {"check-keys": False},
        "braces": {"max-spaces-inside": 1},
        "comments": {"min-spaces-from-content": 1},
    }
    config = json.dumps({"extends": "default", "rules": rules})
    run("yamllint", "--strict", "--config-data", config, *project.rglob("*.y*ml"), cwd=project)


def test_dotenv_linter_is_content(project: Path) -> None:
    examples = [path.name for path in project.glob(".env*")]
    assert sorted(examples) == [
        ".env.example",
        *(f".env.{env}.example" for env in ("live", "local", "sandbox", "testbed")),
    ]
    run("dotenv-linter", *examples, cwd=project)


def test_real_environment_files_are_ignored_and_examples_are_not(project: Path) -> None:
    names = [".env", ".env.local", ".env.live", ".env.live.example", ".env.example"]
    ignored = subprocess.run(
        ["git", "check-ignore", *names], cwd=project, check=False, capture_output=True, text=True
    ).stdout.split()
    assert ignored == [".env", ".env.local", ".env.live"]


def hardened(rule: Any) -> Any:
    """Refuse what a schema does not mention, as the platform would."""
    if isinstance(rule, list):
        return [hardened(item) for item in rule]
    if not isinstance(rule, dict):
        return rule
    closed = {key: hardened(value) for key, value in rule.items()}
    if "properties" in rule and not isinstance(rule.get("additionalProperties"), dict):
        closed["additionalProperties"] = False
    return closed


def test_fly_configurations_keep_to_the_schema(project: Path) -> None:
    configurations = sorted(project.glob("fly*.toml"))
    if not configurations:
        assert not list(project.rglob("*fly*"))
        return
    rules = hardened(json.loads(vendors_file("specs/schemastore-fly.json").read_text("utf-8")))
    apps = []
    for path in configurations:
        configuration = tomllib.loads(path.read_text("utf-8"))
        jsonschema.validate(configuration, rules)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**configuration, "primary_regoin": "iad"}, rules)
        apps.append(configuration["app"])
    assert apps == ["my-service-live", "my-service-sandbox", "my-service-testbed"]


def test_compose_keeps_to_its_schema(project: Path) -> None:
    if not has_image(project):
        return
    schema(project, "vendor.compose-spec", project / "compose.yaml")


def schema(project: Path, name: str, *args: str | Path) -> None:
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, *args, cwd=project)


def test_github_pipelines_pass_its_linters(project: Path) -> None:
    workflows = sorted((project / ".github/workflows").glob("*.yml"))
    if not workflows:
        assert not (project / ".github").exists()
        return
    assert [path.stem for path in workflows] == [
        "ci", "deploy-live", "deploy-sandbox", "deploy-testbed",
        "drill",
    ]  # fmt: skip
    run("actionlint", cwd=project)
    run("zizmor", "--offline", "--no-progress", "--persona", "pedantic", ".github", cwd=project)
    schema(project, "vendor.github-workflows", *workflows)
    schema(project, "vendor.github-actions", *project.glob(".github/actions/*/action.yml"))
    schema(project, "vendor.dependabot", project / ".github/dependabot.yml")


def test_gitlab_pipelines_pass_its_linters(project: Path) -> None:
    pipeline = project / ".gitlab-ci.yml"
    if not pipeline.exists():
        assert not (project / ".gitlab").exists()
        return
    run("gitlab-ci-verify", "--no-lint-api", cwd=project)
    schema(
        project, "vendor.gitlab-ci", "--data-transform", "gitlab-ci",
        pipeline, *(project / ".gitlab").glob("*.yml"),
    )  # fmt: skip


def test_bitbucket_pipelines_keep_to_their_schema(project: Path) -> None:
    pipeline = project / "bitbucket-pipelines.yml"
    if pipeline.exists():
        schema(project, "vendor.bitbucket-pipelines", pipeline)


@pytest.mark.parametrize(
    "project",
    rows([row for row in QUICK if row["ci"] == "bitbucket"][:1], ci="bitbucket"),
    indirect=True,
)
@pytest.mark.parametrize(
    "name", ["pull_requests.**", "branches.main", "tags.v*.*.*-rc.*", "tags.v*.*.*"]
)
def test_a_runner_reads_the_pipelines_of_bitbucket(project: Path, name: str) -> None:
    run("pipeline-runner", "parse", name, cwd=project)


def test_renovates_configuration_keeps_to_its_schema(project: Path) -> None:
    schema(project, "vendor.renovate", project / "renovate.json")
