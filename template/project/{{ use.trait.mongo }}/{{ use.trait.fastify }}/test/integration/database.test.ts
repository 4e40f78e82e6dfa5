import { expect, onTestFinished, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config.ts";
import { Database } from "../../src/database.ts";
import { testApp } from "../helpers/app.ts";
import { required } from "../helpers/environment.ts";

const SECRET = "hunter2";

const config = (variables: NodeJS.ProcessEnv) =>
  readConfig({ ...required, ...variables });

test("an outage is a 503 that says when to come again, and in the log without the address", async () => {
  const { app, lines } = testApp({
    DATABASE_URL: `mongodb://ada:${SECRET}@127.0.0.1:1/app`,
  });
  app.get("/rows", () => app.database.use((db) => db.command({ ping: 1 })));
  const responses = await Promise.all([
    app.inject("/rows"),
    app.inject("/rows"),
  ]);
  for (const response of responses) {
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
  expect(log).not.toContain(SECRET);
});

test("outside local there is no answer without TLS, whatever the URL says", async () => {
  const { app } = testApp();
  const { DATABASE_URL = "" } = required;
  const url = `${DATABASE_URL.split("?")[0]}?tls=false&tlsInsecure=true`;
  const strict = new Database(
    app.log,
    config({ APP_ENV: "live", DATABASE_URL: url }),
  );
  onTestFinished(() => strict.close());
  const asked = strict.use((db) => db.command({ ping: 1 }));
  await expect(asked).rejects.toThrow("does not answer");
});

test("a statement that fails for another reason is no outage", async () => {
  const { app } = testApp();
  const asked = app.database.use((db) => db.command({ nonsense: 1 }));
  await expect(asked).rejects.toThrow("nonsense");
});

test.each([
  "mongodb://db.example.com",
  "mongodb://ada:hunter%zz2@db.example.com/app",
  "mongodb://ada:hunter/2@db.example.com/app",
  "mongodb://db.example.com:port/app",
  "mongodb://db.example.com/app?nonsense=1",
  "postgres://db.example.com/app",
])("%s is no address: it ends the start, and is not shown", (url) => {
  const start = () =>
    new Database(testApp().app.log, config({ DATABASE_URL: url }));
  expect(start).toThrow(ConfigError);
  expect(start).toThrow(/^DATABASE_URL: expected/);
  expect(start).not.toThrow("example");
});
