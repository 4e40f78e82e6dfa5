import { randomUUID } from "node:crypto";
import { type Attributes, diag, DiagLogLevel } from "@opentelemetry/api";
import {
  defaultResource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "./config.ts";
import { seldom } from "./seldom.ts";
import { service } from "./service.ts";
import { version } from "./version.ts";

// Any other is counted as one: there is no end to what clients think of.
const METHODS = new Set(
  "CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE".split(" "),
);

const MAX_REASON = 300;

// Of a process, not of an app: tests have several in one.
const instance = randomUUID();

/** Who it is that is told of, in the names of OpenTelemetry's conventions. */
export function resource({ APP_ENV }: Pick<Config, "APP_ENV">) {
  return defaultResource().merge(
    resourceFromAttributes({
      "service.name": service.name,
      "service.version": version,
      "service.instance.id": instance,
      "deployment.environment.name": APP_ENV,
    }),
  );
}

/** What is told of a request. */
export function attributesOf(
  request: FastifyRequest,
  reply: FastifyReply,
): Attributes {
  const attributes: Attributes = {
    "http.request.method": methodOf(request),
    "http.response.status_code": reply.statusCode,
    "url.scheme": "http",
  };
  const route = routeOf(request);
  if (route !== undefined) attributes["http.route"] = route;
  if (reply.statusCode >= 500) {
    attributes["error.type"] = String(reply.statusCode);
  }
  return attributes;
}

/** The template of a path, such as /orders/:id: of paths themselves there is no end. */
export function routeOf(request: FastifyRequest): string | undefined {
  return request.is404 ? undefined : request.routeOptions.url;
}

export function methodOf({ method }: FastifyRequest): string {
  return METHODS.has(method) ? method : "_OTHER";
}

/** Says once a minute at most that whoever is to have it does not take it. */
export function tellFailures(log: FastifyBaseLogger): void {
  let reason = "";
  const warn = seldom(() => {
    log.warn({ reason }, "telemetry cannot be sent");
  });
  const tell = (message: string) => {
    reason = message.slice(0, MAX_REASON);
    warn();
  };
  const ignore = () => undefined;
  diag.setLogger(
    { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
