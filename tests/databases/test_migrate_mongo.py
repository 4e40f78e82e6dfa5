"""ops/migrate on SecantusDB, in place of MongoDB, in both languages: what is not as with SQL."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest
from conftest import ROOT
from migrating import Project, begin
from mongo import Mongo, mongo
from postgres_tls import certificate
from services.service import APIS
from store import Store

pytestmark = pytest.mark.slow

NUMBERS = count()
FIRST, COLOUR = "20261130000000_create_notes", "20261201000000_colour"
#: A migration in each language, with what goes into its functions.
TEXTS = {
    "node": """import type {{ Db }} from "mongodb";

export async function up(db: Db): Promise<void> {{
  {up}
}}

export async function down(db: Db): Promise<void> {{
  {down}
}}
""",
    "python": """import time


def up(db):
    {up}


def down(db):
    {down}
""",
}
#: What these functions do, in words of the tests.
DOES = {
    "add": (
        'await db.collection("notes").updateMany({}, { $set: { colour: "red" } });',
        'db.notes.update_many({}, {"$set": {"colour": "red"}})',
    ),
    "remove": (
        'await db.collection("notes").updateMany({}, { $unset: { colour: "" } });',
        'db.notes.update_many({}, {"$unset": {"colour": ""}})',
    ),
    "index": (
        'await db.collection("notes").createIndex({ body: 1 }, { name: "body" });',
        'db.notes.create_index("body", name="body")',
    ),
    "no index": ('await db.collection("notes").dropIndex("body");', 'db.notes.drop_index("body")'),
    "nothing": ("await db.listCollections().toArray();", "list(db.list_collections())"),
    "fail": (
        'await db.command({ nonsense: "s3cr3t" });',
        'db.command("nonsense", "s3cr3t")',
    ),
    # Until somebody says so.
    "wait": (
        """await db.createCollection("begun");
  while (!(await db.collection("go").findOne())) await new Promise((ok) => setTimeout(ok, 50));""",
        """db.create_collection("begun")
    while not db.go.find_one():
        time.sleep(0.05)""",
    ),
    "empty": (
        'await db.collection("notes").deleteMany({ title: { $ne: "" } });',
        'db.notes.delete_many({"title": {"$ne": ""}})',
    ),
    "drop": ('await db.dropCollection("notes");', 'db.drop_collection("notes")'),
    "blank": (
        'await db.collection("notes").updateMany({}, { $set: { body: "" } });',
        'db.notes.update_many({}, {"$set": {"body": ""}})',
    ),
    "demand": (
        'await db.command({ collMod: "notes", validator: { size: { $exists: true } } });',
        'db.command("collMod", "notes", validator={"size": {"$exists": True}})',
    ),
}


@pytest.fixture(scope="module", params=APIS)
def stack(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Mongo]:
    with mongo() as server:
        yield server


@dataclass
class Service(Project):
    """A project with migrations in its language."""

    server: Mongo  # type: ignore[assignment]
    stack: str

    @property
    def suffix(self) -> str:
        """The end of their names."""
        return ".ts" if self.stack == "node" else ".py"

    def write(self, up: str, down: str, name: str = COLOUR, why: str = "") -> str:
        """Write a migration that does something, and give its name."""
        which = APIS.index(self.stack)
        text = TEXTS[self.stack].format(up=DOES[up][which], down=DOES[down][which])
        comment = "//" if self.stack == "node" else "#"
        self.add(f"{name}{self.suffix}", f"{comment} destroys: {why}\n{text}" if why else text)
        return f"{name}{self.suffix}"

    def applied(self) -> list[str]:
        """Give the migrations that are applied, as the database has it."""
        with self.server.asked(self.database) as db:
            return sorted(each["fileName"][:14] for each in db.changelog.find())

    def collections(self) -> set[str]:
        """Give what is there, but for what keeps account of migrations."""
        with self.server.asked(self.database) as db:
            return {name for name in db.list_collection_names() if "changelog" not in name}


def service_of(folder: Path, server: Mongo, stack: str) -> Service:
    """Make a project a repository with a remote, and give it a database."""
    made = Service(folder, server, f"notes_{next(NUMBERS)}", stack)
    begin(made)
    return made


@pytest.fixture
def project(stack: str, store: Store, server: Mongo, tmp_path: Path) -> Service:
    """A service that is set up, from before there were switches; its database has nothing yet."""
    made = store.project(stack, "-d", "database=atlas", name=f"{stack}-atlas")
    folder = tmp_path / "service"
    shutil.copytree(
        made, folder, symlinks=True, ignore=shutil.ignore_patterns(".git", "node_modules", ".venv")
    )
    for name in ("node_modules", ".venv"):
        if (made / name).exists():
            (folder / name).symlink_to(made / name)
    for seed in ("db/migrations", "test/integration", "tests/integration"):
        for file in (folder / seed).glob("*flag?switches.*"):
            file.unlink()
    rows = folder / "db/rows.json"
    rows.write_text(json.dumps({"notes": json.loads(rows.read_text())["notes"]}))
    return service_of(folder, server, stack)


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


def test_a_new_file_is_one_that_its_tools_read(project: Service) -> None:
    made = project.ok("local", "new", "add a colour").stdout.strip()
    assert made.endswith(f"_add_a_colour{project.suffix}")
    assert f"{made.rpartition('/')[2]}: nothing in up(db)" in project.run("local").stderr


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


def test_the_driver_of_python_needs_no_compiler_where_it_has_no_wheel(
    store: Store, server: Mongo, tmp_path: Path
) -> None:
    """As on Alpine, where the image is built."""
    made = store.project("python", "-d", "database=atlas", name="python-atlas")
    python, there = made / ".venv/bin/python", tmp_path / "there"
    version = "import pymongo; print(pymongo.version)"
    found = subprocess.check_output([python, "-c", version], text=True).strip()
    install = ["uv", "pip", "install", "--quiet", f"--python={python}", f"--target={there}"]
    without = {**store.environment, "CC": "/nonexistent", "PYTHONPATH": ""}
    source = ["--no-cache", "--no-deps", "--no-binary=pymongo", f"pymongo=={found}"]
    subprocess.run([*install, *source], check=True, env=without)
    script = f"""
import bson, pymongo
assert pymongo.__file__.startswith({str(there)!r}) and not (bson.has_c() or pymongo.has_c())
with pymongo.MongoClient({server.url!r}) as client:
    client.it.notes.insert_one({{"title": "Größe"}})
    assert client.it.notes.find_one()["title"] == "Größe"
"""
    subprocess.run([python, "-c", script], check=True, env={"PYTHONPATH": str(there)})
