"""What went wrong once in deploys and rollbacks, each a kind of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from process import Inside
from vendors import render as vendor_of
from vendors.base import Fault
from vendors.fly import Fly

LOCK = "refs/deployments/locks/live"
RECORD = "refs/deployments/live"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Inside]:
    vendor = vendor_of.Render()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


@pytest.fixture
def fly(tmp_path: Path) -> Iterator[Inside]:
    vendor = Fly()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


def test_o1_a_hook_of_peoples_pushes_stops_no_rollback(fly: Inside) -> None:
    first, _ = fly.deploy("v1.0.0"), fly.deploy("v1.1.0")
    hook = fly.project / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    done = fly.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert fly.vendor.running() == first


def test_o2_why_the_server_refused_is_shown(at: Inside, tmp_path: Path) -> None:
    at.commit("v1.0.0")
    hook = tmp_path / "origin.git/hooks/pre-receive"
    hook.write_text('#!/bin/sh\necho "GH013: commits must be signed" >&2\nexit 1\n')
    hook.chmod(0o755)
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "GH013: commits must be signed" in done.stderr


def test_o3_a_commit_that_never_passed_is_found_by_the_digest_of_its_image(at: Inside) -> None:
    at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    at.vendor.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    at.vendor.sick = set()
    # The stand-in's digests begin with the commit, which no registry's do.
    assert isinstance(at.vendor, vendor_of.Render)
    for row in at.vendor.rows:
        row["image"]["ref"] = row["image"]["ref"].replace("sha256:", "sha256:" + "f" * 8)
    at.stub("skopeo", 'for name; do :; done\ncase $1 in login) cat >/dev/null ;; inspect) '
            'echo "sha256:ffffffff${name##*:}000000000000000000000000" ;; esac')  # fmt: skip
    done = at.run("ops/rollback", "live", "dep-2", "--force")
    assert done.returncode == 0, done.stderr
    assert at.vendor.rows[0]["image"]["ref"].count(sick) == 1


def test_o3_a_commit_is_found_where_the_platform_knows_digests_only(at: Inside) -> None:
    good = at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    at.vendor.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    at.vendor.sick = set()
    assert isinstance(at.vendor, vendor_of.Render)
    scrambled = "e" * 64
    for row in at.vendor.rows:
        if sick in row["image"]["ref"]:
            row["image"]["ref"] = f"registry.example.com/team/service@sha256:{scrambled}"
    at.stub("skopeo", 'for name; do :; done\ncase $1 in login) cat >/dev/null ;; inspect) '
            f'case $name in *{sick}) echo sha256:{scrambled} ;; '
            '*) echo "sha256:${name##*:}000000000000000000000000" ;; esac ;; esac')  # fmt: skip
    at.vendor.running = lambda: sick  # type: ignore[method-assign]
    done = at.run("ops/rollback", "live", sick, "--force")
    assert done.returncode == 0, done.stderr
    assert at.vendor.rows[0]["image"]["ref"].endswith(scrambled)
    assert good


def test_o5_a_lock_that_goes_between_look_and_fetch_is_free(fly: Inside) -> None:
    fly.commit("v1.0.0")
    tree = fly.git("hash-object", "-t", "tree", "-w", "/dev/null")
    lock = fly.git("commit-tree", tree, "-m", "https://ci.example.com/runs/7")
    fly.git("push", "--quiet", "origin", f"{lock}:{LOCK}")
    real = subprocess.check_output(["which", "git"], text=True).strip()
    fly.stub("git", f"""
case " $* " in
  *" fetch "*{LOCK}*) {real} push --quiet origin --delete {LOCK} >/dev/null 2>&1 ;;
esac
exec {real} "$@"
""")  # fmt: skip
    done = fly.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr


def test_o6_a_call_that_was_turned_away_is_made_again_in_its_time(at: Inside) -> None:
    at.commit("v1.0.0")
    at.vendor.faults = [Fault(at.vendor.deploys, "429", times=2)]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert [row["status"] for row in at.vendor.rows] == ["live"]  # type: ignore[attr-defined]


def test_o7_who_may_not_look_any_more_is_told_what_is_known(at: Inside) -> None:
    at.commit("v1.0.0")
    at.vendor.faults = [Fault("GET /v1/services/srv-1/deploys/dep-1", "401", times=99)]
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="20", POLL_INTERVAL="1", SMOKE_COUNT="1")
    assert done.returncode == 1
    assert "may be down" not in done.stderr
    assert "once the platform lets us in" in done.stderr
    looks = [call for call in at.vendor.calls if call.path.endswith("/dep-1")]
    assert len(looks) == 1


def test_o8_a_setting_with_a_space_stays_one(at: Inside) -> None:
    at.commit("v1.0.0")
    github: dict[str, Any] = {"IMAGE_REPOSITORY": "ghcr.io/team/service"}
    assert at.run("ops/bootstrap", "live", **github).returncode == 0
    file = at.project / ".render/live.json"
    settings = json.loads(file.read_text())
    settings["envVars"].append(
        {"key": "CORS_ORIGINS", "value": "https://a.example https://b.example"}
    )
    file.write_text(json.dumps(settings))
    assert at.run("ops/bootstrap", "live", **github).returncode == 0
    assert at.vendor.variables["CORS_ORIGINS"] == "https://a.example https://b.example"  # type: ignore[attr-defined]


def test_o10_what_a_shallow_clone_does_not_have_is_checked_all_the_same(
    fly: Inside, tmp_path: Path
) -> None:
    good = fly.deploy("v1.0.0")
    bad = fly.commit("v1.1.0")
    fly.git("push", "--quiet", "origin", "main", "--tags")
    shallow = tmp_path / "shallow"
    fly.git("clone", "--quiet", "--depth=1", f"file://{tmp_path}/origin.git", str(shallow))
    fly.vendor.sick = {bad}
    done = fly.run("ops/deploy", "live", cwd=shallow)
    assert done.returncode == 1
    assert f"is healthy at {good}" in done.stderr
    assert fly.vendor.running() == good
