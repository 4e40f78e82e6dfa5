"""What is particular to DigitalOcean's App Platform."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import ENGINE, Call, Render, vendors_file
from process import Inside
from vendors.base import SECRET, Fault, Machine, Vendor, commit_of
from vendors.digitalocean import ENDED, DigitalOcean, app_spec

pytestmark = pytest.mark.slow


@dataclass
class Recording(DigitalOcean):
    """The stand-in, and what it answered."""

    answers: list[tuple[Call, int, Any]] = field(default_factory=list)

    def answer(self, call: Call) -> tuple[int, Any]:
        status, told = super().answer(call)
        self.answers.append((call, status, json.loads(json.dumps(told))))
        return status, told


@pytest.fixture
def do() -> Iterator[Recording]:
    """App Platform, where an app for live is that nothing was deployed to."""
    vendor = Recording()
    with vendor.serving():
        yield vendor


@pytest.fixture
def at(do: Vendor, tmp_path: Path) -> Machine:
    """A new service."""
    return Inside.inside(do, tmp_path)


def given(at: Machine, **values: str) -> None:
    """Have live's settings on this machine."""
    example = at.project / ".env.example"
    known = example.read_text()
    new = [f"\n# One.\n# Type: string\n{name}=\n" for name in values if f"\n{name}=" not in known]
    example.write_text(known + "".join(new))
    lines = "".join(f"{name}='{value}'\n" for name, value in values.items())
    (at.project / ".env.live").write_text(f"{lines}SETTINGS_KEY={'k' * 32}\n")


def settings(do: DigitalOcean) -> dict[str, str]:
    """Give what the running process has that no file says."""
    said = ("APP_ENV", "CLIENT_IP_HEADER", "LOG_LEVEL", "PORT")
    return {key: value for key, value in do.environ().items() if key not in said}


def edit(project: Path, **settings: Any) -> None:
    """Change what the file of live says of its service."""
    file = project / ".do/app.live.json"
    spec = json.loads(file.read_text())
    spec["services"][0] |= settings
    file.write_text(json.dumps(spec, indent=2))


class Description:
    """What DigitalOcean publishes about its API; a key that it does not name is wrong."""

    def __init__(self) -> None:
        text = vendors_file("specs/digitalocean-apps.bundled.yaml").read_text("utf-8")
        self.all: dict[str, Any] = yaml.safe_load(text)
        self.made: dict[str, jsonschema.Draft202012Validator] = {}

    def resolved(self, node: Any) -> Any:
        """Follow a reference."""
        while isinstance(node, dict) and "$ref" in node:
            found = self.all
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/")]
            node = found
        return node

    def tight(self, schema: Any, *, part: bool = False) -> dict[str, Any]:
        """Give a schema without references that takes no other keys, unless it is a part of one."""
        made: dict[str, Any] = dict(self.resolved(schema))
        for several in ("allOf", "oneOf", "anyOf"):
            if several in made:
                of_all = several == "allOf"
                made[several] = [self.tight(each, part=of_all) for each in made[several]]
        if "items" in made:
            made["items"] = self.tight(made["items"])
        if "properties" in made:
            made["properties"] = {
                name: self.tight(each) for name, each in made["properties"].items()
            }
        if ("properties" in made or "allOf" in made) and not part:
            made["unevaluatedProperties"] = False
        return made

    def check(self, schema: Any, value: Any, *, tight: bool = True) -> None:
        key = json.dumps([schema, tight])
        if key not in self.made:
            made = self.tight(schema, part=not tight)
            self.made[key] = jsonschema.Draft202012Validator(made)
        self.made[key].validate(value)

    def operation(self, call: Call) -> tuple[dict[str, Any], list[Any]]:
        """Give what is said of a call: the operation and its parameters."""
        for path, operations in self.all["paths"].items():
            found = operations.get(call.method.lower())
            if found and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), call.path):
                return found, [self.resolved(each) for each in found.get("parameters", [])]
        raise AssertionError(f"no such call: {call.method} {call.path}")

    def request(self, call: Call) -> None:
        """Hold a call to the description."""
        operation, parameters = self.operation(call)
        known = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        for name, values in call.query.items():
            assert name in known, f"{call.path}: {name}"
            for value in values:
                self.check(known[name], int(value) if value.isdigit() else value)
        if "requestBody" not in operation:
            assert not call.body
            return
        assert call.headers["Content-Type"] == "application/json"
        body = self.resolved(operation["requestBody"])["content"]["application/json"]
        self.check(body["schema"], call.json)

    def response(self, call: Call, status: int, told: Any) -> None:
        """Hold an answer to the description."""
        said = self.resolved(self.operation(call)[0]["responses"].get(str(status), {}))
        if told is not None and "content" in said:
            self.check(said["content"]["application/json"]["schema"], told, tight=False)


@pytest.fixture(scope="module")
def described() -> Description:
    return Description()


def test_every_call_and_every_answer_is_as_digitalocean_describes_it(
    at: Machine, do: Recording, described: Description
) -> None:
    do.spec = None
    given(at, API_KEY="first", OTHER="one")
    at.commit("v0.1.0")
    assert at.run("ops/bootstrap", "live").returncode == 0
    given(at, API_KEY="second")
    first = at.deploy("v1.0.0")
    edit(at.project, instance_count=3)
    at.deploy("v1.1.0")
    do.doomed = {at.commit("v1.2.0")}
    assert at.run("ops/deploy", "live", DEPLOY_TIMEOUT="0").returncode == 1, "it is cancelled"
    assert at.run("ops/deploy", "live").returncode == 1, "it fails"
    done = at.run("ops/rollback", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert do.running() == first
    assert at.run("ops/releases", "live").returncode == 0
    do.failing = 1
    assert at.run("ops/rollback", "live", "v1.1.0").returncode == 1, "it is reverted"
    edit(at.project, instance_count=4)
    assert at.run("ops/bootstrap", "live").returncode == 0

    for call, status, told in do.answers:
        assert status == 200, told
        described.request(call)
        described.response(call, status, told)
    assert {
        re.sub(r"(app|dep)-\d+", "{id}", f"{call.method} {call.path}") for call in do.calls
    } == {
        "GET /v2/apps",
        "POST /v2/apps",
        "GET /v2/apps/{id}",
        "PUT /v2/apps/{id}",
        "GET /v2/apps/{id}/deployments",
        "GET /v2/apps/{id}/deployments/{id}",
        "POST /v2/apps/{id}/deployments/{id}/cancel",
        "POST /v2/apps/{id}/rollback/validate",
        "POST /v2/apps/{id}/rollback",
        "POST /v2/apps/{id}/rollback/commit",
        "POST /v2/apps/{id}/rollback/revert",
    }


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PUT", "/v2/apps/app-1", {}),
        ("PUT", "/v2/apps/app-1", {"spec": app_spec("x" * 33)}),
        ("PUT", "/v2/apps/app-1", {"spec": {"name": "my-service-live", "servces": []}}),
        (
            "PUT",
            "/v2/apps/app-1",
            {"spec": {"name": "ab", "services": [{"name": "ab", "ports": 3}]}},
        ),
        ("POST", "/v2/apps/app-1/rollback", {"deploymentId": "dep-1"}),
        ("POST", "/v2/apps/app-1/rollback", {"deployment_id": "dep-1", "skip_pin": "no"}),
        ("POST", "/v2/apps/app-1/rollback/commit", {"deployment_id": "dep-1"}),
        ("POST", "/v2/apps/app-1/rollback/revert", {"deployment_id": "dep-1"}),
        ("PATCH", "/v2/apps/app-1", {"spec": app_spec("my-service-live")}),
        ("GET", "/v2/apps?name=my-service-live", None),
        ("GET", "/v2/apps?per_page=201", None),
    ],
)
def test_a_call_that_digitalocean_does_not_describe_is_noticed(
    described: Description, method: str, target: str, body: Any
) -> None:
    headers = Message()
    headers["Content-Type"] = "application/json"
    sent = b"" if body is None else json.dumps(body).encode()
    with pytest.raises((AssertionError, jsonschema.ValidationError)):
        described.request(Call(method, target, headers, sent))


@pytest.mark.parametrize("env", ["sandbox", "testbed", "live"])
def test_the_files_are_app_specs(described: Description, render: Render, env: str) -> None:
    project = render(stack="node", ci="github", hosting="digitalocean")
    spec = json.loads((project / f".do/app.{env}.json").read_text())
    described.check({"$ref": "#/components/schemas/app_spec"}, spec)
    [service] = spec["services"]
    assert spec["name"] == f"my-service-{env}"
    assert service["http_port"] == 3000
    assert service["health_check"]["http_path"] == "/healthz"
    assert service["instance_count"] == (1 if env == "sandbox" else 2)
    assert {each["key"]: each["value"] for each in service["envs"]} == {
        "APP_ENV": env,
        "CLIENT_IP_HEADER": "do-connecting-ip",
        "LOG_LEVEL": "debug" if env == "sandbox" else "info",
        "PORT": "3000",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"health_check": {"path": "/healthz"}},
        {"instance_size_slug": "apps-s-3vcpu-1gb"},
        {"instance_count": "2"},
        {"http_port": 65536},
        {"termination": {"grace_period_seconds": 601}},
        {"envs": [{"name": "APP_ENV", "value": "live"}]},
    ],
    ids=str,
)
def test_a_file_that_is_no_app_spec_is_noticed(
    described: Description, render: Render, wrong: dict[str, Any]
) -> None:
    project = render(stack="node", ci="github", hosting="digitalocean")
    edit(project, **wrong)
    spec = json.loads((project / ".do/app.live.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        described.check({"$ref": "#/components/schemas/app_spec"}, spec)


def test_bootstrap_creates_the_app_and_then_leaves_it_as_it_is(
    at: Machine, do: Recording, tmp_path: Path
) -> None:
    do.spec = None
    commit = at.commit("v1.0.0")
    dry = at.run("ops/bootstrap", "live", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "would create the app my-service-live" in dry.stderr
    assert do.changes() == []

    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    assert "as a variable of live: DIGITALOCEAN_APP_ID=app-1" in done.stderr
    assert do.running() == commit
    assert do.changes() == ["POST /v2/apps"]
    assert do.spec
    sealed = do.spec["services"][0]["image"]["registry_credentials"]
    assert do.vault[sealed] == f"robot:{SECRET}"

    again = at.run("ops/bootstrap", "live")
    assert again.returncode == 0, again.stderr
    assert "live is as it should be" in again.stderr
    assert do.changes() == ["POST /v2/apps"]
    logs = "".join(log.read_text() for log in tmp_path.glob("*.log"))
    for said in (dry, done, again):
        assert SECRET not in said.stdout + said.stderr + logs


def test_bootstrap_brings_an_app_to_what_its_file_says(at: Machine, do: Recording) -> None:
    running = at.deploy("v1.0.0")
    edit(at.project, instance_count=5)
    before = do.changes()
    dry = at.run("ops/bootstrap", "live", "--dry-run")
    assert "would bring my-service-live to what .do/app.live.json says" in dry.stderr
    assert do.changes() == before
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert do.changes() == [*before, "PUT /v2/apps/app-1"]
    assert do.spec
    assert do.spec["services"][0]["instance_count"] == 5
    assert do.running() == running
    assert "live is as it should be" in at.run("ops/bootstrap", "live").stderr


def test_bootstrap_says_so_when_the_app_does_not_start(at: Machine, do: Recording) -> None:
    do.spec = None
    do.doomed = {at.commit("v1.0.0")}
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 1
    assert "failed: it ended as ERROR, the container exited" in done.stderr
    assert "live is not set up yet" in done.stderr


def test_a_deploy_keeps_what_the_file_does_not_name(at: Machine, do: Recording) -> None:
    at.deploy("v1.0.0")
    assert do.spec
    do.vault = {"EV[1:login]": "robot:password", "EV[1:key]": "s3cret"}
    do.spec["domains"] = [{"domain": "api.example.com"}]
    service = do.spec["services"][0]
    service["image"]["registry_credentials"] = "EV[1:login]"
    service["envs"].append({"key": "API_KEY", "type": "SECRET", "value": "EV[1:key]"})
    service["envs"][2]["value"] = "trace"
    commit = at.deploy("v1.1.0")

    assert do.spec["domains"] == [{"domain": "api.example.com"}]
    service = do.spec["services"][0]
    assert {each["key"]: each["value"] for each in service["envs"]} == {
        "APP_ENV": "live",
        "CLIENT_IP_HEADER": "do-connecting-ip",
        "LOG_LEVEL": "info",
        "PORT": "3000",
        "API_KEY": "EV[1:key]",
    }
    assert service["image"] == {
        "registry_type": "GHCR",
        "registry": "team",
        "repository": "service",
        "digest": f"sha256:{commit}{'0' * 24}",
        "registry_credentials": "EV[1:login]",
    }


def test_a_deploy_goes_by_the_file_of_its_commit(at: Machine, do: Recording) -> None:
    edit(at.project, instance_count=6)
    at.commit("v1.0.0")
    edit(at.project, instance_count=7)
    at.commit("v1.1.0")
    assert at.run("ops/deploy", "live", "v1.0.0").returncode == 0
    assert do.spec
    assert do.spec["services"][0]["instance_count"] == 6


@pytest.mark.parametrize(
    ("repository", "image"),
    [
        ("ghcr.io/team/a/b", {"registry_type": "GHCR", "registry": "team", "repository": "a/b"}),
        (
            "docker.io/me/app",
            {"registry_type": "DOCKER_HUB", "registry": "me", "repository": "app"},
        ),
        ("registry.digitalocean.com/me/app", {"registry_type": "DOCR", "repository": "app"}),
    ],
)
def test_an_image_is_pulled_from_where_it_was_published(
    at: Machine, do: Recording, repository: str, image: dict[str, str]
) -> None:
    do.spec = None
    commit = at.commit("v1.0.0")
    assert at.run("ops/bootstrap", "live", IMAGE_REPOSITORY=repository).returncode == 0
    done = at.run("ops/deploy", "live", IMAGE_REPOSITORY=repository)
    assert done.returncode == 0, done.stderr
    assert do.spec
    sent = do.spec["services"][0]["image"]
    credentials = sent.pop("registry_credentials", None)
    assert sent == {**image, "digest": f"sha256:{commit}{'0' * 24}"}
    assert (credentials is None) == (image["registry_type"] == "DOCR")


@pytest.mark.parametrize("task", ["deploy", "bootstrap"])
def test_a_registry_that_app_platform_does_not_know_is_refused(
    at: Machine, do: Recording, task: str
) -> None:
    at.commit("v1.0.0")
    done = at.run(f"ops/{task}", "live", IMAGE_REPOSITORY="registry.gitlab.com/team/service")
    assert done.returncode == 2
    assert (
        "IMAGE_REPOSITORY: App Platform cannot pull from registry.gitlab.com, but from ghcr.io,"
        " docker.io and registry.digitalocean.com"
    ) in done.stderr
    assert do.calls == []


@pytest.mark.parametrize(
    "command", ["deploy live", "rollback live", "releases live", "bootstrap live"]
)
def test_the_app_of_another_environment_is_refused(
    at: Machine, do: Recording, command: str
) -> None:
    do.spec = app_spec("my-service-testbed")
    at.commit("v1.0.0")
    task, env = command.split()
    done = at.run(f"ops/{task}", env, DIGITALOCEAN_APP_ID="app-1")
    assert done.returncode == 1
    assert (
        "my-service-testbed is not the app of live: its name does not end in -live" in done.stderr
    )
    assert do.changes() == []


def test_a_file_that_names_the_app_of_another_environment_is_refused(
    at: Machine, do: Recording
) -> None:
    do.spec = None
    file = at.project / ".do/app.live.json"
    file.write_text(file.read_text().replace("my-service-live", "my-service-testbed"))
    at.commit("v1.0.0")
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 1
    assert "my-service-testbed is not the app of live" in done.stderr
    assert do.changes() == []


def test_without_an_app_a_deploy_says_how_to_get_one(at: Machine, do: Recording) -> None:
    do.spec = None
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert (
        "DigitalOcean has no app my-service-live yet: ops/bootstrap live creates it" in done.stderr
    )


@pytest.mark.parametrize("task", ["deploy", "bootstrap"])
def test_an_app_that_is_built_from_a_repository_is_left_alone(
    at: Machine, do: Recording, task: str
) -> None:
    source = {"repo": "team/service", "branch": "main"}
    do.spec = {"name": "my-service-live", "services": [{"name": "service", "github": source}]}
    at.commit("v1.0.0")
    done = at.run(f"ops/{task}", "live")
    assert done.returncode == 1
    assert "my-service-live has no service service that runs an image" in done.stderr
    assert do.changes() == []


def test_a_rollback_is_validated_and_committed(at: Machine, do: Recording) -> None:
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    before = do.changes()
    assert at.run("ops/rollback", "live").returncode == 0
    assert do.changes()[len(before) :] == [
        "POST /v2/apps/app-1/rollback/validate",
        "POST /v2/apps/app-1/rollback",
        "POST /v2/apps/app-1/rollback/commit",
    ]
    assert do.pinned == ""


@pytest.mark.parametrize("kind", ["500", "drop"])
def test_a_commit_that_got_lost_is_done_again(at: Machine, do: Recording, kind: Any) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    do.faults = [Fault("POST .*/rollback/commit", kind)]
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert do.pinned == ""
    assert do.running() == first


def pin(at: Machine, do: Recording) -> None:
    """Leave the app as a rollback does that was interrupted before its commit."""
    do.faults = [Fault("POST .*/rollback/commit", "500", times=4)]
    assert at.run("ops/rollback", "live").returncode == 1
    assert do.pinned


def test_a_deploy_to_an_app_that_is_pinned_commits_the_rollback_first(
    at: Machine, do: Recording
) -> None:
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    pin(at, do)
    at.deploy("v1.2.0")
    assert do.pinned == ""


def test_a_rollback_of_an_app_that_is_pinned_commits_the_one_before(
    at: Machine, do: Recording
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    at.deploy("v1.2.0")
    pin(at, do)
    done = at.run("ops/rollback", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert do.running() == first
    assert do.pinned == ""


def test_bootstrap_of_an_app_that_is_pinned_commits_the_rollback_unless_it_only_looks(
    at: Machine, do: Recording
) -> None:
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    pin(at, do)
    edit(at.project, instance_count=5)
    assert at.run("ops/bootstrap", "live", "--dry-run").returncode == 0
    assert do.pinned
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert do.pinned == ""


def wanted(do: Recording) -> str:
    """Give the commit of the image that the app names."""
    assert do.spec
    return commit_of(do.spec["services"][0]["image"]["digest"])


def test_what_still_runs_after_a_deploy_that_failed_is_not_rolled_back_to_but_wanted_again(
    at: Machine, do: Recording
) -> None:
    good = at.deploy("v1.0.0")
    do.doomed = {at.commit("v1.1.0")}
    before = do.changes()
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert do.changes()[len(before) :] == ["PUT /v2/apps/app-1", "PUT /v2/apps/app-1"]
    assert wanted(do) == good
    assert do.running() == good


def test_a_rollback_that_fails_leaves_what_ran_and_the_next_deploy_works(
    at: Machine, do: Recording
) -> None:
    first = at.deploy("v1.0.0")
    second = at.deploy("v1.1.0")
    do.doomed = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert "deployment dep-3 failed: it ended as ERROR, the container exited" in done.stderr
    assert (do.running(), wanted(do), do.pinned) == (second, second, "")
    assert do.changes()[-1] == "POST /v2/apps/app-1/deployments/dep-4/cancel", "it runs on"
    assert "POST /v2/apps/app-1/rollback/revert" in do.changes()
    assert "POST /v2/apps/app-1/rollback/commit" not in do.changes()
    at.deploy("v1.2.0")


def test_a_release_that_is_too_old_for_a_rollback_has_its_image_deployed_again(
    at: Machine, do: Recording
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    at.deploy("v1.2.0")
    do.revisions = 1
    done = at.run("ops/rollback", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert "App Platform does not roll back that far" in done.stderr
    assert do.running() == first


def test_a_deployment_that_is_under_way_does_not_undo_a_rollback(
    at: Machine, do: Recording
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    at.commit("v1.2.0")
    do.faults = [Fault("PUT .*", "drop"), Fault("POST .*/cancel", "500", times=4)]
    assert at.run("ops/deploy", "live").returncode == 1
    assert do.deployments[0]["phase"] not in ENDED
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert do.running() == first
    assert do.deployments[1]["phase"] == "CANCELED"


def test_a_deploy_looks_at_sources_again_which_a_change_of_settings_does_not(
    at: Machine, do: Recording
) -> None:
    at.deploy("v1.0.0")
    edit(at.project, instance_count=5)
    assert at.run("ops/bootstrap", "live").returncode == 0
    sent = [call.json["update_all_source_versions"] for call in do.calls if call.method == "PUT"]
    assert sent == [True, False]


def test_the_image_of_a_deploy_that_failed_is_not_started_by_a_change_of_settings(
    at: Machine, do: Recording
) -> None:
    good = at.deploy("v1.0.0")
    do.doomed = {at.commit("v1.1.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    do.doomed = set()
    edit(at.project, instance_count=5)
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert do.spec
    assert do.spec["services"][0]["instance_count"] == 5
    assert do.running() == good


def test_nor_is_that_of_a_deploy_that_was_killed(at: Machine, do: Recording) -> None:
    """Nobody put back what the app wants."""
    good = at.deploy("v1.0.0")
    assert do.spec
    bad = at.commit("v1.1.0")
    do.spec["services"][0]["image"]["digest"] = f"sha256:{bad}{'0' * 24}"
    edit(at.project, instance_count=5)
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert (do.running(), wanted(do)) == (good, good)
    assert "live is as it should be" in at.run("ops/bootstrap", "live").stderr


def test_settings_that_do_not_start_make_way_for_those_that_run(at: Machine, do: Recording) -> None:
    good = at.deploy("v1.0.0")
    edit(at.project, instance_count=5)
    do.failing = 1
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 1
    assert "failed: it ended as ERROR, the container exited" in done.stderr
    assert do.spec
    assert do.spec["services"][0]["instance_count"] == 2
    assert at.run("ops/bootstrap", "live").returncode == 0, "they are tried again"
    assert do.spec["services"][0]["instance_count"] == 5
    assert do.running() == good


def test_newer_settings_of_what_runs_survive_a_deploy_that_fails(
    at: Machine, do: Recording
) -> None:
    good = at.deploy("v1.0.0")
    edit(at.project, instance_count=5)
    assert at.run("ops/bootstrap", "live").returncode == 0
    do.doomed = {at.commit("v1.1.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    assert do.spec
    assert do.spec["services"][0]["instance_count"] == 5
    assert do.running() == good


def test_what_the_app_wants_that_cannot_be_put_back_is_told(at: Machine, do: Recording) -> None:
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    do.failing = 2
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "the settings of the app may be those of what failed" in done.stderr
    assert f"live runs {good} again" in done.stderr
    assert do.running() == good


@pytest.mark.parametrize("kind", ["drop", "429"])
def test_a_rollback_whose_answer_got_lost_is_not_started_twice(
    at: Machine, do: Recording, kind: Any
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    do.faults = [Fault("POST .*/rollback", kind)]
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert (do.running(), wanted(do), do.pinned) == (first, first, "")
    assert len(do.deployments) == 3


def test_a_rollback_that_was_not_started_says_so(at: Machine, do: Recording) -> None:
    at.deploy("v1.0.0")
    second = at.deploy("v1.1.0")
    do.faults = [Fault("POST .*/rollback", "500")]
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"live may still run {second}" in done.stderr
    assert (do.running(), wanted(do)) == (second, second)


def test_a_cancel_whose_answer_got_lost_is_looked_for(at: Machine, do: Recording) -> None:
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    do.faults = [Fault("POST .*/cancel", "drop")]
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="0.01", POLL_INTERVAL="0.02")
    assert done.returncode == 1
    assert "deployment dep-2 was cancelled" in done.stderr
    assert (do.running(), wanted(do)) == (good, good)


def test_an_update_that_is_refused_changed_nothing(at: Machine, do: Recording) -> None:
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    do.faults = [Fault("PUT .*", "401")]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "nothing was changed in live" in done.stderr
    assert "restoring" not in done.stderr
    assert do.running() == good


def test_who_may_not_look_any_more_is_told_what_is_known(at: Machine, do: Recording) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    do.faults = [Fault("GET /v2/apps/app-1/deployments/dep-2", "401", times=99)]
    done = at.run("ops/deploy", "live", POLL_INTERVAL="1", SMOKE_COUNT="1")
    assert done.returncode == 1
    assert "once the platform lets us in" in done.stderr
    assert "may be down" not in done.stderr
    assert len([call for call in do.calls if call.path.endswith("/dep-2")]) == 1


@pytest.mark.parametrize("by", ["its commit", "the deployment"])
def test_what_never_passed_is_rolled_back_to_by_force(at: Machine, do: Recording, by: str) -> None:
    """The registry's digests tell nothing of commits."""
    at.deploy("v1.0.0")
    unready = at.commit("v1.1.0")
    digest = f"sha256:{'e' * 64}"
    at.stub(
        "skopeo",
        "for name; do :; done\n"
        "case $1 in login) cat >/dev/null ;; inspect) case $name in "
        f'*{unready}) echo {digest} ;; *) echo "sha256:${{name##*:}}{"0" * 24}" ;; esac ;; esac',
    )
    do.sick = {"e" * 40}
    assert at.run("ops/deploy", "live").returncode == 1
    do.sick = set()
    do.running = lambda: unready  # type: ignore[method-assign]
    name = "v1.1.0" if by == "its commit" else "dep-2"
    if by == "its commit":
        asked = at.run("ops/rollback", "live", name, "--force", REGISTRY_USER="")
        assert asked.returncode == 2
        assert "cannot start without\n  REGISTRY_USER: a user of that registry" in asked.stderr
    done = at.run("ops/rollback", "live", name, "--force")
    assert done.returncode == 0, done.stderr
    active = do.active()
    assert active
    assert active["spec"]["services"][0]["image"]["digest"] == digest


def test_a_rollback_to_what_is_sick_goes_back_to_what_ran(at: Machine, do: Recording) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    do.sick = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"{second} runs again" in done.stderr
    assert (do.running(), wanted(do), do.pinned) == (second, second, "")


def test_an_app_begins_with_settings(at: Machine, do: Recording) -> None:
    do.spec = None
    given(at, API_KEY="first")
    at.commit("v1.0.0")
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert settings(do) == {"API_KEY": "first"}
    assert do.spec
    [key] = [each for each in do.spec["services"][0]["envs"] if each["key"] == "API_KEY"]
    assert (key["type"], key["scope"]) == ("SECRET", "RUN_TIME")


@pytest.mark.parametrize("value", ["${APP_URL}/x", "a${API_KEY}", "EV[1:x]"])
@pytest.mark.parametrize("task", [("bootstrap", "live"), ("settings", "live", "push")])
def test_a_value_that_app_platform_takes_for_something_else_is_refused_by_name(
    at: Machine, do: Recording, task: tuple[str, ...], value: str
) -> None:
    given(at, OTHER=value)
    at.commit("v1.0.0")
    if task[0] == "bootstrap":
        do.spec = None
    done = at.run(f"ops/{task[0]}", *task[1:])
    assert done.returncode == 1
    assert "the value of OTHER would not arrive as it is" in done.stderr
    assert value not in done.stderr
    assert do.changes() == []


def test_a_change_of_settings_keeps_the_image_that_runs_and_what_others_added(
    at: Machine, do: Recording
) -> None:
    good = at.deploy("v1.0.0")
    assert do.spec
    bad = at.commit("v1.1.0")
    do.spec["services"][0]["image"]["digest"] = f"sha256:{bad}{'0' * 24}"
    do.spec["services"][0]["envs"].append({"key": "OF_SOMEBODY", "value": "else"})
    given(at, API_KEY="first")
    at.vendor.faults = [Fault("PUT .*", "401", after=1)]
    assert at.run("ops/settings", "live", "push").returncode == 1
    do.lapse()
    assert (do.running(), wanted(do)) == (good, good)
    assert settings(do) == {"OF_SOMEBODY": "else", "API_KEY": "first"}


def test_a_file_does_not_undo_a_setting(at: Machine, do: Recording) -> None:
    given(at, CORS_ORIGINS="https://a.example")
    envs = [{"key": "CORS_ORIGINS", "value": "https://b.example"}]
    edit(at.project, envs=envs)
    at.deploy("v1.0.0")
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert do.environ()["CORS_ORIGINS"] == "https://a.example"


def test_a_rollback_that_fails_does_not_take_settings_back(at: Machine, do: Recording) -> None:
    given(at, API_KEY="first", OTHER="one")
    first = at.deploy("v1.0.0")
    given(at, API_KEY="second")
    second = at.deploy("v1.1.0")
    do.doomed = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"live may still run {second}" in done.stderr
    assert (do.running(), wanted(do), do.pinned) == (second, second, "")
    assert settings(do) == {"API_KEY": "second"}


def test_nor_does_a_deploy_that_fails_where_nothing_was_recorded(
    at: Machine, do: Recording
) -> None:
    """What ran is brought back, and has what it was told meanwhile."""
    good = at.deploy("v1.0.0")
    given(at, API_KEY="first")
    do.doomed = {at.commit("v1.1.0")}
    assert at.run("ops/deploy", "live", "--no-record").returncode == 1
    assert (do.running(), wanted(do)) == (good, good)
    assert settings(do) == {"API_KEY": "first"}


def test_a_setting_with_spaces_and_lines_stays_one(at: Machine, do: Recording) -> None:
    value = 'https://a.example  https://b.example\n"quoted" $HOME\t*'
    envs = [{"key": "CORS_ORIGINS", "value": value}, {"key": "PORT", "value": "3000"}]
    edit(at.project, envs=envs)
    at.deploy("v1.0.0")
    assert do.spec
    assert do.spec["services"][0]["envs"] == envs
    assert at.run("ops/bootstrap", "live").returncode == 0, "it gives the app a login"
    assert "live is as it should be" in at.run("ops/bootstrap", "live").stderr
    assert do.spec["services"][0]["envs"] == envs


def test_a_file_that_is_no_json_is_named(at: Machine, do: Recording) -> None:
    (at.project / ".do/app.live.json").write_text("{")
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert ".do/app.live.json is no app spec with a name and a service that has one" in done.stderr
    assert do.calls == []


@pytest.fixture
def appspec(render: Render) -> Any:
    """The module, as it lies in a project."""
    folder = render(stack="node", ci="github", hosting="digitalocean") / ENGINE
    found = importlib.util.spec_from_file_location(
        "engine_on_digitalocean", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert found
    sys.modules[found.name] = importlib.util.module_from_spec(found)
    return importlib.import_module(f"{found.name}.appspec")


@pytest.mark.parametrize(
    ("has", "file", "both"),
    [
        (1, 2, 2),
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        (["a b"], ["c d", "e"], ["c d", "e"]),
        (
            [{"key": "B", "type": "SECRET"}, {"key": "A", "value": "1"}],
            [{"key": "A", "value": "x y"}, {"key": "C"}],
            [{"key": "B", "type": "SECRET"}, {"key": "A", "value": "x y"}, {"key": "C"}],
        ),
        ([{"name": "a"}], [], [{"name": "a"}]),
        (None, [{"name": "a"}], [{"name": "a"}]),
        ([{"path": "/"}], [{"path": "/a"}], [{"path": "/a"}]),
    ],
)
def test_a_file_is_laid_over_what_an_app_has(appspec: Any, has: Any, file: Any, both: Any) -> None:
    before = json.dumps([has, file])
    assert appspec.over(has, file) == both
    assert json.dumps([has, file]) == before, "neither is changed"


@pytest.mark.parametrize(
    ("then", "today", "both"),
    [
        ("A=1 B=s", "A=2 B=s", "A=1 B=s"),
        ("A=1 B=s C=3", "B=t", "A=1 B=t C=3"),
        ("A=1", "A=2 B=s", "A=1 B=s"),
        ("A=1 B=s", "A=2", "A=1"),
        ("B=s", "B=1", "B=1"),
        ("B=1", "B=s", "B=s"),
    ],
)
def test_what_goes_back_has_todays_secrets(appspec: Any, then: str, today: str, both: str) -> None:
    """Letters are secrets."""

    def spec(text: str) -> dict[str, Any]:
        envs = [dict(zip(("key", "value"), each.split("="), strict=True)) for each in text.split()]
        for each in envs:
            each["type"] = "SECRET" if each["value"].isalpha() else "GENERAL"
        return {"services": [{"name": "service", "envs": envs}, {"name": "other"}]}

    assert appspec.confided(spec(then), spec(today)) == spec(both)


@pytest.mark.parametrize(
    "name", ["ghcr.io/a/b/c", "docker.io/a/b", "registry.digitalocean.com/a/b"]
)
def test_an_image_is_named_as_it_is_pulled(appspec: Any, name: str) -> None:
    image = f"{name}@sha256:{'a' * 64}"
    told = appspec.named(appspec.pulled(image))
    assert told == image.replace("registry.digitalocean.com/a/", "registry.digitalocean.com/")
    assert appspec.named({"registry_type": "GHCR", "repository": "b", "tag": "1"}) == ""


@pytest.mark.parametrize(
    ("has", "image", "login", "known"),
    [
        ("GHCR EV[1:a]", "GHCR", "", "EV[1:a]"),
        ("GHCR EV[1:a]", "GHCR EV[1:b]", "me:secret", "EV[1:a]"),
        ("GHCR EV[1:a]", "DOCKER_HUB", "me:secret", "me:secret"),
        ("GHCR EV[1:a]", "DOCR", "me:secret", None),
        ("GHCR", "GHCR EV[1:b]", "me:secret", "EV[1:b]"),
        ("GHCR", "GHCR", "", None),
        ("", "GHCR", "me:secret", "me:secret"),
    ],
)
def test_a_login_stays_with_its_registry_and_is_given_once(
    appspec: Any, has: str, image: str, login: str, known: str | None
) -> None:
    def part(text: str) -> dict[str, str]:
        return dict(zip(("registry_type", "registry_credentials"), text.split(), strict=False))

    other = {"name": "worker", "image": {"registry_type": "GHCR"}}
    spec = {"services": [{"name": "service", **({"image": part(has)} if has else {})}, other]}
    before = json.dumps(spec)
    made = appspec.pointed(spec, "service", part(image), login)
    [service, rest] = made["services"]
    assert service["image"].get("registry_credentials") == known
    assert rest == other
    assert json.dumps(spec) == before
