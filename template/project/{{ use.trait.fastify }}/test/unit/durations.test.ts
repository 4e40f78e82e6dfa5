import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { FastifyReply, FastifyRequest } from "fastify";
import { describe, expect, test } from "vitest";
import { BOUNDARIES, Durations } from "../../src/durations.ts";

const { CUMULATIVE, DELTA } = AggregationTemporality;

/** What both tell of requests, once after each round of them. */
async function told(temporality: AggregationTemporality, rounds: number[][]) {
  const durations = new Durations(temporality);
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    metricProducers: [durations],
  });
  const provider = new MeterProvider({ readers: [reader] });
  const theirs = provider.getMeter("SDK").createHistogram("same", {
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  for (const round of rounds) {
    for (const milliseconds of round) {
      const [request, reply] = answered("/orders/:id", milliseconds);
      durations.record(request, reply);
      theirs.record(milliseconds / 1000);
    }
    await reader.forceFlush();
  }
  const found = exporter
    .getMetrics()
    .map(({ scopeMetrics }) =>
      scopeMetrics.map(({ metrics }) =>
        metrics.flatMap(({ dataPoints }) => dataPoints as DataPoint<unknown>[]),
      ),
    );
  await provider.shutdown();
  return found;
}

function answered(url: string, elapsedTime: number) {
  const request = { method: "GET", is404: false, routeOptions: { url } };
  return [
    request as unknown as FastifyRequest,
    { statusCode: 200, elapsedTime } as unknown as FastifyReply,
  ] as const;
}

describe.each([
  ["as they stand", CUMULATIVE],
  ["as what was added", DELTA],
])("durations %s", (_, temporality) => {
  test("are those of OpenTelemetry's own histogram", async () => {
    const at = BOUNDARIES.map((seconds) => seconds * 1000);
    const rounds = [[0, 3, 12_000, ...at], [7.5, 7.5], [80]];
    const found = await told(temporality, rounds);
    expect(found).toHaveLength(rounds.length);
    for (const [theirs, ours] of found) {
      expect(ours?.map(({ value }) => value)).toEqual(
        theirs?.map(({ value }) => value),
      );
    }
  });

  test("begin where the ones before end, or stay", async () => {
    const [first, second] = await told(temporality, [[1], [2]]);
    const [before] = first?.[1] ?? [];
    const [after] = second?.[1] ?? [];
    const from = temporality === DELTA ? before?.endTime : before?.startTime;
    expect(after?.startTime).toEqual(from);
    expect(after?.attributes).toEqual({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "http.route": "/orders/:id",
      "url.scheme": "http",
    });
  });
});
