// A database for each file of tests, with what the migrations make. Every test
// finds its tables empty.
import { readdirSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeEach, vi } from "vitest";
import { read, required } from "./environment.ts";

const connected = async (connectionString: string) => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
};

const name = `test_${process.pid}_${Date.now()}`;
const { DATABASE_URL = "" } = required;
const server = await connected(DATABASE_URL);
await server.query(`create database ${name}`);

const url = new URL(DATABASE_URL);
url.pathname = name;
Object.assign(required, { DATABASE_URL: url.href });
const client = await connected(url.href);
for (const file of readdirSync("db/migrations").sort()) {
  const [, up = ""] = read(`db/migrations/${file}`).split(/^-- migrate:.*$/m);
  await client.query(up);
}
const { rows } = await client.query<{ names: string | null }>(
  `select string_agg(quote_ident(tablename), ', ') as names
   from pg_tables where schemaname = 'public'`,
);
const tables = rows[0]?.names;
// A project may be from before there was that table.
const switchable = tables?.includes("flag_switches");

beforeEach(async () => {
  if (tables) await client.query(`truncate ${tables} cascade`);
});

afterAll(async () => {
  await client.end();
  await server.query(`drop database ${name} with (force)`);
  await server.end();
});

// Apps are as in sandbox, where TLS is required; this server has none.
vi.mock("../../src/database.ts", async (original) => {
  const real = await original<typeof import("../../src/database.ts")>();
  const database: typeof real.database = (app, config) => {
    const check = real.database(app, { ...config, APP_ENV: "local" });
    if (!switchable) app.switches = undefined;
    return check;
  };
  return { ...real, database };
});
