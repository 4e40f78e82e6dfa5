import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { z, ZodError } from "zod";
import { HandlerTimeout } from "./in-flight.ts";

// To import node:http would load its WebSocket client as well.
const { STATUS_CODES } = process.getBuiltinModule("node:http");

// Node.js has the names of an older RFC for these; clients see those of RFC 9110.
const RENAMED: Record<number, string> = {
  413: "Content Too Large",
  422: "Unprocessable Content",
};

const titleOf = (status: number) => RENAMED[status] ?? STATUS_CODES[status];

/** An error whose status, and if below 500 message, is for the client. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** What an instance could do at another time: refused, and no fault of it. */
export class TooMuch extends HttpError {
  override name = "TooMuch";
}

/** For the responses of a route that it may answer with, beside its result. */
export const problemSchema = z.looseObject({
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().optional(),
  errors: z
    .array(z.object({ location: z.string(), detail: z.string() }))
    .optional(),
});

/** Sends an RFC 9457 problem. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  members: { detail?: string; [extension: string]: unknown } = {},
) {
  return reply
    .code(status)
    .type("application/problem+json")
    .send({ title: titleOf(status), status, ...members });
}

// How a client calls the parts of its request.
const PARTS: Record<string, string> = { params: "path", querystring: "query" };

export function errorHandler(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  // Anything can be thrown, null included.
  const {
    code,
    message = "",
    statusCode = 500,
    validationContext,
  } = (error ?? {}) as Partial<FastifyError>;

  // Only Fastify sets validationContext, so a ZodError thrown by a handler is
  // not mistaken for a fault of the client.
  if (error instanceof ZodError && validationContext !== undefined) {
    const part = PARTS[validationContext] ?? validationContext;
    return sendProblem(reply, 422, {
      detail: "The request is invalid",
      errors: error.issues.map((issue) => ({
        location: [part, ...issue.path].join("."),
        detail: issue.message,
      })),
    });
  }

  // The client went away, or what it went on to send is no body.
  if (request.raw.destroyed && !request.raw.complete) {
    return sendProblem(reply, 400);
  }

  const timedOut = error instanceof HandlerTimeout;
  if (timedOut && !request.raw.complete) {
    // It is the client that took too long, and it may go on sending.
    reply.header("connection", "close");
    return sendProblem(reply, 408, { detail: "The body took too long" });
  }

  // Other errors may have a status too, say that of a request to another service
  // which failed: it says nothing about the request at hand.
  const known = error instanceof HttpError || String(code).startsWith("FST_");
  const status = timedOut ? 503 : known ? statusCode : 500;
  const tooMuch = error instanceof TooMuch;
  if (tooMuch) reply.header("retry-after", 1);
  if (tooMuch || (status >= 400 && status < 500)) {
    return sendProblem(reply, status, { detail: message });
  }

  // The message may reveal internals: it goes to the log, not to the client.
  request.log.error({ err: error }, "request failed");
  request.server.observers.failed(error, request);
  return sendProblem(
    reply,
    status >= 500 && status < 600 ? status : 500,
    timedOut ? { detail: "The request took too long" } : {},
  );
}

/** Answers what is no HTTP request, or none in time: it gets no further. */
export function clientErrorHandler(headers: Record<string, string>) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (socket.writable) {
      const status = CLIENT_ERRORS[error.code ?? ""] ?? 400;
      const title = titleOf(status) ?? "";
      const body = JSON.stringify({ title, status });
      const lines = Object.entries({
        ...headers,
        "x-request-id": crypto.randomUUID(),
        "content-type": "application/problem+json",
        "content-length": body.length,
        connection: "close",
      }).map(([name, value]) => `${name}: ${value}`);
      socket.write(
        [`HTTP/1.1 ${status} ${title}`, ...lines, "", body].join("\r\n"),
      );
    }
    socket.destroy();
  };
}

const CLIENT_ERRORS: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};
