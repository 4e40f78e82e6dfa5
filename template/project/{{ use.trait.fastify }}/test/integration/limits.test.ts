import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { testApp } from "../helpers/app.ts";
import { startServer } from "../helpers/process.ts";

const SLOW_SERVER = "test/fixtures/slow-server.ts";

async function send(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(request);
  return text(socket);
}

test("a handler that takes too long is given up", async () => {
  const server = await startServer(SLOW_SERVER, {
    REQUEST_TIMEOUT_SECONDS: "1",
  });
  const response = await fetch(`${server.url}/slow/60000`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    title: "Service Unavailable",
    status: 503,
    detail: "The request took too long",
  });
  await server.logged('"msg":"request failed"');
});

test("a handler that is done after it was given up does no harm", async () => {
  const server = await startServer(SLOW_SERVER, {
    REQUEST_TIMEOUT_SECONDS: "1",
  });
  expect((await fetch(`${server.url}/slow/1500`)).status).toBe(503);
  await sleep(700);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("a response that has begun may take its time", async () => {
  const server = await startServer(SLOW_SERVER, {
    REQUEST_TIMEOUT_SECONDS: "1",
  });
  const response = await fetch(`${server.url}/stream/1500`);
  expect(await response.text()).toBe("started,finished");
});

test("a client that does not go on is sent away", async () => {
  const server = await startServer(SLOW_SERVER, {
    REQUEST_TIMEOUT_SECONDS: "1",
  });
  const responses = await Promise.all([
    send(server.port, ""),
    send(server.port, "GET /_test HTTP/1.1\r\nHost: localhost\r\n"),
    send(
      server.port,
      "POST /_test HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ),
  ]);
  for (const response of responses) {
    expect(response).toMatch(/^HTTP\/1\.1 408 /);
    expect(response).toContain("application/problem+json");
    expect(response).toContain("x-content-type-options: nosniff");
  }
});

test("what is no request is a problem", async () => {
  const server = await startServer(SLOW_SERVER);
  const large = `X: ${"x".repeat(17_000)}`;
  for (const [request, status] of [
    ["hello\r\n\r\n", 400],
    ["GET /_test HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    [`GET /_test HTTP/1.1\r\nHost: localhost\r\n${large}\r\n\r\n`, 431],
  ] as const) {
    const response = await send(server.port, request);
    expect(response).toContain(`HTTP/1.1 ${status} `);
    expect(response).toContain(`"status":${status}`);
  }
});

test("more connections than allowed: the one idle longest makes room", async () => {
  const server = await startServer(SLOW_SERVER, { MAX_CONNECTIONS: "1" });
  const idle = connect(server.port, "127.0.0.1");
  const received = text(idle);
  await once(idle, "connect");
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await received).toBe("");
  await server.logged('"msg":"too many connections, closing idle ones"');
});

test("more busy connections than allowed: probes are still answered", async () => {
  const server = await startServer(SLOW_SERVER, { MAX_CONNECTIONS: "1" });
  const busy = fetch(`${server.url}/slow/1500`);
  await sleep(500);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  const refused = await fetch(`${server.url}/slow/1`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect((await busy).status).toBe(200);
});

test("a connection with a request is not idle, whatever came before it", async () => {
  const server = await startServer(SLOW_SERVER, { MAX_CONNECTIONS: "1" });
  const busy = connect(server.port, "127.0.0.1");
  busy.write("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n");
  busy.write("GET /slow/1000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const received = text(busy);
  await server.logged('"msg":"slow request started"');
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await received).toContain("HTTP/1.1 200 ");
});

test("a body that no route reads is not in the way of the next request", async () => {
  const server = await startServer(SLOW_SERVER);
  const get = "GET /_test HTTP/1.1\r\nHost: x\r\n";
  const json = `Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n${" ".repeat(200_000)}`;
  const received = await send(
    server.port,
    `${get}${json}${get}Connection: close\r\n\r\n`,
  );
  expect(received.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
});

test("bodies have a budget together, from the head to the answer", async () => {
  const { app } = testApp({ MAX_BUFFERED_BYTES: 1, MAX_BODY_BYTES: 100 });
  app.post("/echo", async (request) => request.body);
  const url = `${await app.listen({ port: 0 })}/echo`;
  function post() {
    const headers = { "content-type": "application/json" };
    return fetch(url, { method: "POST", headers, body: "{}" });
  }
  const { port } = app.server.address() as AddressInfo;
  const first = connect(port, "127.0.0.1");
  first.write(
    "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{",
  );
  await vi.waitFor(async () => {
    const refused = await post();
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
  });
  first.write("}");
  expect(await text(first)).toMatch(/^HTTP\/1\.1 200 /);
  await vi.waitFor(async () => {
    expect((await post()).status).toBe(200);
  });
});

test("a route with a limit of its own is part of the budget", async () => {
  const { app } = testApp({ MAX_BUFFERED_BYTES: 1, MAX_BODY_BYTES: 100 });
  app.post("/large", { bodyLimit: 300_000 }, async () => ({}));
  const payload = { text: "x".repeat(200_000) };
  const response = await app.inject({ method: "POST", url: "/large", payload });
  expect(response.statusCode).toBe(200);
});

test("a body that is refused half-way is answered once", async () => {
  const config = { MAX_BUFFERED_BYTES: 1, MAX_BODY_BYTES: 200_000 };
  const { app, lines } = testApp(config);
  const handler = vi.fn(async () => ({}));
  const onSend = vi.fn(async () => {
    await sleep(5);
  });
  app.post("/late", { onSend }, handler);
  await app.listen({ port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const head =
    "POST /late HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const other = connect(port, "127.0.0.1");
  other.write(`${head}Content-Length: 190000\r\n\r\n{`);
  await once(other, "connect");
  const chunk = `ea60\r\n${"x".repeat(60_000)}\r\n`;
  const received = await send(
    port,
    `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`,
  );
  other.destroy();
  expect(received).toMatch(/^HTTP\/1\.1 429 /);
  expect(received).toContain("retry-after: 1");
  expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  expect(onSend).toHaveBeenCalledTimes(1);
  expect(handler).not.toHaveBeenCalled();
  expect(lines.join("")).not.toContain("FST_");
});

test("a client that leaves while a hook waits takes nothing with it", async () => {
  const { app } = testApp({ MAX_BUFFERED_BYTES: 1, MAX_BODY_BYTES: 100 });
  const gate = Promise.withResolvers<undefined>();
  const onRequest = vi.fn(async () => gate.promise);
  app.post("/gate", { onRequest }, async () => ({}));
  const url = `${await app.listen({ port: 0 })}/gate`;
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", headers, body: "{}" };
  const leave = new AbortController();
  const left = fetch(url, { ...request, signal: leave.signal });
  await vi.waitFor(() => {
    expect(onRequest).toHaveBeenCalled();
  });
  leave.abort();
  await expect(left).rejects.toThrow();
  await sleep(500); // until it is noticed
  gate.resolve(undefined);
  expect((await fetch(url, request)).status).toBe(200);
});
