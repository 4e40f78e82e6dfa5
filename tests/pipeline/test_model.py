"""The model itself: what it says as JSON, and where `scaffold new` puts that."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Scaffold, copy_template, tree
from notation import gates, ids, pipeline

from scaffold.pipeline import READERS, Job, Pipeline, Trigger, read
from scaffold.providers import PROVIDERS


def test_json_has_one_shape() -> None:
    found = pipeline({".gitlab-ci.yml": """
        test:
          script: [ops/test || true]
          timeout: 10m
          rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]
        """})  # fmt: skip
    assert found.to_json() == {
        "providers": ["gitlab"],
        "runs": {
            "change": ["test"], "main": [], "candidate": [], "release": [], "schedule": [],
            "manual": [],
        },
        "jobs": [
            {
                "id": "test", "provider": "gitlab", "file": ".gitlab-ci.yml", "name": "test",
                "condition": "", "environment": "", "approval": "", "stages": ["test"], "needs": [],
                "ignores": [], "tasks": ["ops/test"], "secrets": [], "variables": [], "uses": [],
                "images": [], "triggers": ["change"], "uncertain": [], "timeout": 10.0,
                "permissions": None, "concurrency": None,
                "steps": [{"name": "", "run": "ops/test || true", "uses": "", "condition": ""}],
            },
        ],
        "swallowed": [{"file": ".gitlab-ci.yml", "job": "test", "what": "ops/test || true"}],
        "unread": [],
    }  # fmt: skip


def test_jobs_come_after_what_they_need_and_circles_end() -> None:
    everything = frozenset(Trigger)

    def job(name: str, *needs: str) -> Job:
        return Job(id=name, provider="x", file="x", triggers=everything, needs=needs)

    found = Pipeline(jobs=(job("c", "b"), job("b", "a"), job("a"), job("x", "y"), job("y", "x")))
    assert ids(found, "main") == ["a", "b", "c", "x", "y"]
    assert gates(found, "c", "main") == ["a", "b"]
    assert gates(found, "x", "main") == ["y"]


def test_every_provider_is_read_at_once() -> None:
    found = pipeline({
        ".github/workflows/ci.yml": "on: push\njobs: {a: {steps: [{run: make}]}}",
        ".gitlab-ci.yml": "b: {script: make}",
        "README.md": "on: [",
    })  # fmt: skip
    assert found.providers == ("github", "gitlab")
    assert ids(found, "main") == ["ci/a", "b"]


def test_the_default_branch_may_have_another_name() -> None:
    text = b"on: {push: {branches: [trunk]}}\njobs: {a: {steps: [{run: make}]}}"
    files = {".github/workflows/ci.yml": text}
    assert ids(read(files), "main") == []
    assert ids(read(files, branch="trunk"), "main") == ["ci/a"]
    old = {path: content.replace(b"trunk", b"master") for path, content in files.items()}
    assert ids(read(old), "main") == ["ci/a"]


def test_new_reports_the_pipeline(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", "--no-lock", "--no-git", "--json")
    made = {path: content for path, (content, _) in tree(tmp_path / "my-service").items()}
    assert json.loads(done.stdout)["pipeline"] == read(made).to_json()
    assert json.loads(done.stdout)["pipeline"]["runs"]["change"]


def test_new_makes_the_project_also_when_its_pipeline_is_broken(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = copy_template(tmp_path / "template")
    for workflow in (template / "template/project/{{ use.ci.github }}/.github/workflows").iterdir():
        workflow.write_text("jobs: [\n")
    done = scaffold("new", "mine", "--template", "template", "--no-lock", "--no-git", "--json")
    assert json.loads(done.stdout)["pipeline"] is None
    assert done.stderr.startswith("Note: the pipeline is not in the report: '.github/workflows/")
    assert (tmp_path / "mine/README.md").is_file()


def test_only_what_reads_a_pipeline_loads_the_parser(scaffold: Scaffold) -> None:
    made = ("new", "my-service", "--no-lock", "--no-git")
    for command in (("--version",), ("options",), made, (*made[:1], "other", *made[2:], "--json")):
        done = scaffold(*command, PYTHONPROFILEIMPORTTIME="1")
        assert done.returncode == 0, done.stderr
        assert ("tree_sitter" in done.stderr) is ("--json" in command), command


def test_the_providers_that_are_said_to_be_read_are_those_with_a_reader() -> None:
    assert {reader.PROVIDER for reader in READERS} == PROVIDERS
