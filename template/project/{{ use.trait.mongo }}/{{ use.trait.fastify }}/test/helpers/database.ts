// A database for each file of tests, with what the migrations make. Every test
// finds its collections empty.
import { readdirSync } from "node:fs";
import { type Db, MongoClient } from "mongodb";
import { afterAll, beforeEach, vi } from "vitest";
import { required } from "./environment.ts";

interface Migration {
  up: (db: Db) => Promise<void>;
}

const { DATABASE_URL = "" } = required;
const name = `test_${process.pid}_${Date.now()}`;
const url = DATABASE_URL.replace(/\/[^/?]+(?=\?|$)/, `/${name}`);
Object.assign(required, { DATABASE_URL: url });
const client = await MongoClient.connect(url);
const db = client.db();

const folder = new URL("../../db/migrations/", import.meta.url);
for (const file of readdirSync(folder).sort()) {
  const { up } = (await import(new URL(file, folder).href)) as Migration;
  await up(db);
}
const collections = await db.collections();

beforeEach(async () => {
  await Promise.all(collections.map((each) => each.deleteMany()));
});

afterAll(async () => {
  await db.dropDatabase();
  await client.close();
});

// Apps are as in sandbox, where TLS is required; this server has none.
vi.mock("../../src/database.ts", async (original) => {
  const real = await original<typeof import("../../src/database.ts")>();
  const database: typeof real.database = (app, config) =>
    real.database(app, { ...config, APP_ENV: "local" });
  return { ...real, database };
});
