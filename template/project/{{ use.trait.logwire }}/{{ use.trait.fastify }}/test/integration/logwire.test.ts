import { expect, onTestFinished, test, vi } from "vitest";
import { testApp } from "../helpers/app.ts";
import { startServer } from "../helpers/process.ts";
import { receive } from "../helpers/receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

async function sending(status?: number) {
  const receiver = await receive(status);
  const variables = {
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${receiver.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/logs`,
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: "api-key=s3cret",
    OTEL_EXPORTER_OTLP_HEADERS: "other-key=s3cret-of-others",
  };
  for (const [name, value] of Object.entries(variables))
    vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { receiver, variables };
}

test("the log is sent on as it was written, to the last line", async () => {
  const { receiver, variables } = await sending(200);
  const { app, lines } = testApp(variables);
  app.get("/_broken", async () => {
    throw new Error("broken");
  });
  const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
  await app.inject({ url: "/_test?token=s3cret", headers });
  await app.inject("/_broken");
  app.log.info({ password: "s3cret", list: [1, { a: null }] }, "the last");
  expect(await app.observers.flush(Infinity)).toBe(true);
  const { request, body } = await receiver.last("/v1/logs");
  expect(request.headers["api-key"]).toBe("s3cret");
  expect(request.headers["other-key"]).toBeUndefined();
  expect(body).toContain(Buffer.from(TRACE, "hex").toString("latin1"));
  for (const said of [
    "/_test",
    "exception.stacktrace",
    "the last",
    '[1,{"a":null}]',
  ]) {
    expect(body).toContain(said);
  }
  expect(body).not.toContain("s3cret");
  expect(lines).toHaveLength(4);
});

test("whoever does not take it holds up neither the log nor the end", async () => {
  const { variables } = await sending();
  const server = await startServer("src/server.ts", {
    ...variables,
    SHUTDOWN_GRACE_SECONDS: "1",
  });
  await fetch(`${server.url}/nope`);
  server.kill("SIGTERM");
  const { code, stdout } = await server.exit();
  expect(code).toBe(0);
  expect(stdout).toContain("request completed");
  expect(stdout).toContain("shut down");
});

test("what cannot be sent is told of once", async () => {
  const { variables } = await sending(401);
  const { app, lines } = testApp(variables);
  await app.inject("/_test");
  await app.observers.flush(Infinity);
  const told = lines.filter((line) =>
    line.includes("telemetry cannot be sent"),
  );
  expect(told).toHaveLength(1);
});
