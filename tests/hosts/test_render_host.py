"""What is particular to Render: images by digest with a forge, commits where Render builds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from process import Inside
from vendors import render as vendor_of
from vendors.base import SECRET, Fault


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Inside]:
    """A new service on Render, deployed from GitHub."""
    vendor = vendor_of.Render()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Inside]:
    """A new service that Render builds itself."""
    vendor = vendor_of.Render(image=None)
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path, ci="render")


def of(at: Inside) -> vendor_of.Render:
    """Give the service."""
    assert isinstance(at.vendor, vendor_of.Render)
    return at.vendor


def test_the_tested_image_is_what_runs_and_what_a_later_redeploy_takes(at: Inside) -> None:
    commit = at.deploy("v1.0.0")
    image = f"registry.example.com/team/service@sha256:{commit}{'0' * 24}"
    assert of(at).rows[0]["image"]["ref"] == image
    assert of(at).image == image
    at.deploy("v1.1.0")
    assert at.run("ops/rollback", "live").returncode == 0
    assert of(at).image == image, "nor does a change of settings bring the newer one back"


def test_a_service_that_is_built_from_a_repository_takes_no_image(at: Inside) -> None:
    of(at).image = None
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "set one up that runs images: ops/bootstrap live" in done.stderr
    assert at.vendor.changes() == []


def test_a_deploy_that_was_only_queued_is_followed(at: Inside) -> None:
    of(at).queues = True
    at.deploy("v1.0.0")


def test_nothing_is_restored_after_a_deploy_that_never_took_over(at: Inside) -> None:
    good = at.deploy("v1.0.0")
    at.vendor.doomed = {at.commit("v1.1.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "failed: it ended as update_failed" in done.stderr
    assert f"live runs {good} again" in done.stderr
    assert not [call for call in at.vendor.changes() if call.endswith("/rollback")]


def test_a_deploy_that_cannot_be_seen_is_followed_on(at: Inside) -> None:
    at.vendor.faults = [Fault("GET /v1/services/srv-1/deploys/dep-1", "500", times=9)]
    at.deploy("v1.0.0")
    assert not [call for call in at.vendor.changes() if call.endswith("/cancel")]


def test_a_deploy_that_takes_too_long_is_cancelled(at: Inside) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="0")
    assert done.returncode == 1
    assert of(at).rows[0]["status"] == "canceled"


def test_a_deploy_that_is_still_under_way_does_not_take_over_later(at: Inside) -> None:
    """Its answer got lost: Render goes on with what the task knows nothing of."""
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    at.vendor.faults = [Fault(at.vendor.deploys, "drop")]
    assert at.run("ops/deploy", "live").returncode == 1
    assert [row["status"] for row in of(at).rows[:2]] == ["canceled", "live"]
    assert at.vendor.running() == good


@pytest.mark.parametrize("task", ["deploy", "rollback"])
def test_the_service_of_another_environment_is_refused(at: Inside, task: str) -> None:
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    before = at.vendor.changes()
    of(at).name = "my-service-sandbox"
    done = at.run(f"ops/{task}", "live")
    assert done.returncode == 1
    assert "is not the service of live" in done.stderr
    assert at.vendor.changes() == before


def test_where_render_builds_the_commit_is_deployed(built: Inside) -> None:
    commit = built.deploy("v1.0.0")
    assert of(built).rows[0]["commit"]["id"] == commit
    assert of(built).auto_deploy == "yes"


def test_what_render_deployed_by_itself_is_rolled_back_by_name_and_force(built: Inside) -> None:
    """A push is deployed without `ops/deploy`, so on no record, and the next one would be too."""
    first, second = built.commit("v1.0.0"), built.commit("v1.1.0")
    of(built).rows = [
        {"id": "dep-2", "status": "live", "createdAt": "2026-11-02", "commit": {"id": second}},
        {
            "id": "dep-1",
            "status": "deactivated",
            "createdAt": "2026-11-01",
            "commit": {"id": first},
        },
    ]
    assert "no release before" in built.run("ops/rollback", "live").stderr
    done = built.run("ops/rollback", "live", "v1.0.0", "--force")
    assert done.returncode == 0, done.stderr
    assert built.vendor.running() == first
    assert of(built).auto_deploy == "no"


def test_a_rollback_goes_on_though_it_may_not_change_settings(built: Inside) -> None:
    first, _ = built.deploy("v1.0.0"), built.deploy("v1.1.0")
    built.vendor.faults = [Fault("PATCH .*", "401")]
    done = built.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert "deploys on push, if there are any, are still on" in done.stderr
    assert built.vendor.running() == first


def test_a_service_is_set_up_once_and_then_brought_to_what_the_files_say(
    at: Inside, tmp_path: Path
) -> None:
    commit = at.commit("v1.0.0")
    del at.environment["RENDER_SERVICE_ID"]
    github: dict[str, Any] = {"IMAGE_REPOSITORY": "ghcr.io/team/service"}
    bootstrap = ["ops/bootstrap", "live"]
    would = at.run(*bootstrap, "--dry-run", **github)
    assert would.returncode == 0, would.stderr
    assert "would give Render a login for ghcr.io" in would.stderr
    assert "would create the service my-service-live" in would.stderr
    assert at.vendor.changes() == []

    done = at.run(*bootstrap, **github)
    assert done.returncode == 0, done.stderr
    assert "as a variable of live: RENDER_SERVICE_ID=srv-1" in done.stderr
    [service] = of(at).services
    assert service["image"] == {
        "ownerId": "tea-1",
        "imagePath": f"ghcr.io/team/service@sha256:{commit}{'0' * 24}",
        "registryCredentialId": "rgc-0",
    }
    assert service["serviceDetails"]["healthCheckPath"] == "/healthz"
    [login] = of(at).logins
    assert (login["registry"], login["username"], login["authToken"]) == ("GITHUB", "robot", SECRET)
    assert SECRET not in done.stdout + done.stderr
    assert SECRET not in "".join(log.read_text() for log in tmp_path.glob("*.log"))

    again = at.run(*bootstrap, **github)
    assert "live is as it should be" in again.stderr
    file = at.project / ".render/live.json"
    settings = json.loads(file.read_text())
    settings["serviceDetails"] |= {"plan": "standard", "numInstances": 3}
    settings["envVars"][2]["value"] = "warn"
    file.write_text(json.dumps(settings))
    changed = at.run(*bootstrap, **github)
    assert changed.returncode == 0, changed.stderr
    for change in ("set the plan", "run 3 instances", "set LOG_LEVEL=warn"):
        assert change in changed.stderr
    assert "live is as it should be" in at.run(*bootstrap, **github).stderr


def test_a_registry_that_render_has_no_login_for_is_refused(at: Inside) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 1
    assert "Render has no login for registry.example.com" in done.stderr
    assert at.vendor.changes() == []


@pytest.mark.parametrize("ci", ["github", "render"])
def test_only_what_is_read_is_there(render: Callable[..., Path], ci: str) -> None:
    project = render(stack="node", ci=ci, hosting="render")
    assert (project / "render.yaml").exists() is (ci == "render")
    assert (project / ".render").exists() is (ci != "render")
