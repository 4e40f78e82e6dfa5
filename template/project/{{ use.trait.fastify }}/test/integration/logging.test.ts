import { describe, expect, test } from "vitest";
import { service } from "../../src/service.ts";
import { version } from "../../src/version.ts";
import { testApp } from "../helpers/app.ts";

const SECRET = "hunter2";
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/;

describe("log lines", () => {
  test("are JSON, one for each request when it is done", async () => {
    const { app, lines } = testApp();
    await app.inject({
      url: "/_test?limit=1",
      headers: { "x-request-id": "trace-1" },
    });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        level: "info",
        time: expect.stringMatching(/^\d{4}-.+T.+Z$/) as string,
        service: service.name,
        version,
        env: "sandbox",
        reqId: "trace-1",
        req: { method: "GET", url: "/_test", remoteAddress: "127.0.0.1" },
        res: { statusCode: 200 },
        responseTime: expect.any(Number) as number,
        msg: "request completed",
      },
    ]);
  });

  test.each(["/nowhere", "/%zz?token=hunter2"])(
    "tell of the request for %s as well",
    async (url) => {
      const { app, lines } = testApp();
      await app.inject(url);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain("request completed");
      expect(lines[0]).not.toContain(SECRET);
    },
  );

  test("never show the credentials of a request", async () => {
    const { app, lines } = testApp({ LOG_LEVEL: "trace" });
    app.post("/login", async (request, reply) => {
      request.log.info(
        { headers: request.headers, body: request.body },
        "login",
      );
      reply.header("set-cookie", `session=${SECRET}`);
      request.log.info({ headers: reply.getHeaders() }, "reply");
      throw Object.assign(new Error("login failed"), {
        config: { headers: { Authorization: SECRET, "x-api-key": SECRET } },
      });
    });
    await app.inject({
      method: "POST",
      url: `/login?token=${SECRET}`,
      headers: {
        authorization: `Bearer ${SECRET}`,
        cookie: `session=${SECRET}`,
        "x-api-key": SECRET,
      },
      payload: { user: "ada", password: SECRET },
    });

    const log = lines.join("");
    expect(log).toContain('"user":"ada"');
    expect(log).toContain("login failed");
    expect(log).toContain("[Redacted]");
    expect(log).not.toContain(SECRET);
  });

  test.each([
    "access_token",
    "accessToken",
    "api_key",
    "apiKey",
    "Authorization",
    "bearer",
    "client_secret",
    "cookie",
    "cvv",
    "DATABASE_URL",
    "otp",
    "passwd",
    "password",
    "pin",
    "proxy-authorization",
    "pwd",
    "refreshToken",
    "secret",
    "sessionId",
    "set-cookie",
    "token",
    "x-api-key",
  ])("never show a field named %s", (field) => {
    const { app, lines } = testApp();
    const value = { [field]: SECRET };
    app.log.info(value);
    app.log.info({ [field]: { nested: SECRET } });
    app.log.info({ list: [value] });
    app.log.info({ a: { b: { c: { d: { e: value } } } } });
    app.log.info(Object.assign(new Error("failed"), value));
    app.log.child({ a: value }).info("child");
    app.log.info({ [`${field}"${"x".repeat(200)}`]: SECRET });
    expect(lines).toHaveLength(7);
    for (const line of lines) expect(line).toContain("[Redacted]");
    expect(lines.join("")).not.toContain(SECRET);
    expect(value).toEqual({ [field]: SECRET });
  });

  test.each([
    "author",
    "baseUrl",
    "bypass",
    "cacheKey",
    "connectionId",
    "maxTokens",
    "monkey",
    "opinion",
    "secretary",
    "token_count",
    "url",
  ])("show a field named %s, which only sounds like that", (field) => {
    const { app, lines } = testApp();
    app.log.info({ [field]: "shown" });
    expect(lines.join("")).toContain(`"${field}":"shown"`);
  });

  test.each([
    "postgres://ada:hunter2@db/app",
    "postgres://ada:hunter2/x@db/app",
    "GET https://api.example.com/users?code=hunter2",
    "/users?code=hunter2#hunter2",
    `{"password": "hunter2", "user": "ada"}`,
    "Account(user='ada', password='hun\\'ter2 hunter2')",
  ])("never show what sounds secret in the text %s", (text) => {
    const { app, lines } = testApp();
    app.log.info(text);
    app.log.info({ list: [text] });
    app.log.error(new Error(text));
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toContain("[Redacted]");
    expect(lines.join("")).not.toContain(SECRET);
  });

  test.each(['{"otp":123456,"pin": -1234.5}', "pin=1234"])(
    "never show a number that sounds secret in the text %s",
    (text) => {
      const { app, lines } = testApp();
      app.log.info({ text });
      expect(lines.join("")).toMatch(/"text":"[^\d]+"/);
    },
  );

  test.each([
    "KeyError: 'user_id'",
    "ConnectionError: 'no route'",
    "connect ECONNREFUSED auth:3000",
    "http://localhost:3000/@ada",
    "at token.ts:12:5",
  ])("show the text %s", (text) => {
    const { app, lines } = testApp();
    app.log.info({ text });
    expect(lines.join("")).toContain(JSON.stringify(text));
  });

  test("take a text of any size", () => {
    const { app, lines } = testApp();
    app.log.info(`password='${"x".repeat(20_000_000)}'`);
    expect(lines.join("")).toContain("[Redacted]");
    expect(lines.join("").length).toBeLessThan(1000);
  });

  test("never show the secrets of an object that is written in its own way", () => {
    const { app, lines } = testApp();
    class Account {
      toJSON() {
        return { name: "ada", pin: SECRET, of: { password: SECRET } };
      }
    }
    app.log.info({ account: new Account() });
    expect(lines.join("")).toContain('"name":"ada"');
    expect(lines.join("")).not.toContain(SECRET);
  });

  test("show the URL of a request, without its query string", async () => {
    const { app, lines } = testApp();
    await app.inject("/_test?q=x");
    expect(lines[0]).toContain('"url":"/_test"');
    expect(lines.join("")).not.toContain("[Redacted]");
  });
});

describe("request ids", () => {
  async function echoed(id?: string) {
    const { app } = testApp();
    const headers = id === undefined ? {} : { "x-request-id": id };
    return (await app.inject({ url: "/healthz", headers })).headers[
      "x-request-id"
    ];
  }

  test.each(["6f1d", "a.b:c_d-e", "x".repeat(128)])(
    "%s is kept",
    async (id) => {
      expect(await echoed(id)).toBe(id);
    },
  );

  test.each(["", "two words", 'forged","level":"fatal', "x".repeat(129)])(
    "%j is replaced",
    async (id) => {
      expect(await echoed(id)).toMatch(UUID);
    },
  );

  test("a missing one is generated, different each time", async () => {
    const ids = [await echoed(), await echoed()];
    expect(ids[0]).toMatch(UUID);
    expect(ids[0]).not.toBe(ids[1]);
  });
});
