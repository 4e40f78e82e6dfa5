import Fastify, { type FastifyInstance } from "fastify";
import type { Config } from "./config.ts";
import { errorHandler, HttpError, notFoundHandler } from "./errors.ts";
import { loggerOptions, requestId } from "./logging.ts";
import { mockNotes } from "./resources/notes/mock.ts";
import { NotesRepository } from "./resources/notes/repository.ts";
import { notesRoutes } from "./resources/notes/routes.ts";
import { healthRoutes } from "./routes/health.ts";
import { service } from "./service.ts";
import { serializerCompiler, validatorCompiler } from "./validation.ts";
import { version } from "./version.ts";

interface Options {
  /** Where log lines go instead of standard output. */
  logStream?: { write(line: string): void };
}

export function buildApp(
  config: Config,
  { logStream }: Options = {},
): FastifyInstance {
  const app = Fastify({
    logger: {
      ...loggerOptions(config),
      ...(logStream && { stream: logStream }),
    },
    genReqId: requestId,
    // A malformed URL is rejected before any hook or error handler applies.
    frameworkErrors(error, request, reply) {
      reply.header("x-request-id", request.id);
      const badUrl = error.code === "FST_ERR_BAD_URL";
      errorHandler(
        // The original message repeats the URL, query string included.
        badUrl ? new HttpError(400, "The URL is malformed") : error,
        request,
        reply,
      );
    },
    // Requests that reach an open connection during shutdown are still served.
    return503OnClosing: false,
  });

  // Only JSON: anything else is answered with 415.
  app.removeContentTypeParser("text/plain");
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(errorHandler);
  app.setNotFoundHandler(notFoundHandler);
  app.decorate("stopping", false);
  app.decorate("readinessChecks", new Map());
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });

  app.get("/", async () => ({ ...service, version }));
  app.register(healthRoutes, { commit: config.GIT_COMMIT });
  app.register(notesRoutes, {
    prefix: "/notes",
    repository: new NotesRepository(
      config.APP_ENV === "local" ? mockNotes : [],
    ),
  });

  return app;
}
