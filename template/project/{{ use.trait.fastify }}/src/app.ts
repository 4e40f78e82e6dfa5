import { isUtf8 } from "node:buffer";
import cors from "@fastify/cors";
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { Budget } from "./budget.ts";
import { clientAddress, network } from "./client.ts";
import type { Config } from "./config.ts";
import { Connections } from "./connections.ts";
import {
  clientErrorHandler,
  errorHandler,
  HttpError,
  sendProblem,
} from "./errors.ts";
import { attachFlags } from "./flags.ts";
import { securityHeaders } from "./headers.ts";
import { InFlight } from "./in-flight.ts";
import {
  loggerOptions,
  type LogStream,
  requestId,
  RequestLog,
  requestLogger,
  standardOutput,
  withoutQuery,
} from "./logging.ts";
import { Methods } from "./methods.ts";
import { dependencies, mounts } from "./mounts.ts";
import { Observers } from "./observers.ts";
import { RateLimiter } from "./rate-limit.ts";
import { resources } from "./resources/index.ts";
import { docsRoutes, openapiOptions } from "./routes/docs.ts";
import { healthRoutes, isProbe } from "./routes/health.ts";
import { seldom } from "./seldom.ts";
import { attachTelemetry } from "./telemetry.ts";
import { traceOf, traceparent } from "./trace-context.ts";
import { serializerCompiler, validatorCompiler } from "./validation.ts";

interface Options {
  /** Where log lines go instead of standard output. */
  logStream?: LogStream;
}

const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;

// Longer than proxies keep theirs, up to 90 s: they must not reuse what is
// being closed.
const KEEP_ALIVE_MS = 95_000;

export function buildApp(
  config: Config,
  { logStream = standardOutput() }: Options = {},
): FastifyInstance {
  const timeout = config.REQUEST_TIMEOUT_SECONDS * 1000;
  const headers = securityHeaders(config);
  const observers = new Observers();
  const stream = observers.beside(logStream);
  const requestLog = new RequestLog(config, stream);

  const app = Fastify({
    logger: loggerOptions(config, stream),
    logController: requestLog,
    childLoggerFactory: requestLogger,
    genReqId: requestId,
    bodyLimit: config.MAX_BODY_BYTES,
    requestTimeout: timeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      connectionsCheckingInterval: 1000,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, timeout),
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: timeout,
      // Checked below, where the answer is a problem.
      requireHostHeader: false,
    },
    // A parameter that is too long for its schema is invalid like any other.
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    clientErrorHandler: clientErrorHandler(headers),
    // A malformed URL is rejected before any hook or error handler applies.
    frameworkErrors(error, request, reply) {
      connections.requestBegins(request.raw.socket);
      reply.headers(headers).header("x-request-id", request.id);
      reply.raw.once("finish", () => {
        requestLog.requestCompleted(null, request, reply);
      });
      if (config.CORS_ORIGINS.length > 0) reply.header("vary", "origin");
      const badUrl = error.code === "FST_ERR_BAD_URL";
      errorHandler(
        // The original message repeats the URL, query string included.
        badUrl ? new HttpError(400, "The URL is malformed") : error,
        request,
        reply,
      );
    },
    // In place of Ajv and its like, which take long to load.
    schemaController: {
      compilersFactory: {
        buildValidator: () => validatorCompiler as never,
        buildSerializer: () => serializerCompiler as never,
      },
    },
    // Requests that reach an open connection during shutdown are still served.
    return503OnClosing: false,
  });

  const connections = new Connections(app, config.MAX_CONNECTIONS);
  // Node.js would answer an expectation it does not know on its own.
  app.server.on("checkExpectation", (request, response) => {
    app.routing(request, response);
  });

  // Only JSON in valid UTF-8: anything else is answered with 415 or 400.
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser("remove", "remove");
  app.addContentTypeParser<Buffer>(
    "application/json",
    { parseAs: "buffer" },
    (request, body, done) => {
      const text = body.toString();
      if (isUtf8(body) && isText(text)) void parseJson(request, text, done);
      else done(new HttpError(400, "The body is not valid Unicode"));
    },
  );
  app.setErrorHandler(errorHandler);
  app.setNotFoundHandler((request, reply) => {
    refuseUnrouted(request, reply);
  });
  app.decorate("stopping", false);
  app.decorate("stopBy", Infinity);
  app.decorate("observers", observers);
  app.decorate("readinessChecks", new Map());
  const addressOf = clientAddress(config.CLIENT_IP_HEADER);
  app.decorateRequest("clientAddress", {
    getter() {
      return addressOf(this);
    },
  });

  app.decorateRequest("traceparent", {
    getter() {
      const context = traceOf(this.raw);
      return context && traceparent(context);
    },
  });

  const inFlight = new InFlight(app, timeout, new Budget(app, config));
  const methods = new Methods(app);
  const limiter =
    config.RATE_LIMIT_PER_MINUTE > 0
      ? new RateLimiter(config.RATE_LIMIT_PER_MINUTE)
      : undefined;

  const warnOfBusy = seldom(() => {
    app.log.warn("too many connections are busy, refusing requests");
  });

  // Hooks with callbacks: a promise would cost every request.
  app.addHook("onRequest", (request, reply, done) => {
    inFlight.add(reply);
    connections.requestBegins(request.raw.socket);
    reply.headers(headers).header("x-request-id", request.id);
    if (app.stopping) reply.header("connection", "close");
    const { spans } = app.telemetry;
    if (spans && !isProbe(withoutQuery(request.url))) {
      spans.requestBegins(request);
    }
    done();
  });

  if (config.CORS_ORIGINS.length > 0) {
    app.register(cors, {
      // Other origins learn nothing, not even what is allowed to some.
      origin: async (origin: string | undefined) =>
        config.CORS_ORIGINS.find((allowed) => allowed === origin) ?? false,
      methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
      exposedHeaders: ["location", "retry-after", "x-request-id"],
      maxAge: 600,
      strictPreflight: false,
    });
  }

  // After CORS, so that pages may read these problems as well.
  app.after(() => {
    app.addHook("onRequest", (request, reply, done) => {
      if (!refuse(request, reply)) done();
    });
  });

  /** Answers requests that get no further, be there a body and a handler or not. */
  function refuse(request: FastifyRequest, reply: FastifyReply): boolean {
    const { host } = request.headers;
    const { httpVersion } = request.raw;
    if (httpVersion !== "1.1" ? httpVersion !== "1.0" : !host) {
      sendProblem(reply, 400, { detail: "This is no request of HTTP/1.1" });
      return true;
    }
    const path = withoutQuery(request.url);
    if (connections.overloaded && !isProbe(path)) {
      warnOfBusy();
      reply.headers({ connection: "close", "retry-after": 1 });
      sendProblem(reply, 503, { detail: "Too many connections" });
      return true;
    }
    if (limiter && !isProbe(path)) {
      const retryAfter = limiter.hit(network(request.clientAddress));
      if (retryAfter !== undefined) {
        reply.header("retry-after", retryAfter);
        sendProblem(reply, 429, { detail: "Too many requests" });
        return true;
      }
    }
    // An empty parameter would do for a route, but makes another path.
    if (request.is404 || (path.endsWith("/") && path !== "/")) {
      refuseUnrouted(request, reply);
      return true;
    }
    return false;
  }

  function refuseUnrouted(request: FastifyRequest, reply: FastifyReply): void {
    const path = withoutQuery(request.url);
    const allowed = methods.of(path).sort().join(", ");
    if (isProbe(path)) reply.header("cache-control", "no-store");
    if (allowed === "") {
      sendProblem(reply, 404, { detail: "No such route" });
    } else {
      reply.header("allow", allowed);
      sendProblem(reply, 405, { detail: `Allowed: ${allowed}` });
    }
  }

  if (config.APP_ENV !== "live") {
    // Loaded only where it is used: it is a good part of the time to start.
    app.register(import("@fastify/swagger"), openapiOptions);
    app.register(docsRoutes);
  }
  attachTelemetry(app, config);
  attachFlags(app, config);
  for (const [name, attach] of Object.entries(dependencies)) {
    app.readinessChecks.set(name, attach(app, config));
  }
  for (const mount of mounts) app.register(mount, config);
  app.register(healthRoutes, config);
  for (const resource of resources) app.register(resource, config);

  return app;
}

/** Refuses what JSON lets through: a byte order mark, half of a character. */
function isText(json: string): boolean {
  if (json.startsWith("\ufeff")) return false;
  if (!/\\ud[89a-f]/i.test(json)) return true; // a half can only be escaped
  let wellFormed = true;
  try {
    JSON.parse(json, (name, value: unknown) => {
      wellFormed &&= name.isWellFormed();
      if (typeof value === "string") wellFormed &&= value.isWellFormed();
    });
  } catch {
    return true; // the parser will say what is wrong
  }
  return wellFormed;
}
