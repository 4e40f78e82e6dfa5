"""Nothing acknowledged is lost but what the chosen rollback said: counted, on real servers.

Ten thousand writes and more, while the service is migrated, deployed, rolled back and restored.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from conftest import TEMPLATE, Render
from ledger import ARRIVALS, Ledger, ledger
from servers import IN_TURNS, KINDS, SERVERS
from services.service import Project
from store import Store
from tried import booked

pytestmark = pytest.mark.slow
NIGHTLY = pytest.mark.nightly
DATABASES = TEMPLATE.catalog.axis("database")

#: Writes that are acknowledged, at least.
ENOUGH = 10_000
MIGRATION = "20261201000000_arrivals"
#: What the test below has shown, once it has passed.
COUNTED = {
    "acknowledged": "10,000 and more",
    "lost by `ops/migrate`, below the release that runs": "0",
    "lost by `ops/deploy`": "0",
    "lost by `ops/rollback`, which leaves the schema ahead": "0",
    "lost by `ops/rollback --migrate-down`": "0, and all of the table that it named",
}
BACK, FIRST = "lost by `ops/rollback --snapshot`", "of these, in the backup that it took first"
RESTORED = {BACK: "all since the snapshot, none from before", FIRST: "all"}
#: Where nobody is kept from writing meanwhile.
OPEN = {FIRST: "all from before it"}
ELSEWHERE = {BACK: "there is none", FIRST: "-"}
#: By night with the other stack, too: what migrates, deploys and restores is the same.
ROWS = [
    pytest.param(kind, id=f"{kind[0]}-{kind[2]}", marks=() if kind in IN_TURNS else NIGHTLY)
    for kind in KINDS
]


def test_each_database_that_keeps_data_has_a_server() -> None:
    keep = {row.id for row in DATABASES if "data" in row.row.get("traits", ())}
    assert {database for database, _, _ in IN_TURNS} == keep


@pytest.mark.parametrize("kind", ROWS)
def test_nothing_acknowledged_is_lost_but_what_the_rollback_said(
    kind: tuple[str, str, str], store: Store, render: Render, tmp_path: Path
) -> None:
    option, engine, stack = kind
    made = store.project(stack, "-d", f"database={option}", name=f"{stack}-{option}")
    with (
        SERVERS[engine]() as server,
        ledger(Project(stack, made), option, server, render, tmp_path) as at,
    ):
        at.machine.deploy("v1.0.0")
        folder = at.machine.project / "db/migrations"
        suffix = next(folder.iterdir()).suffix
        code = f"{engine}-{stack}"
        arrivals = ARRIVALS[code if code in ARRIVALS else engine]
        (folder / f"{MIGRATION}{suffix}").write_text(arrivals)
        at.machine.commit("v1.1.0")
        with at.books.kept():
            nothing_is_lost_by_a_release_and_its_code_going_back(at)
            a_down_script_takes_what_it_says(at)
            if at.dumps:
                a_snapshot_takes_what_came_after_it(at)
            at.books.grow(max(0, ENOUGH - len(at.books.entries)))
        assert at.books.refused <= {503}
    back = {**RESTORED, **(OPEN if at.open else {})} if at.dumps else ELSEWHERE
    booked(option, stack, {**COUNTED, **back})


def nothing_is_lost_by_a_release_and_its_code_going_back(at: Ledger) -> None:
    """And by a migration below a release that does not know of it."""
    at.run("ops/migrate", "live")
    assert at.lost() == set()
    at.run("ops/deploy", "live")
    assert at.released() == "v1.1.0"
    assert at.lost() == set()
    back = at.run("ops/rollback", "live")
    assert re.search(rf"ahead by {MIGRATION}\.\w+, and nothing is lost", back.said)
    assert at.released() == "v1.0.0"
    assert at.lost() == set()


def a_down_script_takes_what_it_says(at: Ledger) -> None:
    """Which is a table, with all that was written there; no note is in it alone."""
    at.run("ops/deploy", "live", "v1.1.0")
    assert at.rows("arrivals")
    back = at.run("ops/rollback", "live", "--migrate-down")
    assert re.search(rf"{MIGRATION}\.\w+: in which order notes came; .*drop.*arrivals", back.said)
    assert at.released() == "v1.0.0"
    with pytest.raises(AssertionError, match="arrivals"):
        at.rows("arrivals")
    assert at.lost() == set()


def a_snapshot_takes_what_came_after_it(at: Ledger) -> None:
    """All of it, and nothing from before; what there was is in the backup that is taken first."""
    snapshot = at.run("ops/backup", "live")
    at.run("ops/deploy", "live", "v1.1.0")
    command = ("ops/rollback", "live", "--snapshot", snapshot.out)
    asked = at.run(*command, code=2)
    assert "all that was written since" in asked.said
    assert at.released() == "v1.1.0"
    assert at.lost() == set()
    back = at.run(*command, "--overwrite", "live")
    assert at.released() == "v1.0.0"
    lost = at.lost()
    assert not lost & at.books.sent(0, snapshot.began)
    after = at.books.sent(snapshot.ended, back.began)
    assert after
    assert after <= lost
    assert not lost & at.books.sent(back.ended, time.monotonic())
    undo = back.said.rpartition("undo: ")[2].split()[2]
    at.run("ops/restore", "live", undo, "--into", "before")
    kept = at.books.sent(0, back.began) if at.open else lost
    assert lost & kept <= at.rows(database="before")
