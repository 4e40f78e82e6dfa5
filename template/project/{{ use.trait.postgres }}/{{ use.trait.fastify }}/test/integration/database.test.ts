import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { Database } from "../../src/database.ts";
import { testApp } from "../helpers/app.ts";
import { required } from "../helpers/environment.ts";

const CREATE = "create table made ()";

const isMade = async (database: Database) => {
  const [row] = await database.query<{ made: boolean }>(
    "select to_regclass('made') is not null as made",
  );
  return row?.made;
};

test("an outage is a 503 that says when to come again, and in the log without the address", async () => {
  const { DATABASE_URL = "" } = required;
  const nowhere = new URL(DATABASE_URL);
  nowhere.port = "1";
  const { app, lines } = testApp({ DATABASE_URL: nowhere.href });
  app.get("/rows", () => app.database.query("select 1"));
  for (let request = 0; request < 2; request += 1) {
    const response = await app.inject("/rows");
    expect(response.statusCode).toBe(503);
    expect(response.headers["retry-after"]).toBe("1");
    expect(response.json()).toEqual({
      title: "Service Unavailable",
      status: 503,
      detail: "The database does not answer",
    });
  }
  const log = lines.join("");
  expect(log.match(/the database does not answer/g)).toHaveLength(1);
  expect(log).toContain("ECONNREFUSED");
  expect(log).not.toContain(nowhere.password);
});

test("outside local there is no answer without TLS, whatever the URL says", async () => {
  const { app, lines } = testApp();
  const { DATABASE_URL = "" } = required;
  const config = readConfig({
    ...required,
    APP_ENV: "live",
    DATABASE_URL: `${DATABASE_URL}?sslmode=disable`,
  });
  const strict = new Database(app.log, config);
  onTestFinished(() => strict.close());
  await expect(strict.query("select 1")).rejects.toThrow("does not answer");
  expect(lines.join("")).toContain("does not support SSL");
});

test("a text that cannot be stored is the client's to change", async () => {
  const { app } = testApp();
  const text = app.database.query("select $1::text", ["\0"]);
  await expect(text).rejects.toMatchObject({ statusCode: 422 });
});

test("of a transaction all is done or nothing, whatever ends it", async () => {
  const { database } = testApp().app;
  const failed = database.transaction(async (client) => {
    await client.query(CREATE);
    throw new Error("on purpose");
  });
  await expect(failed).rejects.toThrow("on purpose");
  expect(await isMade(database)).toBe(false);
  await database.transaction((client) => client.query(CREATE));
  expect(await isMade(database)).toBe(true);
});

test("a connection that is cut is an outage, and the next one is made", async () => {
  const { database } = testApp().app;
  const cut = database.query("select pg_terminate_backend(pg_backend_pid())");
  await expect(cut).rejects.toThrow("does not answer");
  expect(await database.query("select 1 as one")).toEqual([{ one: 1 }]);
});
