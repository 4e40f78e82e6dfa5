import type { Meter } from "@opentelemetry/api";
import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";
import type { Metrics } from "./metrics.ts";
import { sent } from "./observers.ts";
import type { Spans } from "./spans.ts";

declare module "fastify" {
  interface FastifyInstance {
    telemetry: Telemetry;
  }
  interface FastifyRequest {
    /** For what it calls in its turn: the header that makes that part of the trace. */
    readonly traceparent: string | undefined;
  }
}

interface Telemetry {
  /** What else there is to measure; each is called once somebody is to have it. */
  readonly gauges: ((meter: Meter) => void)[];
  metrics?: Metrics;
  spans?: Spans;
  /** Whether something is still being sent, and not waited for any more. */
  abandoned: boolean;
}

/**
 * Metrics and spans, where somebody is to have them. Only then is OpenTelemetry
 * loaded: it is a good part of the time to start, and of the memory.
 */
export function attachTelemetry(app: FastifyInstance, config: Config): void {
  const telemetry: Telemetry = { gauges: [], abandoned: false };
  app.decorate<Telemetry>("telemetry", telemetry);
  const sends = config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined;
  if (!sends && config.METRICS_PORT === 0) return;

  app.addHook("onReady", async () => {
    const { Metrics } = await import("./metrics.ts");
    telemetry.metrics = await Metrics.start(app, config);
    if (sends && config.TRACES_PERCENT > 0) {
      const { Spans } = await import("./spans.ts");
      telemetry.spans = new Spans(config);
    }
  });
  // After the last request.
  app.addHook("onClose", async () => {
    const { metrics, spans } = telemetry;
    const left = [metrics, spans].map(async (part) => part?.stop());
    telemetry.abandoned = !(await sent(left, app.stopBy));
  });
}
