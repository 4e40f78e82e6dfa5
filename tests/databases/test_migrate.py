"""ops/migrate on a real server, by the real dbmate: what it does, and what it says if it fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from conftest import Render, small_disk
from migrating import ADD, COLOUR, FIRST, Project, block, project_of
from postgres import Postgres, postgres
from postgres_tls import certificate, with_tls

pytestmark = pytest.mark.slow

NUMBERS = count()
PASSWORD = "s3cr3t-of-the-database"  # noqa: S105


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def project(render: Render, server: Postgres) -> Project:
    """A new service, whose database has nothing yet."""
    folder = render(stack="node", database="supabase")
    return project_of(folder, server, f"notes_{next(NUMBERS)}")


SLEEPING = "pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()"


def under_way(project: Project) -> bool:
    """Say whether a slow migration runs."""
    active = f"select count(*) from {SLEEPING} and state = 'active'"  # noqa: S608
    return project.server.run(active) != "0"


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


# What it does


def test_up_status_and_down(project: Project) -> None:
    assert project.ok("local", "status").stdout == f"pending  {FIRST}\n"
    project.ok("local")
    project.add(COLOUR, ADD)
    rows = json.loads(project.ok("local", "status", "--json").stdout)
    assert [(row["name"], row["applied"]) for row in rows] == [(FIRST, True), (COLOUR, False)]
    done = project.ok("local", "up")
    assert f"applying to local, 127.0.0.1/{project.database}: {COLOUR}" in done.stderr
    assert "local is up to date: 2 applied" in project.ok("local").stderr
    done = project.ok("local", "down")
    back = f"taking back in local, 127.0.0.1/{project.database}, with all that was written into"
    assert f"{back} what they brought: {COLOUR}" in done.stderr
    assert project.applied() == [FIRST[:14]]
    assert project.run("local", "down", "2").returncode == 1
    assert project.applied() == [FIRST[:14]], "all that were asked for, or none"
    project.ok("local", "up")
    project.ok("local", "down", "2")
    assert project.applied() == []


def test_what_a_newer_release_applied_is_seen_and_taken_back_from_an_older_one(
    project: Project,
) -> None:
    project.add(COLOUR, ADD)
    project.commit()
    project.ok("local")
    project.git("checkout", "--quiet", "HEAD~1")
    assert project.ok("local", "status").stdout.splitlines() == [
        f"applied  {FIRST}", f"applied  {COLOUR}  (not in this tree)",
    ]  # fmt: skip
    project.ok("local", "up"), "it is ahead, which is fine"
    project.ok("local", "down")
    assert project.applied() == [FIRST[:14]], "not the newest that is here"


def test_a_machine_without_settings_takes_those_of_the_example(project: Project) -> None:
    (project.folder / ".env.local").unlink()
    example = (project.folder / ".env.local.example").read_text()
    assert "localhost:5432" in example
    done = project.run("local", "status", DATABASE_URL="")
    assert "nothing was changed in local" in done.stderr or done.returncode == 0


# What it refuses, and what it says when it fails


def test_a_migration_that_fails_leaves_the_ones_before_it_and_nothing_of_itself(
    project: Project,
) -> None:
    project.add(COLOUR, ADD)
    bad = "20261202000000_bad.sql"
    project.add(bad, block("create table half (i int);\nselect nothing from nowhere;"))
    done = project.run("local")
    assert done.returncode == 1
    assert f"applied in local: {FIRST}, {COLOUR}" in done.stderr
    assert 'relation "nowhere" does not exist' in done.stderr
    assert f"{bad} was not applied, of which nothing was done" in done.stderr
    assert done.stderr.endswith("with its cause out of the way: ops/migrate local up\n")
    assert project.applied() == [FIRST[:14], COLOUR[:14]]
    assert project.sql("select to_regclass('half')") == ""


def test_one_without_a_transaction_may_have_done_a_part(project: Project) -> None:
    bad = "20261202000000_bad.sql"
    project.add(bad, block("select 1 / 0;", option=" transaction:false"))
    assert "of which a part may be done" in project.run("local").stderr


@pytest.mark.parametrize("text", [block("drop table notes;"), block("select 1;", "-- none")])
def test_what_may_not_be_is_not_begun(project: Project, text: str) -> None:
    project.add(COLOUR, text)
    done = project.run("local")
    assert done.returncode == 1
    assert COLOUR in done.stderr
    assert project.sql("select to_regclass('notes')") == "", "nor what comes before it"


def test_a_server_that_is_not_there(project: Project) -> None:
    url = "postgres://it:s3cr3t@127.0.0.1:9/notes"
    done = project.run("local", DATABASE_URL=url)
    assert done.returncode == 1
    assert "connection refused" in done.stderr
    assert "nothing was changed in local" in done.stderr
    assert "s3cr3t" not in done.stderr


def test_a_time_limit(project: Project) -> None:
    project.ok("local")
    project.add(COLOUR, block("select pg_sleep(60);"))
    done = project.run("local", MIGRATE_TIMEOUT="1")
    assert "dbmate was stopped after 1 seconds (MIGRATE_TIMEOUT)" in done.stderr
    assert f"{COLOUR} was not applied" in done.stderr
    assert under_way(project), "the server does not notice before it has something to say"
    project.sql(f"select pg_terminate_backend(pid) from {SLEEPING}")  # noqa: S608


def test_two_at_once_and_one_that_was_killed(project: Project) -> None:
    """What the task started goes on when it is killed, and keeps others away until it has ended."""
    project.add(COLOUR, block("select pg_sleep(3);"))
    first = project.start("local")
    wait_for(lambda: under_way(project))
    first.kill()
    first.communicate()
    done = project.run("local")
    assert done.returncode == 1
    assert done.stderr.endswith("on this machine ops/migrate is at work already; wait for it\n")
    wait_for(lambda: project.run("local").returncode == 0)
    assert project.applied() == [FIRST[:14], COLOUR[:14]]


def test_whoever_stops_it_waits_for_what_is_under_way(project: Project) -> None:
    project.add(COLOUR, block("select pg_sleep(1);"))
    task = project.start("local")
    wait_for(lambda: under_way(project))
    task.send_signal(signal.SIGTERM)
    task.communicate()
    assert task.returncode in (128 + signal.SIGTERM, -signal.SIGTERM)
    assert project.applied() == [FIRST[:14], COLOUR[:14]]


def test_a_server_that_is_killed_during_a_migration(render: Render) -> None:
    with postgres() as server:
        folder = render(stack="node", database="supabase")
        project = Project(folder, server, "postgres")
        (folder / ".env.local").write_text(f"DATABASE_URL={server.url}\n")
        project.git("init", "--quiet")
        project.ok("local")
        project.add(COLOUR, block("create table half (i int); select pg_sleep(60);"))
        task = project.start("local")
        wait_for(lambda: under_way(project))
        server.kill()
        _, said = task.communicate()
        assert task.returncode == 1
        assert f"nobody knows which of {COLOUR} were applied" in said
        assert said.endswith("once the database answers: ops/migrate local status\n")
        server.start()
        assert f"pending  {COLOUR}" in project.ok("local", "status").stdout
        assert project.sql("select to_regclass('half')") == ""


def test_a_full_disk(project: Project) -> None:
    with small_disk(project.server.folder / "disk", "24m") as disk:
        shutil.chown(disk, "nobody")
        project.ok("local")
        project.sql(f"create tablespace small location '{disk}'")
        rows = "select repeat(md5(i::text), 50) from generate_series(1, 100000) i"
        project.add(COLOUR, block(f"create table big tablespace small as {rows};"))
        done = project.run("local")
        assert "No space left on device" in done.stderr
        assert f"{COLOUR} was not applied, of which nothing was done" in done.stderr
        project.sql("drop tablespace small")


# Other environments


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def live(project: Project, signed: tuple[Path, Path]) -> Iterator[Project]:
    """A project whose live environment has a database that speaks TLS."""
    key, crt = signed
    if not project.sql("select 1 from pg_roles where rolname = 'it'"):
        project.sql(f"create role it superuser login password '{PASSWORD}'")
    with with_tls(project.server.port, key, crt) as port:
        url = f"postgres://it:{PASSWORD}@localhost:{port}/{project.database}"
        keep(project, url, crt)
        yield project


def keep(project: Project, url: str, crt: Path) -> None:
    """Keep the settings of live."""
    settings = f'DATABASE_URL="{url}"\nDATABASE_CA="{crt.read_text()}"\n'
    (project.folder / ".env.live").write_text(settings)


def test_live_by_a_verified_certificate_under_the_lock_of_deploys(live: Project) -> None:
    live.add(COLOUR, block("select pg_sleep(2);"))
    task = live.start("live")
    wait_for(lambda: under_way(live))
    locks = live.git("ls-remote", "origin", "refs/deployments/locks/*")
    assert "refs/deployments/locks/live" in locks
    task.communicate()
    assert task.returncode == 0
    assert live.applied() == [FIRST[:14], COLOUR[:14]]
    assert live.git("ls-remote", "origin", "refs/deployments/locks/*") == ""


BACKUP = """#!/bin/sh
echo "$1" >>backups
exit "${BACKUP_ENDS:-0}"
"""


def test_in_live_there_is_a_backup_first_or_no_change(live: Project) -> None:
    """How one is taken is shown in test_backups.py."""
    (live.folder / "ops/backup").write_text(BACKUP)
    backups = live.folder / "backups"
    live.ok("live")
    assert not backups.exists()  # there was nothing yet
    live.add(COLOUR, ADD)
    done = live.run("live", BACKUP_ENDS="1")
    assert done.returncode == 1
    assert "nothing was changed in live: there is no backup of what it has" in done.stderr
    assert live.applied() == [FIRST[:14]]
    assert "without a backup before" in live.ok("live", BACKUP_FIRST="no", BACKUP_ENDS="1").stderr
    live.ok("live", "down")
    live.ok("live")
    live.ok("live")  # up to date: no other backup
    assert backups.read_text() == "live\nlive\n"


def test_live_with_another_certificate_is_not_spoken_to(live: Project, tmp_path: Path) -> None:
    url = (live.folder / ".env.live").read_text().partition('"')[2].partition('"')[0]
    keep(live, url, certificate(tmp_path)[1])
    done = live.run("live")
    assert done.returncode == 1
    assert "certificate" in done.stderr
    assert "nothing was changed in live" in done.stderr


def test_two_deploys_at_once(live: Project) -> None:
    somebody = live.git("commit-tree", "-m", "somebody@elsewhere, process 1", "HEAD^{tree}")
    live.git("push", "--quiet", "origin", f"{somebody}:refs/deployments/locks/live")
    done = live.run("live")
    assert done.returncode == 1
    assert "live is being deployed to by somebody@elsewhere" in done.stderr
    # Whom a deploy calls has its lock already; an old word of it counts for nothing.
    assert live.run("live", LOCK_HELD="0" * 40).returncode == 1
    live.ok("live", LOCK_HELD=somebody)
    assert somebody in live.git("ls-remote", "origin", "refs/deployments/locks/live")
    live.ok("live", "status", "--no-record")


def test_a_later_number_comes_later(live: Project) -> None:
    live.add("20261202000000_late.sql", block("select 1;"))
    live.ok("live")
    live.add(COLOUR, block("select 1;"))
    done = live.run("live")
    assert done.returncode == 1
    assert (
        f"live has 20261202000000_late.sql already, which is to come after {COLOUR}" in done.stderr
    )


def test_the_password_is_seen_nowhere(live: Project, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    tool = tmp_path / "bin/dbmate"
    tool.parent.mkdir()
    real = subprocess.check_output(["which", "dbmate"], text=True).strip()
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{seen}\nexec {real} "$@"\n')
    tool.chmod(0o755)
    path = f"{tool.parent}:{os.environ['PATH']}"
    live.add(COLOUR, block("select wrong;"))
    said = [
        live.run("live", *each, PATH=path, DBMATE_DRIVER="mysql", PGHOST="nowhere.invalid")
        for each in (["up"], ["status"], ["down", "9"], ["down"])
    ]
    assert [done.returncode for done in said] == [1, 0, 1, 0]
    assert "--no-dump-schema" in seen.read_text(), "it was called"
    for text in [seen.read_text(), *(done.stderr + done.stdout for done in said)]:
        assert PASSWORD not in text
    assert not list(live.folder.rglob("schema.sql"))


def test_prove_is_not_for_other_environments(live: Project) -> None:
    done = live.run("live", "prove")
    assert done.returncode == 2
    assert "ops/migrate local prove" in done.stderr
