"""What is particular to Fly.io: each release takes its settings from the files of its commit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from process import Inside
from vendors.base import REGISTRY, SECRET, SKOPEO, Fault
from vendors.fly import Fly, imported


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Inside]:
    """A new service on Fly.io."""
    vendor = Fly()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


def fly(at: Inside) -> Fly:
    """Give the app."""
    assert isinstance(at.vendor, Fly)
    return at.vendor


def test_the_commit_is_deployed_and_not_the_work_tree(at: Inside) -> None:
    commit = at.commit("v1.0.0")
    at.commit("v1.1.0")
    (at.project / ".env").write_text(f"PASSWORD={SECRET}\n")
    done = at.run("ops/deploy", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    image = f"registry.fly.io/my-service-live:{commit}@sha256:{commit}{'0' * 24}"
    [told] = fly(at).told
    assert told["argv"] == ["deploy", "--config", "fly.live.toml", "--image", image]
    assert 'app = "my-service-live"' in told["config"]
    assert "ops" in told["files"]
    assert ".env" not in told["files"]


def test_an_old_image_comes_back_with_its_old_settings_and_without_its_release_command(
    at: Inside,
) -> None:
    good = at.deploy("v1.0.0")
    toml = at.project / "fly.live.toml"
    toml.write_text(toml.read_text() + "# v1.1.0\n")
    at.vendor.sick = {at.commit("v1.1.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    assert fly(at).running() == good
    told = fly(at).told[-1]
    assert told["argv"][-1] == "--skip-release-command"
    assert "# v1.1.0" not in told["config"]


def test_nothing_is_restored_after_a_deploy_that_never_began(at: Inside) -> None:
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    at.stub("skopeo", f'[ "$1" != copy ] || exit 1\n{SKOPEO}')
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "nothing was changed in live" in done.stderr
    assert at.vendor.running() == good
    assert len(fly(at).told) == 1


@pytest.mark.parametrize("waits", ["0", "5"])
def test_a_commit_whose_image_was_not_published_is_refused(at: Inside, waits: str) -> None:
    commit = at.commit("v1.0.0")
    looks = at.stub("skopeo", '[ "$1" = login ] || { echo "manifest unknown" >&2; exit 1; }')
    done = at.run("ops/deploy", "live", IMAGE_TIMEOUT=waits, POLL_INTERVAL="1")
    assert done.returncode == 2
    assert f"no image of {commit} in registry.example.com/team/service" in done.stderr
    assert "manifest unknown" in done.stderr
    assert (looks.read_text().count("inspect") > 1) is (waits != "0")
    assert at.vendor.calls == []


def test_a_restore_that_fails_is_not_called_a_success(at: Inside) -> None:
    good = at.deploy("v1.0.0")
    at.vendor.sick = {good, at.commit("v1.1.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live may be down: {good} did not come back" in done.stderr


def test_a_rollback_to_a_sick_release_fails(at: Inside) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.vendor.sick = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"{first} is not healthy in live either" in done.stderr


def test_nothing_is_rolled_back_where_nothing_runs(at: Inside) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert "nothing runs in live; deploy something: ops/deploy live" in done.stderr


def test_an_app_is_created_once(at: Inside) -> None:
    at.commit("v1.0.0")
    would = at.run("ops/bootstrap", "live", "--dry-run")
    assert would.returncode == 0, would.stderr
    assert "would create the app my-service-live" in would.stderr
    assert fly(at).apps == []
    assert at.run("ops/bootstrap", "live", FLY_ORG="ours").returncode == 0
    assert fly(at).apps == ["my-service-live"]
    assert fly(at).changes() == ["apps create my-service-live --org ours"]
    assert "live is as it should be" in at.run("ops/bootstrap", "live").stderr


def test_a_drill_whose_broken_build_turns_out_healthy_has_failed(at: Inside) -> None:
    at.deploy("v1.0.0")
    done = at.run("ops/drill", "live", "--yes-live")
    assert done.returncode == 1
    assert "the drill failed" in done.stderr


def test_a_drill_leaves_live_alone_unless_it_is_meant(at: Inside) -> None:
    at.deploy("v1.0.0")
    before = at.vendor.changes()
    done = at.run("ops/drill", "live")
    assert done.returncode == 2
    assert "add --yes-live if that is what you want" in done.stderr
    assert at.vendor.changes() == before


def rotated(at: Inside, key: str) -> None:
    """Have another key on this machine."""
    example = at.project / ".env.example"
    if "API_KEY" not in example.read_text():
        with example.open("a") as file:
            file.write("\n# A key.\n# Type: string\n# Secret: yes\n# Default: none\nAPI_KEY=\n")
    (at.project / ".env.live").write_text(f"API_KEY={key}\n")


def test_the_command_reads_every_secret_as_it_is_or_is_not_told_it(at: Inside) -> None:
    lengths = (itertools.product(" \"'#\n\rx", repeat=length) for length in range(1, 6))
    for value in map("".join, itertools.chain(*lengths)):
        try:
            text = at.engine.secret.entry("KEY", value)
        except at.engine.errors.NothingChanged:
            assert '"' in value or "\r\n" in value, "everything else can be told"
        else:
            assert imported(f"A=b\n{text}C=d\n") == {"A": "b", "KEY": value, "C": "d"}


def test_a_line_may_be_as_long_as_the_command_reads(at: Inside) -> None:
    entry, longest = at.engine.secret.entry, "a\n" + "x" * (64 * 1024 - len('"""') - 1)
    assert imported(entry("KEY", longest)) == {"KEY": longest}
    with pytest.raises(at.engine.errors.NothingChanged, match="would not read KEY as it is"):
        entry("KEY", f"{longest}x")


def test_what_the_command_says_of_a_secret_is_not_repeated(at: Inside) -> None:
    rotated(at, SECRET)
    at.vendor.denial = f'Error: "{SECRET}" is not a valid secret name'  # type: ignore[misc]
    at.vendor.faults = [Fault(at.vendor.tells, "401")]
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "fly secrets import failed\n" in done.stderr
    assert SECRET not in done.stderr


def test_names_are_read_from_older_versions_of_the_command_too(at: Inside) -> None:
    rotated(at, "first")
    at.commit("v1.0.0")
    at.stub("fly", """case $* in secrets\\ list*) echo '[{"Name": "API_KEY"}]' ;; esac""")
    done = at.run("ops/deploy", "live")
    assert "set API_KEY" in done.stderr


def test_a_release_command_runs_for_what_is_new_and_not_for_what_comes_back(at: Inside) -> None:
    rotated(at, "first")
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    rotated(at, "second")
    assert at.run("ops/settings", "live", "push").returncode == 0
    none: dict[str, Any] = dict.fromkeys(REGISTRY, "")
    done = at.run("ops/rollback", "live", **none)
    assert done.returncode == 0, done.stderr
    assert (fly(at).running(), fly(at).started) == (first, {"API_KEY": "second"})
    assert "registry.example.com" not in "".join(at.steps), "there is no login"
    skipped = ["--skip-release-command" in told["argv"] for told in fly(at).told]
    assert skipped == [False, False, False, True]
