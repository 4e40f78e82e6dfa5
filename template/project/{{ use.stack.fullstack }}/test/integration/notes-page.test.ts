// How the page talks to the service, here the real one.
import { describe, expect, expectTypeOf, test } from "vitest";
import type { Config } from "../../src/config.ts";
import type * as service from "../../src/resources/notes/schemas.ts";
import { connect, type Note, Problem } from "../../web/api.ts";
import { testApp } from "../helpers/app.ts";

async function connected(overrides: Partial<Config> = {}) {
  const { app } = testApp(overrides);
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  return { app, api: connect(origin) };
}

async function problem(request: Promise<unknown>): Promise<Problem> {
  const error: unknown = await request.catch((reason: unknown) => reason);
  if (error instanceof Problem) return error;
  throw new Error("no problem", { cause: error });
}

test("a note is made, listed and deleted", async () => {
  const { api } = await connected();
  const note = await api.create("Title", "Body");
  expect(await api.list(0, 10)).toEqual({
    items: [note],
    total: 1,
    limit: 10,
    offset: 0,
  });
  await api.remove(note.id);
  expect(await api.list(0, 10)).toMatchObject({ items: [], total: 0 });
});

test("a note is to the page what it is to the service", () => {
  expectTypeOf<Note>().toEqualTypeOf<service.Note>();
});

test("the state of the service has its version and commit", async () => {
  const { api } = await connected({ GIT_COMMIT: "abc1234" });
  const health = { status: "ok", commit: "abc1234" };
  expect(await api.health()).toMatchObject(health);
  expect(await api.readiness()).toEqual({ status: "ready" });
});

describe("a problem says what the service says", () => {
  test("of a title that is taken", async () => {
    const { api } = await connected();
    await api.create("Title", "");
    expect(await problem(api.create("Title", ""))).toMatchObject({
      status: 409,
      message: "A note with this title exists",
    });
  });

  test("of each field that is invalid", async () => {
    const { api } = await connected();
    const { status, errors } = await problem(api.create("  ", ""));
    expect(status).toBe(422);
    expect([...errors.keys()]).toEqual(["body.title"]);
  });

  test("of a note that is gone", async () => {
    const { api } = await connected();
    const { id } = await api.create("Title", "");
    await api.remove(id);
    expect(await problem(api.remove(id))).toMatchObject({
      status: 404,
      message: "No such note",
    });
  });

  test("of too many requests, and when to try again", async () => {
    const { api } = await connected({ RATE_LIMIT_PER_MINUTE: 1 });
    await api.list(0, 10);
    const { status, message } = await problem(api.list(0, 10));
    expect(status).toBe(429);
    expect(message).toMatch(/Try again in \d+ s$/);
  });

  test("of what it waits for before it is ready", async () => {
    const { app, api } = await connected();
    app.readinessChecks.set("database", () => {
      throw new Error("down");
    });
    expect(await problem(api.readiness())).toMatchObject({
      status: 503,
      message: "Not ready: database",
    });
  });
});

test("a service that cannot be reached is a problem without a status", async () => {
  const { app, api } = await connected();
  await app.close();
  expect(await problem(api.list(0, 10))).toMatchObject({
    status: 0,
    message: "The service cannot be reached",
  });
});
