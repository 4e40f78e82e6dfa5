import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ZodError } from "zod";

/** An error whose message is meant for the client. */
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
    statusCode = 500,
    message = "",
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

  if (statusCode >= 400 && statusCode < 500) {
    return sendProblem(reply, statusCode, { detail: message });
  }

  // The message may reveal internals: it goes to the log, not to the client.
  request.log.error({ err: error }, "request failed");
  return sendProblem(
    reply,
    statusCode >= 500 && statusCode < 600 ? statusCode : 500,
  );
}
