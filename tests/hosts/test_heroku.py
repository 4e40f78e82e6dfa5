"""What is particular to Heroku: its API, its files, and that a release has config vars in it."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import yaml
from conftest import ENGINE, Call, Render, vendors_file
from process import Inside
from vendors.base import REGISTRY, SECRET, Fault, Machine
from vendors.heroku import Heroku

pytestmark = pytest.mark.slow

VERSION_3 = "application/vnd.heroku+json; version=3"


@pytest.fixture
def heroku() -> Iterator[Heroku]:
    """An app that was set up, and runs nothing yet."""
    vendor = Heroku()
    with vendor.serving():
        yield vendor


@pytest.fixture
def at(tmp_path: Path, heroku: Heroku) -> Machine:
    """A new service on Heroku."""
    return Inside.inside(heroku, tmp_path, stack="python", ci="gitlab")


@pytest.fixture
def traced(render: Render, tmp_path: Path, heroku: Heroku) -> Machine:
    """The same in processes, which a shell can trace."""
    return Machine.new(heroku, render, tmp_path, stack="python", ci="gitlab")


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stderr


def edit(at: Machine, name: str, old: str, to: str) -> None:
    file = at.project / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, to))


class Api:
    """Heroku's description of its API, which says of each call what its body is."""

    def __init__(self) -> None:
        text = vendors_file("specs/heroku-platform-schema.json").read_text()
        self.schema = tightened(json.loads(text))
        self.links = [
            (link["method"], self.pattern(link["href"]), link.get("schema"))
            for definition in self.schema["definitions"].values()
            for link in definition.get("links", [])
        ]

    def pattern(self, href: str) -> re.Pattern[str]:
        """Make an expression of an address like `/apps/{(%23%2Fdefinitions%2Fapp…)}`."""
        parts = re.split(r"\{\((.*?)\)\}", href)
        parts[0::2] = map(re.escape, parts[0::2])
        parts[1::2] = [self.values(unquote(part)) for part in parts[1::2]]
        return re.compile("".join(parts))

    def values(self, reference: str) -> str:
        """Give an expression for what a part of an address may be."""
        found: Any = self.schema
        for key in reference.removeprefix("#/").split("/"):
            found = found[key]
        if "$ref" in found:
            return self.values(found["$ref"])
        either = found.get("anyOf", found.get("oneOf"))
        if either:
            return f"(?:{'|'.join(self.values(each['$ref']) for each in either)})"
        if found.get("format") == "uuid":
            return "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        if "integer" in found["type"]:
            return "[0-9]+"
        return f"(?:{found['pattern'].strip('^$')})" if "pattern" in found else "[^/]+"

    def check(self, call: Call) -> None:
        """Refuse a call that is not described, or has a body that is not."""
        assert not call.query, "no call has a query"
        assert call.headers["Accept"] in (VERSION_3, f"{VERSION_3}.docker-releases")
        assert call.headers["Authorization"] == f"Bearer {SECRET}"
        bodies = [
            body
            for method, path, body in self.links
            if method == call.method and path.fullmatch(call.path)
        ]
        assert bodies, f"{call.method} {call.path} is not described"
        if not call.body:
            assert any(not (body or {}).get("required") for body in bodies)
            return
        definitions = copy.deepcopy(self.schema["definitions"])
        # Releasing images is a variant of the API, with a key that is described in prose alone.
        if call.headers["Accept"].endswith(".docker-releases"):
            update = definitions["formation"]["definitions"]["update"]["properties"]
            del update["quantity"], update["dyno_size"]
            update["docker_image"] = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
        said = {"definitions": definitions, "anyOf": [body for body in bodies if body]}
        jsonschema.validate(call.json, said, jsonschema.Draft4Validator)


def tightened(schema: Any) -> Any:
    """Have a schema refuse keys that it does not name."""
    if isinstance(schema, list):
        return [tightened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: tightened(each) for key, each in schema.items()}
    if isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def test_every_call_is_as_heroku_describes_it(at: Machine, heroku: Heroku) -> None:
    api = Api()
    heroku.made = False
    at.commit("v0.0.0")
    ok(at.run("ops/bootstrap", "live"))
    heroku.set(GONE="since")
    at.deploy("v1.0.0")
    heroku.set(LOG_LEVEL="debug", GONE=None)
    heroku.web["quantity"] = 1
    heroku.app_stack = "heroku-24"
    ok(at.run("ops/bootstrap", "live"))
    at.deploy("v1.1.0")
    heroku.command_runs = True
    heroku.set(ANYTHING="else")
    heroku.command_runs = False
    ok(at.run("ops/rollback", "live"))
    ok(at.run("ops/releases", "live"))
    assert {re.sub(r"[0-9a-f]{8}-[-0-9a-f]{27}", "ID", line) for line in heroku.changes()} == {
        "POST /apps",
        "PATCH /apps/my-service-live",
        "PATCH /apps/my-service-live/config-vars",
        "PATCH /apps/my-service-live/formation",
        "POST /apps/my-service-live/dynos/release.1/actions/stop",
        "POST /apps/my-service-live/releases",
    }
    for call in heroku.calls:
        api.check(call)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("POST /apps", {"name": "my_service"}),
        ("POST /apps", {"name": "my-service", "stak": "container"}),
        ("PATCH /apps/my-service-live", {"stack": "container"}),
        ("PATCH /apps/my-service-live/config-vars", {"PORT": 3000}),
        ("PATCH /apps/my-service-live/formation", {"updates": [{"quantity": 2}]}),
        ("PATCH /apps/my-service-live/formation", {"updates": [{"type": "web", "size": "x"}]}),
        ("POST /apps/my-service-live/releases", {"release": 3}),
        ("POST /apps/my-service-live/releases", {}),
        ("POST /apps/my-service-live/rollback", {"release": "x"}),
    ],
)
def test_a_broken_call_would_be_noticed(call: str, body: Any) -> None:
    api = Api()
    method, target = call.split()
    headers: Any = {"Accept": VERSION_3, "Authorization": f"Bearer {SECRET}"}
    with pytest.raises((AssertionError, jsonschema.ValidationError)):
        api.check(Call(method, target, headers, json.dumps(body).encode()))


def test_the_tested_image_is_copied_by_its_digest_and_released_by_its_id(
    at: Machine, heroku: Heroku, tmp_path: Path
) -> None:
    commit = at.deploy("v1.0.0")
    log = (tmp_path / "skopeo.log").read_text().splitlines()
    [copied] = [line for line in log if " copy " in line]
    assert "--preserve-digests" in copied
    assert copied.endswith(
        f"docker://registry.example.com/team/service@sha256:{commit}{'0' * 24}"
        f" docker://registry.heroku.com/my-service-live/web:{commit}"
    )
    assert any(line.endswith("--username _ --password-stdin registry.heroku.com") for line in log)
    release = next(call for call in heroku.calls if call.method == "PATCH")
    assert release.json == {
        "updates": [{"type": "web", "docker_image": f"sha256:{commit}{'1' * 24}"}]
    }


def test_an_image_for_several_kinds_of_machines_is_refused(at: Machine, heroku: Heroku) -> None:
    at.stub("skopeo", "case $* in *--raw*) echo {} ;; *inspect*) echo sha256:1 ;; esac")
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "is no image for one kind of machine" in done.stderr
    assert heroku.changes() == []


def test_the_first_deploy_also_sets_the_size_which_no_later_one_touches(
    at: Machine, heroku: Heroku
) -> None:
    at.deploy("v1.0.0")
    assert heroku.web == {"type": "web", "quantity": 2, "dyno_size": {"name": "standard-1x"}}
    heroku.web["quantity"] = 7
    at.deploy("v1.1.0")
    assert heroku.web["quantity"] == 7


def test_the_same_image_again_makes_no_release_and_is_no_error(at: Machine, heroku: Heroku) -> None:
    at.deploy("v1.0.0")
    before = len(heroku.releases)
    ok(at.run("ops/deploy", "live"))
    assert len(heroku.releases) == before


def test_an_old_release_starts_with_the_config_vars_of_now(traced: Machine, heroku: Heroku) -> None:
    at = traced
    heroku.set(PEPPER="old", GONE="since")
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    heroku.set(DATABASE_URL="postgres://new", PEPPER=SECRET, GONE=None)
    heroku.refused = {"old"}
    said = ok(at.run("sh", "-x", "ops/rollback", "live"))
    assert heroku.running() == first
    assert heroku.environ() == {"DATABASE_URL": "postgres://new", "PEPPER": SECRET}
    assert "not rolled back: the config vars" in said
    assert SECRET not in said
    assert "postgres://new" not in said


def test_config_vars_that_could_not_be_set_again_are_named(at: Machine, heroku: Heroku) -> None:
    at.deploy("v1.0.0")
    heroku.set(PEPPER=SECRET)
    at.deploy("v1.1.0")
    heroku.faults = [Fault(heroku.tells, "401")]
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert "these config vars are as they were then: PEPPER; set them again" in done.stderr


def rotated(at: Machine, **values: str) -> None:
    """Have other settings on this machine."""
    with (at.project / ".env.example").open("a") as file:
        file.writelines(f"\n# One.\n# Type: string\n# Default: none\n{name}=\n" for name in values)
    (at.project / ".env.live").write_text("".join(f"{it}={values[it]}\n" for it in values))


def test_a_rollback_after_a_rotation_needs_no_registry_of_ours(at: Machine, heroku: Heroku) -> None:
    rotated(at, API_KEY="first")
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    rotated(at, API_KEY="second")
    ok(at.run("ops/settings", "live", "push"))
    log = at.bin.parent / "skopeo.log"
    log.write_text("")
    nothing: dict[str, Any] = dict.fromkeys(REGISTRY, "")
    ok(at.run("ops/rollback", "live", **nothing))
    assert "registry.example.com" not in log.read_text()
    assert (heroku.running(), heroku.environ()) == (first, {"API_KEY": "second"})
    assert "POST /apps/my-service-live/releases" not in heroku.changes()


def test_more_than_an_app_takes_is_refused_before_anything_is_set(
    at: Machine, heroku: Heroku
) -> None:
    heroku.set(OF_SOMEBODY="x" * 60000)
    rotated(at, SHORT="x", LONG="x" * 6000)
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "LONG is too long: the config vars of an app take 64 KB at most" in done.stderr
    assert heroku.changes() == []


def test_a_change_of_config_vars_is_a_release_but_not_what_a_rollback_goes_to(
    at: Machine, heroku: Heroku
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    heroku.set(DATABASE_URL="postgres://new")
    listed = at.run("ops/releases", "live").stdout.splitlines()
    assert listed[1].startswith("* v1.1.0 ")
    assert len(listed) == 3, "the two that were deployed"
    ok(at.run("ops/rollback", "live"))
    assert heroku.running() == first


def test_a_deploy_that_reached_nothing_leaves_new_config_vars_alone(
    at: Machine, heroku: Heroku
) -> None:
    at.deploy("v1.0.0")
    heroku.set(DATABASE_URL="postgres://new")
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live", HEROKU_REGISTRY="down.example.com", PATH=failing_copy(at))
    assert done.returncode == 1
    assert heroku.variables == {"DATABASE_URL": "postgres://new"}
    assert "POST /apps/my-service-live/releases" not in heroku.changes()


def failing_copy(at: Machine) -> str:
    """Give a PATH on which skopeo copies nothing."""
    skopeo = (at.bin / "skopeo").read_text()
    broken = at.bin.parent / "broken"
    broken.mkdir()
    script = broken / "skopeo"
    script.write_text(skopeo.replace("#!/bin/sh\n", '#!/bin/sh\n[ "$1" != copy ] || exit 1\n'))
    script.chmod(0o755)
    return f"{broken}:{at.environment['PATH']}"


def after_a_sick_deploy(at: Machine) -> tuple[str, str]:
    """Deploy v3, which stays, and v4, which is sick and makes way; give their commits."""
    good, sick = at.deploy("v1.0.0"), at.commit("v1.1.0")
    at.vendor.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    assert at.vendor.running() == good
    at.vendor.sick = set()
    return good, sick


def test_a_commit_that_never_passed_is_found_by_the_id_of_its_image(at: Machine) -> None:
    _, sick = after_a_sick_deploy(at)
    ok(at.run("ops/rollback", "live", "v1.1.0", "--force"))
    assert at.vendor.running() == sick
    at.commit("v1.2.0")
    done = at.run("ops/rollback", "live", "v1.2.0", "--force")
    assert done.returncode == 2
    assert "v1.2.0 is not among the releases that live still has" in done.stderr


def test_a_release_is_also_found_by_its_version_and_by_its_id(at: Machine, heroku: Heroku) -> None:
    good, sick = after_a_sick_deploy(at)
    at.git("remote", "set-url", "origin", "/nowhere.git")
    nothing: dict[str, Any] = dict.fromkeys(REGISTRY, "")
    ok(at.run("ops/rollback", "live", "v4", "--no-record", **nothing))
    assert heroku.running() == sick
    ok(at.run("ops/rollback", "live", heroku.releases[2]["id"], "--no-record", **nothing))
    assert heroku.running() == good


def test_a_tag_goes_before_a_release_of_its_name(at: Machine) -> None:
    good, _ = after_a_sick_deploy(at)
    at.git("tag", "v4", good)
    ok(at.run("ops/rollback", "live", "v4", "--force"))
    assert at.vendor.running() == good


def test_a_commit_is_looked_for_in_the_registry_which_a_rollback_otherwise_does_not_need(
    at: Machine,
) -> None:
    good, sick = after_a_sick_deploy(at)
    at.deploy("v1.2.0")
    nothing: dict[str, Any] = dict.fromkeys(REGISTRY, "")
    done = at.run("ops/rollback", "live", sick, "--force", **nothing)
    assert done.returncode == 2
    assert "cannot start without\n  IMAGE_REPOSITORY: " in done.stderr
    ok(at.run("ops/rollback", "live", **nothing))
    assert at.vendor.running() == good


def test_what_ran_comes_back_with_the_config_vars_of_now(at: Machine, heroku: Heroku) -> None:
    good = at.deploy("v1.0.0")
    heroku.set(DATABASE_URL="postgres://new")
    sick = at.commit("v1.1.0")
    heroku.sick = {sick}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "go back to what they were" not in done.stderr
    assert (heroku.running(), heroku.variables) == (good, {"DATABASE_URL": "postgres://new"})


def test_a_rollback_to_what_is_sick_goes_back_to_what_ran_and_its_config_vars(
    at: Machine, heroku: Heroku
) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    heroku.set(DATABASE_URL="postgres://new")
    heroku.sick = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"{second} runs again" in done.stderr
    assert (heroku.running(), heroku.variables) == (second, {"DATABASE_URL": "postgres://new"})


def test_a_deploy_that_was_turned_away_is_made_again_and_makes_one_release(
    at: Machine, heroku: Heroku
) -> None:
    heroku.faults = [Fault(heroku.deploys, "429", times=2)]
    at.deploy("v1.0.0")
    assert [each["description"][:8] for each in heroku.releases[2:]] == ["Deployed"]


def test_a_deploy_that_was_refused_changed_nothing(at: Machine, heroku: Heroku) -> None:
    at.deploy("v1.0.0")
    heroku.app_stack = "heroku-24"
    before = len(heroku.changes())
    commit = at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"nothing was changed in live; try again: ops/deploy live {commit}" in done.stderr
    assert "404 Couldn't find the image" in done.stderr
    assert heroku.changes()[before:] == [heroku.deploys]


def test_who_may_not_look_any_more_is_told_what_is_known(at: Machine, heroku: Heroku) -> None:
    at.commit("v1.0.0")
    heroku.faults = [Fault("GET /apps/my-service-live/releases/.*", "401", times=99)]
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="20", POLL_INTERVAL="1", SMOKE_COUNT="1")
    assert done.returncode == 1
    assert "is healthy, which is not recorded; once the platform lets us in: " in done.stderr
    assert heroku.faults[0].times == 98


@pytest.mark.parametrize(("kind", "calls"), [("429", 2), ("500", 2), ("hang", 2), ("drop", 1)])
def test_a_rollback_whose_answer_is_lost_is_looked_for_before_it_is_made_again(
    at: Machine, heroku: Heroku, kind: Any, calls: int
) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    rollback = "POST /apps/my-service-live/releases"
    heroku.faults = [Fault(rollback, kind)]
    ok(at.run("ops/rollback", "live"))
    assert heroku.running() == first
    assert heroku.changes().count(rollback) == calls
    assert [each["description"] for each in heroku.releases[4:]] == ["Rollback to v3"]


def test_a_release_knows_its_image_through_rollbacks_and_settings(render: Render) -> None:
    app = in_process(render(stack="node", ci="github", hosting="heroku"), "app")
    told = [
        ("Initial release", "succeeded"),
        ("Deployed web (142013fe2b5c)", "succeeded"),
        ("Set A config vars", "succeeded"),
        ("Deployed web (2ef8bad7ccfa), worker (e6f5e636a593)", "succeeded"),
        ("Deployed web (694536ae336d)", "failed"),
        ("Update B by heroku-postgresql", "succeeded"),
        ("Rollback to v3", "succeeded"),
        ("Deploy de63889", "succeeded"),
    ]
    rows = [
        {"id": f"id-{at}", "version": at, "description": what, "status": status,
         "created_at": "2026", "current": at == 7}
        for at, (what, status) in enumerate(told, 1)
    ]  # fmt: skip
    entries = [app.Entry.read(row) for row in reversed(rows)]
    assert {each.name: each.image for each in app.with_images(entries)} == {
        "v8": "", "v7": "sha256:142013fe2b5c", "v4": "sha256:2ef8bad7ccfa",
        "v2": "sha256:142013fe2b5c",
    }  # fmt: skip
    assert [app.running(entries[at:]).name for at in (0, 1)] == ["v7", "v7"]
    assert app.running(entries[2:]) is None


def in_process(project: Path, module: str) -> Any:
    """Give a module of the project's engine."""
    folder = project / ENGINE
    name = f"engine_of_{id(project)}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{name}.{module}")


def test_a_release_whose_command_still_runs_is_stopped_by_a_rollback(
    at: Machine, heroku: Heroku
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    at.commit("v1.2.0")
    heroku.command_runs = True
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="1", POLL_INTERVAL="1")
    assert done.returncode == 1
    heroku.command_runs = False
    ok(at.run("ops/rollback", "live"))
    assert heroku.running() == first
    assert [each["status"] for each in heroku.releases].count("pending") == 0


def test_the_address_is_the_one_that_heroku_made_up(at: Machine) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", SERVICE_URL="")
    assert "https://my-service-live-0123456789ab.herokuapp.com at " in done.stderr


@pytest.mark.parametrize("task", ["deploy", "rollback", "releases", "bootstrap"])
def test_the_app_of_another_environment_is_refused_before_anything_is_asked(
    at: Machine, heroku: Heroku, task: str
) -> None:
    edit(at, ".heroku/live.json", "my-service-live", "my-service-testbed")
    at.commit("v1.0.0")
    done = at.run(f"ops/{task}", "live")
    assert done.returncode == 1
    assert "my-service-testbed is not the app of live" in done.stderr
    assert heroku.calls == []


def test_a_name_that_is_too_long_for_heroku_is_refused_and_another_may_be_chosen(
    at: Machine, heroku: Heroku
) -> None:
    edit(at, ".heroku/live.json", "my-service-live", "the-service-with-the-long-name-live")
    at.commit("v1.0.0")
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 1
    assert "is longer than the 30 characters that Heroku takes: choose a name" in done.stderr
    edit(at, ".heroku/live.json", "the-service-with-the-long-name-live", "long-name-live")
    heroku.name, heroku.made = "long-name-live", False
    ok(at.run("ops/bootstrap", "live"))
    assert heroku.made


def test_bootstrap_sets_an_app_up_and_then_finds_it_as_it_should_be(
    at: Machine, heroku: Heroku
) -> None:
    heroku.made = False
    at.commit("v1.0.0")
    said = ok(at.run("ops/bootstrap", "live", "--dry-run"))
    assert "would create the app my-service-live" in said
    assert "would set APP_ENV, CLIENT_IP_HEADER, LOG_LEVEL" in said
    assert heroku.changes() == []

    ok(at.run("ops/bootstrap", "live"))
    created = {"name": "my-service-live", "region": "us", "stack": "container"}
    assert heroku.calls[-2].json == created
    assert heroku.variables == {
        "APP_ENV": "live", "CLIENT_IP_HEADER": "x-forwarded-for", "LOG_LEVEL": "info",
    }  # fmt: skip
    ok(at.run("ops/deploy", "live"))
    before = heroku.changes()
    assert "live is as it should be" in ok(at.run("ops/bootstrap", "live"))
    assert heroku.changes() == before


def test_bootstrap_brings_an_app_to_what_its_file_says_and_leaves_its_secrets_alone(
    traced: Machine, heroku: Heroku
) -> None:
    at = traced
    at.commit("v1.0.0")
    ok(at.run("ops/bootstrap", "live"))
    at.deploy("v1.1.0")
    heroku.set(PEPPER=SECRET, LOG_LEVEL="debug")
    heroku.web["dyno_size"] = {"name": "Basic"}
    heroku.app_stack = "heroku-24"
    wanted = ["have my-service-live run images", "set LOG_LEVEL", "run 2 dynos of standard-1x"]

    said = ok(at.run("ops/bootstrap", "live", "--dry-run"))
    assert [line for line in wanted if f"would {line}" not in said] == []
    assert heroku.variables["LOG_LEVEL"] == "debug"
    seen = at.run("sh", "-x", "ops/bootstrap", "live")
    assert [line for line in wanted if line not in ok(seen)] == []
    assert SECRET not in seen.stdout + seen.stderr
    assert heroku.variables["PEPPER"] == SECRET
    assert "live is as it should be" in ok(at.run("ops/bootstrap", "live"))


def test_bootstrap_takes_the_name_of_heroku_in_any_case(at: Machine, heroku: Heroku) -> None:
    at.deploy("v1.0.0")
    ok(at.run("ops/bootstrap", "live"))
    heroku.web["dyno_size"] = {"name": "Standard-1X"}
    assert "live is as it should be" in ok(at.run("ops/bootstrap", "live"))


def test_bootstrap_can_give_the_app_to_a_team(at: Machine, heroku: Heroku) -> None:
    heroku.made = False
    at.commit("v1.0.0")
    ok(at.run("ops/bootstrap", "live", HEROKU_TEAM="shop"))
    [made] = [call for call in heroku.calls if call.path == "/teams/apps"]
    assert made.json["team"] == "shop"


def test_bootstrap_says_what_to_do_when_somebody_else_has_the_name(
    at: Machine, heroku: Heroku
) -> None:
    heroku.made, heroku.foreign = False, True
    at.commit("v1.0.0")
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 1
    assert "choose a name in .heroku/live.json that is free and ends in -live" in done.stderr


#: What the documentation of app.json and heroku.yml says, as far as images go.
TEXT = {"type": "string"}
APP_JSON = {
    "type": "object",
    "additionalProperties": False,
    "required": ["stack"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-zA-Z-_.]+", "maxLength": 300},
        "description": TEXT,
        "stack": {"const": "container"},
        "env": {
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"value": TEXT, "description": TEXT, "required": {"type": "boolean"}},
            }
        },
        "formation": {
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["quantity"],
                "properties": {
                    "quantity": {"type": "integer"},
                    "size": {"enum": ["eco", "basic", "standard-1x", "standard-2x"]},
                },
            }
        },
    },
}
HEROKU_YML = {
    "type": "object",
    "additionalProperties": False,
    "required": ["build"],
    "properties": {
        "build": {
            "type": "object",
            "additionalProperties": False,
            "required": ["docker"],
            "properties": {"docker": {"additionalProperties": TEXT}, "config": {"type": "object"}},
        },
        "run": {"type": "object"},
        "release": {"type": "object"},
        "setup": {"type": "object"},
    },
}


def test_review_apps_are_built_from_the_dockerfile_as_in_sandbox(render: Render) -> None:
    project = render(stack="node", ci="github", hosting="heroku")
    app = json.loads((project / "app.json").read_text())
    built = yaml.safe_load((project / "heroku.yml").read_text())
    jsonschema.validate(app, APP_JSON)
    jsonschema.validate(built, HEROKU_YML)
    assert (project / built["build"]["docker"]["web"]).is_file()
    sandbox = json.loads((project / ".heroku/sandbox.json").read_text())
    assert {name: each["value"] for name, each in app["env"].items()} == sandbox["config"]
    assert list(app["formation"]) == [sandbox["formation"]["type"]]


@pytest.mark.parametrize(
    ("schema", "broken"),
    [
        (APP_JSON, {"stack": "container", "formations": {}}),
        (APP_JSON, {"stack": "heroku-24"}),
        (APP_JSON, {"stack": "container", "formation": {"web": {"quantity": "1"}}}),
        (APP_JSON, {"stack": "container", "env": {"LOG_LEVEL": {"values": "info"}}}),
        (HEROKU_YML, {"build": {"web": "Dockerfile"}}),
        (HEROKU_YML, {"builds": {"docker": {"web": "Dockerfile"}}}),
    ],
)
def test_a_wrong_file_would_be_noticed(schema: dict[str, Any], broken: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_testbed_is_sized_like_live_and_heroku_chooses_the_port(render: Render) -> None:
    project = render(stack="node", ci="github", hosting="heroku")
    sandbox, testbed, live = (
        json.loads((project / ".heroku" / f"{env}.json").read_text())
        for env in ("sandbox", "testbed", "live")
    )
    assert testbed["formation"] == live["formation"]
    assert live["formation"]["quantity"] == 2
    assert sandbox["formation"]["quantity"] == 1
    assert "PORT" not in sandbox["config"] | testbed["config"] | live["config"]


@pytest.mark.parametrize(
    ("stack", "file", "seconds"),
    [
        ("node", "src/app.ts", r"KEEP_ALIVE_MS = (\d+)_000;"),
        ("python", "app/server.py", r"KEEP_ALIVE_SECONDS = (\d+)"),
    ],
)
def test_the_router_lets_go_of_an_idle_connection_before_the_service(
    render: Render, stack: str, file: str, seconds: str
) -> None:
    """Heroku's keeps it for 90 seconds, and would send a request into what is being closed."""
    text = (render(stack=stack, ci="github", hosting="heroku") / file).read_text()
    found = re.search(seconds, text)
    assert found
    assert int(found[1]) >= 95
