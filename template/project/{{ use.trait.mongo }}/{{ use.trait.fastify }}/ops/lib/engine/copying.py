"""What dumps and restores a database, by the driver that the service has anyway: see dumping.py."""

from __future__ import annotations

from .refill import REFILL

READ = r"""
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { BSON, MongoClient } from "mongodb";
import driver from "mongodb/package.json" with { type: "json" };

const END = Buffer.from([255, 255, 255, 255]);
const ASIDE = "restoring.";
const CLAIM = `${ASIDE}claim`;
const LEFT = /^restoring\.(\d{10})-[0-9a-f]{4}\./;
const LOCK = "changelog_lock"; // whoever migrates has it
const DAY = 24 * 3600;
const LARGEST = 17 << 20; // bytes of a document, a little more than a server takes
const BATCH = 1 << 20; // bytes to write at once
const RAW = { raw: true, batchSize: 1_000 }; // documents to read: a server gives 16 MB of them by itself
// SnapshotTooOld, as five minutes are kept unless a server is told otherwise; or it keeps none: SnapshotUnavailable,
// InvalidOptions, and AtlasError, which is what a shared cluster says of all that it does not do.
const FORGOTTEN = [239, 246, 72, 8000];
const EXACT = { promoteValues: false, promoteLongs: false, promoteBuffers: false, bsonRegExp: true };

const client = new MongoClient(process.env.DATABASE_URL, {
  serverSelectionTimeoutMS: 5_000,
  readPreference: "primary",
});
const db = client.db();

// Rows, and the sum of 64 bits of the SHA-256 of each, whatever their order.
class Table {
  rows = 0;
  sum = 0n;

  add(document) {
    this.rows += 1;
    this.sum += createHash("sha256").update(document).digest().readBigUInt64BE();
  }

  told() {
    return [this.rows, String(BigInt.asUintN(64, this.sum))];
  }
}

// A document as a Map: an object would have names that are numbers come first.
function ordered(document) {
  const found = new Map();
  for (const [type, nameAt, nameSize, at, size] of BSON.onDemand.parseToElements(document)) {
    const name = document.toString("utf8", nameAt, nameAt + nameSize);
    const value = document.subarray(at, at + size);
    if (type === BSON.BSONType.object) found.set(name, ordered(value));
    else if (type === BSON.BSONType.array) found.set(name, [...ordered(value).values()]);
    else found.set(name, alone(type, value));
  }
  return found;
}

function alone(type, value) {
  const document = Buffer.concat([Buffer.alloc(4), Buffer.from([type, 0]), value, Buffer.alloc(1)]);
  document.writeInt32LE(document.length);
  return BSON.deserialize(document, EXACT)[""];
}

// What the driver writes as these very bytes.
function written(document) {
  const found = BSON.deserialize(document, EXACT);
  return document.equals(BSON.serialize(found)) ? found : ordered(document);
}

async function below(aside) {
  const found = await db.listCollections({}, { nameOnly: true }).toArray();
  return found.map(({ name }) => name).filter((name) => name.startsWith(aside));
}

const kept = (name) => ![LOCK, CLAIM].includes(name) && !name.startsWith("system.") && !LEFT.test(name);

async function collections() {
  const found = await db.listCollections({}, { raw: true }).toArray();
  return found
    .map((it) => ordered(it))
    .map((it) => ({ name: it.get("name"), type: it.get("type"), options: it.get("options") }))
    .filter(({ name }) => kept(name))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function dump(says) {
  const hello = await client.db("admin").command({ hello: 1 });
  let moment = "setName" in hello || hello.msg === "isdbgrid";
  const session = moment ? client.startSession({ snapshot: true }) : undefined;
  const tables = {};
  let migration = "";

  async function* collection({ name, type, options }, session) {
    const indexes = type === "view" ? [] : await db.collection(name).listIndexes({ raw: true }).toArray();
    yield BSON.serialize({ name, type, options, indexes: indexes.map((it) => ordered(it)) });
    const table = new Table();
    try {
      const found = type === "view" ? [] : db.collection(name).find({}, { ...RAW, session });
      for await (const document of found) {
        table.add(document);
        yield document;
      }
    } catch (error) {
      yield END;
      throw error;
    }
    if (type !== "view") tables[name] = table.told();
    yield END;
  }

  // The first question of a session says which moment it is.
  async function* newest(_, session) {
    const found = await db.collection("changelog").findOne({}, { sort: { fileName: -1 }, session });
    migration = found?.fileName.split("_")[0] ?? "";
  }

  async function* read(what, it) {
    try {
      yield* what(it, moment ? session : undefined);
    } catch (error) {
      if (!moment || !FORGOTTEN.includes(error.code)) throw error;
      moment = false;
      yield* what(it);
    }
  }

  async function* all() {
    try {
      yield* read(newest);
      for (const it of await collections()) {
        moment &&= !it.options.get("capped"); // of these a server keeps none
        yield* read(collection, it);
      }
    } finally {
      await session?.endSession();
    }
    yield END;
  }

  await pipeline(all, packed, process.stdout);
  const server = (await client.db("admin").command({ buildInfo: 1 })).version;
  const tool = `mongodb ${driver.version}`;
  writeFileSync(Number(says), JSON.stringify({ server, tool, migration, tables, moment }));
}

// Many small ones at once.
async function* packed(parts) {
  let some = [];
  let size = 0;
  for await (const part of parts) {
    some.push(part);
    size += part.length;
    if (size < 1 << 16) continue;
    yield Buffer.concat(some);
    some = [];
    size = 0;
  }
  yield Buffer.concat(some);
}

async function* frames() {
  let rest = Buffer.alloc(0);
  let chunks = [];
  let size = 0;
  let wanted = 4;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    rest = Buffer.concat(chunks);
    let at = 0;
    while (rest.length - at >= (wanted = 4)) {
      const length = rest.readInt32LE(at);
      const end = length === -1;
      if (!end && (length < 5 || length > LARGEST)) throw new Error("it is no dump of MongoDB");
      wanted = end ? 4 : length;
      if (rest.length - at < wanted) break;
      yield end ? undefined : rest.subarray(at, at + wanted);
      at += wanted;
    }
    chunks = [rest.subarray(at)];
    size = chunks[0].length;
  }
  throw new Error("the dump ends before its end");
}
"""
RUN = r"""
const drop = (name) => client.db(name).dropDatabase();

const commands = { claim, clear, drop, dump, fill, swap };
const [, what, of] = process.argv;
try {
  const said = await commands[what](of).catch(async (error) => {
    if (what === "fill" && of) await clear(of).catch(() => undefined);
    throw error;
  });
  if (what !== "dump") console.log(JSON.stringify(said ?? null));
} catch (error) {
  // Whoever reads it says why.
  if (error.code !== "EPIPE") console.error(error.message);
  process.exitCode = 1;
} finally {
  await client.close();
}
"""
#: Documents are short-lived: a small young generation keeps memory flat.
PROGRAM = ("node", "--no-warnings", "--max-semi-space-size=1", "--input-type=module", "--eval", READ + REFILL + RUN)
