"""ops/migrate on SecantusDB, in place of MongoDB, in both languages: what is not as with SQL."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mongo import Mongo, mongo
from mongo_service import COLOUR, FIRST, Service, before_switches
from postgres_tls import certificate
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


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def begun(project: Service) -> bool:
    """Say whether a slow migration runs."""
    return "begun" in project.collections()


def go(project: Service) -> None:
    """Have it end."""
    with project.server.asked(project.database) as db:
        db.go.insert_one({})


def test_up_status_and_down_of_whatever_release(project: Service) -> None:
    first = f"{FIRST}{project.suffix}"
    assert project.ok("local", "status").stdout == f"pending  {first}\n"
    colour = project.write("add", "remove")
    project.commit()
    project.ok("local")
    assert project.applied() == [FIRST[:14], COLOUR[:14]]
    assert project.collections() == {"notes"}
    project.git("checkout", "--quiet", "HEAD~1")
    assert project.ok("local", "status").stdout.splitlines() == [
        f"applied  {first}", f"applied  {colour}  (not in this tree)",
    ]  # fmt: skip
    project.ok("local", "down")
    assert project.applied() == [FIRST[:14]], "not the newest that is here"
    project.ok("local", "down")
    assert project.collections() == set()


def test_of_a_migration_that_fails_a_part_may_be_done_which_is_said(project: Service) -> None:
    project.ok("local")
    bad = project.write("fail", "nothing")
    done = project.run("local")
    assert done.returncode == 1
    assert "nonsense" in done.stderr
    assert f"{bad} was not applied, of which a part may be done" in done.stderr.splitlines()[-1]
    assert project.applied() == [FIRST[:14]]
    project.write("add", "remove")
    project.ok("local")


def test_what_destroys_in_silence_is_not_begun(project: Service) -> None:
    bad = project.write("drop", "nothing")
    done = project.run("local")
    assert done.returncode == 1
    assert f"{bad}: it destroys (" in done.stderr
    assert project.collections() == set(), "nor what comes before it"


def test_a_task_that_is_killed_keeps_others_away_until_what_it_began_has_ended(
    project: Service,
) -> None:
    project.ok("local")
    project.write("wait", "nothing")
    task = project.start("local")
    wait_for(lambda: begun(project))
    task.kill()
    task.communicate()
    done = project.run("local")
    assert done.stderr.endswith("on this machine ops/migrate is at work already; wait for it\n")
    go(project)
    wait_for(lambda: project.run("local").returncode == 0)
    assert project.applied() == [FIRST[:14], COLOUR[:14]]


def test_another_machine_is_kept_away_by_a_lock_in_the_database(
    project: Service, tmp_path: Path
) -> None:
    project.ok("local")
    project.write("wait", "nothing")
    shutil.copytree(project.folder, tmp_path / "elsewhere", symlinks=True)
    task = project.start("local")
    wait_for(lambda: begun(project))
    other = replace(project, folder=tmp_path / "elsewhere")
    done = other.run("local")
    assert done.returncode == 1
    assert "a lock is in place" in done.stderr
    go(project)
    task.communicate()
    assert task.returncode == 0
    other.ok("local")
    assert project.applied() == [FIRST[:14], COLOUR[:14]]


def test_whoever_migrates_and_is_killed_leaves_a_lock_that_goes_by_itself(
    project: Service, server: Mongo
) -> None:
    project.ok("local")
    project.write("wait", "nothing")
    task = project.start("local")
    wait_for(lambda: begun(project))
    os.killpg(task.pid, signal.SIGKILL)
    task.communicate()
    assert "a lock is in place" in project.run("local").stderr
    with server.asked(project.database) as db:
        [ends] = [it for it in db.changelog_lock.list_indexes() if "expireAfterSeconds" in it]
        assert (ends["key"], ends["expireAfterSeconds"]) == ({"createdAt": 1}, 120)
        db.changelog_lock.delete_many({})  # as the server does then
        db.begun.drop()
    go(project)
    project.ok("local")


def test_a_server_that_is_killed_during_a_migration(project: Service, server: Mongo) -> None:
    project.ok("local")
    project.write("wait", "nothing")
    task = project.start("local")
    wait_for(lambda: begun(project))
    server.kill()
    try:
        _, said = task.communicate()
        assert task.returncode == 1
        assert f"nobody knows which of {COLOUR}{project.suffix} were applied" in said
    finally:
        server.start()
    assert f"pending  {COLOUR}" in project.ok("local", "status").stdout


BACKUP = "#!/bin/sh\nexit 0\n"


def test_live_by_a_verified_certificate_and_a_failure_there(
    project: Service, server: Mongo, tmp_path: Path
) -> None:
    (project.folder / "ops/backup").write_text(BACKUP)
    key, crt = certificate(tmp_path)
    with server.with_tls(key, crt) as port:
        url = f"mongodb://localhost:{port}/{project.database}?tls=false&tlsInsecure=true"
        for told, status in (("", 1), (crt.read_text().replace("\n", "\\n"), 0)):
            settings = f'DATABASE_URL="{url}"\nDATABASE_CA="{told}"\n'
            (project.folder / ".env.live").write_text(settings)
            done = project.run("live")
            assert done.returncode == status, done.stderr
            assert ("nothing was changed in live" in done.stderr) is bool(status)
        project.write("fail", "nothing")
        done = project.run("live")
        assert done.returncode == 1
        assert "was not applied, of which a part may be done" in done.stderr
        assert project.git("ls-remote", "origin", "refs/deployments/locks/*") == ""
    assert project.applied() == [FIRST[:14]]


def test_a_new_file_is_one_that_its_tools_read(project: Service) -> None:
    made = project.ok("local", "new", "add a colour").stdout.strip()
    assert made.endswith(f"_add_a_colour{project.suffix}")
    assert f"{made.rpartition('/')[2]}: nothing in up(db)" in project.run("local").stderr
