import { setTimeout } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";
import type { Metrics } from "./metrics.ts";
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

// What nobody has taken by then is lost.
const FLUSH_MS = 2000;

// Of the grace period, for the rest of the way out.
const MARGIN_MS = 200;

interface Telemetry {
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
  const telemetry: Telemetry = { abandoned: false };
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
    telemetry.abandoned = true;
    const sent = Promise.allSettled([metrics?.stop(), spans?.stop()]);
    const left = Math.min(FLUSH_MS, app.stopBy - Date.now() - MARGIN_MS);
    await Promise.race([
      sent.then(() => (telemetry.abandoned = false)),
      setTimeout(Math.max(left, 0)),
    ]);
  });
}
