import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import { emptyResource } from "@opentelemetry/resources";
import type { FastifyReply, FastifyRequest } from "fastify";
import { attributesOf, methodOf, routeOf } from "./opentelemetry.ts";
import { service } from "./service.ts";

// In seconds, as OpenTelemetry's conventions have them for HTTP.
export const BOUNDARIES = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/**
 * How long requests took: a histogram for one reader of metrics. The SDK's own sorts
 * and writes out the attributes of every request; here they are made once for all of
 * a kind.
 */
export class Durations implements MetricProducer {
  readonly #temporality: AggregationTemporality;
  readonly #series = new Map<string, Series>();
  #since = now();

  constructor(temporality: AggregationTemporality) {
    this.#temporality = temporality;
  }

  record(request: FastifyRequest, reply: FastifyReply): void {
    const kind = `${methodOf(request)} ${reply.statusCode} ${routeOf(request) ?? ""}`;
    let series = this.#series.get(kind);
    if (!series) {
      series = new Series(attributesOf(request, reply));
      this.#series.set(kind, series);
    }
    series.record(reply.elapsedTime / 1000);
  }

  async collect(): Promise<CollectionResult> {
    const times = { startTime: this.#since, endTime: now() };
    const dataPoints: DataPoint<Histogram>[] = [...this.#series.values()].map(
      (series) => ({
        ...times,
        attributes: series.attributes,
        value: series.value,
      }),
    );
    if (this.#temporality === AggregationTemporality.DELTA) {
      this.#series.clear();
      this.#since = times.endTime;
    }
    const metric = {
      descriptor: {
        name: "http.server.request.duration",
        description: "How long requests took until they were answered.",
        unit: "s",
        valueType: ValueType.DOUBLE,
      },
      aggregationTemporality: this.#temporality,
      dataPointType: DataPointType.HISTOGRAM as const,
      dataPoints,
    };
    const scope = { name: `${service.name}.durations` };
    const metrics = dataPoints.length > 0 ? [metric] : [];
    return {
      // Whose it is, the reader knows.
      resourceMetrics: {
        resource: emptyResource(),
        scopeMetrics: [{ scope, metrics }],
      },
      errors: [],
    };
  }
}

/** The requests of one kind. */
class Series {
  readonly attributes: Attributes;
  readonly #counts = new Array<number>(BOUNDARIES.length + 1).fill(0);
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  constructor(attributes: Attributes) {
    this.attributes = attributes;
  }

  get value(): Histogram {
    return {
      buckets: { boundaries: BOUNDARIES, counts: [...this.#counts] },
      count: this.#count,
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
    };
  }

  record(seconds: number): void {
    const found = BOUNDARIES.findIndex((boundary) => seconds <= boundary);
    const bucket = found < 0 ? BOUNDARIES.length : found;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += seconds;
    if (seconds < this.#min) this.#min = seconds;
    if (seconds > this.#max) this.#max = seconds;
  }
}

function now(): HrTime {
  const time = Date.now();
  return [Math.trunc(time / 1000), (time % 1000) * 1e6];
}
