import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import type { Config } from "./config.ts";
import { service } from "./service.ts";
import { version } from "./version.ts";

const SENSITIVE_FIELDS = [
  "authorization",
  "cookie",
  "set-cookie",
  "password",
  "token",
  "secret",
  "apiKey",
];

// Pino has no "at any depth" path, so each depth is spelled out.
const DEPTHS = ["", "*", "*.*", "*.*.*"];

export function loggerOptions(config: Config) {
  return {
    level: config.LOG_LEVEL,
    base: { service: service.name, version, env: config.APP_ENV },
    // Level names rather than Pino's numbers, which log collectors do not know.
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: SENSITIVE_FIELDS.flatMap((field) =>
      DEPTHS.map((depth) => `${depth}["${field}"]`),
    ),
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

// Bounded and plain, so that a client cannot forge or flood log lines.
const ACCEPTED_REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Keeps the caller's x-request-id if it is sane, to trace across services. */
export function requestId(request: IncomingMessage): string {
  const incoming = request.headers["x-request-id"];
  return typeof incoming === "string" && ACCEPTED_REQUEST_ID.test(incoming)
    ? incoming
    : randomUUID();
}
