"""What GitHub's and GitLab's pipelines may do, and what the README says to set for them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import TEMPLATE, Render
from dialects import Yaml

ENVIRONMENTS = ("sandbox", "testbed", "live")
STACKS = [option.id for option in TEMPLATE.catalog.axis("stack")]
HAS_IMAGE = {o.id: "image" in o.row["traits"] for o in TEMPLATE.catalog.axis("stack")}


def workflows(project: Path) -> dict[str, Any]:
    """Read GitHub's workflows, each by the name of its file."""
    return {
        path.stem: yaml.safe_load(path.read_text("utf-8"))
        for path in (project / ".github/workflows").glob("*.yml")
    }


def gitlab(project: Path) -> dict[str, Any]:
    """Read GitLab's pipeline, included files and all."""

    def read(name: str) -> dict[str, Any]:
        text = (project / name).read_text("utf-8")
        return dict(next(yaml.load_all(text, Loader=Yaml)))  # a safe one

    jobs = read(".gitlab-ci.yml")
    for include in jobs.pop("include"):
        jobs |= read(include["local"])
    return jobs


# What a job may do


@pytest.mark.parametrize("stack", STACKS)
def test_a_job_of_github_may_do_no_more_than_it_does(render: Render, stack: str) -> None:
    written: dict[str, set[str]] = {}
    for name, workflow in workflows(render(stack=stack, ci="github")).items():
        assert workflow["permissions"] == {}
        for job, its in workflow["jobs"].items():
            for scope, level in its["permissions"].items():
                if level == "write":
                    written.setdefault(f"{name}/{job}", set()).add(scope)
                else:
                    assert scope == "contents" or (job, scope) == ("deploy", "packages")
    record = {f"deploy-{env}/deploy": {"contents"} for env in ENVIRONMENTS}
    release = {"deploy-live/notes": {"contents"}, **record}
    publish = {"deploy-sandbox/publish": {"packages", "id-token", "attestations"}}
    drill = {"scheduled/drill": {"contents", "packages"} if HAS_IMAGE[stack] else {"contents"}}
    assert written == release | drill | (publish if HAS_IMAGE[stack] else {})


def test_a_pull_request_of_a_fork_finds_no_secret(render: Render) -> None:
    project = render(ci="github")
    for name, workflow in workflows(project).items():
        events = set(workflow[True])  # YAML takes `on` for true
        of_others = {"ci": {"pull_request", "workflow_call"}}
        assert events == of_others.get(
            name, {"schedule", "workflow_dispatch"} if name == "scheduled" else {"push"}
        )
    assert "secrets." not in (project / ".github/workflows/ci.yml").read_text("utf-8")
    assert "secrets: inherit" not in "".join(
        path.read_text("utf-8") for path in (project / ".github").rglob("*.yml")
    )


@pytest.mark.parametrize(
    ("answers", "known"),
    [
        ({"hosting": "ecs"}, True),
        ({"hosting": "render", "secrets": "aws-sm"}, True),
        ({"hosting": "ecs", "secrets": "aws-sm"}, True),
        ({"hosting": "render"}, False),
    ],
    ids=str,
)
def test_a_job_has_a_token_if_its_host_or_its_store_may_know_it_by_that(
    render: Render, answers: dict[str, str], *, known: bool
) -> None:
    deploys = [f"deploy-{env}" for env in ENVIRONMENTS]
    found = workflows(render(ci="github", **answers))
    jobs = [*(found[it]["jobs"]["deploy"] for it in deploys), found["scheduled"]["jobs"]["drill"]]
    assert ["id-token" in job["permissions"] for job in jobs] == [known] * 4
    named = gitlab(render(ci="gitlab", **answers))
    tokens = {"OIDC_TOKEN": {"aud": "sts.amazonaws.com"}} if known else None
    assert [named[it].get("id_tokens") for it in (*deploys, "drill")] == [tokens] * 4
    bitbucket = (render(ci="bitbucket", **answers) / "bitbucket-pipelines.yml").read_text("utf-8")
    assert bitbucket.count("oidc: true") == (4 if known else 0)


@pytest.mark.parametrize("ci", ["github", "gitlab", "bitbucket"])
def test_what_two_options_want_is_listed_once(render: Render, ci: str) -> None:
    project = render(ci=ci, hosting="ecs", secrets="aws-sm")
    rows = re.findall(
        r"^ *\| `(\w+)` +\| .*AWS.*$", (project / "README.md").read_text(), re.MULTILINE
    )
    assert rows == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ROLE_ARN"]
    if ci == "github":
        step = workflows(project)["deploy-live"]["jobs"]["deploy"]["steps"][-1]
        text = (project / ".github/workflows/deploy-live.yml").read_text()
        assert [text.count(f"{name}:") for name in step["env"]] == [1] * len(step["env"])


# Build once, deploy that


@pytest.mark.parametrize("stack", STACKS)
def test_a_tag_of_github_builds_no_image_and_waits_for_the_one_of_main(
    render: Render, stack: str
) -> None:
    found = workflows(render(stack=stack, ci="github"))
    for env in ENVIRONMENTS:
        jobs = found[f"deploy-{env}"]["jobs"]
        promotes = jobs["ci"].get("with", {}).get("promote", False)
        waits = jobs["deploy"]["steps"][-1]["env"].get("IMAGE_TIMEOUT", 0)
        assert (promotes, waits) == (
            (True, 1800) if HAS_IMAGE[stack] and env != "sandbox" else (False, 0)
        )


@pytest.mark.parametrize("stack", STACKS)
def test_only_the_default_branch_of_gitlab_publishes_and_tags_build_no_image(
    render: Render, stack: str
) -> None:
    jobs = gitlab(render(stack=stack, ci="gitlab"))
    rules = {
        name: [rule["if"] for rule in job["rules"]]
        for name, job in jobs.items()
        if isinstance(job, dict) and "rules" in job and name in ("build-image", "publish")
    }
    expected = {
        "build-image": ["$CI_COMMIT_TAG == null"],
        "publish": ['$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'],
    }
    assert rules == (expected if HAS_IMAGE[stack] else {})


# One after the other


@pytest.mark.parametrize("stack", STACKS)
def test_deploys_of_an_environment_queue_and_only_those_of_a_site_may_be_left_out(
    render: Render, stack: str
) -> None:
    found = workflows(render(stack=stack, ci="github"))
    # Whole pushes queue for sandbox, or an older commit could overtake a newer one.
    sandbox = found["deploy-sandbox"]["concurrency"]
    assert sandbox.pop("queue", None) == ("max" if HAS_IMAGE[stack] else None)
    assert sandbox == {"group": "deploy-sandbox", "cancel-in-progress": False}
    for env in ("testbed", "live"):
        assert found[f"deploy-{env}"]["jobs"]["deploy"]["concurrency"] == {
            "group": f"deploy-{env}", "cancel-in-progress": False, "queue": "max",
        }  # fmt: skip


@pytest.mark.parametrize("stack", STACKS)
def test_no_job_runs_without_end(render: Render, stack: str) -> None:
    for workflow in workflows(render(stack=stack, ci="github")).values():
        for job in workflow["jobs"].values():
            assert "timeout-minutes" in job or "uses" in job
    jobs = gitlab(render(stack=stack, ci="gitlab"))
    for name, job in jobs.items():
        while isinstance(job, dict) and "timeout" not in job and "extends" in job:
            job = jobs[job["extends"]]  # noqa: PLW2901 # up to whom it has its time from
        if isinstance(job, dict) and "script" in job:
            assert "timeout" in job, name


# What has to be set


def table(project: Path) -> dict[str, str]:
    """Read the README's table: the names to set, and whether each is a secret or a variable."""
    text = (project / "README.md").read_text("utf-8")
    return dict(re.findall(r"^ *\| `([A-Z_]+)` +\| (secret|variable) +\|", text, re.MULTILINE))


@pytest.mark.parametrize("hosting", [option.id for option in TEMPLATE.catalog.axis("hosting")])
def test_the_readme_lists_what_the_workflows_of_github_read(render: Render, hosting: str) -> None:
    (row,) = (o.row for o in TEMPLATE.catalog.axis("hosting") if o.id == hosting)
    project = render(stack=row["needs"]["stack"][0], ci="github", hosting=hosting)
    text = "".join(path.read_text("utf-8") for path in (project / ".github").rglob("*.yml"))
    kinds = {"secrets": "secret", "vars": "variable"}
    read = {name: kinds[kind] for kind, name in re.findall(r"\b(secrets|vars)\.([A-Z_]+)", text)}
    assert table(project) == read
    declared = dict.fromkeys(row["secrets"], "secret")
    declared |= dict.fromkeys([*row.get("variables", []), "SERVICE_URL"], "variable")
    assert declared.items() <= read.items()


def test_the_table_is_the_same_at_every_provider_of_pipelines(render: Render) -> None:
    assert table(render(ci="github")) == table(render(ci="gitlab"))


# Updates of what others make


def test_renovate_updates_what_dependabot_does_not(render: Render) -> None:
    github = json.loads((render(ci="github") / "renovate.json").read_text("utf-8"))
    assert github["enabledManagers"] == ["copier"]
    assert "packageRules" not in github
    for stack, group in (("node", "npm"), ("python", "uv")):
        project = render(stack=stack, ci="gitlab")
        assert not (project / ".github").exists()
        renovate = json.loads((project / "renovate.json").read_text("utf-8"))
        assert "enabledManagers" not in renovate
        assert renovate["minimumReleaseAge"] == "7 days"
        rules = renovate["packageRules"]
        assert [rule["groupName"] for rule in rules if "groupName" in rule] == [group, "images"]


def test_another_runtime_is_proposed_in_no_single_place(render: Render) -> None:
    """As the template names it in all of them: Node by its major version, Python by its minor."""
    for stack, name, step in (("node", "node", "major"), ("python", "**/python", "minor")):
        renovate = json.loads((render(stack=stack, ci="gitlab") / "renovate.json").read_text())
        left = [rule for rule in renovate["packageRules"] if rule.get("enabled") is False]
        assert any(
            name in rule.get("matchPackageNames", ()) and rule["matchUpdateTypes"] == [step]
            for rule in left
        )
        text = (render(stack=stack, ci="github") / ".github/dependabot.yml").read_text()
        (docker,) = (
            each
            for each in yaml.safe_load(text)["updates"]
            if each["package-ecosystem"] == "docker"
        )
        ignored = {each["dependency-name"]: each["update-types"] for each in docker["ignore"]}
        assert ignored.pop("*") == ["version-update:semver-major"]
        assert ignored == ({"python": ["version-update:semver-minor"]} if stack == "python" else {})


# A red main


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_red_main_is_told_by_one_job_that_no_change_ever_starts(render: Render, ci: str) -> None:
    project = render(ci=ci)
    file = (
        ".github/workflows/deploy-sandbox.yml" if ci == "github" else ".gitlab/deploy-sandbox.yml"
    )
    read = yaml.safe_load((project / file).read_text("utf-8"))
    if ci == "github":
        job = read["jobs"]["tell"]
        assert read[True] == {"push": {"branches": ["main"]}}
        assert job["if"] == "failure()"
        assert job["needs"] == ["ci", "publish"]
        command = job["steps"][-1]["run"]
    else:
        job = read["tell"]
        [rule] = job["rules"]
        assert '== "push"' in rule["if"]
        assert rule["when"] == "on_failure"
        [command] = job["script"]
    assert command.startswith("ops/notify sandbox warning ")
    assert "tell" not in (render(ci=ci, incidents="none") / file).read_text("utf-8")
