// A database for each file of tests, with what the migrations make. Every test
// finds its tables empty.
import { readdirSync } from "node:fs";
import mysql, { type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeEach, vi } from "vitest";
import { read, required } from "./environment.ts";

const name = `test_${process.pid}_${Date.now()}`;
const { DATABASE_URL: uri = "" } = required;
const client = await mysql.createConnection({ uri, multipleStatements: true });
await client.query(`create database ${name}; use ${name}`);

const url = new URL(uri);
url.pathname = name;
Object.assign(required, { DATABASE_URL: url.href });
for (const file of readdirSync("db/migrations").sort()) {
  const [, up = ""] = read(`db/migrations/${file}`).split(/^-- migrate:.*$/m);
  await client.query(up);
}
const [tables] = await client.query<(RowDataPacket & { name: string })[]>(
  `select table_name as name from information_schema.tables
   where table_schema = database() and table_type = 'BASE TABLE'`,
);
const empty = tables.map((table) => `truncate \`${table.name}\`;`).join("");
// A project may be from before there was that table.
const switchable = tables.some((table) => table.name === "flag_switches");

beforeEach(async () => {
  await client.query(`set foreign_key_checks = 0; ${empty}`);
});

afterAll(async () => {
  await client.query(`drop database ${name}`);
  await client.end();
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
