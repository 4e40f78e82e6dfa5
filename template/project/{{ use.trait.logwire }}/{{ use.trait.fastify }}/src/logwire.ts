import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";

/**
 * Sends the lines of the log on, where somebody is to have them. Only then is
 * OpenTelemetry's part for it loaded.
 */
export async function logwire(
  app: FastifyInstance,
  config: Config,
): Promise<void> {
  if (config.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT === undefined) return;
  const { LogSender } = await import("./log-sender.ts");
  const sender = new LogSender(app.log, config);
  app.observers.lines.push((line) => {
    sender.add(line);
  });
  app.observers.flushes.push(() => sender.stop());
}
