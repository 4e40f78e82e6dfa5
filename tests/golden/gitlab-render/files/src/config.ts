import { z } from "zod";
import { isSecret, redacted } from "./secrets.ts";
import { integer } from "./validation.ts";
import { variables } from "./variables.ts";

function oneOf<const T extends readonly string[]>(...values: T) {
  return z.enum(values, `expected one of ${values.join(", ")}`);
}

/** Whether a browser would send it as the origin of a page. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.parse(text)?.origin === text;
}

/** What the service reads, whatever it does. Yours are in variables.ts. */
export const configSchema = z.object({
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: z
    .url({
      protocol: /^(https|http)$/,
      error: "expected a URL such as https://otlp.example.com/v1/logs",
    })
    .optional(),
  OTEL_EXPORTER_OTLP_LOGS_HEADERS: z.string().optional(),
  APP_ENV: oneOf("local", "sandbox", "testbed", "live").default("local"),
  CLIENT_IP_HEADER: z
    .string()
    .toLowerCase()
    .regex(/^[\w-]+$/, "expected the name of a header")
    .optional(),
  CORS_ORIGINS: z
    .string()
    .transform((value) => value.split(",").map((origin) => origin.trim()))
    .refine(
      (origins) => origins.every(isOrigin),
      "expected origins like https://app.example.com, separated by commas",
    )
    .default([]),
  FLAGS_URL: z
    .url({
      protocol: /^(https|http)$/,
      error: "expected a URL such as https://flags.example.com/my-service.json",
    })
    .optional(),
  GIT_COMMIT: z.string().default("unknown"),
  // All interfaces: a container is reached through its network interface, so a
  // process bound to its loopback address could not be reached from outside.
  HOST: z.string().default("0.0.0.0"),
  LOG_LEVEL: oneOf("fatal", "error", "warn", "info", "debug", "trace").default(
    "info",
  ),
  MAX_BODY_BYTES: integer(1, 2 ** 30).default(2 ** 20),
  MAX_BUFFERED_BYTES: integer(1, 2 ** 32).default(2 ** 26),
  MAX_CONNECTIONS: integer(1, 1_000_000).default(1000),
  METRICS_PORT: integer(0, 65535).default(0), // 0: none
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({
      protocol: /^(https|http)$/,
      error: "expected a URL such as https://otlp.example.com",
    })
    .optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().optional(),
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: oneOf(
    "cumulative",
    "delta",
    "lowmemory",
  ).default("cumulative"),
  OTEL_METRIC_EXPORT_INTERVAL: integer(100, 3_600_000).default(60000),
  PORT: integer(1, 65535).default(3000),
  RATE_LIMIT_PER_MINUTE: integer(0, 1_000_000).default(600), // 0: no limit
  REQUEST_TIMEOUT_SECONDS: integer(1, 300).default(30),
  SHUTDOWN_GRACE_SECONDS: integer(0, 300).default(8),
  TRACES_PERCENT: integer(0, 100).default(10), // 0: none
});

/** Every variable the service reads. */
export const environmentSchema = configSchema.extend(variables);

export type Config = Readonly<z.output<typeof environmentSchema>>;

export class ConfigError extends Error {
  override name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

export function readConfig(env: NodeJS.ProcessEnv): Config {
  return parseConfig(environmentSchema, env);
}

/** Reports every problem at once; never shows the value of a secret. */
export function parseConfig<T extends z.core.$ZodType>(
  schema: T,
  env: NodeJS.ProcessEnv,
): z.output<T> {
  // An empty variable counts as unset, as in an env file with a blank to fill.
  const variables = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== ""),
  );
  const result = z.safeParse(schema, variables);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => describe(issue, variables)),
  );
}

function describe(issue: z.core.$ZodIssue, variables: NodeJS.ProcessEnv) {
  const name = issue.path.join(".");
  const value = variables[name];
  if (value === undefined) return `${name}: required but not set`;
  const got = isSecret(name)
    ? "a value that is not shown"
    : JSON.stringify(redacted(value));
  return `${name}: ${issue.message}, got ${got}`;
}
