"""Settings from Doppler: one call, how it can fail, and Doppler's command as a second witness."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from doppler import DOWNLOAD, TOKEN, Doppler
from memory import Remembered
from process import Inside
from vendors.render import Render

LIVE = {"API_KEY": 'it\'s $c4nary\n"quoted" = grün\n', "EMPTY": ""}
DOCUMENTED = (
    "\n# A key.\n# Type: string\n# Secret: yes\n# Default: none\n# Set in: none\nAPI_KEY=\n"
)


@pytest.fixture
def doppler() -> Iterator[Doppler]:
    """A project of Doppler's."""
    made = Doppler({"live": dict(LIVE), "sandbox": {"API_KEY": "another"}})
    with made.serving():
        yield made


@pytest.fixture
def at(doppler: Doppler, tmp_path: Path) -> Iterator[Inside]:
    """A service on Render whose settings are there."""
    vendor = Render()
    with vendor.serving():
        made = Remembered.inside(vendor, tmp_path, secrets="doppler")
        with (made.project / ".env.example").open("a") as file:
            file.write(DOCUMENTED)
        made.environment |= {"DOPPLER_API_URL": doppler.url, "DOPPLER_TOKEN": TOKEN.format("live")}
        yield made
    said = "".join(made.heard)
    assert "t0ken" not in said
    assert "c4nary" not in said


def test_a_deploy_brings_what_is_there(at: Inside, doppler: Doppler) -> None:
    at.deploy("v1.0.0")
    assert at.vendor.environ()["API_KEY"] == LIVE["API_KEY"]
    assert not [
        name for name in at.vendor.environ() if name.startswith("DOPPLER") or name == "EMPTY"
    ]
    assert len(doppler.calls) == 1


DENIED = "the token is wrong, has expired or may not do this"
FAILURES = {
    "401": ((401, b'{"messages":["Invalid token"]}'), f"401 Invalid token: {DENIED}"),
    "403": ((403, b"{}"), DENIED),
    "404": ((404, b'{"messages":["Could not find config"]}'), "404 Could not find config"),
    "cut short": ((200, b'{"API_KEY": "c4nary'), "its answer is not as described"),
    "no text": ((200, b'{"API_KEY": {"raw": "c4nary"}}'), "its answer is not as described"),
    "a list": ((200, b'["c4nary"]'), "its answer is not as described"),
    "nothing": ((200, b"{}"), "has no settings any more, which would take away API_KEY"),
}  # fmt: skip


@pytest.mark.parametrize("how", FAILURES)
def test_a_failure_changes_nothing(at: Inside, doppler: Doppler, how: str) -> None:
    good = at.deploy("v1.0.0")
    answer, says = FAILURES[how]
    doppler.fails = [answer]
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert says in done.stderr
    assert "nothing was changed in live" in done.stderr
    assert at.vendor.running() == good
    assert at.vendor.environ()["API_KEY"] == LIVE["API_KEY"]
    assert not at.locked()


@pytest.mark.parametrize("status", [429, 500, 0])
def test_what_passes_is_tried_again(at: Inside, doppler: Doppler, status: int) -> None:
    doppler.fails = [(status, b"{}")] * 2
    at.deploy("v1.0.0")
    assert len(doppler.calls) == 3


def test_without_doppler_a_file_is_taken_when_somebody_says_so(
    at: Inside, doppler: Doppler
) -> None:
    doppler.fails = [(503, b"{}")] * 99
    at.commit("v1.0.0")
    refused = at.run("ops/deploy", "live")
    assert "could not be read from Doppler, the config live of my-service" in refused.stderr
    assert at.vendor.running() == "none"
    (at.project / "backup.env").write_text("API_KEY='of the backup'\n")
    done = at.run("ops/deploy", "live", SETTINGS_FILE="backup.env")
    assert done.returncode == 0, done.stderr
    assert "the settings of live are those of backup.env, not of Doppler" in done.stderr
    assert at.vendor.environ()["API_KEY"] == "of the backup"
    # Nor does it take what opens Doppler.
    for task in ("ops/deploy", "ops/settings"):
        alone = at.run(task, "live", SETTINGS_FILE="backup.env", DOPPLER_TOKEN="")
        assert alone.returncode == 0, alone.stderr


def test_a_token_of_another_config_is_refused(at: Inside) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", DOPPLER_TOKEN=TOKEN.format("sandbox"))
    assert done.returncode == 1
    assert "the token is wrong, has expired or may not do this" in done.stderr


def test_without_a_token_nothing_begins(at: Inside, doppler: Doppler) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", DOPPLER_TOKEN="")
    assert done.returncode == 2
    assert "DOPPLER_TOKEN: a service token of Doppler that may read the config live" in done.stderr
    assert not doppler.calls
    asked = at.run("ops/settings", "live", DOPPLER_TOKEN="")
    assert asked.returncode == 2
    assert "settings are kept in Settings → Environments" in asked.stderr


def test_two_configs_are_compared_with_a_token_for_each(at: Inside) -> None:
    at.environment["DOPPLER_TOKEN_SANDBOX"] = TOKEN.format("sandbox")
    done = at.run("ops/settings", "live", "diff", "sandbox")
    assert (done.returncode, done.stdout) == (0, "API_KEY: different\n")


def test_dopplers_own_command_reads_the_same(at: Inside, doppler: Doppler) -> None:
    command = shutil.which(
        "doppler", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert command
    options = ("--api-host", doppler.url, "--no-check-version", "--no-file", "--format", "json")
    told = subprocess.run(
        [command, "secrets", "download", *options, "--project", "my-service", "--config", "live"],
        env={
            "HOME": str(at.project.parent),
            "DOPPLER_TOKEN": TOKEN.format("live"),
            "PATH": "/usr/bin",
        },
        check=True,
        capture_output=True,
    ).stdout
    theirs = {name: it for name, it in json.loads(told).items() if not name.startswith("DOPPLER")}
    at.deploy("v1.0.0")
    assert {name: it for name, it in theirs.items() if it} == {
        "API_KEY": at.vendor.environ()["API_KEY"]
    }


def test_the_stand_in_takes_no_other_call(doppler: Doppler) -> None:
    headers = {"Authorization": f"Bearer {TOKEN.format('live')}"}
    for query, asked, status in [
        ("?project=my-service&config=live", headers, 200),
        ("?config=live", headers, 400),
        ("?project=my-service&config=live&colour=1", headers, 400),
        ("?project=my-service&config=live", {"Authorization": "Bearer x"}, 401),
    ]:
        answer = httpx.get(f"{doppler.url}{DOWNLOAD}{query}", headers=asked)
        assert answer.status_code == status, query


def test_a_key_is_rotated_there_and_stays_so(at: Inside, doppler: Doppler) -> None:
    """As the README's runbook has it: a new value, a push, the old one revoked, a rollback."""
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    doppler.configs["live"]["API_KEY"] = "c4nary, the second"
    assert at.run("ops/settings", "live", "push").returncode == 0
    assert at.vendor.environ()["API_KEY"] == "c4nary, the second"
    assert at.run("ops/rollback", "live").returncode == 0
    assert at.vendor.running() == first
    assert at.vendor.environ()["API_KEY"] == "c4nary, the second"


def test_a_value_that_no_variable_can_have_is_refused_by_name(at: Inside, doppler: Doppler) -> None:
    doppler.configs["live"]["API_KEY"] = "a\0b"
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "API_KEY: it has a NUL, which no variable can have" in done.stderr
    assert at.vendor.running() == "none"
