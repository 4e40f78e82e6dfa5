"""What of that program writes: a dump into a database, or into one beside what is there, and in its place."""

from __future__ import annotations

REFILL = r"""
async function fill(aside) {
  for (const name of await below(ASIDE)) {
    const [, left] = LEFT.exec(name) ?? [];
    if (Number(left) < Date.now() / 1000 - DAY) await db.dropCollection(name); // by one that was killed
  }
  const views = [];
  const later = new Map();
  const read = frames();
  const next = async () => (await read.next()).value;
  for (let head; (head = await next()); ) {
    const it = ordered(head);
    const name = aside + it.get("name");
    const options = it.get("options");
    if (it.get("type") === "view") {
      views.push(head.toString("base64"));
      await next();
      continue;
    }
    if (aside && options.has("timeseries")) {
      throw new Error(`${it.get("name")} is a time series, which no server renames: it comes back --into another`);
    }
    if (later.has(name)) await db.dropCollection(name);
    later.set(name, expiring(it));
    await made(name, options);
    let batch = [];
    let size = 0;
    for (let document; (document = await next()); ) {
      batch.push(written(document));
      size += document.length;
      if (size <= BATCH) continue;
      await put(name, batch);
      batch = [];
      size = 0;
    }
    await put(name, batch);
    await index(name, it.get("indexes"));
  }
  const tables = {};
  for (const name of later.keys()) tables[name.slice(aside.length)] = await rows(name);
  for (const [name, { indexes, seconds }] of later) {
    await index(name, indexes);
    if (seconds !== undefined) await db.command({ collMod: name, expireAfterSeconds: seconds });
  }
  if (!aside) {
    await show(views);
    await db.dropCollection(CLAIM);
  }
  return [tables, views];
}

// What has the server take documents away is put off until they were counted.
function expiring(it) {
  const expires = (index) => index.has("expireAfterSeconds");
  const indexes = it.get("indexes");
  it.set("indexes", indexes.filter((index) => !expires(index)));
  const seconds = it.get("options").get("expireAfterSeconds");
  it.get("options").delete("expireAfterSeconds");
  return { indexes: indexes.filter(expires), seconds };
}

async function index(name, all) {
  const indexes = all.filter((it) => it.get("name") !== "_id_" && !it.has("clustered"));
  if (indexes.length > 0) await db.command({ createIndexes: name, indexes });
}

async function rows(name) {
  const table = new Table();
  for await (const document of db.collection(name).find({}, RAW)) table.add(document);
  return table.told();
}

const made = (name, options) => db.command({ create: name, ...Object.fromEntries(options) });

// Rules may be younger than what is there.
async function put(name, documents) {
  if (documents.length === 0) return;
  await db.collection(name).insertMany(documents, { bypassDocumentValidation: true, forceServerObjectId: true });
}

async function show(views) {
  for (const head of views) {
    const it = ordered(Buffer.from(head, "base64"));
    await made(it.get("name"), it.get("options"));
  }
}

async function swap(aside) {
  const views = await json(process.stdin);
  const before = new Map((await collections()).map(({ name, type }) => [name, type]));
  for (const name of await below(aside)) {
    const ours = name.slice(aside.length);
    if (before.get(ours) === "view") await db.dropCollection(ours);
    before.delete(ours);
    await db.collection(name).rename(ours, { dropTarget: true });
  }
  for (const name of before.keys()) await db.dropCollection(name);
  await show(views);
}

async function clear(aside) {
  for (const name of await below(aside)) await db.dropCollection(name);
}

async function claim(name) {
  const other = client.db(name);
  await other.command({ create: CLAIM });
  if ((await other.listCollections().toArray()).length === 1) return;
  await other.dropCollection(CLAIM);
  throw new Error(`the database ${name} already exists`);
}
"""
