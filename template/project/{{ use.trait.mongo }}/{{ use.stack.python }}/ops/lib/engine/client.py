"""What is done to the database by the driver that the service has anyway; migrations by the few lines that takes.

What others have made for Python and MongoDB is no longer kept. This one writes what migrate-mongo does.
"""

from __future__ import annotations

from pathlib import Path

from .variables import Settings

SCRIPT = """
import hashlib, json, os, runpy, sys, threading
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

import pymongo
from bson import ObjectId, json_util
from pymongo.errors import DuplicateKeyError, PyMongoError, ServerSelectionTimeoutError

LOCK = "changelog_lock"
OURS = ("changelog", LOCK)
LOCK_SECONDS = 120  # from its last sign of life

asked = json.load(sys.stdin)
client = pymongo.MongoClient(os.environ["DATABASE_URL"], serverSelectionTimeoutMS=5_000)
db = client.get_default_database()


def now():
    return datetime.now(timezone.utc)


def status():
    applied = {each["fileName"] for each in db.changelog.find()}
    files = sorted(Path(asked["folder"]).glob("[0-9]*.py"))
    return [(file.name, file.name in applied) for file in files]


@contextmanager
def locked():
    lock = db[LOCK]
    lock.create_index("createdAt", expireAfterSeconds=LOCK_SECONDS)
    try:
        lock.insert_one({"_id": "lock", "createdAt": now()})
    except DuplicateKeyError:
        raise RuntimeError("a lock is in place: somebody else migrates, or was killed") from None
    over = threading.Event()

    def stay():
        while not over.wait(LOCK_SECONDS / 6):
            with suppress(PyMongoError):
                lock.update_one({"_id": "lock"}, {"$set": {"createdAt": now()}})

    alive = threading.Thread(target=stay)
    alive.start()
    try:
        yield
    finally:
        over.set()
        alive.join()
        with suppress(PyMongoError):
            lock.delete_one({"_id": "lock"})


def go(name, way):
    try:
        runpy.run_path(str(Path(asked["folder"], name)))[way](db)
    except Exception as error:
        raise RuntimeError(f"could not migrate {way} {name}: {type(error).__name__}: {error}") from error


def up():
    with locked():
        for name, applied in status():
            if not applied:
                go(name, "up")
                db.changelog.insert_one({"fileName": name, "appliedAt": now()})


def down():
    with locked():
        name = [name for name, applied in status() if applied][-1]
        go(name, "down")
        db.changelog.delete_one({"fileName": name})


def collections():
    found = db.list_collections()
    ours = (it for it in found if it["name"] not in OURS and not it["name"].startswith("system."))
    return sorted(ours, key=lambda it: it["name"])


def line(value):
    return json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS)


def schema():
    lines = []
    for it in collections():
        name, kind = it["name"], it["type"]
        lines.append(f"{kind} {name} {line(it['options'])}")
        indexes = [] if kind == "view" else db[name].list_indexes()
        lines += sorted(f"index of {name} {line(index)}" for index in indexes)
    return lines


def contents():
    found = []
    for it in collections():
        if it["type"] != "view":
            lines = sorted(line(each) for each in db[it["name"]].find())
            checksum = hashlib.sha256("\\n".join(lines).encode()).hexdigest()
            found.append((it["name"], str(len(lines)), checksum))
    return found


def fill():
    for name, documents in json_util.loads(asked["rows"]).items():
        db[name].insert_many(documents)


def drop():
    client.drop_database(db)


def switches():
    if "flag_switches" not in db.list_collection_names():
        raise RuntimeError("there is no collection flag_switches")
    return db.flag_switches


# Newest first, by the server's own clock.
def switched():
    of = {"flag": asked["flag"]} if "flag" in asked else {}
    found = switches().find(of).limit(20 if of else 0)
    lines = []
    for it in found.sort({"at": -1, "_id": -1}):
        lines.append([it["flag"], it["state"], it["who"], f"{it['at']:%Y-%m-%dT%H:%M:%SZ}"])
    return lines


def change():
    told = {name: asked[name] for name in ("flag", "state", "who")}
    now = {"$currentDate": {"at": True}, "$set": told}
    switches().update_one({"_id": ObjectId()}, now, upsert=True)


try:
    with client:
        print(json.dumps(globals()[asked["what"]]()))
except (PyMongoError, RuntimeError) as error:
    print(error, file=sys.stderr)
    sys.exit(69 if isinstance(error, ServerSelectionTimeoutError) else 1)
"""
PROGRAM = ("uv", "run", "--no-sync", "python", "-c", SCRIPT)


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("uv", "https://docs.astral.sh/uv")
    if not Path(".venv").is_dir():
        settings.lack("pymongo", "ops/setup installs it")


def furnish(_folder: Path) -> None:
    """Have migrations there find what they import, which Python does."""
