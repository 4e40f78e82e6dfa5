import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { behind } from "../../src/flags.ts";
import { testApp } from "../helpers/app.ts";

const flag = (on: boolean, more: object = {}) => ({
  state: "ENABLED",
  variants: { on: true, off: false },
  defaultVariant: on ? "on" : "off",
  ...more,
});

/** Serves flags; no time passes between two looks but in `eventually`. */
async function serveFlags(body: string) {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const served = { status: 200, body, requests: [] as IncomingMessage[] };
  const server = createServer((request, response) => {
    served.requests.push(request);
    const etag = `"${served.body.length}"`;
    const known = request.headers["if-none-match"] === etag;
    response.writeHead(known ? 304 : served.status, { etag });
    response.end(known ? undefined : served.body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    vi.useRealTimers();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    served,
    FLAGS_URL: `http://127.0.0.1:${port}/flags.json?token=s3cret`,
  };
}

const file = (flags: object) => JSON.stringify({ flags });

type App = ReturnType<typeof testApp>["app"];

function addRoute(app: App): void {
  app.get("/_new", { onRequest: behind("new") }, async () => ({ new: true }));
}

async function status(app: App): Promise<number> {
  return (await app.inject("/_new")).statusCode;
}

const eventually = (holds: () => unknown) =>
  vi.waitFor(
    async () => {
      vi.advanceTimersByTime(4000);
      await holds();
    },
    { timeout: 10_000 },
  );

const becomes = (app: App, expected: number) =>
  eventually(async () => {
    expect(await status(app)).toBe(expected);
  });

describe("a route behind a flag", () => {
  test("is none where nobody knows the flag", async () => {
    const { app } = testApp();
    addRoute(app);
    const response = await app.inject("/_new");
    expect(response.statusCode).toBe(404);
    expect(response.json()).toEqual({
      title: "Not Found",
      status: 404,
      detail: "No such route",
    });
  });

  test("is there for those whom the flag is on for", async () => {
    const path = { in: ["/_new", { var: "path" }] };
    const here = { "===": [{ var: "environment" }, "testbed"] };
    const client = { "===": [{ var: "targetingKey" }, "127.0.0.1"] };
    const targeting = { if: [{ and: [here, path, client] }, "on"] };
    const { FLAGS_URL } = await serveFlags(
      file({ new: flag(false, { targeting }) }),
    );
    for (const [APP_ENV, expected] of [
      ["testbed", 200],
      ["live", 404],
    ] as const) {
      const { app } = testApp({ APP_ENV, FLAGS_URL });
      addRoute(app);
      expect(await status(app)).toBe(expected);
    }
  });
});

describe("FLAGS_URL", () => {
  test("is read before the first request, and again when it changed", async () => {
    const { served, FLAGS_URL } = await serveFlags(file({ new: flag(true) }));
    const { app, lines } = testApp({ FLAGS_URL });
    addRoute(app);
    expect(await status(app)).toBe(200);
    await eventually(() => {
      expect(served.requests.length).toBeGreaterThan(1);
    });
    served.body = file({ new: flag(false) });
    await becomes(app, 404);
    const again = served.requests[1]?.headers["if-none-match"];
    expect(again).toBe(`"${file({ new: flag(true) }).length}"`);
    expect(lines.join("")).toContain('"changed":["new"],"msg":"flags changed"');
  });

  test.each([
    ["an error", 503, ""],
    ["no flags", 200, "<html>Welcome!</html>"],
    ["far too much", 200, " ".repeat(2 ** 20 + 1)],
  ])(
    "with %s leaves them as they were, which is said once",
    async (_, code, body) => {
      const { served, FLAGS_URL } = await serveFlags(file({ new: flag(true) }));
      const { app, lines } = testApp({ FLAGS_URL });
      addRoute(app);
      await app.ready();
      Object.assign(served, { status: code, body });
      const before = served.requests.length;
      await eventually(() => {
        expect(served.requests.length).toBeGreaterThan(before + 2);
      });
      expect(await status(app)).toBe(200);
      Object.assign(served, { status: 200, body: file({ new: flag(false) }) });
      await becomes(app, 404);
      const said = lines.join("").match(/flags can(not| be read again)/g);
      expect(said?.join()).toMatch(
        /^(flags cannot,flags can be read again,?)+$/,
      );
      expect(lines.join("")).not.toContain("s3cret");
    },
  );
});

describe("switches", () => {
  test("count more than files, and stay while they cannot be read", async () => {
    const { FLAGS_URL } = await serveFlags(file({ new: flag(true) }));
    const { app, lines } = testApp({ FLAGS_URL });
    let switches: () => Promise<Record<string, boolean>> = async () => ({});
    app.switches = () => switches();
    addRoute(app);
    expect(await status(app)).toBe(200);
    switches = async () => ({ new: false });
    await becomes(app, 404);
    switches = () => Promise.reject(new Error("db-7 refused"));
    await eventually(() => {
      expect(lines.join("")).toContain("db-7 refused");
    });
    expect(await status(app)).toBe(404);
    switches = async () => ({ new: true });
    await becomes(app, 200);
  });
});
