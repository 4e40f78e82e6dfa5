import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { startServer } from "../helpers/process.ts";

const SLOW_SERVER = "test/fixtures/slow-server.ts";

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("finishes what is in flight, takes nothing new, exits with 0", async () => {
    const server = await startServer(SLOW_SERVER);

    // A connection that sends nothing, an idle keep-alive one, and one halfway
    // through its request.
    const silent = connect(server.port, "127.0.0.1").resume();
    await once(silent, "connect");
    const idle = connect(server.port, "127.0.0.1").resume();
    idle.write("GET /_test HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(idle, "data");
    const late = connect(server.port, "127.0.0.1");
    late.write("GET /readyz HTTP/1.1\r\nHost: localhost\r\n");
    const slow = fetch(`${server.url}/slow/800`);
    await server.logged("slow request started");

    const idleClosed = [once(silent, "close"), once(idle, "close")];
    server.kill(signal);
    await server.logged("shutting down");
    server.kill(signal); // a repeated signal must change nothing

    await Promise.all(idleClosed);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    late.write("\r\n");
    const readyz = await text(late);
    expect(readyz).toMatch(/^HTTP\/1\.1 503 /);
    expect(readyz).toContain("Shutting down");

    const response = await slow;
    expect(response.status).toBe(200);
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.json()).toEqual({ finished: true });
    const { code, stdout } = await server.exit();
    expect(code).toBe(0);
    expect(stdout.match(/shutting down/g)).toHaveLength(1);
  });
});

test("SIGTERM lets clients drain: not ready, connections close after a reply", async () => {
  const server = await startServer(SLOW_SERVER);
  const request = "GET /_test HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const client = connect(server.port, "127.0.0.1");
  client.write(request);
  await once(client, "data");
  server.kill("SIGTERM");
  await server.logged("shutting down");

  client.write(request);
  const reply = text(client);
  const readyz = await fetch(`${server.url}/readyz`);
  expect(readyz.status).toBe(503);
  expect(await reply).toMatch(/^HTTP\/1\.1 200 .*^connection: close\r$/ims);
  expect((await server.exit()).code).toBe(0);
});

test("SIGTERM without connections takes effect at once", async () => {
  const server = await startServer(SLOW_SERVER);
  server.kill("SIGTERM");
  const { code, stdout } = await server.exit();
  expect(code).toBe(0);
  const [begun, done] = stdout
    .trim()
    .split("\n")
    .slice(-2)
    .map((line) => Date.parse((JSON.parse(line) as { time: string }).time));
  expect(Number(done) - Number(begun)).toBeLessThan(400);
});

test("SIGTERM during a response that has begun lets it finish, exits with 0", async () => {
  const server = await startServer(SLOW_SERVER);
  const response = await fetch(`${server.url}/stream/800`);
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
