"""What is done to the database by the driver that the service has anyway; migrations by migrate-mongo."""

from __future__ import annotations

from pathlib import Path

from .variables import Settings

SCRIPT = """
import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { config, down, status, up } from "migrate-mongo";
import { BSON, MongoClient, MongoServerSelectionError } from "mongodb";

const LOCK = "changelog_lock";
const OURS = new Set(["changelog", LOCK]);
const { what, folder, rows, flag, state, who } = JSON.parse(await text(process.stdin));
const connected = (maxPoolSize) =>
  new MongoClient(process.env.DATABASE_URL, { maxPoolSize, serverSelectionTimeoutMS: 5_000 });
// One connection, for what migrate-mongo does not wait for: the index of its lock.
const client = connected(1);
const db = client.db();
config.set({
  migrationsDir: folder,
  migrationFileExtension: ".ts",
  changelogCollectionName: "changelog",
  lockCollectionName: LOCK,
  lockTtl: 120, // in seconds, from its last sign of life
});

async function locked(work) {
  // It looks whether there is a lock, and then writes its own: an index has one of two fail that do so at once.
  await db.collection(LOCK).createIndex({ lock: 1 }, { unique: true });
  const other = connected(1);
  const alive = () => other.db().collection(LOCK).updateMany({}, { $set: { createdAt: new Date() } });
  const timer = setInterval(() => alive().catch(() => undefined), 20_000);
  try {
    return await work(db, client);
  } finally {
    clearInterval(timer);
    await other.close();
  }
}

async function collections() {
  const found = await db.listCollections().toArray();
  const ours = found.filter(({ name }) => !OURS.has(name) && !name.startsWith("system."));
  return ours.sort((one, other) => (one.name < other.name ? -1 : 1));
}

const line = (value) => BSON.EJSON.stringify(value, { relaxed: false });

async function schema() {
  const lines = [];
  for (const { name, type, options } of await collections()) {
    lines.push(`${type} ${name} ${line(options)}`);
    const indexes = type === "view" ? [] : await db.collection(name).indexes();
    lines.push(...indexes.map((index) => `index of ${name} ${line(index)}`).sort());
  }
  return lines;
}

async function contents() {
  const found = [];
  for (const { name, type } of await collections()) {
    if (type === "view") continue;
    const lines = [];
    for await (const each of db.collection(name).find()) lines.push(line(each));
    const checksum = createHash("sha256").update(lines.sort().join("\\n")).digest("hex");
    found.push([name, String(lines.length), checksum]);
  }
  return found;
}

async function fill() {
  for (const [name, documents] of Object.entries(BSON.EJSON.parse(rows))) {
    await db.collection(name).insertMany(documents);
  }
}

async function switches() {
  const there = await db.listCollections({ name: "flag_switches" }).hasNext();
  if (!there) throw new Error("there is no collection flag_switches");
  return db.collection("flag_switches");
}

// Newest first, by the server's own clock.
async function switched() {
  const of = flag === undefined ? {} : { flag };
  const found = (await switches()).find(of).sort({ at: -1, _id: -1 }).limit(flag === undefined ? 0 : 20);
  const lines = [];
  for await (const { flag, state, who, at } of found) {
    lines.push([flag, state, who, at.toISOString().replace(/[.]\\d+/, "")]);
  }
  return lines;
}

async function change() {
  const now = { $currentDate: { at: true }, $set: { flag, state, who } };
  await (await switches()).updateOne({ _id: new BSON.ObjectId() }, now, { upsert: true });
}

const commands = {
  change,
  contents,
  fill,
  schema,
  switched,
  drop: () => db.dropDatabase(),
  status: async () =>
    (await status(db)).map(({ fileName, appliedAt }) => [fileName, appliedAt !== "PENDING"]),
  up: () => locked(up),
  down: () => locked(down),
};
try {
  console.log(JSON.stringify((await commands[what]()) ?? null));
} catch (error) {
  const { additionalInfo = "", message } = error;
  console.error(message, additionalInfo && JSON.stringify(additionalInfo));
  process.exitCode = error instanceof MongoServerSelectionError ? 69 : 1;
} finally {
  await client.close();
}
"""
PROGRAM = ("node", "--no-warnings", "--input-type=module", "--eval", SCRIPT)


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("node", "https://nodejs.org")
    if not Path("node_modules/migrate-mongo").is_dir():
        settings.lack("migrate-mongo", "ops/setup installs it")


def furnish(folder: Path) -> None:
    """Have migrations there find what they import."""
    (folder / "node_modules").symlink_to(Path("node_modules").absolute())
    (folder / "package.json").write_text('{"type": "module"}\n', "utf-8")
