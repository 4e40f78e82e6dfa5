import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { startServer } from "../helpers/process.ts";

const SLOW_SERVER = "test/fixtures/slow-server.ts";

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("finishes what is in flight, takes nothing new, exits with 0", async () => {
    const server = await startServer(SLOW_SERVER);

    // An idle keep-alive connection, and one halfway through its request.
    const idle = connect(server.port, "127.0.0.1").resume();
    idle.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(idle, "data");
    const late = connect(server.port, "127.0.0.1");
    late.write("GET /readyz HTTP/1.1\r\nHost: localhost\r\n");
    const slow = fetch(`${server.url}/slow/400`);
    await server.logged("slow request started");

    const idleClosed = once(idle, "close");
    server.kill(signal);
    await server.logged("shutting down");
    server.kill(signal); // a repeated signal must not cut the shutdown short

    await idleClosed;
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    late.write("\r\n");
    const readyz = await text(late);
    expect(readyz).toMatch(/^HTTP\/1\.1 503 /);
    expect(readyz).toContain("Shutting down");

    const response = await slow;
    expect(response.status).toBe(200);
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.json()).toEqual({ finished: true });
    expect((await server.exit()).code).toBe(0);
  });
});

test("SIGTERM during a response that has begun lets it finish, exits with 0", async () => {
  const server = await startServer(SLOW_SERVER);
  const response = await fetch(`${server.url}/stream/400`);
  await server.logged("stream started");
  server.kill("SIGTERM");
  expect(await response.text()).toBe("started,finished");
  expect((await server.exit()).code).toBe(0);
});

test("SIGTERM with a request that outlasts the grace period exits with 1", async () => {
  const server = await startServer(SLOW_SERVER, {
    SHUTDOWN_GRACE_SECONDS: "1",
  });
  const slow = fetch(`${server.url}/slow/60000`);
  const dropped = expect(slow).rejects.toThrow();
  await server.logged("slow request started");
  server.kill("SIGTERM");
  const { code, stdout } = await server.exit();
  expect(code).toBe(1);
  expect(stdout).toContain("grace period ran out");
  await dropped;
});
