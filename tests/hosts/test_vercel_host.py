"""What is particular to images on Vercel; sites are in tests/template/test_static.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Render
from vendors.base import Machine
from vendors.vercel import Vercel

pytestmark = pytest.mark.slow


@pytest.fixture
def at(render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service on Vercel."""
    vendor = Vercel()
    with vendor.serving():
        yield Machine.new(vendor, render, tmp_path, stack="python", ci="gitlab")


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


def test_what_vercel_deployed_by_itself_is_rolled_back_by_name_and_force(
    render: Render, tmp_path: Path
) -> None:
    """A push is deployed without `ops/deploy`: on no record, known by what its repository says."""
    vendor = Vercel()
    with vendor.serving():
        at = Machine.new(vendor, render, tmp_path, ci="vercel")
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
