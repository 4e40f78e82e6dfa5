import { describe, expect, onTestFinished, test, vi } from "vitest";
import { service } from "../../src/service.ts";
import { version } from "../../src/version.ts";
import { testApp } from "../helpers/app.ts";

describe("GET /healthz", () => {
  test("names the version and the commit, and is not cached", async () => {
    const { app } = testApp({ GIT_COMMIT: "abc123" });
    const response = await app.inject("/healthz");
    expect(response.statusCode).toBe(200);
    expect(response.headers["cache-control"]).toBe("no-store");
    expect(response.json()).toEqual({
      status: "ok",
      version,
      commit: "abc123",
    });
  });

  test("is 200 while a readiness check fails", async () => {
    const { app } = testApp();
    app.readinessChecks.set("database", () => Promise.reject(new Error()));
    expect((await app.inject("/healthz")).statusCode).toBe(200);
  });

  test("does not count towards the rate limit", async () => {
    const { app } = testApp({ RATE_LIMIT_PER_MINUTE: 1 });
    await app.inject("/healthz");
    await app.inject("/healthz");
    expect((await app.inject("/healthz")).statusCode).toBe(200);
  });

  test("is not logged, unlike other requests", async () => {
    const { app, lines } = testApp();
    await app.inject("/healthz");
    expect(lines).toEqual([]);
    await app.inject("/_test");
    expect(lines.join("")).toContain("request completed");
  });
});

test("GET /version tells what runs where", async () => {
  const { app } = testApp({ APP_ENV: "testbed", GIT_COMMIT: "abc123" });
  const response = await app.inject("/version");
  expect(response.statusCode).toBe(200);
  expect(response.headers["cache-control"]).toBe("no-store");
  expect(response.json()).toEqual({
    name: service.name,
    version,
    commit: "abc123",
    environment: "testbed",
  });
});

describe("GET /readyz", () => {
  test("is 200 when every check passes", async () => {
    const { app } = testApp();
    app.readinessChecks.set("database", () => Promise.resolve());
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(200);
    expect(response.headers["cache-control"]).toBe("no-store");
    expect(response.json()).toEqual({ status: "ready" });
  });

  test("is 503 and names the checks that fail", async () => {
    const { app, lines } = testApp();
    app.readinessChecks
      .set("cache", () => Promise.resolve())
      .set("database", () => Promise.reject(new Error("db-7 refused")))
      .set("queue", () => {
        throw new Error("not connected");
      });
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({
      title: "Service Unavailable",
      status: 503,
      detail: "Not ready",
      failing: ["database", "queue"],
    });
    expect(lines.join("")).toContain("db-7 refused");
  });

  test("is 503 when a check does not answer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { app } = testApp();
    app.readinessChecks.set("database", () => {
      vi.advanceTimersByTime(2000);
      return new Promise(() => undefined);
    });
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({ failing: ["database"] });
  });
});
