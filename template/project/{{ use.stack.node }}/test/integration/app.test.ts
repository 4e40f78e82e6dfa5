import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { HttpError } from "../../src/errors.ts";
import { service } from "../../src/service.ts";
import { testApp } from "../helpers/app.ts";

const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { version: string };

test("GET / introduces the service", async () => {
  const { app } = testApp();
  const response = await app.inject("/");
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ ...service, version });
});

test("a reply has only the fields of its response schema", async () => {
  const { app } = testApp();
  const schema = { response: { 200: z.object({ name: z.string() }) } };
  app.get("/user", { schema }, async () => ({ name: "ada", hash: "x" }));
  expect((await app.inject("/user")).json()).toEqual({ name: "ada" });
});

describe("errors", () => {
  test.each([
    ["an unknown route", "/nowhere", 404],
    ["a malformed URL", "/%zz", 400],
  ])("%s is a problem", async (_name, url, status) => {
    const { app } = testApp();
    const response = await app.inject(url);
    expect(response.statusCode).toBe(status);
    expect(response.headers["content-type"]).toMatch(
      /^application\/problem\+json/,
    );
    expect(response.headers).toHaveProperty("x-request-id");
    expect(response.json()).toMatchObject({
      status,
      title: expect.any(String) as string,
      detail: expect.any(String) as string,
    });
  });

  test.each([
    ["malformed JSON", "application/json", "{", 400],
    ["an unsupported media type", "text/csv", "a,b", 415],
    ["plain text", "text/plain", "a", 415],
    [
      "a body beyond the limit",
      "application/json",
      `"${"x".repeat(2 ** 20)}"`,
      413,
    ],
  ])("%s is a problem", async (_name, contentType, payload, status) => {
    const { app } = testApp();
    const response = await app.inject({
      method: "POST",
      url: "/notes",
      headers: { "content-type": contentType },
      payload,
    });
    expect(response.statusCode).toBe(status);
    expect(response.headers["content-type"]).toMatch(
      /^application\/problem\+json/,
    );
    expect(response.json()).toMatchObject({ status });
  });

  test("a malformed URL is not repeated to the client", async () => {
    const { app } = testApp();
    const { body } = await app.inject("/%zz?token=hunter2");
    expect(body).not.toContain("hunter2");
  });

  test.each([
    [409, { title: "Conflict", status: 409, detail: "on purpose" }],
    [503, { title: "Service Unavailable", status: 503 }],
  ])("an HttpError keeps its status %d", async (status, problem) => {
    const { app } = testApp();
    app.get("/broken", async () => {
      throw new HttpError(status, "on purpose");
    });
    const response = await app.inject("/broken");
    expect(response.statusCode).toBe(status);
    expect(response.json()).toEqual(problem);
  });

  test.each([404, 503])(
    "the status %d of any other error is not passed on",
    async (statusCode) => {
      const { app, lines } = testApp();
      app.get("/broken", async () => {
        throw Object.assign(new Error("no bucket at storage-3"), {
          statusCode,
        });
      });
      const response = await app.inject("/broken");
      expect(response.statusCode).toBe(500);
      expect(response.json()).toEqual({
        title: "Internal Server Error",
        status: 500,
      });
      expect(lines.join("")).toContain("no bucket at storage-3");
    },
  );

  test("the client learns nothing about an unexpected error, the log does", async () => {
    const { app, lines } = testApp();
    app.get("/broken", async () => {
      throw new Error("connection to db-7 refused");
    });
    const response = await app.inject("/broken");
    expect(response.statusCode).toBe(500);
    expect(response.json()).toEqual({
      title: "Internal Server Error",
      status: 500,
    });
    expect(lines.join("")).toContain("connection to db-7 refused");
  });

  test("a validation error that a handler throws is not blamed on the client", async () => {
    const { app } = testApp();
    app.get("/broken", async () => z.string().parse(42));
    expect((await app.inject("/broken")).statusCode).toBe(500);
  });

  test.each([null, "text", { statusCode: 200 }])(
    "throwing %j is an internal error",
    async (thrown) => {
      const { app } = testApp();
      app.get("/broken", async () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw thrown;
      });
      const response = await app.inject("/broken");
      expect(response.statusCode).toBe(500);
      expect(response.json()).toEqual({
        title: "Internal Server Error",
        status: 500,
      });
    },
  );
});
