"""What dumps and restores a database, by the driver that the service has anyway: see dumping.py."""

from __future__ import annotations

SCRIPT = r"""
import hashlib, json, os, re, sys, time
from base64 import b64decode, b64encode
from contextlib import nullcontext, suppress

import bson, pymongo
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure, PyMongoError

END = b"\xff\xff\xff\xff"
ASIDE = "restoring."
CLAIM = ASIDE + "claim"
LEFT = re.compile(r"restoring\.(\d{10})-[0-9a-f]{4}\.")
LOCK = "changelog_lock"  # whoever migrates has it
DAY = 24 * 3600
LARGEST = 17 << 20  # bytes of a document, a little more than a server takes
BATCH, READ = 1 << 20, 1_000  # bytes to write at once, documents to read: a server gives 16 MB of them by itself
# SnapshotTooOld, as five minutes are kept unless a server is told otherwise; or it keeps none: SnapshotUnavailable,
# InvalidOptions, and AtlasError, which is what a shared cluster says of all that it does not do.
FORGOTTEN = (239, 246, 72, 8000)

client = pymongo.MongoClient(os.environ["DATABASE_URL"], serverSelectionTimeoutMS=5_000, readPreference="primary")
db = client.get_default_database()


class Table:
    # Rows, and the sum of 64 bits of the SHA-256 of each, whatever their order.
    def __init__(self):
        self.rows = self.sum = 0

    def add(self, document):
        self.rows += 1
        self.sum += int.from_bytes(hashlib.sha256(document).digest()[:8], "big")

    def told(self):
        return [self.rows, str(self.sum % (1 << 64))]


def collections():
    return [it for it in db.list_collections() if kept(it["name"])]


def kept(name):
    return name not in (LOCK, CLAIM) and not name.startswith("system.") and not LEFT.match(name)


def below(aside):
    return [name for name in db.list_collection_names() if name.startswith(aside)]


def documents(name, session=None):
    for batch in db[name].find_raw_batches(session=session, batch_size=READ):
        at = 0
        while at < len(batch):
            size = int.from_bytes(batch[at : at + 4], "little")
            yield batch[at : at + size]
            at += size


def dump(says):
    hello, out, tables = client.admin.command("hello"), sys.stdout.buffer, {}
    moment = "setName" in hello or hello.get("msg") == "isdbgrid"

    def collection(it, session):
        name, kind = it["name"], it["type"]
        indexes = [] if kind == "view" else list(db[name].list_indexes())
        out.write(bson.encode({"name": name, "type": kind, "options": it["options"], "indexes": indexes}))
        try:
            if kind != "view":
                table = Table()
                for document in documents(name, session):
                    table.add(document)
                    out.write(document)
                tables[name] = table.told()
        finally:
            out.write(END)

    # The first question of a session says which moment it is.
    def newest(_, session):
        found = db.changelog.find(session=session).sort("fileName", -1).limit(1)
        return next((it["fileName"].partition("_")[0] for it in found), "")

    def read(what, it=None):
        nonlocal moment
        try:
            return what(it, session if moment else None)
        except OperationFailure as error:
            if not moment or error.code not in FORGOTTEN:
                raise
            moment = False
            return what(it, None)

    with client.start_session(snapshot=True) if moment else nullcontext() as session:
        migration = read(newest)
        for it in sorted(collections(), key=lambda it: it["name"]):
            moment = moment and not it["options"].get("capped")  # of these a server keeps none
            read(collection, it)
    out.write(END)
    out.flush()
    told = {"server": client.server_info()["version"], "tool": f"pymongo {pymongo.version}"}
    with os.fdopen(int(says), "w") as file:
        json.dump({**told, "migration": migration, "tables": tables, "moment": moment}, file)


def frames():
    def read(size):
        found = sys.stdin.buffer.read(size)
        if len(found) < size:
            raise RuntimeError("the dump ends before its end")
        return found

    while True:
        head = read(4)
        size = int.from_bytes(head, "little")
        if head != END and not 5 <= size <= LARGEST:
            raise RuntimeError("it is no dump of MongoDB")
        yield None if head == END else head + read(size - 4)


def fill(aside):
    for name in below(ASIDE):
        left = LEFT.match(name)
        if left and int(left[1]) < time.time() - DAY:
            db.drop_collection(name)  # by one that was killed
    views, later, read = [], {}, frames()
    while (head := next(read)) is not None:
        it = bson.decode(head)
        name, options = aside + it["name"], it["options"]
        if it["type"] == "view":
            views.append(b64encode(head).decode())
            next(read)
            continue
        if aside and "timeseries" in options:
            raise RuntimeError(f"{it['name']} is a time series, which no server renames: it comes back --into another")
        if name in later:
            db.drop_collection(name)
        later[name] = expiring(it)
        db.command({"create": name, **options})
        batch, size = [], 0
        while (document := next(read)) is not None:
            batch.append(RawBSONDocument(document))
            size += len(document)
            if size > BATCH:
                put(name, batch)
                batch, size = [], 0
        put(name, batch)
        index(name, it["indexes"])
    tables = {name[len(aside) :]: rows(name) for name in later}
    for name, (indexes, seconds) in later.items():
        index(name, indexes)
        if seconds is not None:
            db.command("collMod", name, expireAfterSeconds=seconds)
    if not aside:
        show(views)
        db.drop_collection(CLAIM)
    return tables, views


# What has the server take documents away is put off until they were counted.
def expiring(it):
    indexes = it["indexes"]
    it["indexes"] = [index for index in indexes if "expireAfterSeconds" not in index]
    return [index for index in indexes if "expireAfterSeconds" in index], it["options"].pop("expireAfterSeconds", None)


def index(name, indexes):
    more = [index for index in indexes if index["name"] != "_id_" and "clustered" not in index]
    if more:
        db.command("createIndexes", name, indexes=more)


def rows(name):
    table = Table()
    for document in documents(name):
        table.add(document)
    return table.told()


# Rules may be younger than what is there.
def put(name, batch):
    if batch:
        db[name].insert_many(batch, bypass_document_validation=True)


def show(views):
    for it in map(bson.decode, map(b64decode, views)):
        db.command({"create": it["name"], **it["options"]})


def swap(aside):
    views, before = json.load(sys.stdin), {it["name"]: it["type"] for it in collections()}
    for name in below(aside):
        ours = name[len(aside) :]
        if before.pop(ours, "") == "view":
            db.drop_collection(ours)
        db[name].rename(ours, dropTarget=True)
    for name in before:
        db.drop_collection(name)
    show(views)


def clear(aside):
    for name in below(aside):
        db.drop_collection(name)


def claim(name):
    new = client[name]
    new.command({"create": CLAIM})
    if new.list_collection_names() != [CLAIM]:
        new.drop_collection(CLAIM)
        raise RuntimeError(f"the database {name} already exists")


def drop(name):
    client.drop_database(name)


what, of = sys.argv[1:]
try:
    with client:
        try:
            said = globals()[what](of)
        except BaseException:
            if what == "fill" and of:
                with suppress(PyMongoError):
                    clear(of)
            raise
        if what != "dump":
            print(json.dumps(said))
except BrokenPipeError:
    os._exit(1)  # whoever reads it says why
except (PyMongoError, RuntimeError) as error:
    sys.exit(str(error))
"""
#: What is killed ends with it, which is not so through uv.
PROGRAM = (".venv/bin/python", "-c", SCRIPT)
