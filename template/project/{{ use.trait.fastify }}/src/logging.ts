import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import pino from "pino";
import type { Config } from "./config.ts";
import { isProbe } from "./routes/health.ts";
import { redacted } from "./secrets.ts";
import { service } from "./service.ts";
import { traceOf } from "./trace-context.ts";
import { version } from "./version.ts";

export interface LogStream {
  write(line: string): void;
  /** For the many lines that may come in a moment. */
  writeLater?(line: string): void;
}

const FLUSH_MS = 10;

export function loggerOptions(config: Config, stream: LogStream) {
  return {
    stream,
    level: config.LOG_LEVEL,
    base: { service: service.name, version, env: config.APP_ENV },
    // Level names rather than Pino's numbers, which log collectors do not know.
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${now()}"`,
    // On the finished line rather than by Pino's own redaction, which knows only
    // exact paths, so that no field escapes: at any depth, in errors, anywhere.
    hooks: { streamWrite: redact },
    serializers: {
      req: (request: FastifyRequest) => ({
        method: request.method,
        // Without the query string, which may carry tokens or personal data.
        url: withoutQuery(request.url),
        remoteAddress: request.clientAddress,
      }),
    },
  };
}

/** One line for each request, when it is done; none for a probe. */
export class RequestLog extends LogController {
  readonly #stream: LogStream;
  readonly #enabled: boolean;
  readonly #base: string;

  constructor(config: Config, stream: LogStream) {
    super();
    this.#stream = stream;
    this.#enabled = ["info", "debug", "trace"].includes(config.LOG_LEVEL);
    const base = { service: service.name, version, env: config.APP_ENV };
    this.#base = JSON.stringify(base).slice(1, -1);
  }

  override incomingRequest(): void {
    // The line of the finished request says it all.
  }

  // Put together by hand, as this is the one line that is always written: Pino
  // takes three times as long.
  override requestCompleted(
    _error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    reply.server.inFlight.delete(reply);
    reply.server.connections.requestEnds(request.raw.socket);
    const url = withoutQuery(request.url);
    if (isProbe(url)) return;
    const { metrics, spans } = reply.server.telemetry;
    metrics?.requestCompleted(request, reply);
    spans?.requestCompleted(request, reply);
    if (!this.#enabled) return;
    const context = traceOf(request.raw);
    const trace = context ? `"trace_id":"${context.traceId}",` : "";
    const line =
      `{"level":"info","time":"${now()}",${this.#base},"reqId":"${request.id}",${trace}` +
      `"req":{"method":"${request.method}",` +
      `"url":${JSON.stringify(url)},` +
      `"remoteAddress":"${request.clientAddress}"},` +
      `"res":{"statusCode":${reply.statusCode}},` +
      `"responseTime":${reply.elapsedTime.toFixed(3)},"msg":"request completed"}\n`;
    if (this.#stream.writeLater) this.#stream.writeLater(line);
    else this.#stream.write(line);
  }
}

// What Pino takes: an object, a text, or both.
type Message = [message: object | string, text?: string];

/** The logger of a request, made when it is first used: most never are. */
class RequestLogger {
  readonly #make: () => FastifyBaseLogger;
  #made: FastifyBaseLogger | undefined;

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make;
  }

  get #log() {
    return (this.#made ??= this.#make());
  }

  get level() {
    return this.#log.level;
  }

  set level(level) {
    this.#log.level = level;
  }

  child(...options: Parameters<FastifyBaseLogger["child"]>) {
    return this.#log.child(...options);
  }

  fatal(...message: Message) {
    this.#log.fatal(...message);
  }

  error(...message: Message) {
    this.#log.error(...message);
  }

  warn(...message: Message) {
    this.#log.warn(...message);
  }

  info(...message: Message) {
    this.#log.info(...message);
  }

  debug(...message: Message) {
    this.#log.debug(...message);
  }

  trace(...message: Message) {
    this.#log.trace(...message);
  }

  silent() {
    // Logs nothing.
  }
}

export function requestLogger(
  this: FastifyInstance,
  ...[logger, bindings, options, request]: Parameters<
    FastifyInstance["childLoggerFactory"]
  >
) {
  return new RequestLogger(() => {
    const trace_id = traceOf(request)?.traceId;
    const all = trace_id === undefined ? bindings : { ...bindings, trace_id };
    return logger.child(all, options);
  });
}

/**
 * Standard output. The lines of requests are written in blocks or after FLUSH_MS:
 * a system call for each would cost more than all that leads to it.
 */
export function standardOutput(): LogStream {
  const output = pino.destination({ dest: 1, minLength: 16_000, sync: true });
  let timer: NodeJS.Timeout | undefined;
  function flush() {
    timer = undefined;
    output.flush();
  }
  // The last lines of a process that exits at once, on an error say.
  process.on("exit", flush);
  return {
    write(line) {
      output.write(line);
      output.flush();
    },
    writeLater(line) {
      output.write(line);
      timer ??= setTimeout(flush, FLUSH_MS);
    },
  };
}

let second = 0;
let prefix = "";

/** The time as in Date's toISOString(), most of which stays for a second. */
function now(): string {
  const time = Date.now();
  const milliseconds = time % 1000;
  if (time - milliseconds !== second) {
    second = time - milliseconds;
    prefix = new Date(time).toISOString().slice(0, -4);
  }
  return `${prefix}${String(milliseconds).padStart(3, "0")}Z`;
}

export function withoutQuery(url: string): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

function redact(line: string): string {
  return `${JSON.stringify(redacted(JSON.parse(line)))}\n`;
}

// Bounded and plain, so that a client cannot forge or flood log lines.
const ACCEPTED_REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Keeps the caller's x-request-id if it is sane, to trace across services. */
export function requestId(request: IncomingMessage): string {
  const incoming = request.headers["x-request-id"];
  return typeof incoming === "string" && ACCEPTED_REQUEST_ID.test(incoming)
    ? incoming
    : randomUUID();
}
