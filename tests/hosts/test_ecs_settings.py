"""Settings on AWS ECS: task definitions refer to a version of one secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import Remembered
from process import Inside
from vendors.base import SECRET
from vendors.ecs import Ecs

DOCUMENTED = "\n# A key.\n# Type: string\n# Secret: yes\n# Default: none\n# Set in: none\n{}=\n"
NAME = "my-service/live"


@pytest.fixture
def aws() -> Iterator[Ecs]:
    vendor = Ecs()
    with vendor.serving():
        yield vendor


def service(aws: Ecs, folder: Path, secrets: str) -> Inside:
    """Give a new one, which documents two secrets."""
    made = Remembered.inside(aws, folder, secrets=secrets)
    with (made.project / ".env.example").open("a") as file:
        file.writelines(DOCUMENTED.format(name) for name in ("API_KEY", "OTHER"))
    return made


@pytest.fixture
def at(aws: Ecs, tmp_path: Path) -> Inside:
    """A service whose settings are in env files, so that deploys write its secret."""
    return service(aws, tmp_path, "dotenv")


@pytest.fixture
def in_place(aws: Ecs, tmp_path: Path) -> Inside:
    """A service whose settings people write into its secret."""
    return service(aws, tmp_path, "aws-sm")


def told(at: Inside, **values: str) -> None:
    lines = "".join(f"{name}='{value}'\n" for name, value in values.items())
    (at.project / ".env.live").write_text(lines)


def said(at: Inside, *command: str, code: int = 0, **variables: str) -> str:
    at.environment |= variables
    done = at.run(*command)
    assert done.returncode == code, done.stderr
    return done.stderr


def settings(aws: Ecs) -> dict[str, str]:
    return {name: it for name, it in aws.environ().items() if name in ("API_KEY", "OTHER")}


def references(aws: Ecs) -> Any:
    """Give those of the newest task definition."""
    [container] = aws.definitions[-1]["containerDefinitions"]
    return container["secrets"]


def puts(aws: Ecs) -> list[str]:
    return [each for each in aws.changes() if " secretsmanager " in each]


def test_values_are_in_one_secret_and_each_name_refers_to_its_version(at: Inside, aws: Ecs) -> None:
    told(at, API_KEY=SECRET, OTHER="one")
    at.deploy("v1.0.0")
    secret = aws.manager.secrets[NAME]
    [version] = secret.versions
    assert json.loads(secret.versions[version]) == {"API_KEY": SECRET, "OTHER": "one"}
    assert references(aws) == [
        {"name": name, "valueFrom": f"{secret.arn}:{name}::{version}"}
        for name in ("API_KEY", "OTHER")
    ]
    assert SECRET not in json.dumps(aws.definitions)


def test_what_an_old_release_refers_to_stays(at: Inside, aws: Ecs) -> None:
    """Its tasks may have to start again, as when the circuit breaker goes back to it."""
    told(at, API_KEY="first", OTHER="one")
    good = at.deploy("v1.0.0")
    told(at, API_KEY="second")
    aws.doomed = {at.commit("v1.1.0")}

    # ECS is back at it before we are.
    def before(_: int, step: str) -> None:
        if " update-service " in step:
            aws.lapse()

    at.before = before
    said(at, "ops/deploy", "live", code=1)
    assert aws.unstarted == []
    assert aws.running() == good
    assert settings(aws) == {"API_KEY": "second"}, "it was deployed again, with those of today"


def test_what_somebody_types_into_the_secret_reaches_no_task(at: Inside, aws: Ecs) -> None:
    told(at, API_KEY="first")
    at.deploy("v1.0.0")
    aws.manager.write(NAME, {"API_KEY": "typed", "MORE": "typed"})
    at.deploy("v1.1.0")
    assert settings(aws) == {"API_KEY": "first"}
    assert [it["name"] for it in references(aws)] == ["API_KEY"]


def test_a_team_has_references_and_variables_of_its_own(at: Inside, aws: Ecs) -> None:
    [container] = aws.definitions[0]["containerDefinitions"]
    own = "arn:aws:ssm:us-east-1:123456789012:parameter/my-service-live/{}"
    container["secrets"] = [
        {"name": name, "valueFrom": own.format(name)} for name in ("TOKEN", "API_KEY")
    ]
    container["environment"].append({"name": "OTHER", "value": "of the template"})
    told(at, API_KEY="first", OTHER="one")
    at.commit("v1.0.0")
    at.run("ops/deploy", "live")  # the stand-in knows no Parameter Store
    assert [it["name"] for it in references(aws)] == ["TOKEN", "API_KEY", "OTHER"]
    assert ":secretsmanager:" in references(aws)[1]["valueFrom"]
    [made] = aws.definitions[-1]["containerDefinitions"]
    assert [it["name"] for it in made["environment"]] == ["LOG_LEVEL"]


def test_a_push_that_changes_nothing_makes_one_call_more_than_a_look(at: Inside, aws: Ecs) -> None:
    told(at, API_KEY="first")
    at.deploy("v1.0.0")
    before = len(aws.calls)
    said(at, "ops/settings", "live", "push")
    assert [" ".join(it.json["argv"][8:10]) for it in aws.calls[before:]] == [
        "cloudformation describe-stacks", "ecs describe-services", "ecs describe-task-definition",
        "secretsmanager get-secret-value",
    ]  # fmt: skip


def test_a_stack_that_is_older_says_what_comes_first(at: Inside, aws: Ecs) -> None:
    assert aws.made
    del aws.made["parameters"]["Secret"]
    good = at.deploy("v1.0.0")
    assert references(aws) == []
    told(at, API_KEY="first")
    at.commit("v1.1.0")
    assert "first: ops/bootstrap live" in said(at, "ops/deploy", "live", code=1)
    assert aws.running() == good
    said(at, "ops/bootstrap", "live")
    at.deploy("v1.2.0")
    assert settings(aws) == {"API_KEY": "first"}


# Setting up.


def test_a_new_service_begins_with_them(at: Inside, aws: Ecs) -> None:
    aws.forget()
    told(at, API_KEY="first")
    at.commit("v1.0.0")
    assert f"create the secret {NAME}" in said(at, "ops/bootstrap", "live")
    assert settings(aws) == {"API_KEY": "first"}
    assert "live is as it should be" in said(at, "ops/bootstrap", "live")


def test_a_dry_run_creates_no_secret(at: Inside, aws: Ecs) -> None:
    aws.manager.secrets.clear()
    at.commit("v1.0.0")
    assert f"would create the secret {NAME}" in said(at, "ops/bootstrap", "live", "--dry-run")
    assert aws.manager.secrets == {}


def edit(at: Inside, **parameters: str) -> None:
    file = at.project / ".aws/live.json"
    written = json.loads(file.read_text())
    written["Parameters"] |= parameters
    file.write_text(json.dumps(written))


@pytest.mark.parametrize("how", ["it goes well", "it fails at first"])
def test_a_change_of_the_stack_leaves_what_the_service_is_told(
    at: Inside, aws: Ecs, how: str
) -> None:
    told(at, API_KEY="first")
    said(at, "ops/bootstrap", "live")
    commit = at.deploy("v1.0.0")
    edit(at, LogLevel="debug")
    if how == "it fails at first":
        aws.doomed = {commit}
        assert "live is not set up yet" in said(at, "ops/bootstrap", "live", code=1)
        assert aws.environ()["LOG_LEVEL"] == "info"
        aws.doomed = set()
        told_what = said(at, "ops/bootstrap", "live")
        assert f"start {commit} anew, as the stack my-service-live has it" in told_what
    else:
        said(at, "ops/bootstrap", "live")
    assert aws.running() == commit
    assert aws.environ() == {"LOG_LEVEL": "debug", "API_KEY": "first"}
    assert "live is as it should be" in said(at, "ops/bootstrap", "live")


# Where people write the secret.


def test_nothing_is_copied_and_a_label_says_what_tasks_are_told(in_place: Inside, aws: Ecs) -> None:
    aws.manager.write(NAME, {"API_KEY": "first", "SETTINGS_KEY": "k" * 32, "APP_ENV": "live"})
    in_place.deploy("v1.0.0")
    secret = aws.manager.secrets[NAME]
    assert len(aws.manager.secrets) == len(secret.versions) == 1
    assert secret.labels["TOLD"] == secret.labels["AWSCURRENT"]
    assert [it["name"] for it in references(aws)] == ["API_KEY"]
    assert settings(aws) == {"API_KEY": "first"}
    assert len(puts(aws)) == 1
    in_place.deploy("v1.1.0")
    assert len(puts(aws)) == 1, "nothing differed"


def test_a_new_service_that_failed_begins_again(in_place: Inside, aws: Ecs) -> None:
    aws.forget()
    aws.manager.write(NAME, {"API_KEY": "first"})
    aws.doomed = {in_place.commit("v1.0.0")}
    said(in_place, "ops/bootstrap", "live", code=1)
    aws.doomed = set()
    said(in_place, "ops/bootstrap", "live")
    assert settings(aws) == {"API_KEY": "first"}
    assert len(puts(aws)) == 1


def test_what_is_written_counts_once_it_was_pushed_and_stays_after_a_rollback(
    in_place: Inside, aws: Ecs
) -> None:
    aws.manager.write(NAME, {"API_KEY": "first", "OTHER": "one"})
    first = in_place.deploy("v1.0.0")
    in_place.deploy("v1.1.0")
    aws.manager.write(NAME, {"API_KEY": "second"})
    assert settings(aws) == {"API_KEY": "first", "OTHER": "one"}
    told_what = said(in_place, "ops/settings", "live", "push")
    assert "settings of live: set API_KEY; take away OTHER" in told_what
    assert settings(aws) == {"API_KEY": "second"}
    aws.manager.write(NAME, {"API_KEY": "not pushed yet"})
    said(in_place, "ops/rollback", "live")
    assert aws.running() == first
    assert settings(aws) == {"API_KEY": "second"}


def test_what_changes_while_it_is_deployed_is_not_told(in_place: Inside, aws: Ecs) -> None:
    """It was held to nothing."""
    aws.manager.write(NAME, {"API_KEY": "first"})
    good = in_place.deploy("v1.0.0")
    aws.manager.write(NAME, {"API_KEY": "second"})
    in_place.commit("v1.1.0")

    def before(_: int, step: str) -> None:
        if "--version-stage TOLD" in step:
            aws.manager.write(NAME, {"API_KEY": "third"})

    in_place.before = before
    told_what = said(in_place, "ops/deploy", "live", code=1)
    assert "has something else than was read: it was changed meanwhile" in told_what
    assert "nothing was changed in live" in told_what
    assert aws.running() == good
    assert settings(aws) == {"API_KEY": "first"}


def test_a_file_is_nothing_that_tasks_can_read(in_place: Inside, aws: Ecs) -> None:
    aws.manager.write(NAME, {"API_KEY": "first"})
    in_place.commit("v1.0.0")
    (in_place.project / "backup.env").write_text("API_KEY=other\n")
    told_what = said(in_place, "ops/deploy", "live", code=1, SETTINGS_FILE="backup.env")
    assert "SETTINGS_FILE names a file, which no task reads" in told_what
    assert puts(aws) == []


def test_a_pipelines_token_is_spent_once(in_place: Inside, aws: Ecs) -> None:
    aws.manager.write(NAME, {"API_KEY": "first"})
    in_place.environment |= {
        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "OIDC_TOKEN": f"{SECRET} of the run",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deploy",
    }  # fmt: skip
    in_place.deploy("v1.0.0")
    assert len([each for each in aws.changes() if " sts " in each]) == 1
    assert settings(aws) == {"API_KEY": "first"}
