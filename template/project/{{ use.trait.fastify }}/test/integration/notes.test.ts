import { describe, expect, test } from "vitest";
import type { Note } from "../../src/resources/notes/schemas.ts";
import { testApp } from "../helpers/app.ts";

type App = ReturnType<typeof testApp>["app"];

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

const post = (app: App, payload: object) =>
  app.inject({ method: "POST", url: "/notes", payload });

describe("POST /notes", () => {
  test("creates a note and says where it is", async () => {
    const { app } = testApp();
    const response = await post(app, { title: " Title ", extra: true });
    const note = response.json<Note>();
    expect(response.statusCode).toBe(201);
    expect(response.headers.location).toBe(`/notes/${note.id}`);
    expect(note).toEqual({
      id: note.id,
      title: "Title",
      body: "",
      createdAt: note.createdAt,
    });
    expect((await app.inject(`/notes/${note.id}`)).json()).toEqual(note);
  });

  test("says what is wrong with the body", async () => {
    const { app } = testApp();
    const response = await post(app, { title: "", body: 42 });
    expect(response.statusCode).toBe(422);
    expect(response.json()).toEqual({
      title: "Unprocessable Content",
      status: 422,
      detail: "The request is invalid",
      errors: [
        { location: "body.title", detail: expect.any(String) as string },
        { location: "body.body", detail: expect.any(String) as string },
      ],
    });
  });

  test("accepts texts up to their maximum length", async () => {
    const { app } = testApp();
    const longest = { title: "x".repeat(200), body: "x".repeat(10_000) };
    expect((await post(app, longest)).statusCode).toBe(201);
  });

  test.each([
    ["title", { title: "x".repeat(201) }],
    ["body", { title: "x", body: "x".repeat(10_001) }],
  ])("rejects a %s that is too long", async (field, payload) => {
    const { app } = testApp();
    const response = await post(app, payload);
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({
      errors: [{ location: `body.${field}` }],
    });
  });

  test("refuses a title that is taken, until it is free again", async () => {
    const { app } = testApp();
    const { id } = (await post(app, { title: "Title" })).json<Note>();
    const response = await post(app, { title: " Title" });
    expect(response.statusCode).toBe(409);
    expect(response.json()).toEqual({
      title: "Conflict",
      status: 409,
      detail: "A note with this title exists",
    });
    await app.inject({ method: "DELETE", url: `/notes/${id}` });
    expect((await post(app, { title: "Title" })).statusCode).toBe(201);
  });

  test("needs a body", async () => {
    const { app } = testApp();
    const response = await app.inject({ method: "POST", url: "/notes" });
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({ errors: [{ location: "body" }] });
  });
});

describe("GET /notes", () => {
  test("pages through the notes", async () => {
    const { app } = testApp();
    for (const title of ["a", "b", "c"]) await post(app, { title });
    const response = await app.inject("/notes?limit=1&offset=1");
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      items: [{ title: "b" }],
      total: 3,
      limit: 1,
      offset: 1,
    });
  });

  test("starts empty, with a default page size", async () => {
    const { app } = testApp();
    expect((await app.inject("/notes")).json()).toEqual({
      items: [],
      total: 0,
      limit: 20,
      offset: 0,
    });
  });

  test("has mock data only in the local environment", async () => {
    const { app } = testApp({ APP_ENV: "local" });
    const { total } = (await app.inject("/notes")).json<{ total: number }>();
    expect(total).toBeGreaterThan(0);
  });

  test.each([
    "limit=0",
    "limit=101",
    "limit=ten",
    "limit=0x10",
    "limit=",
    "offset=-1",
    "offset=0.5",
  ])("rejects %s", async (query) => {
    const { app } = testApp();
    const response = await app.inject(`/notes?${query}`);
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({
      errors: [{ location: `query.${query.split("=")[0] ?? ""}` }],
    });
  });
});

describe.each(["GET", "DELETE"] as const)("%s /notes/:id", (method) => {
  test("is 404 for an unknown note", async () => {
    const { app } = testApp();
    const response = await app.inject({ method, url: `/notes/${UNKNOWN_ID}` });
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ detail: "No such note" });
  });

  test("is 422 for a malformed id", async () => {
    const { app } = testApp();
    const response = await app.inject({ method, url: "/notes/1" });
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({
      errors: [{ location: "path.id" }],
    });
  });
});

describe("GET /notes/:id/preview", () => {
  test("is the beginning of the note", async () => {
    const { app } = testApp({ APP_ENV: "sandbox" });
    const body = "word ".repeat(100);
    const { id } = (await post(app, { title: "Title", body })).json<Note>();
    const response = await app.inject(`/notes/${id}/preview`);
    expect(response.json()).toEqual({
      title: "Title",
      preview: body.slice(0, 100),
    });
    const unknown = await app.inject(`/notes/${UNKNOWN_ID}/preview`);
    expect(unknown.json()).toMatchObject({ detail: "No such note" });
  });

  test("is an experiment that customers do not see", async () => {
    const { app } = testApp({ APP_ENV: "live" });
    const response = await app.inject("/notes/any/preview");
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ detail: "No such route" });
  });
});

test("DELETE /notes/:id deletes the note", async () => {
  const { app } = testApp();
  const { id } = (await post(app, { title: "Title" })).json<Note>();
  const url = `/notes/${id}`;
  const response = await app.inject({ method: "DELETE", url });
  expect(response.statusCode).toBe(204);
  expect(response.body).toBe("");
  expect((await app.inject(url)).statusCode).toBe(404);
});
