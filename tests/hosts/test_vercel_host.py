"""What is particular to images on Vercel; sites are in tests/template/test_static.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from process import Inside
from vendors.base import SECRET, Fault, Machine
from vendors.vercel import Vercel

pytestmark = pytest.mark.slow


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Machine]:
    """A new service on Vercel."""
    vendor = Vercel()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path, stack="python", ci="gitlab")


def of(at: Machine) -> Vercel:
    """Give the project."""
    assert isinstance(at.vendor, Vercel)
    return at.vendor


def test_the_tested_image_is_copied_to_the_registry_of_vercel_under_its_digest(
    at: Machine, tmp_path: Path
) -> None:
    commit = at.deploy("v1.0.0")
    digest = f"sha256:{commit}{'0' * 24}"
    [copied] = [
        line for line in (tmp_path / "skopeo.log").read_text().splitlines() if " copy " in line
    ]
    assert "--preserve-digests" in copied
    assert copied.endswith(
        f"docker://registry.example.com/team/service@{digest}"
        f" docker://vcr.vercel.com/my-team/my-service-live/service:{commit}"
    )
    assert isinstance(at.vendor, Vercel)
    assert at.vendor.deployments[0]["image"].endswith(f"/service@{digest}")


def test_the_project_of_another_environment_is_refused_before_anything_is_copied(
    at: Machine, tmp_path: Path
) -> None:
    assert isinstance(at.vendor, Vercel)
    at.vendor.name = "my-service-testbed"
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "VERCEL_PROJECT_ID is not the project of live" in done.stderr
    assert " copy " not in (tmp_path / "skopeo.log").read_text()
    assert at.vendor.changes() == []


def test_a_project_is_set_up_once(at: Machine) -> None:
    at.commit("v1.0.0")
    vendor = at.vendor
    assert isinstance(vendor, Vercel)
    would = at.run("ops/bootstrap", "live", "--dry-run")
    assert "would create the project my-service-live" in would.stderr
    assert vendor.changes() == []
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    assert "as a variable of live: VERCEL_PROJECT_ID=prj_1" in done.stderr
    assert vendor.variables == {
        "APP_ENV": "live",
        "CLIENT_IP_HEADER": "x-real-ip",
        "LOG_LEVEL": "info",
        "PORT": "3000",
    }
    assert "live is as it should be" in at.run("ops/bootstrap", "live").stderr
    vendor.variables["LOG_LEVEL"] = "debug"
    assert "set LOG_LEVEL=info" in at.run("ops/bootstrap", "live").stderr
    assert vendor.variables["LOG_LEVEL"] == "info"


DOCUMENTED = """

# One of a team's own.
# Type: string
# Secret: yes
# Default: none
# Set in: none
{}=
"""


def told(at: Machine, **values: str) -> None:
    """Have live's settings on this machine, and document them."""
    example = at.project / ".env.example"
    missing = [name for name in values if f"\n{name}=" not in example.read_text()]
    with example.open("a") as file:
        file.writelines(DOCUMENTED.format(name) for name in missing)
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    (at.project / ".env.live").write_text(f"SETTINGS_KEY={'k' * 32}\n{lines}")


def test_no_example_of_a_setting_is_set(at: Machine) -> None:
    told(at, API_KEY="of live")
    with (at.project / ".env.live.example").open("a") as file:
        file.write("API_KEY=example\n")
    at.deploy("v1.0.0")
    assert at.run("ops/bootstrap", "live").returncode == 0
    assert of(at).variables["API_KEY"] == "of live"
    said = {"APP_ENV", "CLIENT_IP_HEADER", "LOG_LEVEL", "PORT"}
    assert of(at).variables.keys() == {*said, "API_KEY"}
    assert of(at).sensitive == {"API_KEY"}


def test_a_push_is_a_question_and_a_call_for_each_kind_of_change(at: Machine) -> None:
    told(at, API_KEY="first", OTHER="one")
    at.deploy("v1.0.0")

    def calls() -> list[str]:
        of(at).calls.clear()
        assert at.run("ops/settings", "live", "push").returncode == 0
        said = [at.vendor.said(call).split() for call in of(at).calls]
        return [method for method, path in said if path.endswith("/env")]

    assert calls() == ["GET"]
    told(at, API_KEY="second", OTHER="two")
    assert calls() == ["GET", "POST"]
    told(at, API_KEY="third")
    assert calls() == ["GET", "POST", "DELETE"]
    assert of(at).environ() == {"API_KEY": "third"}


def test_what_an_answer_that_is_good_says_was_not_taken_is_named(at: Machine) -> None:
    told(at, API_KEY="first")
    good = at.deploy("v1.0.0")
    told(at, API_KEY="second", TZ="hush hush")
    of(at).refused = {"TZ"}
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "Vercel did not take all: TZ (BAD_REQUEST)" in done.stderr
    assert "hush" not in done.stderr
    assert at.vendor.running() == good
    assert of(at).environ() == {"API_KEY": "first"}


def test_what_takes_more_than_vercel_has_for_all_is_refused_before_any_of_it_is_set(
    at: Machine,
) -> None:
    told(at, FIRST="1" * 40_000)
    good = at.deploy("v1.0.0")
    told(at, FIRST="1" * 40_000, SECOND="2" * 30_000)
    at.commit("v1.1.0")
    before = at.vendor.changes()
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "with SECOND all variables take 70011 bytes; 65536 are what Vercel has" in done.stderr
    assert at.vendor.changes() == before
    assert at.vendor.running() == good


def test_a_rollback_to_other_settings_takes_no_registry_and_has_pushes_wait(
    at: Machine, tmp_path: Path
) -> None:
    """A release that is deployed again is promoted, which would end the wait."""
    told(at, API_KEY="first")
    first = at.deploy("v1.0.0")
    told(at, API_KEY="second")
    second = at.deploy("v1.1.0")
    for setting in ("IMAGE_REPOSITORY", "REGISTRY_USER", "REGISTRY_PASSWORD"):
        at.environment.pop(setting)
    (tmp_path / "skopeo.log").write_text("")
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert " copy " not in (tmp_path / "skopeo.log").read_text()
    assert at.vendor.running() == first
    assert of(at).environ() == {"API_KEY": "second"}
    assert not of(at).automatic
    at.vendor.sick = {first}
    assert at.run("ops/rollback", "live", second).returncode == 0
    assert at.run("ops/rollback", "live", first).returncode == 1, "and back, as it was"
    assert at.vendor.running() == second
    assert not of(at).automatic


def test_what_a_push_began_to_build_does_not_undo_a_rollback_to_other_settings(at: Machine) -> None:
    told(at, API_KEY="first")
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    told(at, API_KEY="second")
    assert at.run("ops/settings", "live", "push").returncode == 0
    building = {**of(at).deployments[0], "id": "dpl_9", "number": 9, "state": "BUILDING"}
    of(at).deployments.insert(0, building)
    assert at.run("ops/rollback", "live").returncode == 0
    assert building["state"] == "CANCELED"
    assert at.vendor.running() == first


def test_a_push_of_settings_has_pushes_of_commits_wait_if_they_did(at: Machine) -> None:
    told(at, API_KEY="first")
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    told(at, API_KEY="second")
    assert at.run("ops/settings", "live", "push").returncode == 0
    assert at.vendor.running() == second
    assert of(at).automatic
    assert at.run("ops/rollback", "live").returncode == 0
    told(at, API_KEY="third")
    assert at.run("ops/settings", "live", "push").returncode == 0
    assert at.vendor.running() == first
    assert of(at).environ() == {"API_KEY": "third"}
    assert not of(at).automatic


def test_a_deploy_with_new_settings_that_makes_way_leaves_pushes_as_they_were(at: Machine) -> None:
    told(at, API_KEY="first")
    at.deploy("v1.0.0")
    good = at.deploy("v1.1.0")
    assert at.run("ops/rollback", "live", "v1.1.0").returncode == 0, "to what runs already"
    told(at, API_KEY="second")
    at.vendor.sick = {at.commit("v1.2.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    assert at.vendor.running() == good
    assert of(at).environ() == {"API_KEY": "second"}
    assert not of(at).automatic


def test_a_deploy_that_makes_way_leaves_new_ones_as_automatic_as_they_were(at: Machine) -> None:
    """To Vercel it is a rollback, after which new deployments wait for their promotion."""
    good = at.deploy("v1.0.0")
    at.vendor.sick = {at.commit("v1.1.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    assert at.vendor.running() == good
    assert of(at).automatic
    at.deploy("v1.2.0")
    assert at.run("ops/rollback", "live").returncode == 0
    at.vendor.sick = {at.commit("v1.3.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    assert at.vendor.running() == good
    assert not of(at).automatic, "nor was it before"


def test_a_rollback_has_pushes_wait_until_the_next_deploy(at: Machine) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    assert at.run("ops/rollback", "live").returncode == 0
    assert not of(at).automatic
    assert at.run("ops/rollback", "live", first).returncode == 0, "to what runs already"
    assert not of(at).automatic
    at.deploy("v1.2.0")
    assert of(at).automatic
    assert at.run("ops/rollback", "live", "v1.2.0").returncode == 0, "to what runs already"
    assert not of(at).automatic


@pytest.mark.parametrize("task", ["deploy", "rollback"])
def test_what_may_not_be_set_stops_nothing(at: Machine, task: str) -> None:
    good, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.vendor.faults = [Fault("PATCH /v9/projects/prj_1", "401")]
    if task == "deploy":
        good = at.vendor.running()
        at.vendor.sick = {at.commit("v1.2.0")}
    done = at.run(f"ops/{task}", "live")
    assert not at.vendor.faults[0].times, "it happened"
    assert done.returncode == int(task == "deploy"), done.stderr
    assert at.vendor.running() == good
    said = {"deploy": "waits to be promoted", "rollback": "the next push may undo this"}
    assert said[task] in done.stderr


def test_a_rollback_to_what_is_sick_goes_back_to_all_that_was(at: Machine) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.vendor.sick = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"{second} runs again" in done.stderr
    assert at.vendor.running() == second
    assert of(at).automatic


@pytest.mark.parametrize("name", ["commit", "tag", "release"])
def test_what_never_passed_is_rolled_back_to_by_force(at: Machine, name: str) -> None:
    at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    at.vendor.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    at.vendor.sick = set()
    for setting in ("IMAGE_REPOSITORY", "REGISTRY_USER", "REGISTRY_PASSWORD"):
        del at.environment[setting]
    version = {"commit": sick[:9], "tag": "v1.1.0", "release": of(at).deployments[0]["id"]}[name]
    assert "v1.0.0" in at.run("ops/rollback", "live", sick).stderr, "what did pass is said"
    done = at.run("ops/rollback", "live", version, "--force")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == sick
    assert at.run("ops/releases", "live").stdout.splitlines()[1].startswith("* v1.1.0 ")


def test_what_is_not_there_is_said_without_a_registry(at: Machine) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    del at.environment["REGISTRY_PASSWORD"]
    done = at.run("ops/rollback", "live", "v1.1.0", "--force")
    assert done.returncode == 2
    assert "v1.1.0 is not among the releases that live still has" in done.stderr


def test_of_a_call_without_an_answer_it_is_looked_what_came_of_it(at: Machine) -> None:
    at.deploy("v1.0.0")
    newest = at.commit("v1.1.0")
    at.vendor.faults = [Fault(at.vendor.deploys, "drop")]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == newest
    assert len(of(at).deployments) == 2, "it was made, and not made twice"


def test_what_vercel_refuses_to_make_changes_nothing(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    newest = at.commit("v1.1.0")
    at.vendor.faults = [Fault(at.vendor.deploys, "401")]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"nothing was changed in live; try again: ops/deploy live {newest}" in done.stderr
    assert at.vendor.running() == good
    assert "rollback" not in at.run("ops/releases", "live").stdout


def test_who_may_not_look_any_more_is_told_what_is_known(at: Machine) -> None:
    commit = at.commit("v1.0.0")
    at.vendor.faults = [Fault("GET /v13/deployments/dpl_1", "401", times=99)]
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="20", POLL_INTERVAL="1", SMOKE_COUNT="1")
    assert done.returncode == 1
    assert "may be down" not in done.stderr
    assert f"live is not known to run {commit}; once the platform lets us in" in done.stderr
    assert len([call for call in at.vendor.calls if call.path.endswith("/dpl_1")]) == 1


def test_a_deployment_waits_for_what_has_yet_to_lead_to_it(at: Machine) -> None:
    """Vercel points the domains some time after it was told to."""
    of(at).slow = 3
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first
    at.deploy("v1.2.0")
    promotions = [call for call in at.vendor.changes() if "/promote/" in call]
    assert len(promotions) == 1
    assert SECRET not in done.stderr


def test_the_domains_are_not_waited_for_for_ever(at: Machine) -> None:
    at.deploy("v1.0.0")
    second = at.deploy("v1.1.0")
    of(at).slow = 10**9
    done = at.run("ops/rollback", "live", DEPLOY_TIMEOUT="0")
    assert done.returncode == 1
    assert "the domains do not lead to dpl_1 after 0 s" in done.stderr
    assert at.vendor.running() == second


def test_what_vercel_deployed_by_itself_is_rolled_back_by_name_and_force(tmp_path: Path) -> None:
    """A push is deployed without `ops/deploy`: on no record, known by what its repository says."""
    vendor = Vercel()
    with vendor.serving():
        at = Inside.inside(vendor, tmp_path, ci="vercel")
        commits = [at.commit("v1.0.0"), at.commit("v1.1.0")]
        first, vendor.current = vendor.deployments = [
            {
                "id": f"dpl_{number}",
                "number": number,
                "meta": {"githubCommitSha": commit},
                "state": "READY",
                "seen": True,
                "image": f"vcr.vercel.com/team/service@sha256:{commit}",
            }
            for number, commit in enumerate(commits)
        ]
        assert "no release before" in at.run("ops/rollback", "live").stderr
        done = at.run("ops/rollback", "live", "v1.0.0", "--force")
        assert done.returncode == 0, done.stderr
        assert vendor.current == first
        told(at, API_KEY="first")
        done = at.run("ops/settings", "live", "push")
        assert done.returncode == 0, done.stderr
        assert vendor.variables == {"API_KEY": "first"}
        assert at.vendor.running() == commits[0], "of the image that its commit was published as"
