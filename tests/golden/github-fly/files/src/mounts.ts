import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import type { Config } from "./config.ts";
import { logwire } from "./logwire.ts";
import type { ReadinessCheck } from "./routes/health.ts";

/** Plugins that the chosen options add, in the order in which they apply. */
export const mounts: readonly FastifyPluginAsync<Config>[] = [logwire];

/** What goes nowhere without a variable that is not set. */
export const awaited: Readonly<Partial<Record<keyof Config, string>>> = {
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "the log to Better Stack",
  OTEL_EXPORTER_OTLP_ENDPOINT: "metrics and traces to Grafana",
};

/** Attaches itself to the service, and gives what /readyz asks of it. */
type Dependency = (app: FastifyInstance, config: Config) => ReadinessCheck;

/** What the chosen options depend on, by the names that /readyz gives. */
export const dependencies: Readonly<Record<string, Dependency>> = {};
