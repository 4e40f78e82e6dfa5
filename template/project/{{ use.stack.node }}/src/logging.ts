import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import type { Config } from "./config.ts";
import { isSecret } from "./secrets.ts";
import { service } from "./service.ts";
import { version } from "./version.ts";

export function loggerOptions(config: Config) {
  return {
    level: config.LOG_LEVEL,
    base: { service: service.name, version, env: config.APP_ENV },
    // Level names rather than Pino's numbers, which log collectors do not know.
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    // On the finished line rather than by Pino's own redaction, which knows only
    // exact paths, so that no field escapes: at any depth, in errors, anywhere.
    hooks: { streamWrite: redact },
    serializers: {
      req: (request: FastifyRequest) => ({
        method: request.method,
        // Without the query string, which may carry tokens or personal data.
        url: request.url.replace(/\?.*/s, ""),
        remoteAddress: request.ip,
      }),
    },
  };
}

function redact(line: string): string {
  const entry: unknown = JSON.parse(line, (name, value: unknown) =>
    // "url" is the one of the request, logged without its query string.
    name !== "url" && isSecret(name) ? "[Redacted]" : value,
  );
  return `${JSON.stringify(entry)}\n`;
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
