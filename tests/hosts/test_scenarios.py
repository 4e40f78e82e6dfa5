"""What deploys and rollbacks do, on every host alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Render
from vendors.base import SECRET, Machine, Vendor
from vendors.vercel import Vercel

VENDORS: list[type[Vendor]] = [Vercel]


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.hosting)
def at(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service on a host, where nothing was deployed yet."""
    vendor: Vendor = request.param()
    shell = shutil.which("dash") or pytest.skip("needs dash")
    with vendor.serving():
        project = render(stack="node", ci="github", hosting=vendor.hosting)
        yield Machine.new(project, vendor, tmp_path / "bin", shell)


def test_the_first_deploy_runs(at: Machine) -> None:
    commit = at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == commit
    assert f"live runs {commit}" in done.stderr


def test_a_first_deploy_that_is_sick_has_nothing_to_go_back_to(at: Machine) -> None:
    at.vendor.sick = {at.commit("v1.0.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "live has no earlier release to restore" in done.stderr


@pytest.mark.parametrize("how", ["sick", "doomed"])
def test_a_bad_deploy_is_rolled_back(at: Machine, how: str) -> None:
    good = at.deploy("v1.0.0")
    bad = at.commit("v1.1.0")
    setattr(at.vendor, how, {bad})
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert at.vendor.running() == good
    assert f"live runs {good} again" in done.stderr


def test_rollbacks_go_further_back_each_time(at: Machine) -> None:
    first, second, _ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    for target in (second, first):
        done = at.run("ops/rollback", "live")
        assert done.returncode == 0, done.stderr
        assert at.vendor.running() == target
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"live has no release before {first}" in done.stderr
    assert at.vendor.running() == first


def test_a_rollback_to_a_tag(at: Machine) -> None:
    first, *_ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    done = at.run("ops/rollback", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first
    newest = at.deploy("v1.3.0")
    assert at.vendor.running() == newest, "a deploy after a rollback takes over"


def test_no_secret_is_told(at: Machine) -> None:
    at.commit("v1.0.0")
    for file in (at.project / "ops").rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace("set -eu", "set -eux", 1))
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    told = (
        done.stdout + done.stderr + "".join(log.read_text() for log in at.bin.parent.glob("*.log"))
    )
    assert SECRET not in told
