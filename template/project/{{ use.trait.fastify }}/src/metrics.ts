import type { Meter } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import {
  AggregationTemporality,
  type IMetricReader,
  InstrumentType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "./config.ts";
import { Durations } from "./durations.ts";
import { methodOf, resource, tellFailures } from "./opentelemetry.ts";
import { isProbe } from "./routes/health.ts";
import { observeRuntime } from "./runtime.ts";
import { Scrape } from "./scrape.ts";
import { service } from "./service.ts";

const EXPORT_TIMEOUT_MS = 10_000;

/** What is counted and measured: it is sent, read by Prometheus, or both. */
export class Metrics {
  readonly #durations: Durations[];
  readonly #stop: () => Promise<unknown>;

  static async start(app: FastifyInstance, config: Config): Promise<Metrics> {
    tellFailures(app.log);
    const readers: IMetricReader[] = [];
    const durations: Durations[] = [];
    if (config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined) {
      const interval = config.OTEL_METRIC_EXPORT_INTERVAL;
      // It reads the standard variables itself.
      const exporter = new OTLPMetricExporter();
      const pushed = new Durations(
        exporter.selectAggregationTemporality(InstrumentType.HISTOGRAM),
      );
      durations.push(pushed);
      readers.push(
        new PeriodicExportingMetricReader({
          exporter,
          exportIntervalMillis: interval,
          exportTimeoutMillis: Math.min(interval, EXPORT_TIMEOUT_MS),
          metricProducers: [pushed],
        }),
      );
    }
    let scrape: Scrape | undefined;
    if (config.METRICS_PORT > 0) {
      const read = new Durations(AggregationTemporality.CUMULATIVE);
      durations.push(read);
      scrape = new Scrape([read]);
      readers.push(scrape.reader);
    }
    const metrics = new Metrics(app, config, readers, durations);
    await scrape?.listen(config.HOST, config.METRICS_PORT);
    return metrics;
  }

  private constructor(
    app: FastifyInstance,
    config: Config,
    readers: IMetricReader[],
    durations: Durations[],
  ) {
    this.#durations = durations;
    const provider = new MeterProvider({ resource: resource(config), readers });
    const meter = provider.getMeter(service.name);
    observeActive(meter, app);
    const stopObserving = observeRuntime(meter);
    for (const observe of app.telemetry.gauges) observe(meter);
    this.#stop = () => {
      stopObserving();
      return provider.shutdown();
    };
  }

  requestCompleted(request: FastifyRequest, reply: FastifyReply): void {
    for (const durations of this.#durations) durations.record(request, reply);
  }

  /** Sends what is left. */
  async stop(): Promise<void> {
    await this.#stop();
  }
}

function observeActive(meter: Meter, app: FastifyInstance): void {
  // What was there once stays, at 0: a count that ends would look like a service
  // that did.
  const counts = new Map<string, number>([["GET", 0]]);
  meter
    .createObservableUpDownCounter("http.server.active_requests", {
      description: "How many requests are not answered yet.",
      unit: "{request}",
    })
    .addCallback((result) => {
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
