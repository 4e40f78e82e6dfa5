import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import {
  PrometheusExporter,
  PrometheusSerializer,
} from "@opentelemetry/exporter-prometheus";
import type {
  MetricData,
  MetricProducer,
  ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { withoutQuery } from "./logging.ts";

const MAX_CONNECTIONS = 16;

// What OpenTelemetry wants of a name in Prometheus, and its serializer leaves out.
const UNITS: Record<string, string> = {
  s: "_seconds",
  By: "_bytes",
  1: "_ratio",
};

/** Metrics as Prometheus reads them, on a port of their own. */
export class Scrape {
  readonly reader: PrometheusExporter;
  readonly #serializer = new PrometheusSerializer(
    "",
    false,
    undefined,
    false,
    true,
  );

  constructor(metricProducers: MetricProducer[]) {
    this.reader = new PrometheusExporter({
      preventServerStart: true,
      metricProducers,
    });
  }

  async listen(host: string, port: number): Promise<void> {
    const server = createServer((request, response) => {
      if (withoutQuery(request.url ?? "") === "/metrics") {
        void this.#answer(response);
      } else {
        response.writeHead(404).end();
      }
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.listen(port, host).unref();
    await once(server, "listening");
  }

  async #answer(response: ServerResponse): Promise<void> {
    const { resourceMetrics } = await this.reader.collect();
    response
      .setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8")
      .end(this.#serializer.serialize(withUnits(resourceMetrics)));
  }
}

function withUnits(found: ResourceMetrics): ResourceMetrics {
  const scopeMetrics = found.scopeMetrics.map(({ scope, metrics }) => ({
    scope,
    metrics: metrics.map(withUnit),
  }));
  return { ...found, scopeMetrics };
}

function withUnit<T extends MetricData>(metric: T): T {
  const { descriptor } = metric;
  const name = `${descriptor.name}${UNITS[descriptor.unit] ?? ""}`;
  return { ...metric, descriptor: { ...descriptor, name, unit: "" } };
}
