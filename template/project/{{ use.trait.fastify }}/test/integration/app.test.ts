import { describe, expect, test } from "vitest";
import { z } from "zod";
import { HttpError } from "../../src/errors.ts";
import { testApp } from "../helpers/app.ts";

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
    ["no JSON at all", "application/json", "", 400],
    [
      "text that is not UTF-8",
      "application/json",
      Buffer.from([0x22, 0xff, 0x22]),
      400,
    ],
    ["another kind of JSON", "application/ld+json", "{}", 415],
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
      url: "/_test",
      headers: { "content-type": contentType },
      payload,
    });
    expect(response.statusCode).toBe(status);
    expect(response.headers["content-type"]).toMatch(
      /^application\/problem\+json/,
    );
    expect(response.json()).toMatchObject({ status });
  });

  test.each([
    ["body.name", { method: "POST", url: "/_test", payload: { name: 42 } }],
    ["query.limit", { method: "GET", url: "/_test?limit=0" }],
  ] as const)("what is wrong at %s is said", async (location, request) => {
    const { app } = testApp();
    const response = await app.inject(request);
    expect(response.statusCode).toBe(422);
    expect(response.json()).toEqual({
      title: "Unprocessable Content",
      status: 422,
      detail: "The request is invalid",
      errors: [{ location, detail: expect.any(String) as string }],
    });
  });

  test("a known path with another method is a problem that names the right ones", async () => {
    const { app } = testApp();
    for (const method of ["PUT", "OPTIONS"] as const) {
      const response = await app.inject({
        method,
        url: "/_test?limit=1",
        headers: { "content-type": "text/plain" },
        payload: "x",
      });
      expect(response.statusCode).toBe(405);
      expect(response.headers.allow).toBe("GET, HEAD, POST");
      expect(response.json()).toMatchObject({ status: 405 });
    }
  });

  test("an unknown route is one whatever is sent to it", async () => {
    const { app } = testApp();
    const response = await app.inject({
      method: "POST",
      url: "/nowhere",
      headers: { "content-type": "application/json" },
      payload: "{",
    });
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ detail: "No such route" });
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

describe("every response", () => {
  const headers = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
  };

  test.each(["/healthz", "/_test", "/_test?limit=0", "/nowhere", "/%zz"])(
    "has security headers: %s",
    async (url) => {
      const { app } = testApp();
      expect((await app.inject(url)).headers).toMatchObject(headers);
    },
  );

  test("leaves HTTP alone on a developer's machine", async () => {
    const { app } = testApp({ APP_ENV: "local" });
    expect((await app.inject("/_test")).headers).not.toHaveProperty(
      "strict-transport-security",
    );
  });

  test("may have a header of its own", async () => {
    const { app } = testApp();
    app.get("/page", async (_request, reply) =>
      reply.header("content-security-policy", "default-src 'self'").send("x"),
    );
    expect((await app.inject("/page")).headers).toMatchObject({
      ...headers,
      "content-security-policy": "default-src 'self'",
    });
  });
});

test("HEAD is GET without the body", async () => {
  const { app } = testApp();
  const response = await app.inject({ method: "HEAD", url: "/_test" });
  expect(response.statusCode).toBe(200);
  expect(response.body).toBe("");
});

describe("CORS", () => {
  const origin = "https://app.example.com";

  test("is off unless origins are configured", async () => {
    const { app } = testApp();
    const response = await app.inject({ url: "/_test", headers: { origin } });
    expect(Object.keys(response.headers).join()).not.toContain(
      "access-control",
    );
  });

  test("lets the pages of a configured origin read responses, problems too", async () => {
    const { app } = testApp({ CORS_ORIGINS: [origin] });
    for (const url of ["/_test", "/nowhere"]) {
      const { headers } = await app.inject({ url, headers: { origin } });
      expect(headers["access-control-allow-origin"]).toBe(origin);
      expect(headers.vary).toMatch(/origin/i);
      expect(headers).not.toHaveProperty("access-control-allow-credentials");
    }
  });

  test("answers a preflight request", async () => {
    const { app } = testApp({ CORS_ORIGINS: [origin] });
    const { headers, statusCode } = await app.inject({
      method: "OPTIONS",
      url: "/_test",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      },
    });
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": expect.stringContaining("POST") as string,
      "access-control-allow-headers": "content-type",
    });
  });

  test("tells any other origin nothing", async () => {
    const { app } = testApp({ CORS_ORIGINS: [origin] });
    const { headers } = await app.inject({
      url: "/_test",
      headers: { origin: "https://evil.example.com" },
    });
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });
});

describe("rate limit", () => {
  test("is counted for each client, as its proxy names it", async () => {
    const { app } = testApp({
      CLIENT_IP_HEADER: "x-forwarded-for",
      RATE_LIMIT_PER_MINUTE: 1,
    });
    const from = async (addresses: string) =>
      app.inject({
        url: "/_test",
        headers: { "x-forwarded-for": addresses },
      });
    expect((await from("192.0.2.1")).statusCode).toBe(200);
    expect((await from("192.0.2.2")).statusCode).toBe(200);
    const refused = await from("198.51.100.7, 192.0.2.1");
    expect(refused.statusCode).toBe(429);
    expect(refused.headers["retry-after"]).toBe("60");
    expect(refused.json()).toMatchObject({ title: "Too Many Requests" });
  });

  test("ignores the header of a proxy that is not configured", async () => {
    const { app } = testApp({ RATE_LIMIT_PER_MINUTE: 1 });
    const statuses = ["192.0.2.1", "192.0.2.2"].map(async (address) => {
      const headers = { "x-forwarded-for": address };
      return (await app.inject({ url: "/_test", headers })).statusCode;
    });
    expect(await Promise.all(statuses)).toEqual([200, 429]);
  });

  test("0 is none", async () => {
    const { app } = testApp({ RATE_LIMIT_PER_MINUTE: 0 });
    await app.inject("/_test");
    expect((await app.inject("/_test")).statusCode).toBe(200);
  });
});
