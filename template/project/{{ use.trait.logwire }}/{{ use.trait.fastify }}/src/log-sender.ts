import {
  type Attributes,
  type Logger,
  SeverityNumber,
} from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import {
  BatchLogRecordProcessor,
  LoggerProvider,
  type LogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import type { FastifyBaseLogger } from "fastify";
import type { Config } from "./config.ts";
import { resource, tellFailures } from "./opentelemetry.ts";
import { service } from "./service.ts";

// Lines become records so many at a time, which takes less than one by one between
// other work, or after a moment.
const BATCH = 50;
const WAIT_MS = 500;

// 2048 records wait at most, which is what the SDK has them do. A line that is longer
// stays on standard output alone, so that they have their limit in bytes as well.
const MAX_LINE = 16 * 1024;

const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  fatal: SeverityNumber.FATAL,
  error: SeverityNumber.ERROR,
  warn: SeverityNumber.WARN,
  info: SeverityNumber.INFO,
  debug: SeverityNumber.DEBUG,
  trace: SeverityNumber.TRACE,
};

// What has a place of its own in a record, or is said of the whole service.
const PLACED = new Set(
  "level time msg trace_id service version env".split(" "),
);

// What OpenTelemetry's conventions have a name for.
const NAMES: Readonly<Record<string, string>> = {
  "req.method": "http.request.method",
  "req.url": "url.path",
  "req.remoteAddress": "client.address",
  "res.statusCode": "http.response.status_code",
  "err.type": "exception.type",
  "err.message": "exception.message",
  "err.stack": "exception.stacktrace",
};

interface Line {
  level: string;
  time: string;
  msg?: unknown;
  trace_id?: string;
}

/**
 * Sends the lines that were written on, as they were: what is redacted in one is so in
 * the other. Nobody waits for it; what is not taken in time is on standard output.
 */
export class LogSender {
  readonly #lines: string[] = [];
  readonly #provider: LoggerProvider;
  readonly #logger: Logger;
  #traceId: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: FastifyBaseLogger, config: Config) {
    tellFailures(log);
    this.#provider = new LoggerProvider({
      resource: resource(config),
      processors: [
        this.#inTrace(),
        new BatchLogRecordProcessor({ exporter: exporter() }),
      ],
    });
    this.#logger = this.#provider.getLogger(service.name);
  }

  add(line: string): void {
    if (line.length > MAX_LINE) return;
    this.#lines.push(line);
    if (this.#lines.length >= BATCH) this.#emit();
    else {
      this.#timer ??= setTimeout(() => {
        this.#emit();
      }, WAIT_MS).unref();
    }
  }

  /** Sends what is left. */
  async stop(): Promise<void> {
    this.#emit();
    await this.#provider.shutdown();
  }

  #emit(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const text of this.#lines.splice(0)) {
      const line = JSON.parse(text) as Line;
      this.#traceId = line.trace_id;
      this.#logger.emit({
        timestamp: new Date(line.time),
        severityNumber: SEVERITIES[line.level] ?? SeverityNumber.UNSPECIFIED,
        severityText: line.level,
        body:
          typeof line.msg === "string" ? line.msg : JSON.stringify(line.msg),
        attributes: attributesOf(line),
      });
    }
  }

  // By the SDK itself a record is part of a trace only if it is part of a span.
  #inTrace(): LogRecordProcessor {
    return {
      onEmit: (record) => {
        const traceId = this.#traceId;
        if (traceId !== undefined) {
          record.spanContext = { traceId, spanId: "", traceFlags: 0 };
        }
      },
      forceFlush: async () => undefined,
      shutdown: async () => undefined,
    };
  }
}

/** Without the headers of whoever takes metrics: the SDK would send their key along. */
function exporter(): OTLPLogExporter {
  const { OTEL_EXPORTER_OTLP_HEADERS: others } = process.env;
  delete process.env["OTEL_EXPORTER_OTLP_HEADERS"];
  try {
    // It reads the standard variables itself.
    return new OTLPLogExporter();
  } finally {
    if (others !== undefined) {
      process.env["OTEL_EXPORTER_OTLP_HEADERS"] = others;
    }
  }
}

/** The fields of a line: those of an object by names of their own. */
function attributesOf(line: object): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(line) as [string, unknown][]) {
    if (PLACED.has(name)) continue;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      attributes[name] = plain(value);
      continue;
    }
    for (const [member, inner] of Object.entries(value)) {
      const path = `${name}.${member}`;
      attributes[NAMES[path] ?? path] = plain(inner);
    }
  }
  return attributes;
}

function plain(value: unknown): string | number | boolean {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    default:
      return JSON.stringify(value);
  }
}
