"""What every combination of options renders, against the tools that read its files for a living.

Projects have most files in common, so each different file is looked at once, beside what else its
tool reads. By default that is done for projects in which every option is once, and slowly for all
the projects there are.
"""

from __future__ import annotations

import fcntl
import json
import pickle
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
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
    TEMPLATE,
    Render,
    Yaml,
    combinations_of,
    pairwise,
    prettier,
    rendered,
    vendors_file,
    with_something_new,
)
from pathspec import PathSpec

from scaffold.template.answers import resolve
from scaffold.template.renderer import seeds

QUICK = with_something_new(pairwise())
#: The rows of a set of projects.
SETS = {"quick": QUICK, "all": combinations_of()}


@dataclass(frozen=True)
class Written:
    """A rendered file: what is in it, whether it can be run, and the layer that it is from."""

    content: bytes
    executable: bool
    layer: Path

    @property
    def text(self) -> str:
        """What is in it, for people."""
        return self.content.decode("utf-8")


@dataclass(frozen=True)
class Project:
    """A rendered project: its row's options, joined by hyphens, and its files by their paths."""

    name: str
    row: dict[str, str]
    files: dict[str, Written]

    def some(self, *patterns: str) -> dict[str, Written]:
        """Give the files that match any of some patterns, as git's ignore files have them."""
        matched = PathSpec.from_lines("gitignore", patterns).match_files(self.files)
        return {path: self.files[path] for path in sorted(matched)}


@dataclass(frozen=True)
class Projects:
    """A set of projects, and a folder for what tools read of them."""

    all: list[Project]
    folder: Path

    def new(self, *patterns: str) -> Iterator[tuple[Project, dict[str, Written]]]:
        """Give, project by project, the files that match and none before it had."""
        seen = set()
        for project in self.all:
            found = {
                path: file
                for path, file in project.some(*patterns).items()
                if (path, file) not in seen
            }
            seen |= set(found.items())
            if found:
                yield project, found

    def groups(self, *patterns: str) -> Iterator[tuple[Project, Path]]:
        """Give projects of which some file that matches is new, and a folder with all that do."""
        for project, _ in self.new(*patterns):
            yield project, write(project.some(*patterns), self.folder / project.name)

    def laid_out(self, *patterns: str) -> list[Path]:
        """Write every different file that matches, below the name of the first project with it."""
        return [
            write({path: file}, self.folder / project.name) / path
            for project, found in self.new(*patterns)
            for path, file in found.items()
        ]


def write(files: dict[str, Written], folder: Path) -> Path:
    """Write files to a folder, and give it."""
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)
    return folder


def render_all(rows: list[dict[str, str]]) -> list[Project]:
    """Render projects; a file that several have is one object."""
    known: dict[Written, Written] = {}
    found = []
    for row in rows:
        files = {}
        for file in rendered(*row.items()):
            layer = Path(*file.origin.parts[:3])
            written = Written(file.content, file.executable, layer)
            files[file.path.as_posix()] = known.setdefault(written, written)
        found.append(Project("-".join(row.values()), row, files))
    return found


@pytest.fixture(
    scope="module", params=["quick", pytest.param("all", marks=pytest.mark.slow)], name="rendering"
)
def rendering_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Project]:
    """A set of projects, rendered by the first test process that wants it."""
    shared = tmp_path_factory.getbasetemp().parent
    with (shared / f"matrix-{request.param}").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not file.tell():
            pickle.dump(render_all(SETS[request.param]), file)
        file.seek(0)
        found: list[Project] = pickle.load(file)  # noqa: S301 (our own)
        return found


@pytest.fixture
def projects(rendering: list[Project], tmp_path: Path) -> Projects:
    """The projects of a set."""
    return Projects(rendering, tmp_path)


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


def test_there_are_projects_with_every_option(projects: Projects) -> None:
    chosen = {option for project in projects.all for option in project.row.items()}
    assert chosen == {
        (axis, option.id) for axis, options in TEMPLATE.catalog.axes.items() for option in options
    }


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
    """What one layer lists in _layer/seed.yml Copier reads for every project."""
    for project, files in projects.new("*"):
        once = PathSpec.from_lines("gitignore", seeds(TEMPLATE, resolve(TEMPLATE, project.row)))
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
        named.discard(("package.json", "node", PINS["npm"]["@types/node"]))
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
        tasks |= {"rollback", "scan", "setup", "smoke", "test"}
        if has_image(project):
            tasks.add("publish")
        if {"ops/lib/broken.sh", f"{ENGINE}/broken.py"} & {*project.files}:
            tasks.add("drill")
        names = {Path(path).name for path in project.some("/ops/*", "!/ops/lib/", "!/ops/*.*")}
        assert names == tasks, project.name


# It follows every script into the ones it sources, which takes seconds.
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row, id="-".join(row.values()), marks=[] if row in QUICK[:3] else pytest.mark.slow
        )
        for row in pairwise()
    ],
)
def test_shellcheck_and_shfmt_are_content(row: dict[str, str], render: Render) -> None:
    project = render(**row)
    files = [path.relative_to(project) for path in (project / "ops").rglob("*") if path.is_file()]
    scripts = {
        "posix": [path for path in files if path.suffix in ("", ".sh")],
        "bash": [path for path in files if path.suffix == ".bash"],
    }
    run("shellcheck", "--external-sources", *chain(*scripts.values()), cwd=project)
    style = ["--indent", "2", "--case-indent", "--binary-next-line"]
    for dialect, each in scripts.items():
        run("shfmt", "--diff", *style, "--language-dialect", dialect, *each, cwd=project)


def test_prettier_would_change_nothing(projects: Projects) -> None:
    for project, files in projects.new("*"):
        ignored = PathSpec.from_lines(
            "gitignore", project.files[".prettierignore"].text.split("\n")
        )
        looked_at = {path: file for path, file in files.items() if not ignored.match_file(path)}
        # It reads how to format a file from above it.
        write(looked_at | project.some(".editorconfig"), projects.folder / project.name)
    nothing = ["--ignore-path", "/dev/null"]
    run(*prettier(), "--check", *nothing, "--ignore-unknown", ".", cwd=projects.folder)


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
    run("hadolint", "--failure-threshold", "style", *files, cwd=projects.folder)


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
    run("yamllint", "--strict", "--config-data", config, *files, cwd=projects.folder)


def test_dotenv_linter_is_content(projects: Projects) -> None:
    for project, folder in projects.groups(".env*"):
        examples = list(project.some(".env*"))
        assert examples == [
            ".env.example",
            *(f".env.{env}.example" for env in ("live", "local", "sandbox", "testbed")),
        ]
        run("dotenv-linter", *examples, cwd=folder)


def test_real_environment_files_are_ignored_and_examples_are_not(projects: Projects) -> None:
    names = [".env", ".env.local", ".env.live", ".env.live.example", ".env.example"]
    for _, folder in projects.groups(".gitignore"):
        run("git", "init", "--quiet", cwd=folder)
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
    schema(projects, "vendor.compose-spec", *projects.laid_out("compose.yaml"))


def schema(projects: Projects, name: str, *args: str | Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name]
    run(*check, *args, cwd=projects.folder)


def test_github_pipelines_pass_its_linters(projects: Projects) -> None:
    for project in projects.all:
        on_github = project.row["ci"] == "github"
        assert bool(project.some("/.github/")) == on_github
        names = [Path(path).stem for path in project.some("/.github/workflows/*.yml")]
        wanted = ["ci", "deploy-live", "deploy-sandbox", "deploy-testbed", "drill"]
        assert names == (wanted if on_github else [])
    for _, folder in projects.groups("/.github/"):
        run("git", "init", "--quiet", cwd=folder)
        run("actionlint", cwd=folder)
        run("zizmor", "--offline", "--no-progress", "--persona", "pedantic", ".github", cwd=folder)
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
    for _, folder in projects.groups(*mine):
        run("git", "init", "--quiet", cwd=folder)
        run("gitlab-ci-verify", "--no-lint-api", cwd=folder)
    files = projects.laid_out(*mine)
    schema(projects, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *files)


def test_bitbucket_pipelines_keep_to_their_schema(projects: Projects) -> None:
    files = projects.laid_out("bitbucket-pipelines.yml")
    schema(projects, "vendor.bitbucket-pipelines", *files)


@pytest.mark.parametrize("rendering", [pytest.param("all", marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize(
    "name", ["pull_requests.**", "branches.main", "tags.v*.*.*-rc.*", "tags.v*.*.*"]
)
def test_a_runner_reads_the_pipelines_of_bitbucket(projects: Projects, name: str) -> None:
    for _, folder in projects.groups("bitbucket-pipelines.yml"):
        run("pipeline-runner", "parse", name, cwd=folder)


def test_renovates_configuration_keeps_to_its_schema(projects: Projects) -> None:
    schema(projects, "vendor.renovate", *projects.laid_out("renovate.json"))
