"""What makes a project pleasant to work in: tasks, git hooks, a dev container, who reviews what."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from conftest import IMAGES, PINS, TEMPLATE

if TYPE_CHECKING:
    from conftest import Render

STACKS = [option.id for option in TEMPLATE.catalog.axes["stack"]]
#: Both read `.pre-commit-config.yaml`.
RUNNERS = ["pre-commit", "prek"]

OWNERS = """\
# Who reviews what: a pattern and its owners on a line, and the last line that matches counts.
# Owners are @people, @groups/teams or e-mail addresses, whose accounts may write here.
"""


def git(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run git, and give what it says whether it is content or not."""
    return subprocess.run(["git", *arguments], cwd=cwd, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("stack", STACKS)
def test_every_task_is_in_the_readme_and_in_ops_help(render: Render, stack: str) -> None:
    project = render(stack=stack)
    readme = (project / "README.md").read_text("utf-8")
    told = subprocess.check_output(["ops/help"], cwd=project, text=True)
    tasks = {path.name for path in (project / "ops").iterdir() if os.access(path, os.X_OK)}
    tasks.remove("lib")
    assert tasks >= {"dev", "setup", "lint", "test", "build", "scan"}
    assert set(re.findall(r"^(?:ops/)?(\S+) ", told.split("\n\n")[1], re.MULTILINE)) == tasks
    for task in tasks:
        assert re.search(rf"`ops/{task}\b", readme), task
        assert re.search(rf"^ops/{task}\b.*\.$", told, re.MULTILINE), task
    assert set(re.findall(r"ops/([a-z-]+)", readme)) <= {*tasks, "lib"}


@pytest.mark.parametrize("stack", STACKS)
def test_the_readme_promises_an_image_only_where_there_is_one(render: Render, stack: str) -> None:
    project = render(stack=stack)
    readme = (project / "README.md").read_text("utf-8")
    has_image = (project / "Dockerfile").exists()
    assert has_image == ("--image" in readme)
    assert has_image == ("docker compose" in readme)
    assert has_image == ("mock data" in readme)
    assert has_image == ("x-request-id" in readme)


# Git hooks


@pytest.fixture(params=RUNNERS)
def hooked(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Path:
    """Give a clone with hooks, whose tasks refuse a file called after them.

    What `ops/scan` itself refuses in one is in test_scan.py.
    """
    project = render(stack="static")
    for task in ("lint", "scan", "test"):
        (project / "ops" / task).write_text(f"#!/bin/sh\n[ ! -e refused-by-{task} ]\n")
    remote = tmp_path / "remote.git"
    git("init", "--quiet", "--bare", str(remote), cwd=tmp_path)
    git("init", "--quiet", "--initial-branch=main", cwd=project)
    git("remote", "add", "origin", str(remote), cwd=project)
    git("add", "--all", cwd=project)
    git("commit", "--quiet", "--message", "feat: start", cwd=project)
    subprocess.run([request.param, "install"], cwd=project, check=True, capture_output=True)
    return project


def commit(project: Path, message: str, *files: str) -> bool:
    """Tell whether the hooks let a commit of new files, or of none, pass."""
    for file in files:
        (project / file).touch()
    git("add", "--all", cwd=project)
    done = git("commit", "--allow-empty", "--message", message, cwd=project)
    assert not done.returncode or "Failed" in done.stderr, done.stderr
    return not done.returncode


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_hooks_are_valid(render: Render, runner: str) -> None:
    project = render()
    subprocess.run([runner, "validate-config", ".pre-commit-config.yaml"], cwd=project, check=True)


def test_the_hooks_run_tasks_of_the_project_and_install_nothing(render: Render) -> None:
    project = render()
    configuration = yaml.safe_load((project / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in configuration["repos"]] == ["local"]
    hooks = {hook["id"]: hook for hook in configuration["repos"][0]["hooks"]}
    assert {hook["language"] for hook in hooks.values()} == {"system", "pygrep"}
    for task, stage in {"lint": "pre-commit", "test": "pre-push"}.items():
        assert hooks[task]["entry"] == f"ops/{task}"
        assert hooks[task]["stages"] == [stage]
        assert hooks[task]["pass_filenames"] is False


def test_a_commit_that_lint_objects_to_is_refused(hooked: Path) -> None:
    assert commit(hooked, "feat: something good", "good")
    assert not commit(hooked, "feat: something bad", "refused-by-lint")


def test_a_push_that_a_test_objects_to_is_refused(hooked: Path) -> None:
    assert git("push", "origin", "main", cwd=hooked).returncode == 0
    assert commit(hooked, "feat: something bad", "refused-by-test")
    assert git("push", "origin", "main", cwd=hooked).returncode != 0


# The slower of the two only with the slow tests, as both call the same script.
@pytest.mark.parametrize(
    "hooked", [pytest.param("pre-commit", marks=pytest.mark.slow), "prek"], indirect=True
)
def test_a_message_is_a_conventional_commit(hooked: Path) -> None:
    for message in (
        "fix: answer HEAD requests",
        "feat(notes)!: drop the body",
        "docs: say why\n\nA body of\nits own.",
        "release: v1.2.3",  # what ops/release writes, and below, what git does
        "Merge branch 'notes'",
        'Revert "fix: answer HEAD requests"',
        "fixup! fix: answer HEAD requests",
    ):
        assert commit(hooked, message), message
    for message in (
        "answer HEAD requests",
        "fix:",
        "fix:answer",
        "Fix: answer HEAD requests",
        "fixed: answer HEAD requests",
        "fix notes: answer HEAD requests",
        "work in progress\n\nfix: answer HEAD requests",
    ):
        assert not commit(hooked, message), message


# Dev container


@pytest.mark.parametrize(
    ("stack", "image", "ports"),
    [
        ("node", "devcontainers/typescript-node", [3000]),
        ("python", "devcontainers/python", [3000]),
        ("fullstack", "devcontainers/typescript-node", [3000, 5173]),
        ("static", "devcontainers/typescript-node", [5173]),
    ],
)
def test_a_dev_container_has_what_the_stack_needs(
    render: Render, stack: str, image: str, ports: list[int]
) -> None:
    project = render(stack=stack)
    container: dict[str, Any] = json.loads(
        (project / ".devcontainer/devcontainer.json").read_text("utf-8")
    )
    assert container["name"] == "my-service"
    assert container["image"] == IMAGES[image]
    assert container["forwardPorts"] == ports
    assert container["postCreateCommand"].endswith("ops/setup")
    # Nothing in it reaches the Docker of the machine.
    assert not container.keys() & {"features", "mounts", "privileged", "runArgs", "capAdd"}
    extensions = container["customizations"]["vscode"]["extensions"]
    assert extensions == sorted({*extensions})
    assert ("charliermarsh.ruff" in extensions) == (stack == "python")


def test_a_dev_container_of_python_has_the_uv_that_pipelines_have(render: Render) -> None:
    project = render(stack="python")
    uv = PINS["python"]["uv"]
    for file in (".devcontainer/devcontainer.json", ".github/actions/setup/action.yml"):
        assert uv in (project / file).read_text("utf-8"), file


# Who reviews what, and how


@pytest.mark.parametrize(
    "owner",
    ["@octocat", "@acme/platform", "@acme/back-end/notes.team_1", "dev+ops@mail.example.com"],
)
def test_an_owner_with_an_account_owns_everything(render: Render, owner: str) -> None:
    assert (render(owner=owner) / "CODEOWNERS").read_text("utf-8") == f"{OWNERS}* {owner}\n"


@pytest.mark.parametrize(
    "owner",
    [
        "The notes team",
        "@",
        "@acme/",
        "@acme team",
        "@acme # me",
        "@-x",
        "a@b",
        "me@mail.example.com*",
    ],
)
def test_an_owner_without_one_is_told_how_to_name_owners(render: Render, owner: str) -> None:
    text = (render(owner=owner) / "CODEOWNERS").read_text("utf-8")
    assert (
        text == f"{OWNERS}# Nobody owns everything yet. Name those who do:\n# * @my-group/my-team\n"
    )


def test_a_vulnerability_is_reported_where_the_code_is(render: Render) -> None:
    github = (render(ci="github") / "SECURITY.md").read_text("utf-8")
    gitlab = (render(ci="gitlab") / "SECURITY.md").read_text("utf-8")
    assert "Report a vulnerability" in github
    assert "GitLab" not in github
    assert "confidentiality" in gitlab
    assert "GitHub" not in gitlab


def test_both_providers_ask_the_same_before_a_merge(render: Render) -> None:
    github = render(ci="github") / ".github/pull_request_template.md"
    gitlab = render(ci="gitlab") / ".gitlab/merge_request_templates/Default.md"
    assert github.read_bytes() == gitlab.read_bytes()
    assert github.read_text("utf-8").count("- [ ] ") == 4
