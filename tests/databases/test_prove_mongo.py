"""ops/migrate local prove on SecantusDB, in place of MongoDB, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from mongo import Mongo, mongo
from mongo_service import COLOUR, Service, before_switches, service_of
from services.service import APIS
from store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=APIS)
def stack(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Mongo]:
    with mongo() as server:
        yield server


@pytest.fixture
def project(stack: str, store: Store, server: Mongo, tmp_path: Path) -> Service:
    """A service whose database has nothing yet."""
    return before_switches(stack, store, server, tmp_path / "service")


@pytest.fixture
def released(project: Service) -> Service:
    """A service with a release whose tests pass on whatever schema there is."""
    (project.folder / "ops/lib/stack.sh").write_text(
        "stack_check() { :; }\nstack_test() { test ! -e db/migrations/*_bad.*; }\n"
    )
    (project.folder / "ops/setup").write_text("#!/bin/sh\n")
    project.commit("v1.0.0")
    return project


def test_a_migration_with_a_way_back_is_proved(released: Service, server: Mongo) -> None:
    """The one of the page about it."""
    page = (ROOT / "docs/how-to/change-the-schema.md").read_text("utf-8")
    text = re.search(rf"```{released.suffix[1:]}\w*\n(.*?)```", page, re.DOTALL)
    assert text
    released.add(f"{COLOUR}{released.suffix}", text[1])
    done = released.ok("local", "prove")
    assert "each of the 1 migrations since v1.0.0 has a way back" in done.stderr
    assert "v1.0.0 passes its tests on the new schema" in done.stderr
    with server.asked("admin") as db:
        assert not [it for it in db.client.list_database_names() if released.database in it]


MEANT = {"node": "// destroys: WHY", "python": "# destroys: WHY"}


@pytest.mark.parametrize(
    ("up", "down", "why"),
    [
        ("index", "nothing", "taken back, it leaves another schema"),
        ("demand", "nothing", "taken back, it leaves another schema"),
        ("nothing", "fail", "it cannot be taken back"),
        ("fail", "nothing", "it cannot be applied"),
        ("empty", "nothing", "applied, it takes rows away; if that is meant, say why: "),
        ("add", "nothing", "taken back, it leaves other rows; if that is meant, say why: "),
        ("blank", "nothing", "taken back, it leaves other rows; if that is meant, say why: "),
    ],
)
def test_one_without_a_working_way_back_is_red(
    released: Service, up: str, down: str, why: str
) -> None:
    file = released.write(up, down)
    done = released.run("local", "prove")
    assert done.returncode == 1
    meant = MEANT[released.stack] if why.endswith("why: ") else ""
    assert done.stderr.splitlines()[-1] == f"migrate: {file}: {why}{meant}"


def test_one_that_destroys_says_why(released: Service) -> None:
    file = released.write("empty", "nothing", why="nobody reads them")
    assert "has a way back" in released.ok("local", "prove").stderr
    released.write("drop", "nothing")
    assert f"{file}: it destroys (" in released.run("local", "prove").stderr


def test_what_the_release_cannot_do_with_is_red(released: Service) -> None:
    released.write("nothing", "nothing", name="20261201000000_bad")
    done = released.run("local", "prove")
    assert done.returncode == 1
    assert "v1.0.0 does not pass its tests on the new schema" in done.stderr


@pytest.mark.parametrize(
    "stack", [pytest.param("node", marks=pytest.mark.nightly), "python"], indirect=True
)
def test_a_service_as_it_is_proves_its_first_change(
    stack: str, store: Store, server: Mongo, tmp_path: Path
) -> None:
    """With its own driver, its own set-up and its own tests."""
    made = store.project(stack, "-d", "database=atlas", name=f"{stack}-atlas")
    store.run("cp", "-a", str(made), str(tmp_path / "service"), cwd=tmp_path)
    store.run("rm", "-rf", ".git", cwd=tmp_path / "service")
    service = service_of(tmp_path / "service", server, stack)
    service.commit("v1.0.0")
    service.write("index", "no index")
    told = {name: store.environment[name] for name in ("HOME", "PATH")}
    told["TMPDIR"] = str(tmp_path)
    done = service.ok("local", "prove", **told)
    assert "v1.0.0 passes its tests on the new schema" in done.stderr
