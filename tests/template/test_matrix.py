"""What every combination of options renders, against the tools that read its files for a living.

Projects have most files in common, so each different file is looked at once, beside what else its
tool reads. By default that is done for projects in which every option is once, and slowly for all
the projects there are.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import (
    ENGINE,
    OPS,
    PINS,
    RUNTIME,
    TABLES,
    TEMPLATE,
    combinations_of,
    meeting,
    pairwise,
    prettier,
    vendors_file,
    with_something_new,
)
from dialects import Yaml
from locks import locked
from matrix import Project, Projects, render_all, write
from pathspec import PathSpec

from scaffold.template.answers import resolve
from scaffold.template.renderer import seeds

QUICK = with_something_new(pairwise())
#: The rows of a set of projects.
SETS = {"quick": QUICK, "all": combinations_of()}


@pytest.fixture(
    scope="module", params=["quick", pytest.param("all", marks=pytest.mark.slow)], name="rendering"
)
def rendering_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Projects:
    """A set of projects, rendered by the first test process that wants it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # else what is above it is of other runs
        shared = shared.parent
    with locked(shared / f"matrix-{request.param}", "a+b") as file:
        if not file.tell():
            pickle.dump(render_all(SETS[request.param]), file)
        file.seek(0)
        found: Projects = pickle.load(file)  # noqa: S301 (our own)
        return found


@pytest.fixture
def projects(rendering: Projects, tmp_path: Path) -> Projects:
    """The projects of a set."""
    return replace(rendering, folder=tmp_path)


def test_there_are_projects_with_every_option(projects: Projects) -> None:
    chosen = {option for project in projects.all for option in project.row.items()}
    assert chosen == {
        (axis, option.id) for axis, options in TEMPLATE.catalog.axes.items() for option in options
    }


@pytest.mark.parametrize("most", [20, 100, 300])
def test_every_three_options_meet_where_projects_are_too_many(most: int) -> None:
    # Of all axes there are millions.
    axes = ("stack", "ci", "hosting", "scan", "secrets", "database")
    some, every = combinations_of(*axes, most=most), combinations_of(*axes, most=10**6)
    assert len(some) < len(every)
    assert all(row in every for row in some)
    assert {three for row in some for three in meeting(row, 3)} == {
        three for row in every for three in meeting(row, 3)
    }


def test_a_complaint_names_the_projects_that_have_the_file(
    projects: Projects,
) -> None:
    [file, *_] = projects.laid_out("/fly.live.toml")
    told = r"fly-.*/fly\.live\.toml: \d+ of \d+ projects, .*hosting fly"
    with pytest.raises(AssertionError, match=told):
        projects.run("sh", "-c", f"echo {file} is wrong; exit 1")


def test_files_are_clean_text(projects: Projects) -> None:
    for project, files in projects.new("*"):
        for path, file in files.items():
            text, name = file.text, f"{path} of {project.name}"
            if not text and path.endswith("__init__.py"):
                continue
            assert text.endswith("\n"), f"{name}: the last line has no end"
            assert not text.endswith("\n\n"), f"{name}: blank lines at the end"
            assert not text.startswith("\n"), f"{name}: a blank line at the start"
            # Between the functions of a Python file there are two, in the README as well.
            spaced = path == "LICENSE" or path.endswith((".py", "README.md"))
            assert "\n\n\n" not in text or spaced, f"{name}: blank lines"
            spaces = re.search(r"[ \t]+$", text, re.MULTILINE)
            assert not spaces or path == "LICENSE", f"{name}: spaces"
            assert "\r" not in text
            # git-cliff has templates of its own.
            assert "{%" not in text or path == "cliff.toml", f"{name}: a statement is left"
            assert "{{ use" not in text, f"{name}: a switch of the template is left"


def test_a_layer_makes_seeds_of_its_own_files_alone(projects: Projects) -> None:
    """What one layer lists in _layer/seed.yml Copier reads for every project, whatever its row."""
    once = PathSpec.from_lines("gitignore", seeds(TEMPLATE, resolve(TEMPLATE, {})))
    for _, files in projects.new("*"):
        for path in once.match_files(files):
            listed = TEMPLATE.root / files[path].layer / "_layer/seed.yml"
            if listed.parents[1].is_dir():
                own = yaml.safe_load(listed.read_text())["_skip_if_exists"]
                assert PathSpec.from_lines("gitignore", own).match_file(path), path


def test_a_project_names_one_version_of_its_runtime(projects: Projects) -> None:
    """Images, `engines`, the dev container and what pipelines set up are all of the pin."""
    for project in projects.all:
        (version_file,) = project.files.keys() & {".node-version", ".python-version"}
        runtime = version_file[1:].partition("-")[0]
        pin = PINS["runtimes"][runtime]
        assert project.files[version_file].text == f"{pin}\n"
        named = {
            (path, *found)
            for path, file in project.files.items()
            for found in runtimes(file.content)
        }
        # Packages that are named after it.
        named -= {
            ("package.json", "node", str(version))
            for table in TABLES
            for name, version in table.get("npm", {}).items()
            if name.endswith("/node")
        }
        # The tasks run on a machine's own Python.
        named = {each for each in named if not (each[0].startswith("ops/") and each[1:] == OPS)}
        manifest = {"node": "package.json", "python": "pyproject.toml"}[runtime]
        assert {path for path, *_ in named} >= {manifest, ".devcontainer/devcontainer.json"}
        assert {(name, version) for _, name, version in named} == {(runtime, pin)}, named


@cache
def runtimes(content: bytes) -> set[tuple[str, str]]:
    """Find the runtimes that a file names, and in which version."""
    return {(name.lower(), version) for name, version in RUNTIME.findall(content.decode())}


def test_files_parse(projects: Projects) -> None:
    for _, files in projects.new("*"):
        for path, file in files.items():
            match Path(path).suffix:
                case ".yml" | ".yaml":
                    list(yaml.load_all(file.text, Loader=Yaml))  # a safe one
                case ".toml":
                    tomllib.loads(file.text)
                case ".json" if not Path(path).name.startswith("tsconfig"):
                    json.loads(file.text)


def test_scripts_are_executable_and_libraries_are_not(projects: Projects) -> None:
    for _, files in projects.new("*"):
        for path, file in files.items():
            runs = file.content.startswith(b"#!")
            assert file.executable == runs, path
            if path.startswith("ops/"):
                is_task = path.count("/") == 1 and "." not in path
                assert runs == is_task, path


def test_every_task_has_its_script(projects: Projects) -> None:
    for project in projects.all:
        tasks = {"bootstrap", "build", "ci", "deploy", "dev", "help", "lint", "release", "releases"}
        tasks |= {"rollback", "scan", "settings", "setup", "smoke", "test", "with-env"}
        if has_image(project):
            tasks |= {"alerts", "flag", "publish"}
        if any("tells" in o.row.get("traits", ()) for o in TEMPLATE.catalog.chosen(project.row)):
            tasks.add("notify")
        if any("data" in o.row.get("traits", ()) for o in TEMPLATE.catalog.chosen(project.row)):
            tasks.add("migrate")
        if {"ops/lib/broken.sh", f"{ENGINE}/broken.py"} & {*project.files}:
            tasks.add("drill")
        if f"{ENGINE}/backup.py" in project.files:
            tasks |= {"backup", "restore", "snapshots"}
        names = {Path(path).name for path in project.some("/ops/*", "!/ops/lib/", "!/ops/*.*")}
        assert names == tasks, project.name


SCRIPTS = ("/ops/*", "!/ops/*.*", "/ops/lib/*.sh", "!/ops/lib/*/")


def test_shellcheck_is_content(projects: Projects) -> None:
    """It follows every script into the ones it sources, which takes seconds."""
    for folder, scripts in projects.scripts(*SCRIPTS, "/ops/lib/*.bash"):
        projects.run("shellcheck", "--external-sources", *scripts, cwd=folder)


def test_shfmt_would_change_nothing(projects: Projects) -> None:
    style = ["--indent", "2", "--case-indent", "--binary-next-line"]
    for dialect, patterns in {"posix": SCRIPTS, "bash": ["/ops/lib/*.bash"]}.items():
        files = projects.laid_out(*patterns)
        projects.run("shfmt", "--diff", *style, "--language-dialect", dialect, *files)


def test_prettier_would_change_nothing(projects: Projects) -> None:
    for project, files in projects.new("*"):
        ignored = PathSpec.from_lines(
            "gitignore", project.files[".prettierignore"].text.split("\n")
        )
        looked_at = {path: file for path, file in files.items() if not ignored.match_file(path)}
        # It reads how to format a file from above it.
        write(looked_at | project.some(".editorconfig"), projects.folder / project.name)
    nothing = ["--ignore-path", "/dev/null"]
    projects.run(*prettier(), "--check", *nothing, "--ignore-unknown", ".")


def has_image(project: Project) -> bool:
    """Tell whether the stack is deployed as an image: then all files of one are there."""
    there = {
        name: name in project.files for name in ("Dockerfile", ".dockerignore", "compose.yaml")
    }
    assert len(set(there.values())) == 1, there
    (stack,) = (o for o in TEMPLATE.catalog.chosen(project.row) if o.axis == "stack")
    assert there["Dockerfile"] == ("image" in stack.row["traits"])
    return there["Dockerfile"]


def test_hadolint_is_content(projects: Projects) -> None:
    files = projects.laid_out("Dockerfile")
    projects.run("hadolint", "--failure-threshold", "style", *files)


def test_yamllint_is_content(projects: Projects) -> None:
    rules = {
        "document-start": "disable",
        "line-length": {"max": 140},
        "truthy": {"check-keys": False},
        "braces": {"max-spaces-inside": 1},
        "comments": {"min-spaces-from-content": 1},
    }
    config = json.dumps({"extends": "default", "rules": rules})
    files = projects.laid_out("*.yml", "*.yaml")
    projects.run("yamllint", "--strict", "--config-data", config, *files)


def test_dotenv_linter_is_content(projects: Projects) -> None:
    for project in projects.all:
        assert list(project.some(".env*")) == [
            ".env.example",
            *(f".env.{env}.example" for env in ("live", "local", "sandbox", "testbed")),
        ]
    projects.run("dotenv-linter", *projects.laid_out(".env*"))


def test_real_environment_files_are_ignored_and_examples_are_not(projects: Projects) -> None:
    names = [".env", ".env.local", ".env.live", ".env.live.example", ".env.example"]
    for folder in projects.groups(".gitignore"):
        projects.run("git", "init", "--quiet", cwd=folder)
        ignored = subprocess.run(
            ["git", "check-ignore", *names],
            cwd=folder, check=False, capture_output=True, text=True,
        ).stdout.split()  # fmt: skip
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


def test_fly_configurations_keep_to_the_schema(projects: Projects) -> None:
    rules = hardened(json.loads(vendors_file("specs/schemastore-fly.json").read_text("utf-8")))
    for project in projects.all:
        on_fly = project.row["hosting"] == "fly"
        assert bool(project.some("*fly*")) == on_fly
        assert len(project.some("/fly*.toml")) == (3 if on_fly else 0)
    for _, files in projects.new("/fly*.toml"):
        for path, file in files.items():
            configuration = tomllib.loads(file.text)
            jsonschema.validate(configuration, rules)
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({**configuration, "primary_regoin": "iad"}, rules)
            assert configuration["app"] == path.replace("fly.", "my-service-").removesuffix(".toml")


def test_compose_keeps_to_its_schema(projects: Projects) -> None:
    schema(projects, "vendor.compose-spec", *projects.laid_out("compose*.yaml"))


def schema(projects: Projects, name: str, *args: str | Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name]
    projects.run(*check, *args)


def test_github_pipelines_pass_its_linters(projects: Projects) -> None:
    for project in projects.all:
        on_github = project.row["ci"] == "github"
        assert bool(project.some("/.github/")) == on_github
        names = [Path(path).stem for path in project.some("/.github/workflows/*.yml")]
        wanted = ["ci", "deploy-live", "deploy-sandbox", "deploy-testbed", "scheduled"]
        assert names == (wanted if on_github else [])
    folders = projects.groups("/.github/")
    for folder in folders:
        (folder / ".git").mkdir()  # to tell where a project begins
    workflows = [file for folder in folders for file in (folder / ".github/workflows").iterdir()]
    projects.run("actionlint", *workflows)
    github = [folder / ".github" for folder in folders]
    projects.run("zizmor", "--offline", "--no-progress", "--persona", "pedantic", *github)
    schemas = {
        "vendor.github-workflows": "/.github/workflows/*.yml",
        "vendor.github-actions": "/.github/actions/*/action.yml",
        "vendor.dependabot": "/.github/dependabot.yml",
    }
    for name, files in schemas.items():
        schema(projects, name, *projects.laid_out(files))


def test_gitlab_pipelines_pass_its_linters(projects: Projects) -> None:
    mine = ("/.gitlab-ci.yml", "/.gitlab/**/*.yml")
    for project in projects.all:
        assert bool(project.some(*mine)) == (project.row["ci"] == "gitlab")
    for folder in projects.groups(*mine):
        projects.run("git", "init", "--quiet", cwd=folder)
        projects.run("gitlab-ci-verify", "--no-lint-api", cwd=folder)
    files = projects.laid_out(*mine)
    schema(projects, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *files)


def test_bitbucket_pipelines_keep_to_their_schema(projects: Projects) -> None:
    files = projects.laid_out("bitbucket-pipelines.yml")
    schema(projects, "vendor.bitbucket-pipelines", *files)


def test_a_runner_reads_the_pipelines_of_bitbucket(projects: Projects) -> None:
    parse = importlib.import_module("pipeline_runner.parse")  # takes longer than to read them
    wanted = {"pull_requests.**", "branches.main", "tags.v*.*.*-rc.*", "tags.v*.*.*"}
    for file in projects.laid_out("bitbucket-pipelines.yml"):
        read = parse.parse_pipeline_file(str(file))
        assert wanted <= {*read.get_available_pipelines()}, file
        assert all(read.get_pipeline(name).model_dump_json() for name in wanted), file


@pytest.mark.parametrize("rendering", [pytest.param("all", marks=pytest.mark.slow)], indirect=True)
def test_cfn_lint_is_content(projects: Projects) -> None:
    """It takes seconds to start."""
    files = projects.laid_out("/.aws/*.yaml")
    assert files
    projects.run("cfn-lint", "--include-checks", "I", "--", *files)


def test_ruff_is_content_as_a_project_sets_it(projects: Projects) -> None:
    projects.groups("*.py", "/pyproject.toml", "!/ops/")
    for project, files in projects.new("/ops/**/*.py"):
        write(files | project.some("/ops/ruff.toml"), projects.folder / project.name)
    projects.run("ruff", "check", "--no-cache", ".")
    projects.run("ruff", "format", "--check", "--no-cache", ".")


def test_renovates_configuration_keeps_to_its_schema(projects: Projects) -> None:
    schema(projects, "vendor.renovate", *projects.laid_out("renovate.json"))
