import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ZodError } from "zod";

/** An error whose status, and if below 500 message, is for the client. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** Sends an RFC 9457 problem. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  members: { detail?: string; [extension: string]: unknown } = {},
) {
  return reply
    .code(status)
    .type("application/problem+json")
    .send({ title: STATUS_CODES[status], status, ...members });
}

export function notFoundHandler(_request: FastifyRequest, reply: FastifyReply) {
  return sendProblem(reply, 404, { detail: "No such route" });
}

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
    return sendProblem(reply, 400, {
      detail: "The request is invalid",
      errors: error.issues.map((issue) => ({
        location: [validationContext, ...issue.path].join("."),
        detail: issue.message,
      })),
    });
  }

  // Other errors may have a status too, say that of a request to another service
  // which failed: it says nothing about the request at hand.
  const status =
    error instanceof HttpError || String(code).startsWith("FST_")
      ? statusCode
      : 500;
  if (status >= 400 && status < 500) {
    return sendProblem(reply, status, { detail: message });
  }

  // The message may reveal internals: it goes to the log, not to the client.
  request.log.error({ err: error }, "request failed");
  return sendProblem(reply, status >= 500 && status < 600 ? status : 500);
}
