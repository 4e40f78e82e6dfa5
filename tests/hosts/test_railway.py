"""What is particular to Railway: GraphQL, a rollback that says nothing, and railway.ts."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import graphql
import pytest
from conftest import ENGINE, Call, Render, from_npm, vendors_file
from process import Inside
from vendors.base import SECRET, Fault, Machine
from vendors.railway import Railway, Words

pytestmark = pytest.mark.slow

IMAGE = "registry.example.com/team/service@sha256:{}000000000000000000000000"
#: Railway's own for whatever it does not want to tell.
INTERNAL = "Problem processing request"
DEPLOY = "POST serviceInstanceDeployV2"
DELETE = "POST variableDelete"
KEY = "k" * 32
ROLLBACK = "POST deploymentRollback"


@pytest.fixture
def railway() -> Iterator[Railway]:
    """Railway, where nothing is yet."""
    vendor = Railway()
    with vendor.serving():
        yield vendor


@pytest.fixture
def at(railway: Railway, tmp_path: Path) -> Machine:
    """A new service on Railway."""
    return Inside.inside(railway, tmp_path)


@pytest.fixture
def traced(railway: Railway, render: Render, tmp_path: Path) -> Machine:
    """The same in processes, which a shell can trace."""
    return Machine.new(railway, render, tmp_path)


def told(at: Machine, **values: str) -> None:
    """Have live's settings on this machine."""
    example = at.project / ".env.example"
    known = example.read_text()
    new = [f"\n# One.\n# Type: string\n{name}=\n" for name in values if f"\n{name}=" not in known]
    example.write_text(known + "".join(new))
    lines = [f"{name}='{value}'\n" for name, value in values.items()]
    (at.project / ".env.live").write_text("".join([*lines, f"SETTINGS_KEY={KEY}\n"]))


@cache
def schema() -> graphql.GraphQLSchema:
    """Give what Railway publishes of its API."""
    file = vendors_file("specs/railway-graphql-introspection.json")
    told = json.loads(file.read_text())
    # A field is deprecated in a type and not in its interface: not ours to judge.
    return graphql.build_client_schema(told.get("data", told), assume_valid=True)


def wrong(document: str, variables: dict[str, Any]) -> list[str]:
    """Give what Railway would not take of a call."""
    parsed = graphql.parse(document)
    found = graphql.validate(schema(), parsed)
    [asked] = parsed.definitions
    assert isinstance(asked, graphql.OperationDefinitionNode)
    values = graphql.execution.values.get_variable_values(
        schema(), asked.variable_definitions or (), variables
    )
    declared = {each.variable.name.value for each in asked.variable_definitions or ()}
    unknown = [f"undeclared ${name}" for name in variables if name not in declared]
    return [
        *(error.message for error in found),
        *(error.message for error in (values if isinstance(values, list) else [])),
        *unknown,
    ]


def wrong_in(call: Call) -> list[str]:
    """Give what Railway would not take of a call that was made."""
    assert (call.method, call.path) == ("POST", "/graphql/v2")
    assert call.headers["Content-Type"] == "application/json"
    assert call.json.keys() == {"query", "variables"}
    return wrong(document=call.json["query"], variables=call.json["variables"])


def test_every_call_is_one_that_railway_publishes(at: Machine, railway: Railway) -> None:
    schema()
    assert at.run("ops/bootstrap", "live").returncode == 0
    told(at, API_KEY="first", OTHER="one")
    at.deploy("v1.0.0")
    told(at, API_KEY="second")
    at.deploy("v1.1.0")
    railway.doomed = {at.commit("v1.2.0")}
    railway.faults = [Fault("POST serviceInstanceDeployV2", "drop")]
    assert at.run("ops/deploy", "live").returncode == 1
    assert at.run("ops/rollback", "live").returncode == 0
    assert at.run("ops/releases", "live").returncode == 0
    del at.environment["SERVICE_URL"]
    railway.domains["live"] = 3000
    done = at.run("ops/rollback", "live", "v1.1.0")
    assert "https://live.up.railway.app" in done.stderr, "it asks Railway where the service answers"
    assert {railway.said(call).removeprefix("POST ") for call in railway.calls} == {
        "apiToken", "projects", "project", "projectCreate", "environmentCreate", "serviceCreate",
        "serviceInstance", "variables", "variableCollectionUpsert", "serviceDomainCreate",
        "environment", "projectToken", "serviceInstanceUpdate", "serviceInstanceDeployV2",
        "deployment", "deployments", "deploymentCancel", "deploymentRollback",
        "variablesForServiceDeployment", "variableDelete",
    }  # fmt: skip
    assert [found for call in railway.calls for found in wrong_in(call)] == []


@pytest.mark.parametrize(
    ("document", "variables", "says"),
    [
        pytest.param(
            "mutation ($id: String!) { deploymentRollback(id: $id) { id } }",
            {"id": "d-1"}, "must not have a selection", id="a rollback that gives an id",
        ),
        pytest.param(
            "query ($input: DeploymentListInput!) { deployments(input: $input) { __typename } }",
            {"input": {"status": {"successfulOnly": True}}}, "successfulOnly",
            id="a filter that only the manual has",
        ),
        pytest.param(
            "mutation ($input: ServiceInstanceUpdateInput!)"
            ' { serviceInstanceUpdate(serviceId: "s", input: $input) }',
            {"input": {"numReplicas": "two"}}, "numReplicas", id="a wrong type",
        ),
        pytest.param(
            "mutation ($input: ServiceInstanceUpdateInput!)"
            ' { serviceInstanceUpdate(serviceId: "s", input: $input) }',
            {"input": {"healthCheckPath": "/healthz"}}, "healthCheckPath", id="a misspelt setting",
        ),
        pytest.param(
            "mutation ($input: VariableDeleteInput!) { variableDelete(input: $input) }",
            {"input": {"projectId": "p", "environmentId": "e", "name": "A", "skipDeploys": True}},
            "skipDeploys", id="a variable that goes without a deploy",
        ),
        pytest.param("{ projectToken }", {}, "must have a selection", id="half a query"),
    ],
)  # fmt: skip
def test_railway_would_refuse(document: str, variables: dict[str, Any], says: str) -> None:
    assert says in "; ".join(wrong(document, variables))


def test_an_answer_with_errors_is_a_failure_though_its_status_is_200(at: Machine) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", RAILWAY_TOKEN="expired")  # noqa: S106 (it is none)
    assert done.returncode == 1
    assert "Railway refused projectToken: Not Authorized: the token is wrong" in done.stderr
    assert at.vendor.changes() == []


def test_the_token_of_another_environment_is_refused_before_anything_changes(
    at: Machine, railway: Railway
) -> None:
    railway.name = "testbed"
    at.commit("v1.0.0")
    for task in ("ops/deploy", "ops/rollback"):
        done = at.run(task, "live")
        assert done.returncode == 1
        assert "RAILWAY_TOKEN is not a token of live but of testbed" in done.stderr
    assert railway.changes() == []


def test_a_deploy_that_may_not_be_made_changed_nothing(at: Machine, railway: Railway) -> None:
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    railway.words = [Words("serviceInstanceUpdate", "Two Factor Authentication Required")]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "nothing was changed in live; try again: ops/deploy live" in done.stderr
    assert railway.source == IMAGE.format(good)


def test_what_is_deployed_is_the_digest(at: Machine, railway: Railway) -> None:
    commit = at.deploy("v1.0.0")
    assert railway.rows[0]["meta"]["image"] == railway.source == IMAGE.format(commit)


def test_a_rollback_also_sets_what_a_later_deploy_in_the_dashboard_takes(
    at: Machine, railway: Railway
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    assert at.run("ops/rollback", "live").returncode == 0
    assert railway.source == IMAGE.format(first)


def test_a_deploy_that_failed_leaves_its_image_nowhere(at: Machine, railway: Railway) -> None:
    first = at.deploy("v1.0.0")
    railway.doomed = {at.commit("v1.1.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    assert railway.source == IMAGE.format(first)
    assert "POST deploymentRollback" not in railway.changes(), "it ran all the time"


def test_o3_a_commit_that_never_passed_is_found_by_its_digest_and_by_the_deployments_id(
    at: Machine, railway: Railway
) -> None:
    good = at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    # No registry's digests tell the commit, as the stand-in's do.
    scrambled = "e" * 64
    inspected = f"*{sick}) echo sha256:{scrambled} ;; *) echo sha256:{good}{'0' * 24} ;;"
    at.stub(
        "skopeo",
        f"""\
for name; do :; done
case $1 in login) cat >/dev/null ;; inspect) case $name in {inspected} esac ;; esac""",
    )
    railway.digests = {scrambled[:40]: sick}
    railway.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    assert railway.running() == good
    railway.sick = set()
    for version in (sick, "d-2"):
        done = at.run("ops/rollback", "live", version, "--force")
        assert done.returncode == 0, done.stderr
        assert railway.source == f"registry.example.com/team/service@sha256:{scrambled}"
        assert railway.rows[0]["meta"]["image"] == railway.source


def test_o3_what_it_takes_to_find_a_digest_is_said_where_it_is_missing(
    at: Machine, railway: Railway
) -> None:
    at.deploy("v1.0.0")
    never = at.commit("v1.1.0")
    del at.environment["REGISTRY_USER"]
    done = at.run("ops/rollback", "live", never, "--force")
    assert done.returncode == 2
    assert "cannot start without\n  REGISTRY_USER: a user of that registry" in done.stderr
    assert railway.changes().count(ROLLBACK) == 0


def test_o4_a_rollback_that_fails_leaves_its_image_nowhere(at: Machine, railway: Railway) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    railway.doomed = {first}
    assert at.run("ops/rollback", "live").returncode == 1
    assert railway.source == IMAGE.format(second)
    railway.doomed = set()
    railway.words = [Words("deploymentRollback", "Deployment cannot be rolled back to")]
    assert at.run("ops/rollback", "live").returncode == 1
    assert railway.source == IMAGE.format(second)


def test_o4_what_railway_wants_and_may_not_be_told_is_said(at: Machine, railway: Railway) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    railway.words = [
        Words("serviceInstanceDeployV2", "Your trial has expired"),
        Words("serviceInstanceUpdate", "Not Authorized", after=1),
    ]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "Railway could not be told to want what runs" in done.stderr
    assert "Railway refused serviceInstanceDeployV2: Your trial has expired" in done.stderr
    assert "may be down" not in done.stderr


def test_o6_a_deploy_that_is_turned_away_is_made_again(at: Machine, railway: Railway) -> None:
    at.deploy("v1.0.0")
    newest = at.commit("v1.1.0")
    railway.faults = [Fault(DEPLOY, "429")]
    railway.words = [Words("serviceInstanceDeployV2", "You are being ratelimited", times=2)]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert railway.running() == newest
    assert railway.changes().count(DEPLOY) == 5
    assert len(railway.rows) == 2


def test_o6_a_deploy_that_is_refused_changed_nothing(at: Machine, railway: Railway) -> None:
    good = at.deploy("v1.0.0")
    record = at.git("ls-remote", "origin", "refs/deployments/live")
    at.commit("v1.1.0")
    railway.words = [Words("serviceInstanceDeployV2", "Your trial has expired", times=9)]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "Railway refused serviceInstanceDeployV2: Your trial has expired" in done.stderr
    assert "nothing was changed in live; try again: ops/deploy live" in done.stderr
    assert railway.changes().count(DEPLOY) == 2, "it is not asked again"
    assert railway.source == IMAGE.format(good)
    assert at.git("ls-remote", "origin", "refs/deployments/live") == record


def test_o7_who_may_not_look_any_more_is_told_what_is_known(at: Machine, railway: Railway) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    railway.words = [Words("deployment", "Not Authorized", times=99)]
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="20", POLL_INTERVAL="1", SMOKE_COUNT="1")
    assert done.returncode == 1
    assert "Railway refused deployment: Not Authorized: the token is wrong" in done.stderr
    assert "may be down" not in done.stderr
    assert "once the platform lets us in" in done.stderr
    assert railway.words[0].times == 98, "one look"


def test_o8_a_variable_with_a_space_stays_one(at: Machine, railway: Railway) -> None:
    file = at.project / ".railway/live.json"
    wanted = json.loads(file.read_text())
    wanted["variables"]["CORS_ORIGINS"] = "https://a.example https://b.example"
    file.write_text(json.dumps(wanted))
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert railway.variables["live"] == wanted["variables"]
    assert "live is as it should be" in at.run("ops/bootstrap", "live").stderr


def test_o9_a_rollback_to_what_is_sick_goes_back_to_what_ran(at: Machine, railway: Railway) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    railway.sick = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"{second} runs again" in done.stderr
    assert railway.running() == second
    assert railway.source == IMAGE.format(second)


@pytest.mark.parametrize("how", ["drop", "words"])
@pytest.mark.parametrize("kept", [True, False])
def test_a_rollback_whose_answer_was_lost_is_followed_and_not_made_twice(
    at: Machine, railway: Railway, how: str, *, kept: bool
) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    call = ROLLBACK if kept else DEPLOY
    if not kept:
        railway.forgotten = {"d-1"}
    if how == "drop":
        railway.faults = [Fault(call, "drop")]
    else:
        railway.words = [Words(call.removeprefix("POST "), INTERNAL, runs=True)]
    before = railway.changes().count(call)
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert railway.running() == first
    assert railway.changes().count(call) == before + 1


def test_a_rollback_that_never_began_is_not_waited_for(at: Machine, railway: Railway) -> None:
    _, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    railway.words = [Words("deploymentRollback", INTERNAL)]
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"deploymentRollback failed: {INTERNAL}" in done.stderr
    assert f"live may still run {second}" in done.stderr
    assert railway.source == IMAGE.format(second)


def test_a_deploy_of_which_nobody_knows_whether_it_began_makes_way(
    at: Machine, railway: Railway
) -> None:
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    railway.words = [Words("serviceInstanceDeployV2", INTERNAL, runs=True)]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live runs {good} again" in done.stderr
    assert [row["status"] for row in railway.rows] == ["REMOVED", "SUCCESS"]
    assert railway.changes().count(DEPLOY) == 2
    assert railway.source == IMAGE.format(good)


def test_a_question_that_railway_fails_at_is_asked_again(at: Machine, railway: Railway) -> None:
    railway.words = [Words("deployments", INTERNAL, times=2), Words("projectToken", INTERNAL)]
    at.deploy("v1.0.0")


def test_a_reference_in_a_value_is_refused_by_name(at: Machine, railway: Railway) -> None:
    told(at, API_KEY="first")
    at.deploy("v1.0.0")
    told(at, API_KEY="second", OTHER="a${{API_KEY}}b")
    before = railway.changes()
    done = at.run("ops/settings", "live", "push")
    assert done.returncode == 1
    assert "something else in place of ${{…}} in the value of OTHER" in done.stderr
    assert "nothing was changed in live" in done.stderr
    assert railway.changes() == before


@pytest.mark.parametrize("how", ["deploy", "push"])
def test_what_railway_deploys_when_a_variable_goes_does_not_take_over(
    at: Machine, railway: Railway, how: str
) -> None:
    told(at, API_KEY="first", OTHER="one")
    commit = at.deploy("v1.0.0")
    told(at, API_KEY="second")
    if how == "push":
        assert at.run("ops/settings", "live", "push").returncode == 0
    else:
        commit = at.deploy("v1.1.0")
    assert railway.changes().count(DELETE) == 1
    assert [row["status"] for row in railway.rows] == ["SUCCESS", "REMOVED", "REMOVED"]
    assert railway.running() == commit
    assert railway.environ() == {"API_KEY": "second"}


def test_nor_does_a_deploy_of_which_nobody_knows_whether_it_began(
    at: Machine, railway: Railway
) -> None:
    told(at, API_KEY="first")
    good = at.deploy("v1.0.0")
    told(at, API_KEY="second")
    at.commit("v1.1.0")
    railway.words = [Words("serviceInstanceDeployV2", INTERNAL, runs=True)]
    assert at.run("ops/deploy", "live").returncode == 1
    railway.lapse()
    assert (railway.running(), railway.environ()) == (good, {"API_KEY": "second"})


def test_what_was_sealed_is_known_by_its_name(at: Machine, railway: Railway) -> None:
    told(at, API_KEY="first", OTHER="one")
    at.deploy("v1.0.0")
    railway.sealed = {"API_KEY", "OTHER"}
    assert "nothing differs in live" in at.run("ops/settings", "live", "push").stderr
    told(at, API_KEY="first")
    assert at.run("ops/settings", "live", "push").returncode == 0
    assert railway.environ() == {"API_KEY": "first"}


def test_others_additions_stay(at: Machine, railway: Railway) -> None:
    told(at, API_KEY="first")
    at.deploy("v1.0.0")
    railway.variables["live"]["OF_SOMEBODY"] = "else"
    told(at, OTHER="one")
    at.deploy("v1.1.0")
    assert railway.environ() == {"OF_SOMEBODY": "else", "OTHER": "one"}


def test_a_bootstrap_does_not_undo_a_setting(at: Machine, railway: Railway) -> None:
    told(at, LOG_FORMAT="text")
    at.deploy("v1.0.0")
    file = at.project / ".railway/live.json"
    wanted = json.loads(file.read_text())
    wanted["variables"]["LOG_FORMAT"] = "json"
    file.write_text(json.dumps(wanted))
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    assert railway.variables["live"]["LOG_FORMAT"] == "text"


def test_a_project_whose_making_was_not_answered_is_not_made_twice(
    at: Machine, railway: Railway
) -> None:
    railway.faults = [Fault("POST projectCreate", "drop"), Fault("POST serviceCreate", "drop")]
    for _ in range(2):
        done = at.run("ops/bootstrap", "live")
        assert done.returncode == 1
        assert "do it again: ops/bootstrap live" in done.stderr
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert (railway.projects, railway.services) == (["my-service"], ["my-service"])


@pytest.fixture
def engine(render: Render) -> Iterator[ModuleType]:
    """The engine of a project on Railway, in this process."""
    folder = render(stack="node", ci="github", hosting="railway") / ENGINE
    name = "engine_of_railway"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    yield made
    for each in [each for each in sys.modules if each.partition(".")[0] == name]:
        del sys.modules[each]


def part(engine: ModuleType, name: str) -> Any:
    """Give a module of the engine."""
    return importlib.import_module(f"{engine.__name__}.{name}")


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        pytest.param({"data": {"x": True}}, "done", id="no errors"),
        pytest.param({"data": {"x": True}, "errors": []}, "done", id="an empty list of them"),
        pytest.param("Not Authorized", "denied", id="the token"),
        pytest.param("Two Factor Authentication Required", "denied", id="the person"),
        pytest.param("Deployment not found", "refused", id="the call"),
        pytest.param(None, "refused", id="the call, without a word"),
        pytest.param("You are being ratelimited", "turned away", id="a limit"),
        pytest.param("Too Many Requests", "turned away", id="a limit in other words"),
        pytest.param(INTERNAL, "unknown", id="Railway itself"),
        pytest.param("Operation timed out", "unknown", id="something behind it"),
    ],
)
def test_an_answer_says_what_became_of_its_call(
    engine: ModuleType, told: Any, outcome: str
) -> None:
    body = told if isinstance(told, dict) else {"data": None, "errors": [{"message": told}]}
    answer = part(engine, "http").Answer(200, json.dumps(body).encode(), after="7")
    judged = part(engine, "graphql").judged(answer)
    assert judged.good is (outcome == "done")
    api = part(engine, "api")
    failed = api.CallFailed("it", judged, "")
    assert failed.denied is (outcome == "denied")
    assert failed.certainly_not_run is (outcome in ("denied", "refused", "turned away"))
    assert api.passing(judged) is (outcome in ("turned away", "unknown"))
    assert judged.after == "7"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"errors": 7}'])
def test_an_answer_that_is_none_is_left_to_who_reads_it(engine: ModuleType, body: bytes) -> None:
    answer = part(engine, "http").Answer(200, body)
    assert part(engine, "graphql").judged(answer) == answer


@pytest.mark.parametrize(
    ("meta", "what"),
    [
        ({"image": "r.example/a@sha256:1", "imageDigest": "sha256:2"}, "r.example/a@sha256:1"),
        ({"image": "r.example:50/a:v1", "imageDigest": "sha256:2"}, "r.example:50/a@sha256:2"),
        ({"image": "r.example:50/a", "imageDigest": "sha256:2"}, "r.example:50/a@sha256:2"),
        ({"commitHash": "c0ffee"}, "c0ffee"),
        (None, "d-1"),
    ],
)
def test_a_release_is_known_by_its_digest(engine: ModuleType, meta: Any, what: str) -> None:
    node = {"id": "d-1", "status": "SUCCESS", "createdAt": "", "canRollback": True, "meta": meta}
    release = part(engine, "deployment").Deployment.read(node).release
    assert release.what == what
    assert release.image == (what if "@" in what else "")


def test_a_release_that_railway_no_longer_keeps_comes_back_as_its_image(
    at: Machine, railway: Railway
) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    railway.forgotten = {"d-1"}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert railway.running() == first
    assert "Railway no longer keeps d-1; deploying its image" in done.stderr
    assert "POST deploymentRollback" not in railway.changes()


def test_a_rollback_that_fails_is_seen_though_its_call_succeeded(
    at: Machine, railway: Railway
) -> None:
    first = at.deploy("v1.0.0")
    second = at.deploy("v1.1.0")
    railway.doomed = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert "the rollback to d-1 failed: it ended as FAILED" in done.stderr
    assert railway.running() == second


def test_what_was_cancelled_is_no_release_though_it_is_removed_as_one_that_ran(
    at: Machine, railway: Railway
) -> None:
    at.deploy("v1.0.0")
    cancelled = at.commit("v1.1.0")
    railway.faults = [Fault("POST serviceInstanceDeployV2", "drop")]
    assert at.run("ops/deploy", "live").returncode == 1
    assert [row["status"] for row in railway.rows] == ["REMOVED", "SUCCESS"]
    listed = at.run("ops/releases", "live").stdout
    assert "v1.0.0" in listed
    assert cancelled not in listed
    assert "d-2" not in listed


def test_a_service_that_crashed_is_rolled_back(at: Machine, railway: Railway) -> None:
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    railway.rows[0]["status"] = "CRASHED"
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert railway.running() == first


def test_bootstrap_makes_a_project_and_leaves_it_when_done_again(
    at: Machine, railway: Railway
) -> None:
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    assert railway.projects == ["my-service"]
    assert railway.environments == ["live", "sandbox", "testbed"]
    assert railway.services == ["my-service"]
    wanted = json.loads((at.project / ".railway/live.json").read_text())
    assert railway.settings["live"] == wanted["settings"]
    assert railway.variables["live"] == wanted["variables"]
    assert railway.domains == {"live": 3000}
    assert railway.logins == {"live": {"username": "robot", "password": SECRET}}
    assert "RAILWAY_SERVICE_ID=s-1" in done.stderr
    assert railway.rows == [], "nothing is deployed"

    before = railway.changes()
    again = at.run("ops/bootstrap", "live")
    assert again.returncode == 0, again.stderr
    assert "live is as it should be" in again.stderr
    assert railway.changes() == before
    assert SECRET not in done.stdout + done.stderr + again.stdout + again.stderr


def test_bootstrap_of_another_environment_is_of_the_same_project_and_leaves_live(
    at: Machine, railway: Railway
) -> None:
    for env in ("live", "sandbox"):
        assert at.run("ops/bootstrap", env).returncode == 0
    assert railway.projects == ["my-service"]
    assert railway.services == ["my-service"]
    assert railway.settings["sandbox"]["numReplicas"] == 1
    assert railway.settings["live"]["numReplicas"] == 2


def test_bootstrap_puts_right_what_was_changed_and_keeps_the_rest(
    traced: Machine, railway: Railway
) -> None:
    at = traced
    assert at.run("ops/bootstrap", "live").returncode == 0
    railway.settings["live"]["numReplicas"] = 7
    railway.variables["live"] |= {"LOG_LEVEL": "trace", "DATABASE_URL": "mysql://s3cr3t-database"}
    for file in (at.project / "ops").rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace("set -eu", "set -eux", 1))
    before = len(railway.changes())
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    assert railway.settings["live"]["numReplicas"] == 2
    assert railway.variables["live"]["LOG_LEVEL"] == "info"
    assert railway.variables["live"]["DATABASE_URL"] == "mysql://s3cr3t-database"
    assert railway.changes()[before:] == [
        "POST serviceInstanceUpdate", "POST variableCollectionUpsert",
    ]  # fmt: skip
    assert "s3cr3t" not in done.stdout + done.stderr


@pytest.mark.parametrize("there", [False, True])
def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    at: Machine, railway: Railway, *, there: bool
) -> None:
    if there:
        assert at.run("ops/bootstrap", "sandbox").returncode == 0
    before = railway.changes()
    done = at.run("ops/bootstrap", "live", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert ("would create the project my-service" in done.stderr) != there
    assert "would set " in done.stderr
    assert railway.changes() == before


def test_of_several_workspaces_one_has_to_be_named(at: Machine, railway: Railway) -> None:
    railway.workspaces = ("w-1", "w-2")
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 1
    assert "say which, as RAILWAY_WORKSPACE_ID: w-1 (w-1), w-2 (w-2)" in done.stderr
    assert railway.changes() == []
    assert at.run("ops/bootstrap", "live", RAILWAY_WORKSPACE_ID="w-2").returncode == 0


@pytest.fixture
def described(render: Render) -> Path:
    """A project whose railway.ts finds Railway's package."""
    project = render(stack="node", ci="github", hosting="railway", project_name="my-service")
    (project / "node_modules").symlink_to(from_npm("railway", "railway/package.json").parents[1])
    return project


def compiled(project: Path) -> str:
    """Give what the compiler has to say about railway.ts."""
    tsc = project / "node_modules/typescript/bin/tsc"
    done = subprocess.run(
        ["node", str(tsc), "--project", ".railway"],
        cwd=project, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def evaluated(project: Path, env: str) -> Any:
    """Give the service that railway.ts describes for an environment, as Railway's command does."""
    script = """\
const mod = await import(process.argv[1]);
const { createRailwayContext, validateGraph } = await import("railway/iac");
const made = await mod.default(createRailwayContext({ environment: process.argv[2] }));
const graph = { version: 1, edges: [], ...made };
process.stdout.write(JSON.stringify({ wrong: validateGraph(graph), ...made }));
"""
    done = subprocess.run(
        ["node", "--experimental-strip-types", "--no-warnings", "--input-type=module",
         "--eval", script, str(project / ".railway/railway.ts"), env],
        cwd=project, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(done.stderr)
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["name"] == "my-service"
    [service] = told["resources"]
    return service


@pytest.mark.parametrize(
    ("env", "replicas", "level"),
    [("sandbox", 1, "debug"), ("testbed", 2, "info"), ("live", 2, "info")],
)
def test_railway_ts_describes_each_environment(
    described: Path, env: str, replicas: int, level: str
) -> None:
    assert compiled(described) == ""
    assert evaluated(described, env) == {
        "address": "service.my-service",
        "type": "service",
        "kind": "empty",
        "name": "my-service",
        "deploy": {
            "healthcheckPath": "/healthz",
            "healthcheckTimeout": 120,
            "drainingSeconds": 15,
            "multiRegionConfig": {"us-east4-eqdc4a": {"numReplicas": replicas}},
        },
        "variables": {
            name: {"type": "literal", "value": value}
            for name, value in {
                "APP_ENV": env, "CLIENT_IP_HEADER": "x-real-ip", "LOG_LEVEL": level, "PORT": "3000",
            }.items()
        },
    }  # fmt: skip


def test_railway_ts_keeps_what_was_set_by_hand_and_refuses_other_environments(
    described: Path,
) -> None:
    file = described / ".railway/railway.ts"
    text = file.read_text()
    file.write_text(text.replace("string[] = []", 'string[] = ["DATABASE_URL"]'))
    assert compiled(described) == ""
    assert evaluated(described, "live")["variables"]["DATABASE_URL"] == {"type": "preserve"}
    with pytest.raises(ValueError, match=r"no environment 'production' in \.railway/"):
        evaluated(described, "production")


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        pytest.param("live.json", "120", '"120"', "'string' is not", id="a wrong type"),
        pytest.param("sandbox.json", "region", "regoin", "regoin", id="a misspelt name"),
        pytest.param("railway.ts", "healthcheckPath:", "healthPath:", "healthPath", id="none"),
        pytest.param(
            "railway.ts", "deploy: {", 'deploy: { restartPolicyType: "OFTEN",', "OFTEN",
            id="a wrong value",
        ),
    ],
)  # fmt: skip
def test_a_wrong_railway_ts_does_not_compile(
    described: Path, file: str, old: str, new: str, says: str
) -> None:
    path = described / ".railway" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert says in compiled(described)


def test_settings_are_those_of_railways_api(described: Path) -> None:
    kind = schema().get_type("ServiceInstanceUpdateInput")
    assert isinstance(kind, graphql.GraphQLInputObjectType)
    for env in ("sandbox", "testbed", "live"):
        told = json.loads((described / f".railway/{env}.json").read_text())
        assert graphql.coerce_input_value(told["settings"], kind) == told["settings"]


def test_what_is_deprecated_is_not_written(described: Path) -> None:
    assert not list(described.glob("railway.*"))
