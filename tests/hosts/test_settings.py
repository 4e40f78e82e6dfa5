"""What a service is told: held to what it documents and brought to its host, one in memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from memory import World

#: As a service documents what it reads.
EXAMPLE = """\
# The key of payments.
# Type: string
# Secret: yes
# Default: none, required
# Set in: sandbox, testbed, live
API_KEY=example

# How many at once.
# Type: integer between 1 and 10
# Default: 5
# Set in: none
WORKERS=5
"""
KEY = "k" * 32


@pytest.fixture
def at(tmp_path: Path) -> World:
    """A service with settings, on a machine that has those of live."""
    world = World.new(tmp_path)
    (tmp_path / ".env.example").write_text(EXAMPLE)
    told(world, "live", API_KEY="first")
    return world


def told(world: World, env: str, **values: str) -> None:
    """Write the env file of an environment."""
    lines = "".join(f"{name}='{value}'\n" for name, value in values.items())
    (world.folder / f".env.{env}").write_text(lines)


def test_a_deploy_brings_settings_before_its_release(at: World) -> None:
    at.deploy("v1.0.0")
    assert at.ran_with[at.live] == {"API_KEY": "first"}
    assert at.host_calls().index("tell") < at.host_calls().index("deploy")


@pytest.mark.parametrize("shows", [True, False])
def test_what_does_not_differ_is_not_told_again(at: World, *, shows: bool) -> None:
    at.shows = shows
    told(at, "live", API_KEY="first", SETTINGS_KEY=KEY)
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    assert "tell" not in at.host_calls()


def test_what_a_host_does_not_show_is_told_again_without_a_key(at: World) -> None:
    at.shows = False
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    assert "tell" in at.host_calls()


def test_what_was_told_once_is_taken_away_and_nothing_else(at: World) -> None:
    at.told = {"OF_SOMEBODY": "else"}
    told(at, "live", API_KEY="first", WORKERS="7")
    at.deploy("v1.0.0")
    told(at, "live", API_KEY="first")
    at.deploy("v1.1.0")
    assert at.told == {"OF_SOMEBODY": "else", "API_KEY": "first"}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "API_KEY: missing, and the service does not start without it"),
        ({"API_KEY": "example"}, "API_KEY: it is still the value of the example"),
        ({"API_KEY": "a", "WORKERS": "11"}, "WORKERS: expected an integer between 1 and 10"),
        ({"API_KEY": "a", "OTHER": "b"}, "OTHER: not in .env.example, so the service does not"),
        ({"API_KEY": "a", "APP_ENV": "sandbox"}, "those of sandbox, as their APP_ENV says"),
        ({"API_KEY": "a", "SETTINGS_KEY": "short"}, "SETTINGS_KEY is shorter than 32 characters"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("task", [("deploy",), ("settings", "push"), ("settings",)])
def test_settings_that_are_wrong_change_nothing(
    at: World, task: tuple[str, ...], values: dict[str, str], says: str
) -> None:
    at.deploy("v1.0.0")
    told(at, "live", **values)
    at.commit("v1.1.0")
    done = at.run(task[0], "live", *task[1:])
    assert done.returncode == 1
    assert says in done.stderr
    assert at.told == {"API_KEY": "first"}
    assert "deploy" not in at.host_calls()


def test_a_push_starts_what_runs_with_them(at: World) -> None:
    commit = at.deploy("v1.0.0")
    told(at, "live", API_KEY="second")
    done = at.run("settings", "live", "push")
    assert done.returncode == 0, done.stderr
    assert "settings of live: set API_KEY" in done.stderr
    assert at.running() == commit
    assert at.ran_with[at.live] == {"API_KEY": "second"}
    again = at.run("settings", "live", "push")
    assert "nothing differs in live" in again.stderr
    assert not {"tell", "deploy"} & set(at.host_calls())


def test_a_key_that_was_rotated_stays_so_after_a_rollback(at: World) -> None:
    first = at.deploy("v1.0.0")
    told(at, "live", API_KEY="second")
    at.deploy("v1.1.0")
    done = at.run("rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.running() == first
    assert at.ran_with[at.live] == {"API_KEY": "second"}


def test_and_after_a_deploy_that_failed(at: World) -> None:
    first = at.deploy("v1.0.0")
    told(at, "live", API_KEY="second")
    at.sick.add(at.commit("v1.1.0"))
    assert at.run("deploy", "live").returncode == 1
    assert at.running() == first
    assert at.ran_with[at.live] == {"API_KEY": "second"}


def test_a_rollback_reads_no_settings(at: World) -> None:
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    (at.folder / ".env.live").unlink()
    assert at.run("rollback", "live").returncode == 0
    assert "restore" in at.host_calls()


def test_a_machine_without_settings_leaves_them_as_they_are(at: World) -> None:
    at.deploy("v1.0.0")
    (at.folder / ".env.live").unlink()
    at.deploy("v1.1.0")
    assert at.told == {"API_KEY": "first"}


def test_a_site_has_the_settings_that_it_is_built_with(at: World) -> None:
    at.built = True
    first = at.deploy("v1.0.0")
    told(at, "live", API_KEY="second")
    done = at.run("settings", "live", "push")
    assert done.returncode == 0, done.stderr
    assert f"a site has the settings that it is built with: ops/deploy live {first}" in done.stderr
    at.deploy("v1.1.0")
    assert at.run("rollback", "live").returncode == 0
    assert "restore" in at.host_calls(), "it has the files of then"
    assert "API_KEY" not in "".join(it.message for it in at.repository.commits.values())


def test_settings_that_are_all_gone_are_hardly_meant(at: World) -> None:
    (at.folder / ".env.example").write_text(EXAMPLE.replace("none, required", "none"))
    at.deploy("v1.0.0")
    told(at, "live")
    at.commit("v1.1.0")
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "has no settings any more, which would take away API_KEY" in done.stderr
    assert at.told == {"API_KEY": "first"}


def test_of_two_pushes_at_once_one_is_refused(at: World) -> None:
    at.deploy("v1.0.0")
    told(at, "live", API_KEY="second")
    others: list[Any] = []

    def meanwhile(_: int, step: str) -> None:
        if step == "host: tell" and not others:
            others.append(None)
            with mock.patch.dict(os.environ, {"LOCK_HOLDER": "them", "LOCK_HELD": ""}):
                others.append(at.task(["ops/settings", "live", "push"]))

    at.before = meanwhile
    done = at.run("settings", "live", "push")
    assert done.returncode == 0, done.stderr
    assert others[1].returncode == 1
    assert "live is being deployed to by" in others[1].stderr
    assert at.host_calls().count("tell") == 1


def test_a_secret_of_another_environment_is_named(at: World) -> None:
    told(at, "sandbox", API_KEY="first")
    done = at.run("settings", "live")
    assert done.returncode == 1
    assert "API_KEY: sandbox has the same value; each environment needs its own" in done.stderr
    (at.folder / ".env.example").write_text(EXAMPLE.replace("Secret: yes", "Secret: yes, shared"))
    assert at.run("settings", "live").returncode == 0


def test_with_a_key_a_pipeline_knows_it_too(at: World) -> None:
    """It has the settings of one environment alone; of others there is what is on record."""
    told(at, "sandbox", API_KEY="first", SETTINGS_KEY=KEY)
    at.commit("v1.0.0")
    assert at.run("deploy", "sandbox").returncode == 0
    pipeline = {"CI": "true", "API_KEY": "first", "SETTINGS_KEY": KEY}
    done = at.run("deploy", "live", **pipeline)
    assert done.returncode == 1
    assert "API_KEY: sandbox has the same value" in done.stderr
    assert at.run("deploy", "live", **{**pipeline, "API_KEY": "another"}).returncode == 0
    written = "".join(it.message for it in at.repository.commits.values())
    assert "first" not in written
    assert "another" not in written


def test_a_pipeline_hands_over_what_is_documented_and_nothing_else(at: World) -> None:
    at.commit("v1.0.0")
    done = at.run(
        "deploy", "live", CI="true", API_KEY="one by one", OF_THE_PIPELINE="x", WORKERS="",
        DOTENV="API_KEY=of a file\nWORKERS=3\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert at.told == {"API_KEY": "one by one", "WORKERS": "3"}


def test_what_a_pipeline_hands_over_and_nobody_documents_is_named(at: World) -> None:
    project = json.loads((at.folder / "ops/project.json").read_text())
    (at.folder / "ops/project.json").write_text(json.dumps({**project, "settings": ["RENAMED"]}))
    at.commit("v1.0.0")
    done = at.run("deploy", "live", CI="true", API_KEY="a", RENAMED="b")
    assert done.returncode == 1
    assert "RENAMED: not in .env.example, so the service does not read it" in done.stderr


def test_names_are_printed_and_nothing_else(at: World) -> None:
    told(at, "sandbox", API_KEY="other", WORKERS="3")
    names = at.run("settings", "sandbox", "names")
    assert (names.returncode, names.stdout) == (0, "API_KEY\nWORKERS\n")
    compared = at.run("settings", "live", "diff", "sandbox")
    assert compared.stdout == "API_KEY: different\nWORKERS: only in sandbox\n"


@pytest.mark.parametrize(
    "arguments",
    [("live", "pull"), ("live", "diff"), ("live", "diff", "live"), ("live", "diff", "prod"),
     ("live", "check", "more"), ("local",)],
)  # fmt: skip
def test_it_is_called_as_it_says(at: World, arguments: tuple[str, ...]) -> None:
    assert at.run("settings", *arguments).returncode == 2


def test_a_release_that_is_not_taken_leaves_new_settings_to_the_next(at: World) -> None:
    at.deploy("v1.0.0")
    told(at, "live", API_KEY="second")
    at.commit("v1.1.0")
    at.fails["deploy"] = [at.engine.errors.NothingChanged()]
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "nothing was released in live; try again" in done.stderr
    assert "settings of live: set API_KEY" in done.stderr
    assert at.run("deploy", "live").returncode == 0
    assert at.ran_with[at.live] == {"API_KEY": "second"}


def test_a_value_that_is_no_utf_8_is_refused_by_name(at: World) -> None:
    at.commit("v1.0.0")
    done = at.run("deploy", "live", CI="true", API_KEY=os.fsdecode(b"caf\xe9"))
    assert done.returncode == 1
    assert "the value of API_KEY is no UTF-8" in done.stderr
    assert at.told == {}
