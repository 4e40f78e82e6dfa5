import type { Attributes, Histogram, Meter } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import {
  type IMetricReader,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "./config.ts";
import {
  attributesOf,
  methodOf,
  resource,
  tellFailures,
} from "./opentelemetry.ts";
import { isProbe } from "./routes/health.ts";
import { observeRuntime } from "./runtime.ts";
import { Scrape } from "./scrape.ts";
import { service } from "./service.ts";

const EXPORT_TIMEOUT_MS = 10_000;

// In seconds, as OpenTelemetry's conventions have them for HTTP.
const DURATIONS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

// Requests are recorded so many at a time, which takes less than one by one between
// other work.
const BATCH = 50;

/** What is counted and measured: it is sent, read by Prometheus, or both. */
export class Metrics {
  readonly #duration: Histogram;
  readonly #completed: { seconds: number; attributes: Attributes }[] = [];
  readonly #stop: () => Promise<unknown>;

  static async start(app: FastifyInstance, config: Config): Promise<Metrics> {
    tellFailures(app.log);
    const readers: IMetricReader[] = [];
    if (config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined) {
      const interval = config.OTEL_METRIC_EXPORT_INTERVAL;
      readers.push(
        new PeriodicExportingMetricReader({
          // It reads the standard variables itself.
          exporter: new OTLPMetricExporter(),
          exportIntervalMillis: interval,
          exportTimeoutMillis: Math.min(interval, EXPORT_TIMEOUT_MS),
        }),
      );
    }
    let scrape: Scrape | undefined;
    if (config.METRICS_PORT > 0) {
      scrape = new Scrape();
      readers.push(scrape.reader);
    }
    const metrics = new Metrics(app, config, readers);
    await scrape?.listen(config.HOST, config.METRICS_PORT);
    return metrics;
  }

  private constructor(
    app: FastifyInstance,
    config: Config,
    readers: IMetricReader[],
  ) {
    const provider = new MeterProvider({ resource: resource(config), readers });
    const meter = provider.getMeter(service.name);
    this.#duration = meter.createHistogram("http.server.request.duration", {
      description: "How long requests took until they were answered.",
      unit: "s",
      advice: { explicitBucketBoundaries: DURATIONS },
    });
    observeActive(meter, app, () => {
      this.#record(); // before anything is read
    });
    const stopObserving = observeRuntime(meter);
    for (const observe of app.telemetry.gauges) observe(meter);
    this.#stop = () => {
      stopObserving();
      return provider.shutdown();
    };
  }

  requestCompleted(request: FastifyRequest, reply: FastifyReply): void {
    this.#completed.push({
      seconds: reply.elapsedTime / 1000,
      attributes: attributesOf(request, reply),
    });
    if (this.#completed.length >= BATCH) this.#record();
  }

  #record(): void {
    for (const { seconds, attributes } of this.#completed) {
      this.#duration.record(seconds, attributes);
    }
    this.#completed.length = 0;
  }

  /** Sends what is left. */
  async stop(): Promise<void> {
    await this.#stop();
  }
}

function observeActive(
  meter: Meter,
  app: FastifyInstance,
  first: () => void,
): void {
  // What was there once stays, at 0: a count that ends would look like a service
  // that did.
  const counts = new Map<string, number>([["GET", 0]]);
  meter
    .createObservableUpDownCounter("http.server.active_requests", {
      description: "How many requests are not answered yet.",
      unit: "{request}",
    })
    .addCallback((result) => {
      first();
      for (const method of counts.keys()) counts.set(method, 0);
      for (const { request } of app.inFlight) {
        if (isProbe(request.routeOptions.url ?? "")) continue;
        const method = methodOf(request);
        counts.set(method, (counts.get(method) ?? 0) + 1);
      }
      for (const [method, count] of counts) {
        const of = { "http.request.method": method, "url.scheme": "http" };
        result.observe(count, of);
      }
    });
}
