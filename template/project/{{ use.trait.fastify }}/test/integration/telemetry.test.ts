import { describe, expect, onTestFinished, test, vi } from "vitest";
import { testApp } from "../helpers/app.ts";
import { freePort, runServer, startServer } from "../helpers/process.ts";
import { receive } from "../helpers/receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;

/** An app that sends all it can, as the variables say. */
function sendingApp(endpoint: string, overrides: object = {}) {
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
  vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { app, lines } = testApp({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    TRACES_PERCENT: 100,
    ...overrides,
  });
  app.get("/_broken/:id", async () => {
    throw new Error("broken");
  });
  return { app, logged: () => lines.map((line) => JSON.parse(line) as object) };
}

async function scrape(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.headers.get("content-type")).toContain("version=0.0.4");
  return response.text();
}

describe("METRICS_PORT", () => {
  test("has requests by their route, and none that is a probe", async () => {
    const METRICS_PORT = await freePort();
    const { app } = testApp({ METRICS_PORT, HOST: "127.0.0.1" });
    app.get("/_broken/:id", async () => {
      throw new Error("broken");
    });
    for (const url of ["/_test", "/_broken/1", "/_broken/2", "/nope", "/%zz"]) {
      await app.inject(url);
    }
    await app.inject({ method: "PROPFIND" as "GET", url: "/nope" });
    await app.inject("/healthz");
    const text = await scrape(METRICS_PORT);
    const counts = text.match(/(?<=duration_seconds_count).*/g) ?? [];
    const labels = (method: string, status: number) =>
      `http_request_method="${method}",http_response_status_code="${status}",url_scheme="http"`;
    expect(counts).toEqual([
      `{${labels("GET", 200)},http_route="/_test"} 1`,
      `{${labels("GET", 500)},http_route="/_broken/:id",error_type="500"} 2`,
      `{${labels("GET", 404)}} 1`,
      `{${labels("GET", 400)}} 1`,
      `{${labels("_OTHER", 404)}} 1`,
    ]);
    for (const name of [
      "http_server_active_requests",
      "process_cpu_time_seconds_total",
      "process_memory_usage_bytes",
      "nodejs_eventloop_utilization_ratio",
      "nodejs_eventloop_delay_p99_seconds",
    ]) {
      expect(text).toMatch(new RegExp(`^${name}(\\{.*\\})? [\\d.e+-]+$`, "m"));
    }
    const other = await fetch(`http://127.0.0.1:${METRICS_PORT}/`);
    expect(other.status).toBe(404);
  });

  test("in use: logged, exit code 1", async () => {
    const { port } = await startServer("src/server.ts");
    const second = runServer("src/server.ts", {
      HOST: "127.0.0.1",
      PORT: String(await freePort()),
      METRICS_PORT: String(port),
    });
    const { code, stdout } = await second.exit();
    expect(code).toBe(1);
    expect(stdout).toContain("EADDRINUSE");
  });
});

describe("OTEL_EXPORTER_OTLP_ENDPOINT", () => {
  test("gets metrics and spans, what is left at the end", async () => {
    const receiver = await receive(200);
    const { app } = sendingApp(receiver.OTEL_EXPORTER_OTLP_ENDPOINT);
    await app.inject("/_test?token=s3cret");
    await app.inject("/_broken/1");
    await app.close();
    const metrics = await receiver.last("/v1/metrics");
    expect(metrics.request.headers["api-key"]).toBe("s3cret");
    expect(metrics.body).toContain("http.server.request.duration");
    const spans = await receiver.last("/v1/traces");
    expect(spans.request.headers["api-key"]).toBe("s3cret");
    expect(spans.body).toContain("GET /_test");
    expect(spans.body).toContain("GET /_broken/:id");
    expect(spans.body).not.toContain("token");
  });

  test("does not get the spans of a caller that has none", async () => {
    const receiver = await receive(200);
    const { app } = sendingApp(receiver.OTEL_EXPORTER_OTLP_ENDPOINT);
    const headers = { traceparent: traceparent.replace(/1$/, "0") };
    await app.inject({ url: "/_test", headers });
    await app.close();
    await receiver.last("/v1/metrics");
    expect(receiver.received).toHaveLength(1);
  });

  test("that refuses is told of once", async () => {
    const receiver = await receive(401);
    const { app, logged } = sendingApp(receiver.OTEL_EXPORTER_OTLP_ENDPOINT);
    await app.inject("/_test");
    await app.close();
    const failed = { msg: "telemetry cannot be sent" };
    expect(logged()).toContainEqual(expect.objectContaining(failed));
    expect(logged().filter((line) => "reason" in line)).toHaveLength(1);
    expect(JSON.stringify(logged())).not.toContain("s3cret");
  });

  test("that is slow does not hold up the end", async () => {
    const receiver = await receive();
    const server = await startServer("src/server.ts", {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.OTEL_EXPORTER_OTLP_ENDPOINT,
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      SHUTDOWN_GRACE_SECONDS: "1",
      TRACES_PERCENT: "100",
    });
    await fetch(`${server.url}/nope`);
    await receiver.last("/v1/metrics");
    server.kill("SIGTERM");
    const { code, stdout } = await server.exit();
    expect(code).toBe(0);
    expect(stdout).toContain("shut down");
  });
});

describe("a trace", () => {
  test("of the caller is in every line, though nobody has its spans", async () => {
    const { app, lines } = testApp();
    app.get("/_logs", async (request) => {
      request.log.info("within");
      return {};
    });
    await app.inject({ url: "/_logs", headers: { traceparent } });
    await app.inject({ url: "/_logs", headers: { traceparent: "no trace" } });
    const traces = lines.map((line) => /"trace_id":"(\w+)"/.exec(line)?.[1]);
    expect(traces).toEqual([TRACE, TRACE, undefined, undefined]);
  });

  test("is begun by a request without one, for what it calls in turn", async () => {
    const receiver = await receive(200);
    const { app, logged } = sendingApp(receiver.OTEL_EXPORTER_OTLP_ENDPOINT);
    app.get("/_trace", async ({ traceparent: header }) => ({ header }));
    const response = await app.inject("/_trace");
    const { header } = response.json<{ header: string | undefined }>();
    expect(header).toMatch(/^00-\w{32}-\w{16}-01$/);
    const trace_id = header?.slice(3, 35);
    expect(logged()).toContainEqual(expect.objectContaining({ trace_id }));
  });
});
