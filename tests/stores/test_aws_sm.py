"""Settings from AWS Secrets Manager: one call, how it can fail, and the real command with moto."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from amazon import moto
from memory import Remembered
from process import Inside
from vendors.base import SECRET
from vendors.ecs import Ecs
from vendors.render import Render
from vendors.secretsmanager import SecretsManager

NAME = "my-service/live"
VALUE = 'it\'s $c4nary\n"quoted" = grün\n'
DOCUMENTED = (
    "\n# A key.\n# Type: string\n# Secret: yes\n# Default: none\n# Set in: none\nAPI_KEY=\n"
)


@pytest.fixture
def aws() -> Iterator[Ecs]:
    """An account with settings for two environments, and a service on ECS."""
    vendor = Ecs()
    vendor.manager.write(NAME, {"API_KEY": VALUE, "OTHERS": ""})
    vendor.manager.write("my-service/sandbox", {"API_KEY": "another"})
    with vendor.serving():
        yield vendor


@pytest.fixture
def manager(aws: Ecs) -> SecretsManager:
    return aws.manager


@pytest.fixture
def at(aws: Ecs, tmp_path: Path) -> Iterator[Inside]:
    made = Remembered.inside(aws, tmp_path, secrets="aws-sm")
    with (made.project / ".env.example").open("a") as file:
        file.write(DOCUMENTED)
    yield made
    said = "".join(made.heard)
    assert SECRET not in said
    assert "c4nary" not in said


def said(at: Inside, *command: str, code: int = 0, **variables: str) -> str:
    """Run a task, and give what it says."""
    at.environment |= variables
    done = at.run(*command)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_what_is_there_is_read_by_one_call(at: Inside, aws: Ecs) -> None:
    assert said(at, "ops/settings", "live", "names") == "API_KEY\n"
    [call] = aws.calls
    assert call.json["argv"][8:] == [
        "secretsmanager", "get-secret-value", "--secret-id", NAME, "--version-stage", "AWSCURRENT",
    ]  # fmt: skip


def test_another_secret_may_be_named(at: Inside, manager: SecretsManager) -> None:
    manager.write("team/shop", {"API_KEY": "a", "MAX_CONNECTIONS": "7"})
    told = said(at, "ops/settings", "live", "names", AWS_SECRET_ID="team/shop")  # noqa: S106 (its name)
    assert told == "API_KEY\nMAX_CONNECTIONS\n"


HOW = "create-secret --name my-service/live --secret-string file://FILE"
ODD = {
    "no text": ({"API_KEY": "c4nary", "P": [1]}, "not as described (TypeError('no text: P'))"),
    "a list": (["c4nary"], "its answer is not as described"),
    "a text": ("c4nary", "its answer is not as described"),
    "nothing": ({}, "has no settings any more, which would take away API_KEY"),
    "of another": ({"APP_ENV": "sandbox"}, "they are those of sandbox, as their APP_ENV says"),
}  # fmt: skip


@pytest.mark.parametrize("how", ODD)
def test_what_cannot_be_told_changes_nothing(
    at: Inside, aws: Ecs, manager: SecretsManager, how: str
) -> None:
    good = at.deploy("v1.0.0")
    values, says = ODD[how]
    manager.write(NAME, values)
    at.commit("v1.1.0")
    told = said(at, "ops/deploy", "live", code=1)
    assert says in told
    assert "nothing was changed in live" in told
    assert aws.running() == good
    assert aws.environ()["API_KEY"] == VALUE


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("AccessDeniedException: no policy allows it", "(AccessDeniedException)"),
        ("ExpiredTokenException: it has expired", "(ExpiredTokenException)"),
        ("ThrottlingException: Rate exceeded", "(ThrottlingException)"),
        ("InternalServiceError: try again", "(InternalServiceError)"),
        ("ResourceNotFoundException: can't find it", HOW),
    ],
)
def test_what_cannot_be_read_changes_nothing(at: Inside, aws: Ecs, why: str, says: str) -> None:
    good = at.deploy("v1.0.0")
    aws.refused = {"get-secret-value": why}
    at.commit("v1.1.0")
    told = said(at, "ops/deploy", "live", code=1)
    assert says in told
    assert f"could not be read from AWS Secrets Manager, the secret {NAME}" in told
    assert "nothing was changed in live" in told
    assert aws.running() == good


@pytest.mark.parametrize("how", ["nothing in it", "no secret"])
def test_where_nothing_is_it_says_how_to_begin(
    at: Inside, manager: SecretsManager, how: str
) -> None:
    manager.secrets[NAME].labels.clear()
    if how == "no secret":
        del manager.secrets[NAME]
    told = said(at, "ops/settings", "live", code=1)
    assert f"there is no secret {NAME} in us-east-1, or nothing in it; FILE is a JSON" in told
    assert HOW in told


def test_two_environments_are_compared_if_both_may_be_read(
    at: Inside, manager: SecretsManager
) -> None:
    assert said(at, "ops/settings", "live", "diff", "sandbox") == "API_KEY: different\n"
    manager.write("my-service/sandbox", {"API_KEY": VALUE})
    assert "API_KEY: sandbox has the same value" in said(at, "ops/settings", "live", code=1)
    manager.hidden = {"my-service/sandbox"}
    assert "not compared with the secrets of sandbox, which are" in said(at, "ops/settings", "live")
    for hidden_or_not_there in ("sandbox", "testbed"):
        told = said(at, "ops/settings", "live", "diff", hidden_or_not_there, code=1)
        assert f"this machine does not have the settings of {hidden_or_not_there}" in told


def test_without_anybody_to_call_as_nothing_begins(at: Inside, aws: Ecs) -> None:
    told = said(at, "ops/settings", "live", code=2, AWS_ACCESS_KEY_ID="", AWS_REGION="")
    assert told.count("AWS_ACCESS_KEY_ID: an access key of AWS; or name a role") == 1
    at.commit("v1.0.0")
    told = said(at, "ops/deploy", "live", code=2, AWS_REGION="")
    assert told.count("AWS_REGION: the region") == 1
    assert aws.calls == []


@pytest.mark.slow
def test_the_real_command_reads_them_for_any_host(tmp_path: Path) -> None:
    """As a pipeline's role, whose token buys a key; moto takes any."""
    vendor = Render()
    with vendor.serving(), moto(tmp_path) as url:
        at = Remembered.inside(vendor, tmp_path, secrets="aws-sm")
        with (at.project / ".env.example").open("a") as file:
            file.write(DOCUMENTED)
        keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": SECRET}
        made = {**os.environ, **keys, "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
        for command, more in (("create-secret", "--name"), ("put-secret-value", "--secret-id")):
            text = json.dumps({"API_KEY": VALUE if more == "--secret-id" else "before"})
            told = [command, more, NAME, "--secret-string", text]
            options = ["aws", "--region", "us-east-1", "secretsmanager", *told]
            subprocess.run(options, env=made, check=True, capture_output=True)
        at.environment |= {
            "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "HTTP_TIMEOUT": "60",
            "OIDC_TOKEN": f"{SECRET} of the run",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deploy",
        }  # fmt: skip
        at.deploy("v1.0.0")
    assert vendor.environ()["API_KEY"] == VALUE
    roles = [step for step in at.steps if "assume-role-with-web-identity" in step]
    assert len(roles) == 1
    assert not [each for each in at.heard if SECRET in each or "c4nary" in each]


def test_a_key_is_rotated_there_and_stays_so(at: Inside, manager: SecretsManager) -> None:
    """As the README's runbook has it: a new value, a push, the old one revoked, a rollback."""
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    manager.write(NAME, {"API_KEY": "c4nary, the second"})
    assert at.run("ops/settings", "live", "push").returncode == 0
    assert at.vendor.environ()["API_KEY"] == "c4nary, the second"
    assert at.run("ops/rollback", "live").returncode == 0
    assert at.vendor.running() == first
    assert at.vendor.environ()["API_KEY"] == "c4nary, the second"
