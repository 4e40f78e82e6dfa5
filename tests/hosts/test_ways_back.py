"""What a rollback says of schema and data before it acts, and does to them: a host in memory.

What becomes of rows on a real server is counted in tests/databases/test_ledger.py.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import TEMPLATE, rendered
from memory import World
from process import Done

COLOUR = """-- migrate:up
alter table notes add colour text;
-- migrate:down
-- destroys: colours, which nobody asked for
alter table notes
  drop column colour;
"""
BASE, ADDED = "20261130000000_notes.sql", "20261201000000_colour.sql"
INDEX = "-- migrate:up\ncreate index i on notes (title);\n-- migrate:down\ndrop index i;\n"
INDEXED = "20261202000000_index.sql"
SQL = [
    option.id
    for option in TEMPLATE.catalog.axis("database")
    if "sql" in option.row.get("traits", ())
]
#: Of the database, what ops/migrate says, in place of it.
MIGRATED = [{"name": name, "applied": True, "here": True} for name in (BASE, ADDED, INDEXED)]


class Migrated(World):
    """Two releases, of which the second brought two migrations."""

    @classmethod
    def of(cls, folder: Path, database: str) -> tuple[Migrated, str, str]:
        at = cls.new(folder, database=database)
        assert isinstance(at, cls)
        at.asked = []
        at.fails_to_go = False
        at.own("migrate", at.migrate)
        first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
        at.repository.migrations = {
            first: {BASE: INDEX},
            second: {BASE: INDEX, ADDED: COLOUR, INDEXED: INDEX},
        }
        at.asked.clear()
        return at, first, second

    asked: list[tuple[str, ...]]
    fails_to_go: bool

    def migrate(self, *told: str) -> bool | str:
        self.asked.append(told)
        if "status" in told:
            return json.dumps(MIGRATED)
        return not (self.fails_to_go and "down" in told)

    def back(self, *arguments: str) -> Done:
        return self.run("rollback", "live", *arguments, SETTINGS_FILE="/dev/null", PATH=self.path)

    @property
    def path(self) -> str:
        tool = self.folder / "bin/dbmate"
        tool.parent.mkdir(exist_ok=True)
        tool.touch(0o755)
        return f"{tool.parent}:{os.environ['PATH']}"


@pytest.fixture(params=SQL)
def releases(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Migrated, str, str]:
    return Migrated.of(tmp_path, request.param)


def said(done: Done) -> list[str]:
    return [line.partition(": ")[2] for line in done.stderr.splitlines()]


LOSES = [
    f"  {INDEXED}: no table and no column",
    f"  {ADDED}: colours, which nobody asked for; alter table notes drop column colour",
]


def test_the_code_alone_leaves_the_schema_ahead_and_says_what_the_other_ways_lose(
    releases: tuple[Migrated, str, str],
) -> None:
    at, first, second = releases
    done = at.back()
    assert done.returncode == 0, done.stderr
    assert said(done)[0] == f"rolling live back from {second} to {first}"
    ahead = f"the schema stays as it is, ahead by {INDEXED}, {ADDED}, and nothing is lost"
    assert said(done)[1] == ahead
    assert said(done)[2].startswith("--migrate-down takes that back as well, with all that was")
    assert said(done)[3:5] == LOSES
    assert "SNAPSHOT" in said(done)[5]
    assert said(done)[-1].startswith(f"live runs {first}; not rolled back: ")
    assert at.asked == [], "the database need not be there"
    assert at.running() == first


@pytest.mark.parametrize("fails", [False, True])
def test_the_schema_goes_back_once_the_code_has_by_what_the_database_has_applied(
    releases: tuple[Migrated, str, str], *, fails: bool
) -> None:
    at, first, _ = releases
    at.fails_to_go = fails
    done = at.back("--migrate-down")
    assert done.returncode == int(fails)
    assert said(done)[1].startswith("then taking back what it does not know, with all that was")
    assert said(done)[2:4] == LOSES
    assert at.asked == [("live", "status", "--json"), ("live", "down", first)]
    steps = [step for step in at.steps if step.startswith(("ops/", "host: restore"))]
    assert steps[1:] == [
        "host: restore",
        f"ops/smoke {at.url} {first}",
        f"ops/migrate live down {first}",
    ]
    left = f"live runs {first} and is healthy; its schema was not taken back: ops/migrate live down"
    gone = f"live runs {first}; taken back: {INDEXED}, {ADDED}"
    assert said(done)[-1].startswith(left if fails else gone)
    assert at.recorded()[0] == f"rollback {first}"


def test_only_to_say_what_is_lost_changes_nothing(releases: tuple[Migrated, str, str]) -> None:
    at, first, second = releases
    lost = [
        {"name": INDEXED, "loses": []},
        {"name": ADDED, "loses": LOSES[1].partition(": ")[2].split("; ")},
    ]
    for options, what in (([], {"ahead": lost}), (["--migrate-down"], {"taken_back": lost})):
        done = at.back(*options, "--dry-run", "--json")
        assert done.returncode == 0
        told = {"environment": "live", "from": second, "to": first, **what}
        assert json.loads(done.stdout) == told
        assert said(done)[-1] == "nothing was changed"
        assert "restore" not in at.host_calls()
    assert at.running() == second
    assert not at.locked()


def test_a_database_that_does_not_say_what_it_has_leaves_the_code_where_it_is(
    releases: tuple[Migrated, str, str],
) -> None:
    at, _, second = releases
    at.own("migrate", lambda *_: False)
    done = at.back("--migrate-down")
    assert done.returncode == 1
    assert said(done)[-1] == f"nothing was changed in live, which runs {second}"
    assert at.running() == second


def test_what_a_way_needs_is_told_before_anything_is_called(
    releases: tuple[Migrated, str, str],
) -> None:
    at, _, second = releases
    done = at.run("rollback", "live", "--migrate-down", PATH="/nowhere")
    assert done.returncode == 3
    assert "\n  dbmate: " in done.stderr
    assert at.host_calls() == ["check"]
    assert at.running() == second


def test_a_snapshot_is_told_what_it_lacks_and_one_that_comes_back_elsewhere_is_no_way(
    releases: tuple[Migrated, str, str],
) -> None:
    """On a real server: tests/databases/test_rollback.py."""
    at, _, second = releases
    done = at.back("--snapshot", "newest")
    assert done.returncode == 2
    dumps = hasattr(at.engine, "dumping")
    wanted = ["BACKUP_BUCKET: ", "BACKUP_IDENTITY: "] if dumps else ["name an environment and"]
    assert all(each in done.stderr for each in wanted), done.stderr
    offered = [line for line in said(at.back("--dry-run")) if "SNAPSHOT" in line]
    [line] = offered
    assert ("--snapshot SNAPSHOT --overwrite live" in line) == dumps
    assert ("ops/restore live SNAPSHOT --into NAME" in line) != dumps
    assert at.running() == second


@pytest.mark.parametrize("options", ["--migrate-down", "--dry-run", "--json", "--snapshot newest"])
def test_without_a_database_there_is_none_of_it(tmp_path: Path, options: str) -> None:
    at = World.new(tmp_path)
    at.deploy("v1.0.0")
    second = at.deploy("v1.1.0")
    done = at.run("rollback", "live", *options.split())
    assert done.returncode == 2
    assert at.running() == second
    [task] = [file for file in rendered() if str(file.path) == "ops/rollback"]
    assert options.split(maxsplit=1)[0] not in task.content.decode()
